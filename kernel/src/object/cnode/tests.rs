// SPDX-License-Identifier: MIT OR Apache-2.0
use arch::{PageAccess, PageSize, PhysAddr};

use super::*;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;
use crate::testing::TestKernel;

const REVOKE: u64 = Label::CNodeRevoke.word();
const DELETE: u64 = Label::CNodeDelete.word();
const CANCEL: u64 = Label::CNodeCancelBadgedSends.word();
const COPY: u64 = Label::CNodeCopy.word();
const MINT: u64 = Label::CNodeMint.word();
const MOVE: u64 = Label::CNodeMove.word();
const MUTATE: u64 = Label::CNodeMutate.word();
const ROTATE: u64 = Label::CNodeRotate.word();

/// Slots of the root CNode with something in them.
const ROOT: u64 = 1;
const ENDPOINT: u64 = 2;
const DOMAIN: u64 = 3;
const UNTYPED: u64 = 4;
const CHILD: u64 = 5;
const CNODE: u64 = 6;
const CONTROL: u64 = 7;
/// Slots with nothing in them.
const FREE: u64 = 10;
const OTHER: u64 = 11;

const DEPTH: u64 = crate::testing::DEPTH;
const ALL: u64 = Rights::ALL.0;

struct Fixture {
    test: TestKernel,
    root: Cap,
    caller: ObjRef<Tcb>,
    endpoint: ObjRef<Endpoint>,
}

impl Fixture {
    fn new() -> Self {
        let mut test = TestKernel::new();
        let root = test.cnode(6);
        let inner = test.cnode(4);
        let caller = test.thread(root);
        let endpoint = test.object(4);
        let base = test.memory(12);
        let mut fixture = Self { test, root, caller, endpoint };
        let untyped = Cap::Untyped { base, size_bits: 12, is_device: false, free: 4096 };
        for (index, cap) in [
            (ROOT, root),
            (ENDPOINT, Cap::Endpoint { endpoint, badge: 0, rights: Rights::ALL }),
            (DOMAIN, Cap::Domain),
            (UNTYPED, untyped),
            (CNODE, inner),
            (CONTROL, Cap::IrqControl),
        ] {
            let slot = fixture.slot(index);
            fixture.test.kernel.insert_root_cap(cap, slot);
        }
        let (parent, child) = (fixture.slot(UNTYPED), fixture.slot(CHILD));
        let child_cap =
            Cap::Notification { notification: ObjRef::on_host(base), badge: 0, rights: Rights::READ_WRITE };
        fixture.test.kernel.insert_new_cap(child_cap, parent, child);
        fixture
    }

    fn slot(&self, index: u64) -> SlotRef {
        self.test.slot(self.root, index as usize)
    }

    fn cap(&self, index: u64) -> Cap {
        self.test.kernel.objs[self.slot(index)].cap.unpack()
    }

    fn decode(&mut self, label: u64, words: &[u64], roots: &[u64]) -> Result<Invocation, SyscallError> {
        let slots: Vec<SlotRef> = roots.iter().map(|&root| self.slot(root)).collect();
        let message = self.test.message(self.caller, label, words, &slots);
        let kernel = &self.test.kernel;
        kernel.decode_cnode(self.root, &Args::new(&kernel.objs, &message))
    }

    #[track_caller]
    fn run(&mut self, label: u64, words: &[u64], roots: &[u64]) {
        let invocation = self.decode(label, words, roots).expect("the invocation is valid");
        assert!(matches!(self.test.kernel.execute_cnode(invocation), Ok(Reply::Done)));
        let slots: Vec<SlotRef> = (0..64).map(|index| self.slot(index)).collect();
        self.test.kernel.check_mdb(&slots);
    }

    #[track_caller]
    fn refuses(&mut self, label: u64, words: &[u64], roots: &[u64], error: SyscallError) {
        assert_eq!(self.decode(label, words, roots), Err(error), "{label} {words:?} {roots:?}");
    }
}

fn invalid_root(side: LookupSide) -> SyscallError {
    SyscallError::FailedLookup(side, LookupFailure::InvalidRoot)
}

const DEPTH_RANGE: SyscallError = SyscallError::RangeError { min: 1, max: DEPTH };

#[test]
fn labels_of_other_objects_are_illegal_even_in_short_messages() {
    let mut fixture = Fixture::new();
    for label in [0, Label::UntypedRetype.word(), 17, 26, 0x1000, u64::MAX >> 12] {
        fixture.refuses(label, &[], &[], SyscallError::IllegalOperation);
    }
}

#[test]
fn every_operation_wants_two_words_before_it_looks_up_the_target() {
    let mut fixture = Fixture::new();
    for label in REVOKE..=ROTATE {
        fixture.refuses(label, &[99], &[ROOT, ROOT], SyscallError::TruncatedMessage);
        fixture.refuses(label, &[FREE, 0], &[], DEPTH_RANGE);
        let mismatch = LookupFailure::GuardMismatch { bits_left: DEPTH, guard: 0, guard_bits: DEPTH - 6 };
        let error = SyscallError::FailedLookup(LookupSide::Target, mismatch);
        fixture.refuses(label, &[1 << 6, DEPTH], &[], error);
    }
}

#[test]
fn a_target_behind_a_slot_that_is_no_cnode_has_bits_left_over() {
    let mut fixture = Fixture::new();
    let Cap::CNode { slots, radix, .. } = fixture.root else { unreachable!() };
    fixture.root = Cap::CNode { slots, radix, guard: 0, guard_bits: 0 };
    let mismatch = LookupFailure::DepthMismatch { bits_left: DEPTH - 6, bits_found: 0 };
    let error = SyscallError::FailedLookup(LookupSide::Target, mismatch);
    fixture.refuses(DELETE, &[ENDPOINT << (DEPTH - 6), DEPTH], &[], error);
    assert_eq!(fixture.decode(DELETE, &[ENDPOINT, 6], &[]), Ok(Invocation::Delete(fixture.slot(ENDPOINT))));
}

#[test]
fn transfers_check_in_the_order_of_the_interface() {
    for label in [COPY, MINT, MOVE, MUTATE] {
        let mut fixture = Fixture::new();
        let mut refuses = |words: &[u64], roots: &[u64], error| fixture.refuses(label, words, roots, error);
        // Truncated, although the target is in use.
        refuses(&[ENDPOINT, DEPTH, FREE], &[ROOT], SyscallError::TruncatedMessage);
        refuses(&[ENDPOINT, DEPTH, FREE, DEPTH, ALL, 0], &[], SyscallError::TruncatedMessage);
        // Target in use, although the source root is none.
        refuses(&[ENDPOINT, DEPTH, FREE, DEPTH], &[FREE], SyscallError::DeleteFirst);
        // Source address, although the source is empty and the message short.
        refuses(&[FREE, DEPTH, OTHER, 0], &[DOMAIN], invalid_root(LookupSide::Source));
        refuses(&[FREE, DEPTH, OTHER, DEPTH + 1], &[ROOT], DEPTH_RANGE);
        let mismatch = LookupFailure::GuardMismatch { bits_left: DEPTH, guard: 0, guard_bits: DEPTH - 6 };
        let error = SyscallError::FailedLookup(LookupSide::Source, mismatch);
        refuses(&[FREE, DEPTH, 1 << 20, DEPTH], &[ROOT], error);
        refuses(&[FREE, DEPTH, OTHER, DEPTH], &[ROOT], missing(LookupSide::Source, DEPTH));
        // The same slot as target and source is an empty source.
        refuses(&[FREE, DEPTH, FREE, DEPTH, ALL, 0], &[ROOT], missing(LookupSide::Source, DEPTH));
    }
}

#[test]
fn an_empty_source_is_reported_with_the_depth_given() {
    let mut fixture = Fixture::new();
    let slot = fixture.slot(CNODE);
    let Cap::CNode { slots, radix, .. } = fixture.cap(CNODE) else { unreachable!() };
    fixture.test.kernel.objs[slot].cap = Cap::CNode { slots, radix, guard: 0, guard_bits: 0 }.pack();
    fixture.refuses(MOVE, &[FREE, DEPTH, 3, 4], &[CNODE], missing(LookupSide::Source, 4));
}

#[test]
fn words_of_the_operation_are_counted_before_the_capability_is_looked_at() {
    let mut fixture = Fixture::new();
    let four = [FREE, DEPTH, CONTROL, DEPTH];
    fixture.refuses(COPY, &four, &[ROOT], SyscallError::TruncatedMessage);
    fixture.refuses(MUTATE, &four, &[ROOT], SyscallError::TruncatedMessage);
    fixture.refuses(MINT, &[FREE, DEPTH, CONTROL, DEPTH, ALL], &[ROOT], SyscallError::TruncatedMessage);
}

#[test]
fn control_capabilities_are_moved_but_not_copied() {
    let mut fixture = Fixture::new();
    let words = [FREE, DEPTH, CONTROL, DEPTH, ALL, 0];
    fixture.refuses(COPY, &words, &[ROOT], SyscallError::IllegalOperation);
    fixture.refuses(MINT, &words, &[ROOT], SyscallError::IllegalOperation);
    fixture.run(MOVE, &words, &[ROOT]);
    assert_eq!(fixture.cap(FREE), Cap::IrqControl);
    assert_eq!(fixture.cap(CONTROL), Cap::Null);
}

#[test]
fn an_untyped_with_children_is_moved_but_not_copied() {
    let mut fixture = Fixture::new();
    let words = [FREE, DEPTH, UNTYPED, DEPTH, ALL, 0];
    fixture.refuses(COPY, &words, &[ROOT], SyscallError::RevokeFirst);
    fixture.refuses(MINT, &words, &[ROOT], SyscallError::RevokeFirst);
    fixture.run(MUTATE, &words, &[ROOT]);
    assert!(fixture.test.kernel.has_children(fixture.slot(FREE)));
}

#[test]
fn a_badged_endpoint_is_neither_minted_again_nor_mutated() {
    let mut fixture = Fixture::new();
    fixture.run(MINT, &[FREE, DEPTH, ENDPOINT, DEPTH, ALL, 7], &[ROOT]);
    let words = [OTHER, DEPTH, FREE, DEPTH, ALL, 7];
    fixture.refuses(MINT, &words, &[ROOT], SyscallError::IllegalOperation);
    fixture.refuses(MUTATE, &words, &[ROOT], SyscallError::IllegalOperation);
    fixture.refuses(MUTATE, &[OTHER, DEPTH, ENDPOINT, DEPTH, 0], &[ROOT], SyscallError::IllegalOperation);
}

#[test]
fn copy_masks_rights_and_leaves_the_badge() {
    let mut fixture = Fixture::new();
    fixture.run(MINT, &[FREE, DEPTH, ENDPOINT, DEPTH, ALL, 7], &[ROOT]);
    fixture.run(COPY, &[OTHER, DEPTH, FREE, DEPTH, Rights::READ.0, 99], &[ROOT]);
    let endpoint = fixture.endpoint;
    assert_eq!(fixture.cap(FREE), Cap::Endpoint { endpoint, badge: 7, rights: Rights::ALL });
    assert_eq!(fixture.cap(OTHER), Cap::Endpoint { endpoint, badge: 7, rights: Rights::READ });
    assert!(fixture.test.kernel.has_children(fixture.slot(ENDPOINT)));
    assert!(fixture.test.kernel.has_children(fixture.slot(FREE)));
}

#[test]
fn mint_and_mutate_replace_the_guard_of_a_cnode() {
    let mut fixture = Fixture::new();
    let data = abi::GuardData::new(5, 3).word();
    fixture.run(MINT, &[FREE, DEPTH, CNODE, DEPTH, 0, data], &[ROOT]);
    fixture.run(MUTATE, &[OTHER, DEPTH, CNODE, DEPTH, 0], &[ROOT]);
    assert!(matches!(fixture.cap(FREE), Cap::CNode { guard: 5, guard_bits: 3, .. }));
    assert!(matches!(fixture.cap(OTHER), Cap::CNode { guard: 0, guard_bits: 0, .. }));
    let words = [CNODE, DEPTH, OTHER, DEPTH, abi::GuardData::new(0, 61).word()];
    fixture.refuses(MUTATE, &words, &[ROOT], SyscallError::IllegalOperation);
}

#[test]
fn a_moved_frame_stays_mapped_and_its_copy_is_not() {
    let mut fixture = Fixture::new();
    let mapping =
        Some(crate::cap::Mapping { address: arch::VirtAddr(0x1000), asid: crate::object::asid::Asid(1) });
    let frame = |access, mapping| Cap::Frame {
        base: PhysAddr(0x8000_0000),
        size: PageSize::Small,
        access,
        is_device: true,
        mapping,
    };
    let slot = fixture.slot(12);
    fixture.test.kernel.insert_root_cap(frame(PageAccess::ReadWrite, mapping), slot);
    fixture.run(MOVE, &[FREE, DEPTH, 12, DEPTH], &[ROOT]);
    fixture.run(COPY, &[OTHER, DEPTH, FREE, DEPTH, Rights::READ.0], &[ROOT]);
    assert_eq!(fixture.cap(FREE), frame(PageAccess::ReadWrite, mapping));
    assert_eq!(fixture.cap(OTHER), frame(PageAccess::ReadOnly, None));
}

#[test]
fn a_zombie_is_moved_but_not_copied() {
    let mut fixture = Fixture::new();
    let slot = fixture.slot(CNODE);
    let Cap::CNode { slots, radix, .. } = fixture.cap(CNODE) else { unreachable!() };
    let zombie = Cap::Zombie { slots, radix, remaining: 7 };
    fixture.test.kernel.objs[slot].cap = zombie.pack();
    let words = [FREE, DEPTH, CNODE, DEPTH, ALL, 0];
    fixture.refuses(COPY, &words, &[ROOT], SyscallError::IllegalOperation);
    fixture.refuses(MINT, &words, &[ROOT], SyscallError::IllegalOperation);
    fixture.run(MOVE, &words, &[ROOT]);
    assert_eq!(fixture.cap(FREE), zombie);
}

#[test]
fn cancel_badged_sends_wants_an_endpoint_with_all_rights() {
    let mut fixture = Fixture::new();
    for index in [FREE, DOMAIN, CHILD] {
        fixture.refuses(CANCEL, &[index, DEPTH], &[], SyscallError::IllegalOperation);
    }
    for right in 0..4 {
        let words = [FREE, DEPTH, ENDPOINT, DEPTH, ALL & !(1 << right)];
        fixture.run(COPY, &words, &[ROOT]);
        fixture.refuses(CANCEL, &[FREE, DEPTH], &[], SyscallError::IllegalOperation);
        let slot = fixture.slot(FREE);
        fixture.test.kernel.empty_slot(slot);
    }
    let endpoint = fixture.endpoint;
    let decoded = fixture.decode(CANCEL, &[ENDPOINT, DEPTH], &[]);
    assert_eq!(decoded, Ok(Invocation::CancelBadgedSends { endpoint, badge: 0 }));
    fixture.run(CANCEL, &[ENDPOINT, DEPTH], &[]);
}

#[test]
fn rotate_checks_in_the_order_of_the_interface() {
    let mut fixture = Fixture::new();
    // MR0 target, MR2 pivot data, MR3 pivot, MR5 source data, MR6 source; E0 pivot root, E1 source root.
    let words = |target, pivot, source| [target, DEPTH, 0, pivot, DEPTH, 0, source, DEPTH];
    let roots = [ROOT, ROOT];
    let mut refuses = |words: &[u64], roots: &[u64], error| fixture.refuses(ROTATE, words, roots, error);
    refuses(&words(FREE, CNODE, DOMAIN)[..7], &roots, SyscallError::TruncatedMessage);
    refuses(&words(FREE, CNODE, DOMAIN), &[ROOT], SyscallError::TruncatedMessage);
    // The source is looked up before the pivot.
    refuses(&words(FREE, FREE, FREE), &[DOMAIN, ENDPOINT], invalid_root(LookupSide::Source));
    refuses(&[FREE, DEPTH, 0, FREE, DEPTH, 0, FREE, 0], &[DOMAIN, ROOT], DEPTH_RANGE);
    refuses(&words(FREE, FREE, FREE), &[DOMAIN, ROOT], invalid_root(LookupSide::Source));
    refuses(&[FREE, DEPTH, 0, FREE, DEPTH + 1, 0, FREE, DEPTH], &roots, DEPTH_RANGE);
    // The pivot must differ, before slots are asked whether they are in use.
    refuses(&words(DOMAIN, FREE, FREE), &roots, SyscallError::IllegalOperation);
    refuses(&words(DOMAIN, DOMAIN, FREE), &roots, SyscallError::IllegalOperation);
    // Target in use, before empty source and pivot.
    refuses(&words(DOMAIN, OTHER, FREE), &roots, SyscallError::DeleteFirst);
    refuses(&words(FREE, OTHER, FREE), &roots, missing(LookupSide::Source, DEPTH));
    refuses(&words(FREE, OTHER, 12), &roots, missing(LookupSide::Source, DEPTH));
    refuses(&words(FREE, OTHER, ENDPOINT), &roots, missing(LookupSide::Target, DEPTH));
    // Data that does not suit the capability.
    refuses(&words(FREE, DOMAIN, ENDPOINT), &roots, SyscallError::IllegalOperation);
    refuses(&words(FREE, ENDPOINT, DOMAIN), &roots, SyscallError::IllegalOperation);
    let too_long = abi::GuardData::new(0, 63).word();
    let rotate = [FREE, DEPTH, too_long, CNODE, DEPTH, 0, DOMAIN, DEPTH];
    refuses(&rotate, &roots, SyscallError::IllegalOperation);
    let rotate = [FREE, DEPTH, 0, DOMAIN, DEPTH, too_long, CNODE, DEPTH];
    refuses(&rotate, &roots, SyscallError::IllegalOperation);
}

#[test]
fn rotate_moves_pivot_to_target_and_source_to_pivot() {
    let mut fixture = Fixture::new();
    let data = abi::GuardData::new(1, 1).word();
    fixture.run(ROTATE, &[FREE, DEPTH, data, CNODE, DEPTH, 0, UNTYPED, DEPTH], &[ROOT, ROOT]);
    assert!(matches!(fixture.cap(FREE), Cap::CNode { guard: 1, guard_bits: 1, .. }));
    assert!(matches!(fixture.cap(CNODE), Cap::Untyped { .. }));
    assert_eq!(fixture.cap(UNTYPED), Cap::Null);
    assert!(fixture.test.kernel.has_children(fixture.slot(CNODE)));
}

#[test]
fn rotate_with_the_source_as_target_swaps() {
    let mut fixture = Fixture::new();
    let data = abi::GuardData::new(2, 2).word();
    fixture.run(ROTATE, &[UNTYPED, DEPTH, data, CNODE, DEPTH, 0, UNTYPED, DEPTH], &[ROOT, ROOT]);
    assert!(matches!(fixture.cap(UNTYPED), Cap::CNode { guard: 2, guard_bits: 2, .. }));
    assert!(matches!(fixture.cap(CNODE), Cap::Untyped { .. }));
    assert!(fixture.test.kernel.has_children(fixture.slot(CNODE)));
}

#[test]
fn deleting_and_revoking_an_empty_slot_succeeds() {
    let mut fixture = Fixture::new();
    fixture.run(DELETE, &[FREE, DEPTH], &[]);
    fixture.run(REVOKE, &[FREE, DEPTH], &[]);
    fixture.run(REVOKE, &[DOMAIN, DEPTH], &[]);
    assert_eq!(fixture.cap(DOMAIN), Cap::Domain);
    fixture.run(DELETE, &[DOMAIN, DEPTH], &[]);
    assert_eq!(fixture.cap(DOMAIN), Cap::Null);
}

#[test]
fn revoking_an_endpoint_deletes_copies_and_keeps_the_original() {
    let mut fixture = Fixture::new();
    fixture.run(MINT, &[FREE, DEPTH, ENDPOINT, DEPTH, ALL, 7], &[ROOT]);
    fixture.run(COPY, &[OTHER, DEPTH, FREE, DEPTH, ALL], &[ROOT]);
    fixture.run(REVOKE, &[OTHER, DEPTH], &[]);
    assert_ne!(fixture.cap(OTHER), Cap::Null, "a copy has no children");
    fixture.run(REVOKE, &[FREE, DEPTH], &[]);
    assert_eq!(fixture.cap(OTHER), Cap::Null);
    assert_ne!(fixture.cap(FREE), Cap::Null);
    fixture.run(REVOKE, &[ENDPOINT, DEPTH], &[]);
    assert_eq!(fixture.cap(FREE), Cap::Null);
    assert_ne!(fixture.cap(ENDPOINT), Cap::Null);
}
