// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order, and what is installed in a TCB.

use abi::{GuardData, Label, Rights, WORD_BITS};
use arch::{PageAccess, PageSize, PhysAddr};

use super::super::tests::{Fixture, ILLEGAL, TRUNCATED};
use super::*;
use crate::object::asid::{Asid, AsidPool};

/// Bytes of an IPC buffer.
const SIZE: u64 = ipc_buffer::SIZE as u64;

const CONFIGURE: Label = Label::TcbConfigure;
const SPACE: Label = Label::TcbSetSpace;
const BUFFER: Label = Label::TcbSetIpcBuffer;
const TIMEOUT: Label = Label::TcbSetTimeoutEndpoint;

/// Capabilities that are accepted, and some that are not.
struct Slots {
    cnode: SlotRef,
    vspace: SlotRef,
    frame: SlotRef,
    endpoint: SlotRef,
    null: SlotRef,
    other: SlotRef,
    /// Deriving it fails: its table is not mapped.
    underivable: SlotRef,
}

fn frame(is_device: bool) -> Cap {
    Cap::Frame {
        base: PhysAddr(0x30_0000),
        size: PageSize::Small,
        access: PageAccess::ReadWrite,
        is_device,
        mapping: None,
    }
}

fn slots(fixture: &mut Fixture) -> Slots {
    let test = &mut fixture.test;
    let root = test.memory(12);
    let endpoint = Cap::Endpoint { endpoint: test.object(4), badge: 0, rights: Rights::ALL };
    let cnode = test.cnode(4);
    let table = Cap::Table { table: test.memory(12), level: arch::Level::PageTable, mapping: None };
    Slots {
        cnode: test.slot_with(cnode),
        vspace: test.slot_with(Cap::VSpace { root, asid: Some(Asid(1)) }),
        frame: test.slot_with(frame(false)),
        endpoint: test.slot_with(endpoint),
        null: test.object(5),
        other: test.slot_with(Cap::Domain),
        underivable: test.slot_with(table),
    }
}

/// A capability that is the last one to a CNode, in a slot of the target.
fn make_root_final(fixture: &mut Fixture, slot: TcbSlot) {
    let cnode = fixture.test.cnode(1);
    fixture.test.kernel.insert_root_cap(cnode, fixture.target.slot(slot));
}

fn installed(fixture: &Fixture, slot: TcbSlot) -> Cap {
    fixture.test.kernel.objs[fixture.target.slot(slot)].cap.unpack()
}

#[test]
fn configure_wants_three_words_and_three_capabilities() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    assert_eq!(fixture.refusal(CONFIGURE, &[0, 0], &[s.cnode, s.vspace, s.frame]), TRUNCATED);
    assert_eq!(fixture.refusal(CONFIGURE, &[0, 0, 0], &[s.cnode, s.vspace]), TRUNCATED);
}

#[test]
fn configure_checks_the_buffer_before_the_spaces() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    let device = fixture.test.slot_with(frame(true));
    make_root_final(&mut fixture, TcbSlot::CSpace);
    let mut refusal =
        |address, buffer| fixture.refusal(CONFIGURE, &[0, 0, address], &[s.other, s.other, buffer]);
    assert_eq!(refusal(1, s.underivable), ILLEGAL);
    assert_eq!(refusal(1, s.cnode), ILLEGAL);
    assert_eq!(refusal(1, device), ILLEGAL);
    assert_eq!(refusal(1024 + SIZE / 2, s.frame), SyscallError::AlignmentError);
    assert_eq!(refusal(1024, s.frame), ILLEGAL, "the root in the target is the last one");
}

#[test]
fn without_a_buffer_its_capability_is_not_looked_at() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    assert!(fixture.decode(CONFIGURE, &[0, 0, 0], &[s.cnode, s.vspace, s.other]).is_ok());
    assert!(fixture.decode(CONFIGURE, &[0, 0, 0], &[s.cnode, s.vspace, s.null]).is_ok());
}

#[test]
fn a_root_that_is_the_last_capability_of_a_container_cannot_be_replaced() {
    for slot in [TcbSlot::CSpace, TcbSlot::VSpace] {
        let mut fixture = Fixture::new();
        let s = slots(&mut fixture);
        make_root_final(&mut fixture, slot);
        assert_eq!(fixture.refusal(CONFIGURE, &[0, 0, 0], &[s.cnode, s.vspace, s.null]), ILLEGAL);
        assert_eq!(fixture.refusal(SPACE, &[0, 0], &[s.null, s.cnode, s.vspace]), ILLEGAL);
    }
}

#[test]
fn new_roots_must_be_a_cnode_and_a_vspace_with_an_asid() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    let root = fixture.test.memory(12);
    let fresh = fixture.test.slot_with(Cap::VSpace { root, asid: None });
    let mut accepts = |data, cspace, vspace| {
        let configured = fixture.decode(CONFIGURE, &[data, 0, 0], &[cspace, vspace, s.null]);
        let spaced = fixture.decode(SPACE, &[data, 0], &[s.null, cspace, vspace]);
        assert_eq!(configured.is_ok(), spaced.is_ok());
        assert!([configured, spaced].iter().all(|result| result.is_ok() || *result == Err(ILLEGAL)));
        spaced.is_ok()
    };
    assert!(accepts(0, s.cnode, s.vspace));
    assert!(accepts(GuardData::new(0, WORD_BITS - 4).word(), s.cnode, s.vspace));
    assert!(
        !accepts(GuardData::new(0, WORD_BITS - 3).word(), s.cnode, s.vspace),
        "guard and radix exceed a word"
    );
    assert!(!accepts(0, s.vspace, s.vspace));
    assert!(!accepts(0, s.null, s.vspace));
    assert!(!accepts(0, s.underivable, s.vspace));
    assert!(!accepts(0, s.cnode, s.cnode));
    assert!(!accepts(0, s.cnode, s.null));
    assert!(!accepts(0, s.cnode, fresh));
}

#[test]
fn set_space_checks_the_handler_last() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    assert_eq!(fixture.refusal(SPACE, &[0], &[s.other, s.cnode, s.vspace]), TRUNCATED);
    assert_eq!(fixture.refusal(SPACE, &[0, 0], &[s.other, s.cnode]), TRUNCATED);
    assert_eq!(fixture.refusal(SPACE, &[0, 0], &[s.other, s.other, s.vspace]), ILLEGAL);
    assert_eq!(fixture.refusal(SPACE, &[0, 0], &[s.other, s.cnode, s.other]), ILLEGAL);
    let refused = fixture.refusal(SPACE, &[0, 0], &[s.other, s.cnode, s.vspace]);
    assert_eq!(refused, SyscallError::InvalidCapability(1));
}

#[test]
fn a_handler_needs_send_and_a_way_to_be_answered() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.refusal(TIMEOUT, &[], &[]), TRUNCATED);
    for rights in 0..16 {
        let endpoint = Cap::Endpoint { endpoint: fixture.test.object(4), badge: 0, rights: Rights(rights) };
        let slot = fixture.test.slot_with(endpoint);
        let is_valid = rights & 1 != 0 && rights & 0b1100 != 0;
        let expected = if is_valid { Ok(()) } else { Err(SyscallError::InvalidCapability(1)) };
        assert_eq!(fixture.decode(TIMEOUT, &[], &[slot]).map(|_| ()), expected, "{rights:#b}");
    }
    let signal = Cap::Notification { notification: fixture.test.object(6), badge: 0, rights: Rights::ALL };
    let slot = fixture.test.slot_with(signal);
    assert_eq!(fixture.refusal(TIMEOUT, &[], &[slot]), SyscallError::InvalidCapability(1));
}

#[test]
fn set_ipc_buffer_checks_like_configure() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    assert_eq!(fixture.refusal(BUFFER, &[], &[s.frame]), TRUNCATED);
    assert_eq!(fixture.refusal(BUFFER, &[1024], &[]), TRUNCATED);
    assert_eq!(fixture.refusal(BUFFER, &[1025], &[s.other]), ILLEGAL);
    assert_eq!(fixture.refusal(BUFFER, &[1025], &[s.frame]), SyscallError::AlignmentError);
    assert!(fixture.decode(BUFFER, &[0], &[s.other]).is_ok());
}

#[test]
fn configure_installs_copies_of_all_three() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    let data = GuardData::new(5, WORD_BITS - 4).word();
    fixture.invoke(CONFIGURE, &[data, 0, 0x8400], &[s.cnode, s.vspace, s.frame]);
    let Cap::CNode { radix, guard, guard_bits, .. } = installed(&fixture, TcbSlot::CSpace) else {
        panic!("{:?}", installed(&fixture, TcbSlot::CSpace));
    };
    assert_eq!((radix, guard, u32::from(guard_bits)), (4, 5, WORD_BITS - 4));
    assert!(matches!(installed(&fixture, TcbSlot::VSpace), Cap::VSpace { asid: Some(Asid(1)), .. }));
    assert_eq!(installed(&fixture, TcbSlot::Buffer), frame(false));
    assert_eq!(fixture.test.kernel.objs[fixture.target].buffer, 0x8400);
    let kernel = &fixture.test.kernel;
    assert_eq!(kernel.objs[s.frame].mdb.next(), Some(fixture.target.slot(TcbSlot::Buffer)));
}

#[test]
fn installing_again_replaces_what_was_there() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    let configure = [s.cnode, s.vspace, s.frame];
    fixture.invoke(CONFIGURE, &[0, 0, 0x8400], &configure);
    fixture.invoke(CONFIGURE, &[0, 0, 0x8800], &configure);
    assert_eq!(fixture.test.kernel.objs[fixture.target].buffer, 0x8800);
    fixture.invoke(BUFFER, &[0], &[s.null]);
    assert_eq!(installed(&fixture, TcbSlot::Buffer), Cap::Null);
    assert_eq!(fixture.test.kernel.objs[fixture.target].buffer, 0);
    assert_eq!(fixture.test.kernel.objs[s.frame].mdb.next(), None);
}

#[test]
fn set_space_installs_handler_and_spaces_and_null_removes_the_handler() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    fixture.invoke(SPACE, &[0, 0], &[s.endpoint, s.cnode, s.vspace]);
    assert!(matches!(installed(&fixture, TcbSlot::FaultHandler), Cap::Endpoint { .. }));
    assert!(matches!(installed(&fixture, TcbSlot::CSpace), Cap::CNode { .. }));
    fixture.invoke(SPACE, &[0, 0], &[s.null, s.cnode, s.vspace]);
    assert_eq!(installed(&fixture, TcbSlot::FaultHandler), Cap::Null);
}

#[test]
fn a_new_address_space_of_the_caller_is_active_at_once() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    let Cap::VSpace { root, .. } = fixture.test.kernel.objs[s.vspace].cap.unpack() else {
        panic!("it is one");
    };
    let pool = fixture.test.object::<AsidPool>(12);
    fixture.test.kernel.asids[0] = Some(pool);
    fixture.test.kernel.objs[pool].roots[1] = root.0;
    let spaces = [s.null, s.cnode, s.vspace];
    fixture.invoke(SPACE, &[0, 0], &spaces);
    assert_ne!(fixture.test.kernel.active_root, root, "another thread's is not");
    fixture.target_caller();
    fixture.invoke(SPACE, &[0, 0], &spaces);
    assert_eq!(fixture.test.kernel.active_root, root);
}

#[test]
fn revoking_the_source_strips_the_thread() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    fixture.invoke(TIMEOUT, &[], &[s.endpoint]);
    assert!(matches!(installed(&fixture, TcbSlot::TimeoutHandler), Cap::Endpoint { .. }));
    fixture.test.kernel.revoke_cap(s.endpoint).expect("is not preempted");
    assert_eq!(installed(&fixture, TcbSlot::TimeoutHandler), Cap::Null);
}

#[test]
fn a_source_that_vanished_is_not_installed() {
    let mut fixture = Fixture::new();
    let s = slots(&mut fixture);
    let invocation = fixture.decode(TIMEOUT, &[], &[s.endpoint]).expect("is accepted");
    fixture.test.kernel.delete_cap(s.endpoint).expect("is not preempted");
    fixture.test.kernel.execute_tcb(invocation).expect("is not preempted");
    assert_eq!(installed(&fixture, TcbSlot::TimeoutHandler), Cap::Null);
}
