// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations on slots: checks in their order, and what they do to capabilities.

use crate::check::{Outcome, refused, same, tests};
use crate::env::{DEPTH, Env, invoke, kind};
use abi::{CapTag, GuardData, Label, Rights, Word, widen};
use userland::object::{Mutated, rotate};
use userland::{
    CNode, CPtr, Capability, Endpoint, Error, INIT_CNODE, IO_PORT_CONTROL, IRQ_CONTROL, LookupFailure,
    LookupSide, Notification, PageTable, Slot, Untyped, VSpace, syscall,
};

tests!(
    cnode_copy_refuses_labels_of_other_objects,
    cnode_copy_needs_four_words_and_a_root_before_anything_else,
    cnode_copy_looks_up_the_target_first,
    cnode_copy_wants_an_empty_target,
    cnode_copy_looks_up_the_source,
    cnode_copy_wants_a_source_that_is_not_empty,
    cnode_copy_needs_its_rights_only_after_the_lookups,
    cnode_copy_refuses_capabilities_that_cannot_be_derived,
    cnode_copy_refuses_an_untyped_with_children,
    cnode_copy_takes_rights_away,
    cnode_mint_needs_six_words,
    cnode_mint_gives_a_badge_once,
    cnode_mint_of_a_badged_capability_fails,
    cnode_mint_gives_a_guard_that_fits,
    cnode_move_empties_the_source,
    cnode_move_keeps_the_place_in_the_derivation_tree,
    cnode_mutate_needs_five_words,
    cnode_mutate_refuses_endpoints_and_notifications,
    cnode_mutate_replaces_the_guard,
    cnode_delete_of_an_empty_slot_succeeds,
    cnode_delete_empties_the_slot_and_keeps_the_copies,
    cnode_delete_of_a_cnode_deletes_what_it_holds,
    cnode_delete_of_a_cnode_that_holds_its_own_capability_succeeds,
    cnode_revoke_deletes_descendants_and_keeps_the_parent,
    cnode_revoke_of_a_copy_does_nothing,
    cnode_revoke_of_a_badged_capability_deletes_the_copies_with_its_badge,
    cnode_revoke_of_an_empty_slot_succeeds,
    cnode_cancel_badged_sends_wants_all_rights,
    cnode_cancel_badged_sends_without_badge_does_nothing,
    cnode_rotate_needs_eight_words_and_two_roots,
    cnode_rotate_refuses_a_pivot_that_is_source_or_target,
    cnode_rotate_wants_an_empty_target,
    cnode_rotate_wants_source_and_pivot_that_are_not_empty,
    cnode_rotate_refuses_capabilities_that_take_no_guard,
    cnode_rotate_moves_two_capabilities,
    cnode_rotate_swaps_when_source_is_target,
    cnode_lookups_resolve_guards_and_levels,
);

/// A slot of the root CNode that is empty.
fn empty(env: &mut Env) -> Result<Slot, userland::AllocError> {
    Ok(env.slot()?.slot())
}

/// A failed lookup of a source.
const fn source(failure: LookupFailure) -> Error {
    Error::FailedLookup(LookupSide::Source, failure)
}

/// A failed lookup of a target.
const fn target(failure: LookupFailure) -> Error {
    Error::FailedLookup(LookupSide::Target, failure)
}

fn cnode_copy_refuses_labels_of_other_objects(_: &mut Env) -> Outcome {
    refused(invoke(INIT_CNODE, Label::UntypedRetype, &[], &[]), Error::IllegalOperation)?;
    refused(invoke(INIT_CNODE, Label::IrqControlGet, &[], &[]), Error::IllegalOperation)
}

fn cnode_copy_needs_four_words_and_a_root_before_anything_else(env: &mut Env) -> Outcome {
    let full = env.make::<Endpoint>()?;
    let words = [full.0.0, DEPTH, 0, 0];
    for label in [Label::CNodeCopy, Label::CNodeMint, Label::CNodeMove, Label::CNodeMutate] {
        refused(invoke(INIT_CNODE, label, &words[..1], &[]), Error::TruncatedMessage)?;
        // The target is looked up before words and capabilities are counted again.
        refused(invoke(INIT_CNODE, label, &[0, DEPTH + 1], &[]), Error::Range(1, DEPTH))?;
        refused(invoke(INIT_CNODE, label, &words[..3], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
        refused(invoke(INIT_CNODE, label, &words, &[]), Error::TruncatedMessage)?;
        refused(invoke(INIT_CNODE, label, &words, &[INIT_CNODE.0]), Error::DeleteFirst)?;
    }
    for label in [Label::CNodeDelete, Label::CNodeRevoke, Label::CNodeCancelBadgedSends, Label::CNodeRotate] {
        refused(invoke(INIT_CNODE, label, &[1], &[]), Error::TruncatedMessage)?;
    }
    Ok(())
}

fn cnode_copy_looks_up_the_target_first(env: &mut Env) -> Outcome {
    let nothing = CPtr(0).slot();
    for depth in [0, DEPTH + 1, u64::MAX] {
        let slot = Slot { depth, ..empty(env)? };
        refused(slot.copy_from(nothing, Rights::ALL), Error::Range(1, DEPTH))?;
    }
    let small: CNode = env.make_sized(3)?;
    let beyond = Slot { root: small, index: 0, depth: 2 };
    let failure = LookupFailure::DepthMismatch { bits_left: 2, bits_found: 3 };
    refused(beyond.copy_from(nothing, Rights::ALL), target(failure))?;
    let through_nothing = Slot { root: small, index: 0, depth: 5 };
    let failure = LookupFailure::DepthMismatch { bits_left: 2, bits_found: 0 };
    refused(through_nothing.copy_from(nothing, Rights::ALL), target(failure))?;
    let guarded = env.cnode(3)?;
    let wrong_guard = Slot { root: guarded, index: 1 << 10, depth: DEPTH };
    let failure = LookupFailure::GuardMismatch { bits_left: DEPTH, guard: 0, guard_bits: DEPTH - 3 };
    refused(wrong_guard.copy_from(nothing, Rights::ALL), target(failure))
}

fn cnode_copy_wants_an_empty_target(env: &mut Env) -> Outcome {
    let (first, second): (Endpoint, Endpoint) = (env.make()?, env.make()?);
    refused(first.slot().copy_from(second.slot(), Rights::ALL), Error::DeleteFirst)?;
    // A target that is full decides before a source that does not exist.
    let nowhere = Slot { depth: DEPTH + 1, ..second.slot() };
    refused(first.slot().copy_from(nowhere, Rights::ALL), Error::DeleteFirst)
}

fn cnode_copy_looks_up_the_source(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let to = empty(env)?;
    let bad_depth = Slot { depth: 0, ..endpoint.slot() };
    refused(to.copy_from(bad_depth, Rights::ALL), Error::Range(1, DEPTH))?;
    let bad_root = Slot { root: CNode(endpoint.0), ..endpoint.slot() };
    refused(to.copy_from(bad_root, Rights::ALL), source(LookupFailure::InvalidRoot))?;
    let small: CNode = env.make_sized(3)?;
    let short = Slot { root: small, index: 0, depth: 1 };
    let failure = LookupFailure::DepthMismatch { bits_left: 1, bits_found: 3 };
    refused(to.copy_from(short, Rights::ALL), source(failure))
}

fn cnode_copy_wants_a_source_that_is_not_empty(env: &mut Env) -> Outcome {
    let (to, from) = (empty(env)?, empty(env)?);
    refused(to.copy_from(from, Rights::ALL), Error::missing_source(DEPTH))?;
    refused(to.mint_from(from, Rights::ALL, 1), Error::missing_source(DEPTH))?;
    refused(to.move_from(from), Error::missing_source(DEPTH))?;
    refused(to.mutate_from(from, GuardData(0)), Error::missing_source(DEPTH))
}

fn cnode_copy_needs_its_rights_only_after_the_lookups(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let (to, nothing) = (env.slot()?, env.slot()?);
    let roots = [INIT_CNODE.0];
    let empty_source = [to.0, DEPTH, nothing.0, DEPTH];
    refused(invoke(INIT_CNODE, Label::CNodeCopy, &empty_source, &roots), Error::missing_source(DEPTH))?;
    let full_source = [to.0, DEPTH, endpoint.0.0, DEPTH];
    refused(invoke(INIT_CNODE, Label::CNodeCopy, &full_source, &roots), Error::TruncatedMessage)
}

fn cnode_copy_refuses_capabilities_that_cannot_be_derived(env: &mut Env) -> Outcome {
    let to = empty(env)?;
    refused(to.copy_from(IRQ_CONTROL.slot(), Rights::ALL), Error::IllegalOperation)?;
    refused(to.copy_from(IO_PORT_CONTROL.slot(), Rights::ALL), Error::IllegalOperation)?;
    let table: PageTable = env.make()?;
    refused(to.copy_from(table.slot(), Rights::ALL), Error::IllegalOperation)?;
    let vspace: VSpace = env.make()?;
    refused(to.copy_from(vspace.slot(), Rights::ALL), Error::IllegalOperation)?;
    userland::INIT_ASID_POOL.assign(vspace)?;
    to.copy_from(vspace.slot(), Rights::ALL)?;
    Ok(())
}

fn cnode_copy_refuses_an_untyped_with_children(env: &mut Env) -> Outcome {
    let untyped = env.untyped(12)?;
    let slot = env.slot()?;
    untyped.retype(abi::ObjectType::Endpoint, 0, slot, 1)?;
    let to = empty(env)?;
    refused(to.copy_from(untyped.slot(), Rights::ALL), Error::RevokeFirst)?;
    slot.slot().delete()?;
    to.copy_from(untyped.slot(), Rights::ALL)?;
    Ok(())
}

fn cnode_copy_takes_rights_away(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let silent = env.copy(notification, Rights::READ)?;
    refused(invoke(silent, Label::TcbSuspend, &[], &[]), Error::InvalidCapability(0))?;
    // What was taken away does not come back.
    let still_silent = env.copy(silent, Rights::ALL)?;
    refused(invoke(still_silent, Label::TcbSuspend, &[], &[]), Error::InvalidCapability(0))?;
    invoke(notification, Label::TcbSuspend, &[], &[])?;
    same(syscall::nb_wait(silent.0).badge, 0)
}

fn cnode_mint_needs_six_words(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let to = env.slot()?;
    let words = [to.0, DEPTH, endpoint.0.0, DEPTH, Rights::ALL.word()];
    refused(invoke(INIT_CNODE, Label::CNodeMint, &words, &[INIT_CNODE.0]), Error::TruncatedMessage)
}

fn cnode_mint_gives_a_badge_once(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    for badge in [1, 1 << (DEPTH - 1) | 1, widen(Word::MAX)] {
        let badged = env.badged(notification, badge)?;
        syscall::signal(badged.0);
        same(env.poll(notification), badge)?;
    }
    Ok(())
}

fn cnode_mint_of_a_badged_capability_fails(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let badged = env.badged(endpoint, 7)?;
    let to = empty(env)?;
    for badge in [0, 7, 8] {
        refused(to.mint_from(badged.slot(), Rights::ALL, badge), Error::IllegalOperation)?;
    }
    to.copy_from(badged.slot(), Rights::ALL)?;
    Ok(())
}

fn cnode_mint_gives_a_guard_that_fits(env: &mut Env) -> Outcome {
    let cnode: CNode = env.make_sized(4)?;
    let to = env.slot()?;
    let too_long = GuardData::new(0, 61).word();
    refused(to.slot().mint_from(cnode.slot(), Rights::ALL, too_long), Error::IllegalOperation)?;
    to.slot().mint_from(cnode.slot(), Rights::ALL, GuardData::new(0xab, 8).word())?;
    let inside = Slot { root: CNode(to), index: 0xab5, depth: 12 };
    inside.copy_from(userland::INIT_TCB.slot(), Rights::ALL)?;
    let plain = Slot { root: cnode, index: 5, depth: 4 };
    plain.delete()?;
    refused(empty(env)?.move_from(inside), Error::missing_source(12))
}

fn cnode_move_empties_the_source(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let to = env.slot()?;
    to.slot().move_from(endpoint.slot())?;
    same([kind(endpoint.0), kind(to)], [Some(CapTag::Null), Some(CapTag::Endpoint)])
}

fn cnode_move_keeps_the_place_in_the_derivation_tree(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let copy = env.copy(endpoint, Rights::ALL)?;
    let to = env.slot()?;
    to.slot().move_from(endpoint.slot())?;
    to.slot().revoke()?;
    same([kind(copy.0), kind(to)], [Some(CapTag::Null), Some(CapTag::Endpoint)])
}

fn cnode_mutate_needs_five_words(env: &mut Env) -> Outcome {
    let cnode: CNode = env.make_sized(4)?;
    let to = env.slot()?;
    let words = [to.0, DEPTH, cnode.0.0, DEPTH];
    refused(invoke(INIT_CNODE, Label::CNodeMutate, &words, &[INIT_CNODE.0]), Error::TruncatedMessage)
}

fn cnode_mutate_refuses_endpoints_and_notifications(env: &mut Env) -> Outcome {
    let (endpoint, notification): (Endpoint, Notification) = (env.make()?, env.make()?);
    let to = empty(env)?;
    refused(to.mutate_from(endpoint.slot(), GuardData(0)), Error::IllegalOperation)?;
    refused(to.mutate_from(notification.slot(), GuardData(1)), Error::IllegalOperation)?;
    // Capabilities without data ignore it.
    to.mutate_from(env.untyped(12)?.slot(), GuardData(99))?;
    Ok(())
}

fn cnode_mutate_replaces_the_guard(env: &mut Env) -> Outcome {
    let guarded = env.cnode(4)?;
    let to = env.slot()?;
    to.slot().mutate_from(guarded.slot(), GuardData::new(3, 2))?;
    same(kind(guarded.0), Some(CapTag::Null))?;
    let inside = Slot { root: CNode(to), index: 0x35, depth: 6 };
    inside.copy_from(userland::INIT_TCB.slot(), Rights::ALL)?;
    Ok(())
}

fn cnode_delete_of_an_empty_slot_succeeds(env: &mut Env) -> Outcome {
    empty(env)?.delete()?;
    Ok(())
}

fn cnode_delete_empties_the_slot_and_keeps_the_copies(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let copy = env.copy(endpoint, Rights::ALL)?;
    endpoint.slot().delete()?;
    same([kind(endpoint.0), kind(copy.0)], [Some(CapTag::Null), Some(CapTag::Endpoint)])
}

fn cnode_delete_of_a_cnode_deletes_what_it_holds(env: &mut Env) -> Outcome {
    let cnode: CNode = env.make_sized(4)?;
    let untyped: Untyped = env.untyped(12)?;
    let slot = env.slot()?;
    untyped.retype(abi::ObjectType::Endpoint, 0, slot, 1)?;
    Slot { root: cnode, index: 3, depth: 4 }.move_from(slot.slot())?;
    refused(empty(env)?.copy_from(untyped.slot(), Rights::ALL), Error::RevokeFirst)?;
    cnode.slot().delete()?;
    // The endpoint is gone: its untyped has no children any more.
    empty(env)?.copy_from(untyped.slot(), Rights::ALL)?;
    Ok(())
}

fn cnode_delete_of_a_cnode_that_holds_its_own_capability_succeeds(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    let slots = env.slots(2)?;
    let other = CPtr(slots.0 + 1);
    memory.retype(abi::ObjectType::CNode, 4, slots, 2)?;
    let inside = |cnode, index| Slot { root: CNode(cnode), index, depth: 4 };
    inside(slots, 1).copy_from(slots.slot(), Rights::ALL)?;
    inside(slots, 2).copy_from(other.slot(), Rights::ALL)?;
    inside(other, 1).copy_from(slots.slot(), Rights::ALL)?;
    // Each now holds the other's last capability and the first one its own.
    inside(other, 3).move_from(other.slot())?;
    slots.slot().delete()?;
    memory.slot().revoke()?;
    same([kind(slots), kind(other)], [Some(CapTag::Null); 2])
}

fn cnode_revoke_deletes_descendants_and_keeps_the_parent(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let copy = env.copy(endpoint, Rights::ALL)?;
    let badged = env.badged(endpoint, 5)?;
    let of_badged = env.copy(badged, Rights::ALL)?;
    endpoint.slot().revoke()?;
    same(kind(endpoint.0), Some(CapTag::Endpoint))?;
    same([copy, badged, of_badged].map(|cap| kind(cap.0)), [Some(CapTag::Null); 3])
}

fn cnode_revoke_of_a_copy_does_nothing(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let copy = env.copy(endpoint, Rights::ALL)?;
    let second = env.copy(copy, Rights::ALL)?;
    copy.slot().revoke()?;
    same([copy, second].map(|cap| kind(cap.0)), [Some(CapTag::Endpoint); 2])
}

fn cnode_revoke_of_a_badged_capability_deletes_the_copies_with_its_badge(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let (five, six) = (env.badged(endpoint, 5)?, env.badged(endpoint, 6)?);
    let copy = env.copy(five, Rights::ALL)?;
    five.slot().revoke()?;
    same(kind(copy.0), Some(CapTag::Null))?;
    same([endpoint, five, six].map(|cap| kind(cap.0)), [Some(CapTag::Endpoint); 3])
}

fn cnode_revoke_of_an_empty_slot_succeeds(env: &mut Env) -> Outcome {
    empty(env)?.revoke()?;
    Ok(())
}

fn cnode_cancel_badged_sends_wants_all_rights(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    for missing in [Rights::WRITE, Rights::READ, Rights::GRANT, Rights::GRANT_REPLY] {
        let weaker = env.copy(endpoint, Rights(Rights::ALL.word() & !missing.word()))?;
        refused(weaker.slot().cancel_badged_sends(), Error::IllegalOperation)?;
    }
    refused(empty(env)?.cancel_badged_sends(), Error::IllegalOperation)?;
    let notification: Notification = env.make()?;
    refused(notification.slot().cancel_badged_sends(), Error::IllegalOperation)
}

fn cnode_cancel_badged_sends_without_badge_does_nothing(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let reply: userland::Reply = env.make()?;
    env.spawn(crate::env::MIDDLE, move || {
        syscall::send(endpoint.0, abi::MessageInfo::new(5, 0, 0, 0), [0; 4])
    })?;
    env.settle();
    endpoint.slot().cancel_badged_sends()?;
    same(env.take(endpoint, reply)?.info.label(), 5)
}

fn cnode_rotate_needs_eight_words_and_two_roots(env: &mut Env) -> Outcome {
    let to = env.slot()?;
    let words = [to.0, DEPTH, 0, 0, DEPTH + 1, 0, 0, DEPTH + 1];
    let roots = [INIT_CNODE.0; 2];
    refused(invoke(INIT_CNODE, Label::CNodeRotate, &words[..7], &roots), Error::TruncatedMessage)?;
    refused(invoke(INIT_CNODE, Label::CNodeRotate, &words, &roots[..1]), Error::TruncatedMessage)?;
    refused(invoke(INIT_CNODE, Label::CNodeRotate, &words, &roots), Error::Range(1, DEPTH))
}

/// The capability of a slot, moved without a guard.
const fn unguarded(slot: Slot) -> Mutated {
    Mutated { slot, guard: GuardData(0) }
}

fn cnode_rotate_refuses_a_pivot_that_is_source_or_target(env: &mut Env) -> Outcome {
    let (first, to) = (env.make::<CNode>(), empty(env)?);
    same(first.is_err(), true)?;
    let cnode: CNode = env.make_sized(4)?;
    let at = unguarded(cnode.slot());
    refused(rotate(to, at, at), Error::IllegalOperation)?;
    refused(rotate(cnode.slot(), at, unguarded(to)), Error::IllegalOperation)
}

fn cnode_rotate_wants_an_empty_target(env: &mut Env) -> Outcome {
    let (pivot, source, full): (CNode, CNode, CNode) =
        (env.make_sized(4)?, env.make_sized(4)?, env.make_sized(4)?);
    let result = rotate(full.slot(), unguarded(pivot.slot()), unguarded(source.slot()));
    refused(result, Error::DeleteFirst)?;
    // A full target decides before an empty source.
    let nothing = empty(env)?;
    refused(rotate(full.slot(), unguarded(pivot.slot()), unguarded(nothing)), Error::DeleteFirst)
}

fn cnode_rotate_wants_source_and_pivot_that_are_not_empty(env: &mut Env) -> Outcome {
    let cnode: CNode = env.make_sized(4)?;
    let (to, nothing, nothing_else) = (empty(env)?, empty(env)?, empty(env)?);
    let (full, none) = (unguarded(cnode.slot()), unguarded(nothing));
    refused(rotate(to, full, none), Error::missing_source(DEPTH))?;
    refused(rotate(to, none, full), Error::missing(DEPTH))?;
    refused(rotate(to, none, unguarded(nothing_else)), Error::missing_source(DEPTH))
}

fn cnode_rotate_refuses_capabilities_that_take_no_guard(env: &mut Env) -> Outcome {
    let (endpoint, notification): (Endpoint, Notification) = (env.make()?, env.make()?);
    let cnode: CNode = env.make_sized(4)?;
    let to = empty(env)?;
    let [endpoint, notification, cnode] = [endpoint.slot(), notification.slot(), cnode.slot()].map(unguarded);
    refused(rotate(to, cnode, endpoint), Error::IllegalOperation)?;
    refused(rotate(to, notification, cnode), Error::IllegalOperation)?;
    let long = Mutated { guard: GuardData::new(0, 63), ..cnode };
    refused(rotate(to, long, unguarded(env.untyped(12)?.slot())), Error::IllegalOperation)
}

fn cnode_rotate_moves_two_capabilities(env: &mut Env) -> Outcome {
    let cnode = env.cnode(4)?;
    let untyped = env.untyped(12)?;
    let to = env.slot()?;
    let pivot = Mutated { slot: cnode.slot(), guard: GuardData::new(1, 4) };
    rotate(to.slot(), pivot, unguarded(untyped.slot()))?;
    let tags = [to, cnode.0, untyped.0].map(kind);
    same(tags, [Some(CapTag::CNode), Some(CapTag::Untyped), Some(CapTag::Null)])?;
    Slot { root: CNode(to), index: 0x13, depth: 8 }.copy_from(userland::INIT_TCB.slot(), Rights::ALL)?;
    Ok(())
}

fn cnode_rotate_swaps_when_source_is_target(env: &mut Env) -> Outcome {
    let (cnode, untyped): (CNode, Untyped) = (env.make_sized(4)?, env.untyped(12)?);
    rotate(untyped.slot(), unguarded(cnode.slot()), unguarded(untyped.slot()))?;
    same([cnode.0, untyped.0].map(kind), [Some(CapTag::Untyped), Some(CapTag::CNode)])
}

fn cnode_lookups_resolve_guards_and_levels(env: &mut Env) -> Outcome {
    let (outer, inner): (CNode, CNode) = (env.make_sized(4)?, env.make_sized(4)?);
    let guarded = Slot { root: outer, index: 9, depth: 4 };
    guarded.mint_from(inner.slot(), Rights::ALL, GuardData::new(5, 3).word())?;
    // Four bits of the outer CNode, three of the guard, four of the inner one.
    let place = Slot { root: outer, index: 0b100_1101_0110, depth: 11 };
    place.copy_from(userland::INIT_TCB.slot(), Rights::ALL)?;
    Slot { root: inner, index: 6, depth: 4 }.delete()?;
    // High bits of the index beyond the depth do not count.
    let same_place = Slot { index: place.index | 1 << (DEPTH - 8), ..place };
    refused(empty(env)?.move_from(same_place), Error::missing_source(11))?;
    let wrong = Slot { index: 0b100_1100_0110, ..place };
    let failure = LookupFailure::GuardMismatch { bits_left: 7, guard: 5, guard_bits: 3 };
    refused(wrong.delete(), target(failure))?;
    let short = Slot { index: 0b100_1101, depth: 7, ..place };
    let failure = LookupFailure::DepthMismatch { bits_left: 3, bits_found: 7 };
    refused(short.delete(), target(failure))
}
