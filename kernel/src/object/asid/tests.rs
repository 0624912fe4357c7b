// SPDX-License-Identifier: MIT OR Apache-2.0
use arch::Effect;

use super::*;
use crate::testing::{Call, Caller, Defect, check_order};

const CONTROL: usize = 2;
const UNTYPED: usize = 3;
const POOL: usize = 4;
const VSPACE: usize = 5;
const OTHER: usize = 6;
const FREE: u64 = 20;

fn untyped(caller: &mut Caller, index: usize, size_bits: u8, is_device: bool) -> PhysAddr {
    let base = caller.test.memory(size_bits.into());
    caller.put(index, Cap::Untyped { base, size_bits, is_device, free: 1 << size_bits });
    base
}

/// A caller with a control capability, a fitting untyped, and a call that makes a pool.
fn make_pool() -> (Caller, Call) {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::AsidControl);
    untyped(&mut caller, UNTYPED, 12, false);
    let words = [FREE, Caller::DEPTH];
    (caller, Call::new(CONTROL, Label::AsidControlMakePool, &words, &[UNTYPED, Caller::ROOT]))
}

/// A caller with pool 0 and a VSpace without number, and a call that gives it one.
fn assign() -> (Caller, Call) {
    let (mut caller, call) = make_pool();
    caller.must(&call);
    caller.copy(FREE as usize, POOL);
    let root = caller.test.memory(12);
    caller.put(VSPACE, Cap::VSpace { root, asid: None });
    (caller, Call::new(POOL, Label::AsidPoolAssign, &[], &[VSPACE]))
}

fn registered(caller: &Caller, number: usize) -> ObjRef<AsidPool> {
    caller.test.kernel.asids[number].expect("the pool is registered")
}

#[test]
fn make_pool_refuses_in_the_order_of_the_interface() {
    check_order(
        make_pool,
        &[
            Defect {
                spoil: |_, call| call.label = Label::AsidPoolAssign.word(),
                error: SyscallError::IllegalOperation,
            },
            Defect { spoil: |_, call| call.words.truncate(1), error: SyscallError::TruncatedMessage },
            Defect { spoil: |_, call| call.caps.truncate(1), error: SyscallError::TruncatedMessage },
            Defect {
                spoil: |caller, _| caller.test.kernel.asids = [Some(ObjRef::UNSET); ASID_POOLS],
                error: SyscallError::DeleteFirst,
            },
            Defect {
                spoil: |caller, _| _ = untyped(caller, UNTYPED, 13, false),
                error: SyscallError::InvalidCapability(1),
            },
            Defect {
                spoil: |caller, _| _ = untyped(caller, UNTYPED, 12, true),
                error: SyscallError::InvalidCapability(1),
            },
            Defect {
                spoil: |caller, _| caller.put(UNTYPED, Cap::Domain),
                error: SyscallError::InvalidCapability(1),
            },
            Defect { spoil: |caller, _| caller.copy(UNTYPED, 30), error: SyscallError::RevokeFirst },
            Defect {
                spoil: |_, call| call.words[1] = Caller::DEPTH + 1,
                error: SyscallError::RangeError { min: 1, max: Caller::DEPTH },
            },
            Defect { spoil: |_, call| call.words[0] = CONTROL as u64, error: SyscallError::DeleteFirst },
        ],
    );
}

#[test]
fn a_new_pool_is_empty_registered_under_the_lowest_number_and_a_child_of_its_untyped() {
    let (mut caller, call) = make_pool();
    let Cap::Untyped { base, .. } = caller.cap(UNTYPED) else { panic!("no untyped") };
    caller.test.kernel.objs[ObjRef::<AsidPool>::on_host(base)].roots[7] = 0x1234;
    caller.test.kernel.asids[0] = Some(ObjRef::UNSET);
    caller.must(&call);
    let pool = registered(&caller, 1);
    assert_eq!(pool.paddr(), base);
    assert_eq!(caller.cap(FREE as usize), Cap::AsidPool { pool, base: Asid(512) });
    assert!(caller.test.kernel.objs[pool].roots.iter().all(|&root| root == 0));
    assert!(caller.test.kernel.has_children(caller.slot(UNTYPED)));
    assert!(matches!(caller.cap(UNTYPED), Cap::Untyped { free: 4096, .. }));
}

#[test]
fn assign_refuses_in_the_order_of_the_interface() {
    check_order(
        assign,
        &[
            Defect {
                spoil: |_, call| call.label = Label::AsidControlMakePool.word(),
                error: SyscallError::IllegalOperation,
            },
            Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
            Defect {
                spoil: |caller, _| caller.put(VSPACE, Cap::Domain),
                error: SyscallError::InvalidCapability(1),
            },
            Defect {
                spoil: |caller, _| {
                    let root = caller.test.memory(12);
                    caller.put(VSPACE, Cap::VSpace { root, asid: Some(Asid(9)) });
                },
                error: SyscallError::InvalidCapability(1),
            },
            Defect { spoil: |caller, _| caller.test.kernel.asids[0] = None, error: UNREGISTERED },
            Defect {
                spoil: |caller, _| {
                    let other = caller.test.object(12);
                    caller.test.kernel.asids[0] = Some(other);
                },
                error: SyscallError::InvalidCapability(0),
            },
            Defect {
                spoil: |caller, _| {
                    if let Cap::AsidPool { pool, .. } = caller.cap(POOL) {
                        caller.test.kernel.objs[pool].roots[1..].fill(0x5000);
                    }
                },
                error: SyscallError::DeleteFirst,
            },
        ],
    );
}

#[test]
fn numbers_are_given_lowest_first_and_number_0_never() {
    let (mut caller, call) = assign();
    caller.must(&call);
    let Cap::VSpace { root, asid } = caller.cap(VSPACE) else { panic!("no VSpace") };
    assert_eq!(asid, Some(Asid(1)));
    assert_eq!(caller.test.kernel.lookup_vspace(Asid(1)), Some(root));
    assert_eq!(caller.test.kernel.lookup_vspace(Asid(0)), None);
    let pool = registered(&caller, 0);
    caller.test.kernel.objs[pool].roots[2] = 0x9000;
    let other = caller.test.memory(12);
    caller.put(OTHER, Cap::VSpace { root: other, asid: None });
    caller.must(&Call::new(POOL, Label::AsidPoolAssign, &[], &[OTHER]));
    assert_eq!(caller.cap(OTHER), Cap::VSpace { root: other, asid: Some(Asid(3)) });
}

#[test]
fn the_first_number_of_a_later_pool_is_used() {
    let (mut caller, _) = assign();
    let pool: ObjRef<AsidPool> = caller.test.object(12);
    caller.test.kernel.asids[3] = Some(pool);
    caller.put(POOL, Cap::AsidPool { pool, base: Asid(1536) });
    caller.must(&Call::new(POOL, Label::AsidPoolAssign, &[], &[VSPACE]));
    assert!(matches!(caller.cap(VSPACE), Cap::VSpace { asid: Some(Asid(1536)), .. }));
}

#[test]
fn deleting_the_last_vspace_capability_frees_its_number_and_leaves_its_tables() {
    let (mut caller, call) = assign();
    caller.must(&call);
    caller.copy(VSPACE, OTHER);
    let Cap::VSpace { root, .. } = caller.cap(VSPACE) else { panic!("no VSpace") };
    caller.test.kernel.active_root = root;
    caller.delete(OTHER);
    assert_eq!(caller.test.kernel.lookup_vspace(Asid(1)), Some(root), "not the last one");
    caller.delete(VSPACE);
    assert_eq!(caller.test.kernel.lookup_vspace(Asid(1)), None);
    let kernel_root = caller.test.kernel.kernel_root;
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::ActivateVSpace(kernel_root)]);
}

#[test]
fn deleting_the_last_pool_capability_makes_its_address_spaces_useless_at_once() {
    let (mut caller, call) = assign();
    caller.must(&call);
    let Cap::VSpace { root, .. } = caller.cap(VSPACE) else { panic!("no VSpace") };
    caller.test.kernel.active_root = root;
    caller.delete(FREE as usize);
    assert_eq!(caller.test.kernel.lookup_vspace(Asid(1)), Some(root), "another capability is left");
    caller.delete(POOL);
    assert_eq!(caller.test.kernel.asids[0], None);
    let kernel_root = caller.test.kernel.kernel_root;
    assert_eq!(caller.test.kernel.active_root, kernel_root);
    caller.test.kernel.check_vspaces();
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::ActivateVSpace(kernel_root)]);
}

#[test]
fn a_pool_that_is_not_the_registered_one_is_deleted_without_effect() {
    let (mut caller, _) = assign();
    let old = caller.test.object(12);
    let pool = registered(&caller, 0);
    caller.put(OTHER, Cap::AsidPool { pool: old, base: Asid(0) });
    caller.delete(OTHER);
    assert_eq!(caller.test.kernel.asids[0], Some(pool));
}
