// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the root task of an instance: its image in one contiguous block, then, with `kernel::boot`, the objects of
//! its first thread.

use alloc::vec::Vec;

use abi::UntypedDesc;
use arch::{PageAccess, PageSize, PhysAddr};
use bootstrap::carver::Carver;
use bootstrap::extra::{Facts, shared_with};
use kernel::boot::{Image, RegionFrames, RootTask, Slots};
use kernel::handover::Handover;
use kernel::memory::objects::Objects;
use memory_partition::Plan;
use skerry_system::{Access, Mode};

use super::error::BootError;
use super::instance::{Context, place};

/// Debug name of the first thread.
const THREAD_NAME: &str = "rootserver";
/// Priority and maximum controlled priority of the first thread.
const PRIORITY: u8 = 255;

/// Places image and objects and says in `record` where they are; `record` names the kernel's tables already.
pub(crate) fn build(
    context: &Context,
    index: usize,
    carver: &mut Carver,
    record: &mut Handover,
) -> Result<(), BootError> {
    let Context { plan, system, machine, .. } = context;
    let (own, description) = (&plan.instances[index], &system.description);
    let facts = Facts {
        description,
        plan,
        firmware: &machine.firmware,
        rsdp: machine.rsdp,
        tsc_mhz: machine.ticks_per_us,
        offsets: context.offsets,
    };
    let is_described = description.mode == Mode::Described;
    let untyped: Vec<UntypedDesc> =
        own.untyped.iter().map(|piece| UntypedDesc::new(piece.base, piece.size_bits, piece.device)).collect();
    let task = RootTask {
        name: THREAD_NAME,
        instance: index as u64,
        image: load(context, index, carver)?,
        variant: description.instances[index].variant.into(),
        cnode_bits: description.instances[index].cnode_bits,
        priority: PRIORITY,
        slice_us: u64::from(description.instances[index].boot_slice_us),
        ticks_per_us: record.ticks_per_us,
        kernel_root: PhysAddr(record.kernel_root),
        incoming_lines: own.incoming_lines,
        extra_len: facts.len(index),
        regions: &regions(plan, index),
        status_pages: if is_described { &status_pages(plan, index) } else { &[] },
        controls: &[],
        untyped: &untyped,
    };
    let refused = |error| BootError::RootTask { instance: own.name.clone(), error };
    let extra = facts.encode(index, &Slots::of(&task).map_err(refused)?);
    let allocate = |bits: u32| carver.take(1 << bits, 1 << bits).ok().map(|range| PhysAddr(range.start));
    task.build(&mut Objects::new(), &extra, allocate, record).map_err(refused)?;
    Ok(())
}

/// Copies the program; frames exist for every page from its lowest to its highest address.
fn load(context: &Context, index: usize, carver: &mut Carver) -> Result<Image, BootError> {
    let instance = &context.plan.instances[index].name;
    let program = &context.system.programs[index];
    let frames = carver
        .pages(program.pages())
        .map_err(|error| BootError::Reserve { instance: instance.clone(), error })?;
    for segment in &program.segments {
        place(segment, program, frames.start);
    }
    Ok(Image {
        start: program.start,
        pages: program.pages(),
        frames: PhysAddr(frames.start),
        entry: program.entry,
    })
}

fn regions(plan: &Plan, index: usize) -> Vec<RegionFrames> {
    let size = |bits: u8| match bits {
        30 => PageSize::Huge,
        21 => PageSize::Large,
        _ => PageSize::Small,
    };
    let frames = |(region, access): (&memory_partition::RegionPlan, Access)| RegionFrames {
        base: PhysAddr(region.range.start),
        size: size(region.page_bits),
        count: region.range.size() >> region.page_bits,
        access: match access {
            Access::ReadOnly => PageAccess::ReadOnly,
            Access::ReadWrite => PageAccess::ReadWrite,
        },
    };
    shared_with(plan, index).map(frames).collect()
}

/// The own status page, then those of the peers in the order of the instances.
fn status_pages(plan: &Plan, index: usize) -> Vec<PhysAddr> {
    let page = |instance: &memory_partition::InstancePlan| PhysAddr(instance.status.start);
    let peers = plan.instances.iter().enumerate().filter(|(peer, _)| *peer != index);
    core::iter::once(page(&plan.instances[index])).chain(peers.map(|(_, peer)| page(peer))).collect()
}
