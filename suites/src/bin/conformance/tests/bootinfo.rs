// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a root task is told and given at its start.

use crate::check::{Outcome, holds, refused, same, tests};
use crate::env::{Env, kind};
use abi::sizes::{MAX_UNTYPED_BITS, MIN_UNTYPED_BITS};
use abi::{BootInfo, CapTag, Rights, WORD_BYTES, Word, slots, widen};
use userland::object::{Frame, SchedParameters};
use userland::{CPtr, Capability, Error, INIT_SCHED_CONTEXT, INIT_TCB, INIT_VSPACE, IpcBuffer, SmallPage};

tests!(
    bootinfo_has_one_node_and_one_sched_control,
    bootinfo_slots_follow_each_other,
    bootinfo_untypeds_are_aligned_and_disjoint,
    bootinfo_puts_buffer_and_bootinfo_behind_the_image,
    bootinfo_frames_are_mapped_and_their_copies_are_not,
    bootinfo_initial_capabilities_are_not_related,
    bootinfo_root_cnode_resolves_slot_numbers,
    bootinfo_root_cnode_has_the_size_described,
    bootinfo_initial_time_is_bound_to_the_initial_thread,
);

fn bootinfo_has_one_node_and_one_sched_control(env: &mut Env) -> Outcome {
    let info = env.boot.info();
    same((info.num_nodes, info.num_iopt_levels, info.init_domain), (1, Word::MAX, 0))?;
    same(info.sched_control.count(), 1)?;
    same(info.io_space_caps.count(), 0)?;
    same(abi::widen(info.node_id), env.boot.chunk().map_or(0, |chunk| u64::from(chunk.instance())))
}

fn bootinfo_slots_follow_each_other(env: &mut Env) -> Outcome {
    let info = env.boot.info();
    same(info.sched_control.slots().start, slots::FIRST_FREE)?;
    same(info.sched_control.end, info.user_image_paging.start)?;
    same(info.user_image_paging.end, info.extra_pages.start)?;
    same(info.extra_pages.end, info.user_image_frames.start)?;
    holds(info.user_image_frames.end <= info.untyped.start, "untypeds follow the image")?;
    holds(info.untyped.end <= info.empty.start, "free slots follow the untypeds")?;
    same(info.empty.end, 1 << info.init_cnode_size_bits)?;
    for (region, tag) in [
        (info.user_image_frames, CapTag::Frame),
        (info.extra_pages, CapTag::Frame),
        (info.shared_frames, CapTag::Frame),
        (info.untyped, CapTag::Untyped),
    ] {
        let found = region.slots().find(|&slot| kind(CPtr(slot)) != Some(tag));
        same(found, None)?;
    }
    Ok(())
}

fn bootinfo_root_cnode_has_the_size_described(env: &mut Env) -> Outcome {
    let described = env.boot.argument("cnode-bits").and_then(|bits| bits.parse().ok());
    let bits = widen(env.boot.info().init_cnode_size_bits);
    same(bits, described.unwrap_or(abi::sizes::ROOT_CNODE_BITS.into()))?;
    // The last slot is there, and what would follow it is not.
    let last = CPtr((1 << bits) - 1);
    last.slot().copy_from(INIT_TCB.slot(), Rights::ALL)?;
    last.slot().delete()?;
    let beyond = CPtr(1 << bits);
    holds(beyond.slot().copy_from(INIT_TCB.slot(), Rights::ALL).is_err(), "there is no slot beyond")
}

fn bootinfo_untypeds_are_aligned_and_disjoint(env: &mut Env) -> Outcome {
    let bounds = |desc: abi::UntypedDesc| (widen(desc.paddr), widen(desc.paddr) + (1 << desc.size_bits));
    for (index, (_, desc)) in env.boot.untypeds().enumerate() {
        let (start, end) = bounds(desc);
        holds((MIN_UNTYPED_BITS..=MAX_UNTYPED_BITS).contains(&desc.size_bits.into()), "sizes are possible")?;
        holds(start % (end - start) == 0, "untypeds are aligned to their size")?;
        let overlaps = |(_, other): (_, abi::UntypedDesc)| bounds(other).0 < end && start < bounds(other).1;
        same(env.boot.untypeds().position(overlaps), Some(index))?;
    }
    let beyond = env.boot.info().untyped.count() as usize;
    same(env.boot.info().untyped_list[beyond..].iter().all(|desc| desc.size_bits == 0), true)
}

fn bootinfo_puts_buffer_and_bootinfo_behind_the_image(env: &mut Env) -> Outcome {
    let info = env.boot.info();
    let end = userland::IMAGE_START + info.user_image_frames.count() * 4096;
    same([widen(info.ipc_buffer), core::ptr::from_ref(info) as u64], [end, end + 4096])?;
    // The last word of the message is where the kernel will read it.
    IpcBuffer::current().set_word(119, 0x1234);
    same(IpcBuffer::current().word(119), 0x1234)?;
    holds(widen(info.extra_len) <= info.extra_pages.count() * 4096, "the extra bootinfo is in its frames")?;
    same(size_of::<BootInfo>(), 483 * WORD_BYTES)
}

fn bootinfo_frames_are_mapped_and_their_copies_are_not(env: &mut Env) -> Outcome {
    let buffer = SmallPage(CPtr(slots::INIT_IPC_BUFFER));
    let elsewhere = |frame: SmallPage| frame.map(INIT_VSPACE, 0x1000, Rights::READ, crate::window::CACHED);
    for frame in [buffer, SmallPage(CPtr(slots::BOOT_INFO_FRAME))] {
        refused(elsewhere(frame), Error::InvalidArgument(0))?;
    }
    let copy = env.copy(buffer, Rights::ALL)?;
    refused(elsewhere(copy), Error::missing(21))
}

fn bootinfo_initial_capabilities_are_not_related(env: &mut Env) -> Outcome {
    // Revoking one deletes what was derived from it and no other initial capability.
    for cap in [CPtr(slots::ASID_CONTROL), CPtr(slots::DOMAIN), CPtr(slots::INIT_ASID_POOL)] {
        let copy = env.slot()?;
        copy.slot().copy_from(cap.slot(), Rights::ALL)?;
        cap.slot().revoke()?;
        same(kind(copy), Some(CapTag::Null))?;
    }
    let kept = [slots::INIT_TCB, slots::INIT_CNODE, slots::INIT_VSPACE, slots::INIT_SCHED_CONTEXT];
    same(kept.map(CPtr).into_iter().find(|&cap| kind(cap) == Some(CapTag::Null)), None)
}

fn bootinfo_root_cnode_resolves_slot_numbers(env: &mut Env) -> Outcome {
    let bits = env.boot.info().init_cnode_size_bits;
    let last = CPtr((1 << bits) - 1);
    last.slot().copy_from(INIT_TCB.slot(), Rights::ALL)?;
    same(kind(last), Some(CapTag::Tcb))?;
    last.slot().delete()?;
    same(kind(CPtr(last.0 + 1 + slots::INIT_TCB)), Some(CapTag::Null))
}

fn bootinfo_initial_time_is_bound_to_the_initial_thread(env: &mut Env) -> Outcome {
    let context = env.sched_context(crate::env::SLICE)?;
    refused(context.bind(INIT_TCB), Error::IllegalOperation)?;
    let tcb: userland::Tcb = env.make()?;
    refused(INIT_SCHED_CONTEXT.bind(tcb), Error::IllegalOperation)?;
    // The object is of the smallest size: no refills besides the two.
    let time = SchedParameters { extra_refills: 1, ..SchedParameters::round_robin(5_000) };
    refused(env.boot.sched_control().configure(INIT_SCHED_CONTEXT, time), Error::Range(0, 0))
}
