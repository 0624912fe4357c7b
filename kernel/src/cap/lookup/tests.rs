// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::testing::{DEPTH, TestKernel};

/// A CNode with guard 0b101 (3 bits) and radix 4, in slot 2 of a root with guard 0 and radix 8.
fn two_levels() -> (TestKernel, Cap, Cap) {
    let mut test = TestKernel::new();
    let Cap::CNode { slots, radix, .. } = test.cnode(8) else { unreachable!() };
    let root = Cap::CNode { slots, radix, guard: 0, guard_bits: WORD_BITS as u8 - 15 };
    let Cap::CNode { slots, radix, .. } = test.cnode(4) else { unreachable!() };
    let inner = Cap::CNode { slots, radix, guard: 0b101, guard_bits: 3 };
    let slot = test.slot(root, 2);
    test.kernel.objs[slot].cap = inner.pack();
    let slot = test.slot(root, 3);
    test.kernel.objs[slot].cap = Cap::Domain.pack();
    (test, root, inner)
}

fn fails(side: LookupSide, failure: LookupFailure) -> Result<SlotRef, SyscallError> {
    Err(SyscallError::FailedLookup(side, failure))
}

#[test]
fn a_cptr_goes_through_guards_and_radices_of_two_cnodes() {
    let (mut test, root, inner) = two_levels();
    let tcb = test.thread(root);
    let cptr = 2 << 7 | 0b101 << 4 | 9;
    assert_eq!(test.kernel.lookup_slot(tcb, cptr), Ok(test.slot(inner, 9)));
}

#[test]
fn a_cptr_may_have_bits_left_behind_a_slot_that_is_no_cnode() {
    let (mut test, root, _) = two_levels();
    let tcb = test.thread(root);
    assert_eq!(test.kernel.lookup_slot(tcb, 3 << 7 | 0x55), Ok(test.slot(root, 3)));
    assert_eq!(test.kernel.lookup_slot(tcb, 4 << 7), Ok(test.slot(root, 4)));
}

#[test]
fn a_thread_without_a_cspace_has_an_invalid_root() {
    let mut test = TestKernel::new();
    let tcb = test.thread(Cap::Null);
    assert_eq!(test.kernel.lookup_slot(tcb, 1), Err(LookupFailure::InvalidRoot));
}

#[test]
fn a_wrong_or_oversized_guard_is_a_guard_mismatch() {
    let (mut test, root, _) = two_levels();
    let tcb = test.thread(root);
    let mismatch = LookupFailure::GuardMismatch { bits_left: 7, guard: 0b101, guard_bits: 3 };
    assert_eq!(test.kernel.lookup_slot(tcb, 2 << 7 | 0b100 << 4), Err(mismatch));
    let found = test.kernel.lookup_target(root, 2 << 2 | 1, DEPTH - 5, LookupSide::Target);
    let mismatch = LookupFailure::GuardMismatch { bits_left: 2, guard: 0b101, guard_bits: 3 };
    assert_eq!(found, fails(LookupSide::Target, mismatch));
}

#[test]
fn an_address_that_ends_inside_a_cnode_is_a_depth_mismatch() {
    let (test, root, _) = two_levels();
    let found = test.kernel.lookup_target(root, 2 << 5 | 0b101 << 2, DEPTH - 2, LookupSide::Source);
    let mismatch = LookupFailure::DepthMismatch { bits_left: 5, bits_found: 7 };
    assert_eq!(found, fails(LookupSide::Source, mismatch));
}

#[test]
fn a_target_with_bits_left_over_is_a_depth_mismatch() {
    let (test, root, _) = two_levels();
    let found = test.kernel.lookup_target(root, 3 << 7, DEPTH, LookupSide::Target);
    let mismatch = LookupFailure::DepthMismatch { bits_left: 7, bits_found: 0 };
    assert_eq!(found, fails(LookupSide::Target, mismatch));
}

#[test]
fn a_target_lookup_checks_the_root_before_the_depth() {
    let (test, root, _) = two_levels();
    let lookup = |root, depth| test.kernel.lookup_target(root, 0, depth, LookupSide::Target);
    assert_eq!(lookup(Cap::Null, 0), fails(LookupSide::Target, LookupFailure::InvalidRoot));
    let range = Err(SyscallError::RangeError { min: 1, max: DEPTH });
    assert_eq!(lookup(root, 0), range);
    assert_eq!(lookup(root, DEPTH + 1), range);
    assert_eq!(lookup(root, u64::MAX), range);
}

#[test]
fn a_target_lookup_uses_only_the_low_depth_bits() {
    let mut test = TestKernel::new();
    let Cap::CNode { slots, radix, .. } = test.cnode(4) else { unreachable!() };
    let root = Cap::CNode { slots, radix, guard: 0, guard_bits: 0 };
    let found = test.kernel.lookup_target(root, 0xffff_fff7, 4, LookupSide::Target);
    assert_eq!(found, Ok(slots.element(7)));
}

#[test]
fn a_target_lookup_may_end_at_a_cnode_and_does_not_enter_it() {
    let (test, root, _) = two_levels();
    let found = test.kernel.lookup_target(root, 2, DEPTH - 7, LookupSide::Target);
    assert_eq!(found, Ok(test.slot(root, 2)));
}

#[test]
fn resolution_stops_at_a_zombie() {
    let (mut test, root, inner) = two_levels();
    let Cap::CNode { slots, .. } = inner else { unreachable!() };
    let slot = test.slot(root, 2);
    test.kernel.objs[slot].cap = Cap::Zombie { slots, radix: 4, remaining: 16 }.pack();
    let tcb = test.thread(root);
    assert_eq!(test.kernel.lookup_slot(tcb, 2 << 7 | 0b101 << 4), Ok(slot));
}
