// SPDX-License-Identifier: MIT OR Apache-2.0
//! Untyped memory: the checks of Retype in their order, and where objects go.

use crate::check::{Failure, Outcome, holds, refused, same, tests};
use crate::env::{DEPTH, Env, invoke, kind};
use crate::window::Window;
use abi::{CapTag, Label, ObjectType, Rights, sizes};
use userland::object::Frame;
use userland::{
    CNode, CPtr, Capability, Endpoint, Error, INIT_CNODE, INIT_TCB, LargePage, LookupFailure, LookupSide,
    SmallPage, Untyped,
};

tests!(
    untyped_retype_makes_every_kind_of_object,
    untyped_retype_refuses_another_label,
    untyped_retype_needs_six_words_and_a_root,
    untyped_retype_refuses_an_unknown_type,
    untyped_retype_refuses_sizes_beyond_47_bits_for_every_type,
    untyped_retype_refuses_objects_that_are_too_small,
    untyped_retype_looks_up_the_destination,
    untyped_retype_wants_a_cnode_as_destination,
    untyped_retype_bounds_the_offset,
    untyped_retype_bounds_the_number_of_objects,
    untyped_retype_wants_empty_slots,
    untyped_retype_tells_the_bytes_that_are_free,
    untyped_retype_makes_only_frames_and_untypeds_of_device_memory,
    untyped_retype_fills_slots_in_ascending_address_order,
    untyped_retype_aligns_objects_and_loses_the_space_skipped,
    untyped_retype_starts_again_without_children,
    untyped_retype_clears_memory,
    untyped_retype_reaches_a_cnode_through_another,
    untyped_retype_first_failing_check_decides,
    untyped_retype_of_a_copy_uses_the_same_memory,
    untyped_retype_of_the_source_waits_for_its_copy,
);

/// The type and size arguments of small objects of every kind that can be made from ordinary memory.
const KINDS: [(ObjectType, u64, CapTag); 11] = [
    (ObjectType::Untyped, 12, CapTag::Untyped),
    (ObjectType::Tcb, 0, CapTag::Tcb),
    (ObjectType::Endpoint, 0, CapTag::Endpoint),
    (ObjectType::Notification, 0, CapTag::Notification),
    (ObjectType::CNode, 1, CapTag::CNode),
    (ObjectType::SchedContext, 7, CapTag::SchedContext),
    (ObjectType::Reply, 0, CapTag::Reply),
    (ObjectType::Pml4, 0, CapTag::Pml4),
    (ObjectType::SmallPage, 0, CapTag::Frame),
    (ObjectType::PageTable, 0, CapTag::PageTable),
    (ObjectType::PageDirectory, 0, CapTag::PageDirectory),
];

/// The largest size, as a power of two.
const LARGEST: u64 = sizes::MAX_UNTYPED_BITS as u64;

/// Arguments that Retype accepts for one endpoint at `slot`.
fn good(slot: CPtr) -> [u64; 6] {
    [ObjectType::Endpoint.word(), 0, 0, 0, slot.0, 1]
}

/// Retypes with `word` in place of one of the good arguments.
fn with(env: &mut Env, index: usize, word: u64) -> Result<Result<(), Error>, Failure> {
    let slot = env.slot()?;
    let mut words = good(slot);
    words[index] = word;
    Ok(retype(env.memory, &words))
}

fn retype(untyped: Untyped, words: &[u64]) -> Result<(), Error> {
    invoke(untyped, Label::UntypedRetype, words, &[INIT_CNODE.cptr()]).map(|_| ())
}

fn untyped_retype_makes_every_kind_of_object(env: &mut Env) -> Outcome {
    for (object, size_bits, tag) in KINDS {
        let slot = env.slot()?;
        env.memory.retype(object, size_bits as u32, slot, 1)?;
        same(kind(slot), Some(tag))?;
    }
    let large: LargePage = env.make()?;
    same(kind(large.0), Some(CapTag::Frame))
}

fn untyped_retype_refuses_another_label(env: &mut Env) -> Outcome {
    refused(invoke(env.memory, Label::TcbSuspend, &[], &[]), Error::IllegalOperation)?;
    let unknown = userland::Message::new(0, &[]).invoke(env.memory.0);
    refused(unknown, Error::IllegalOperation)
}

fn untyped_retype_needs_six_words_and_a_root(env: &mut Env) -> Outcome {
    let words = good(env.slot()?);
    refused(retype(env.memory, &words[..5]), Error::TruncatedMessage)?;
    refused(invoke(env.memory, Label::UntypedRetype, &words, &[]), Error::TruncatedMessage)
}

fn untyped_retype_refuses_an_unknown_type(env: &mut Env) -> Outcome {
    for number in [ObjectType::COUNT, ObjectType::COUNT + 1, u64::MAX] {
        refused(with(env, 0, number)?, Error::InvalidArgument(0))?;
    }
    Ok(())
}

fn untyped_retype_refuses_sizes_beyond_47_bits_for_every_type(env: &mut Env) -> Outcome {
    for (object, ..) in KINDS {
        let slot = env.slot()?;
        let words = |size| [object.word(), size, 0, 0, slot.0, 1];
        refused(retype(env.memory, &words(DEPTH)), Error::Range(0, LARGEST))?;
        refused(retype(env.memory, &words(u64::MAX)), Error::Range(0, LARGEST))?;
    }
    let slot = env.slot()?;
    let words = |object: ObjectType, size| [object.word(), size, 0, 0, slot.0, 1];
    refused(retype(env.memory, &words(ObjectType::Untyped, LARGEST + 1)), Error::Range(0, LARGEST))?;
    refused(retype(env.memory, &words(ObjectType::CNode, LARGEST - 4)), Error::Range(0, LARGEST))?;
    // An object of fixed size ignores any other size argument.
    retype(env.memory, &words(ObjectType::Endpoint, DEPTH - 1))?;
    Ok(())
}

fn untyped_retype_refuses_objects_that_are_too_small(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    for (object, size) in [
        (ObjectType::CNode, 0),
        (ObjectType::Untyped, 3),
        (ObjectType::Untyped, 0),
        (ObjectType::SchedContext, 6),
    ] {
        refused(env.memory.retype(object, size, slot, 1), Error::InvalidArgument(1))?;
    }
    env.memory.retype(ObjectType::Untyped, 4, slot, 1)?;
    Ok(())
}

fn untyped_retype_looks_up_the_destination(env: &mut Env) -> Outcome {
    let cnode = env.cnode(4)?;
    let (root, offset) = (cnode, 0);
    let at = |index, depth| env.memory.retype_into(ObjectType::Endpoint, 0, (root, index, depth), offset, 1);
    refused(at(0, DEPTH + 1), Error::Range(1, DEPTH))?;
    let short = LookupFailure::GuardMismatch { bits_left: 8, guard: 0, guard_bits: DEPTH - 4 };
    refused(at(0, 8), Error::FailedLookup(LookupSide::Target, short))?;
    let not_a_root = CNode(env.memory.0);
    let invalid = env.memory.retype_into(ObjectType::Endpoint, 0, (not_a_root, 0, 8), offset, 1);
    refused(invalid, Error::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot))
}

fn untyped_retype_wants_a_cnode_as_destination(env: &mut Env) -> Outcome {
    let no_cnode = CNode(env.memory.0);
    let direct = env.memory.retype_into(ObjectType::Endpoint, 0, (no_cnode, 0, 0), 0, 1);
    refused(direct, Error::missing(0))?;
    let looked_up =
        env.memory.retype_into(ObjectType::Endpoint, 0, (INIT_CNODE, env.memory.0.0, DEPTH), 0, 1);
    refused(looked_up, Error::missing(DEPTH))
}

fn untyped_retype_bounds_the_offset(env: &mut Env) -> Outcome {
    let slots = 1u64 << env.boot.info().init_cnode_size_bits;
    refused(with(env, 4, slots)?, Error::Range(0, slots - 1))?;
    refused(with(env, 4, u64::MAX)?, Error::Range(0, slots - 1))
}

fn untyped_retype_bounds_the_number_of_objects(env: &mut Env) -> Outcome {
    for count in [0, 257, u64::MAX] {
        refused(with(env, 5, count)?, Error::Range(1, 256))?;
    }
    let slots = 1u64 << env.boot.info().init_cnode_size_bits;
    let words = [ObjectType::Endpoint.word(), 0, 0, 0, slots - 2, 3];
    refused(retype(env.memory, &words), Error::Range(1, 2))?;
    let first = env.slots(256)?;
    env.memory.retype(ObjectType::Endpoint, 0, first, 256)?;
    same(kind(CPtr(first.0 + 255)), Some(CapTag::Endpoint))
}

fn untyped_retype_wants_empty_slots(env: &mut Env) -> Outcome {
    let first = env.slots(3)?;
    env.memory.retype(ObjectType::Endpoint, 0, CPtr(first.0 + 2), 1)?;
    refused(env.memory.retype(ObjectType::Endpoint, 0, first, 3), Error::DeleteFirst)?;
    same(kind(first), Some(CapTag::Null))
}

fn untyped_retype_tells_the_bytes_that_are_free(env: &mut Env) -> Outcome {
    let small = env.untyped(12)?;
    let slots = env.slots(4)?;
    refused(small.retype(ObjectType::Untyped, 13, slots, 1), Error::NotEnoughMemory(4096))?;
    refused(small.retype(ObjectType::Tcb, 0, slots, 3), Error::NotEnoughMemory(4096))?;
    small.retype(ObjectType::Tcb, 0, slots, 1)?;
    refused(small.retype(ObjectType::Tcb, 0, CPtr(slots.0 + 1), 2), Error::NotEnoughMemory(2048))?;
    small.retype(ObjectType::Tcb, 0, CPtr(slots.0 + 1), 1)?;
    refused(small.retype(ObjectType::Endpoint, 0, CPtr(slots.0 + 2), 1), Error::NotEnoughMemory(0))
}

fn untyped_retype_makes_only_frames_and_untypeds_of_device_memory(env: &mut Env) -> Outcome {
    let device = env.boot.untypeds().find(|(_, desc)| desc.is_device == 1 && desc.size_bits >= 13);
    let Some((device, _)) = device else { return Ok(()) };
    let slot = env.slot()?;
    for (object, size_bits, _) in KINDS {
        let result = device.retype(object, size_bits as u32, slot, 1);
        match object {
            ObjectType::Untyped | ObjectType::SmallPage => {
                result?;
                slot.slot().delete()?;
            }
            _ => refused(result, Error::InvalidArgument(1))?,
        }
    }
    Ok(())
}

fn untyped_retype_fills_slots_in_ascending_address_order(env: &mut Env) -> Outcome {
    let first = env.slots(3)?;
    env.memory.retype(ObjectType::SmallPage, 0, first, 3)?;
    let base = SmallPage(first).get_address()?;
    for page in 1..3 {
        same(SmallPage(CPtr(first.0 + page)).get_address()?, base + page * 4096)?;
    }
    Ok(())
}

fn untyped_retype_aligns_objects_and_loses_the_space_skipped(env: &mut Env) -> Outcome {
    let memory = env.untyped(14)?;
    let slots = env.slots(5)?;
    let page = |index: u64| SmallPage(CPtr(slots.0 + index));
    memory.retype(ObjectType::SmallPage, 0, slots, 1)?;
    memory.retype(ObjectType::Endpoint, 0, CPtr(slots.0 + 1), 1)?;
    memory.retype(ObjectType::SmallPage, 0, page(2).0, 1)?;
    same(page(2).get_address()?, page(0).get_address()? + 2 * 4096)?;
    memory.retype(ObjectType::SmallPage, 0, page(3).0, 1)?;
    refused(memory.retype(ObjectType::Endpoint, 0, CPtr(slots.0 + 4), 1), Error::NotEnoughMemory(0))
}

fn untyped_retype_starts_again_without_children(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    let slot = env.slot()?;
    memory.retype(ObjectType::SmallPage, 0, slot, 1)?;
    let address = SmallPage(slot).get_address()?;
    slot.slot().delete()?;
    memory.retype(ObjectType::SmallPage, 0, slot, 1)?;
    same(SmallPage(slot).get_address()?, address)
}

fn untyped_retype_clears_memory(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    let slot = env.slot()?;
    memory.retype(ObjectType::SmallPage, 0, slot, 1)?;
    let place = Window::map(env, SmallPage(slot), Rights::READ_WRITE)?;
    place.set(0, u64::MAX);
    place.set(511, 7);
    slot.slot().delete()?;
    memory.retype(ObjectType::SmallPage, 0, slot, 1)?;
    place.remap(SmallPage(slot), Rights::READ_WRITE)?;
    same([place.get(0), place.get(511)], [0, 0])
}

fn untyped_retype_reaches_a_cnode_through_another(env: &mut Env) -> Outcome {
    let cnode: CNode = env.make_sized(4)?;
    env.memory.retype_into(ObjectType::Endpoint, 0, (INIT_CNODE, cnode.0.0, DEPTH), 9, 2)?;
    // The new CNode has no guard: four bits of address reach its slots.
    let inside = userland::Slot { root: cnode, index: 10, depth: 4 };
    let out = env.slot()?;
    out.slot().move_from(inside)?;
    same(kind(out), Some(CapTag::Endpoint))
}

fn untyped_retype_first_failing_check_decides(env: &mut Env) -> Outcome {
    let memory = env.memory;
    let taken = INIT_TCB.0.0;
    let slots = 1u64 << env.boot.info().init_cnode_size_bits;
    let refuse = |words: [u64; 6], error| refused(retype(memory, &words), error);
    // Type before size, size before lower bounds, these before the destination.
    refuse([99, DEPTH, 0, 0, 0, 0], Error::InvalidArgument(0))?;
    refuse([ObjectType::CNode.word(), DEPTH, 0, DEPTH + 1, 0, 0], Error::Range(0, LARGEST))?;
    refuse([ObjectType::CNode.word(), 0, 0, DEPTH + 1, 0, 0], Error::InvalidArgument(1))?;
    // The destination before the offset, the offset before the number, the number before the slots.
    refuse([ObjectType::Endpoint.word(), 0, 0, DEPTH + 1, slots, 0], Error::Range(1, DEPTH))?;
    refuse([ObjectType::Endpoint.word(), 0, 0, 0, slots, 0], Error::Range(0, slots - 1))?;
    refuse([ObjectType::Endpoint.word(), 0, 0, 0, taken, 257], Error::Range(1, 256))?;
    // The slots before the memory.
    refuse([ObjectType::Untyped.word(), LARGEST, 0, 0, taken, 1], Error::DeleteFirst)
}

fn untyped_retype_of_a_copy_uses_the_same_memory(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    let copy = env.copy(memory, Rights::ALL)?;
    let slot = env.slot()?;
    copy.retype(ObjectType::SmallPage, 0, slot, 1)?;
    let address = SmallPage(slot).get_address()?;
    memory.slot().revoke()?;
    same([kind(copy.0), kind(slot)], [Some(CapTag::Null); 2])?;
    memory.retype(ObjectType::SmallPage, 0, slot, 1)?;
    same(SmallPage(slot).get_address()?, address)
}

fn untyped_retype_of_the_source_waits_for_its_copy(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    let copy = env.copy(memory, Rights::ALL)?;
    let slot = env.slot()?;
    refused(memory.retype(ObjectType::Endpoint, 0, slot, 1), Error::NotEnoughMemory(0))?;
    copy.slot().delete()?;
    memory.retype(ObjectType::Endpoint, 0, slot, 1)?;
    let endpoint: Endpoint = Endpoint(slot);
    holds(kind(endpoint.0) == Some(CapTag::Endpoint), "an untyped without its copy can be used again")
}
