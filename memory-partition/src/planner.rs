// SPDX-License-Identifier: MIT OR Apache-2.0
//! From description and machine to plan.
//!
//! Memory is given away in this order, each step from what the earlier ones left: what is kept back;
//! shared regions, the most aligned first; inbox, status page, log ring and boot record of each instance;
//! partitions; device memory, which is what is not memory.

mod cores;
mod devices;
mod partitions;
mod pool;
mod survey;
mod untyped_list;

use alloc::vec::Vec;
use core::cmp::Reverse;

use abi::{MAX_UNTYPED_CAPS, slots::FIRST_FREE};
use pool::Pool;
use survey::Survey;

use crate::{
    Bookkeeping, ChannelPlan, Core, DeviceGrant, DropReason, Dropped, Firmware, Footprint, InstancePlan,
    Kept, KeptFor, Nobodys, Plan, PlanError, RegionPlan, SizeError,
    hazard::Classes,
    layout::{HUGE_PAGE_BITS, LARGE_PAGE_BITS, LOG_BYTES, PAGE, PAGE_BITS, STATUS_BYTES, inbox_bytes},
    range_set::RangeSet,
};
use skerry_system::{Description, Instance, MemoryRange, Region};

/// Divides a machine as described, with one footprint for each instance, in the order of the description.
///
/// The same input gives the same plan, on the host as on the boot core.
pub fn plan(
    firmware: &Firmware,
    description: &Description,
    footprints: &[Footprint],
) -> Result<Plan, PlanError> {
    check_input(description, footprints)?;
    let cores = cores::assign(firmware, description).map_err(PlanError::Core)?;
    let mut survey = Survey::of(firmware, description).map_err(PlanError::Firmware)?;
    let regions = place_regions(&mut survey.free, &description.regions).map_err(PlanError::Size)?;
    let classes = Classes::of(firmware, description.instances.len());
    let owners = devices::registers(firmware, description, &survey, &classes).map_err(PlanError::Device)?;
    let holes = devices::holes(&classes, description).map_err(PlanError::Device)?;
    let mut dropped = Vec::new();
    let drops = survey.partial_pages.iter().map(|range| Dropped { range, reason: DropReason::PartialPage });
    dropped.extend(drops);
    let drops = survey.unreachable.iter().map(|range| Dropped { range, reason: DropReason::Unreachable });
    dropped.extend(drops);

    let mut instances =
        place_instances(description, footprints, &cores, &mut survey).map_err(PlanError::Size)?;
    for (i, (instance, device)) in instances.iter_mut().zip(&owners).enumerate() {
        let reclaimed = instance.reclaimed.iter().copied().collect();
        let normal = instance.partition.iter().copied().collect::<RangeSet>().without([instance.reserve]);
        instance.untyped = untyped_list::build(i, device, &reclaimed, &normal, &mut dropped);
        let frames = frames_of(i, &regions) + description.instances.len() as u64;
        check_slots(&description.instances[i], footprints[i], frames).map_err(PlanError::Size)?;
    }
    let unassigned = survey.free.take_all().into_iter();
    dropped.extend(unassigned.map(|range| Dropped { range, reason: DropReason::Unassigned }));
    let channels = number_lines(description, &mut instances);
    devices::check_messages(description, &instances).map_err(PlanError::Device)?;
    Ok(Plan {
        system: description.name.clone(),
        io_apics: devices::io_apics(firmware, description, &instances).map_err(PlanError::Device)?,
        holes,
        nobodys: classes.registers().map(|(unit, range)| Nobodys { range, unit }).collect(),
        ports: devices::ports(firmware, description, &classes).map_err(PlanError::Device)?,
        kernel_registers: devices::kernel_registers(firmware, description).copied().collect(),
        devices: description.devices.iter().map(grant).collect(),
        trampoline: survey.trampoline,
        kept: survey.kept,
        instances,
        regions,
        channels,
        dropped,
    })
}

fn check_input(description: &Description, footprints: &[Footprint]) -> Result<(), PlanError> {
    if let Some(error) = description.validate().into_iter().next() {
        return Err(PlanError::Description(error));
    }
    let instances = description.instances.len();
    if footprints.len() != instances {
        return Err(PlanError::FootprintCount { instances, footprints: footprints.len() });
    }
    Ok(())
}

/// Shared regions, in the order of the description; the most aligned are placed first.
fn place_regions(pool: &mut Pool, regions: &[Region]) -> Result<Vec<RegionPlan>, SizeError> {
    let mut order: Vec<usize> = (0..regions.len()).collect();
    order.sort_by_key(|&i| Reverse(page_sizes(regions[i].size).next()));
    let mut placed = Vec::with_capacity(regions.len());
    for i in order {
        placed.push((i, place_region(pool, &regions[i])?));
    }
    placed.sort_unstable_by_key(|(i, _)| *i);
    Ok(placed.into_iter().map(|(_, region)| region).collect())
}

/// A region takes the largest pages that make it up; smaller ones where memory has no place so aligned.
fn place_region(pool: &mut Pool, region: &Region) -> Result<RegionPlan, SizeError> {
    let size = region.size.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
    let place = |page_bits: u8| pool.take(size, 1u64 << page_bits).map(|range| (range, page_bits));
    let Some((range, page_bits)) = page_sizes(size).find_map(place) else {
        return Err(SizeError::Region { region: region.name.clone(), wanted: size, largest: pool.largest() });
    };
    let members = region.members.iter().map(|member| (member.instance, member.access)).collect();
    Ok(RegionPlan { name: region.name.clone(), range, page_bits, members })
}

/// Page sizes that divide `size` rounded up to a page, the largest first.
fn page_sizes(size: u64) -> impl Iterator<Item = u8> {
    let pages = size.div_ceil(PAGE);
    [HUGE_PAGE_BITS, LARGE_PAGE_BITS, PAGE_BITS]
        .into_iter()
        .filter(move |bits| pages.is_multiple_of(1 << (bits - PAGE_BITS)))
}

/// Everything of the instances except their untyped lists.
fn place_instances(
    description: &Description,
    footprints: &[Footprint],
    cores: &[Core],
    survey: &mut Survey,
) -> Result<Vec<InstancePlan>, SizeError> {
    let count = description.instances.len();
    let mut plans = Vec::with_capacity(count);
    for (i, instance) in description.instances.iter().enumerate() {
        let mut take = |what, bytes| take_pages(&mut survey.free, instance, what, bytes);
        let inbox = take(Bookkeeping::Inbox, inbox_bytes(count))?;
        let status = take(Bookkeeping::Status, STATUS_BYTES)?;
        let log = take(Bookkeeping::Log, LOG_BYTES)?;
        let boot_record = take(Bookkeeping::BootRecord, footprints[i].record_bytes)?;
        if !boot_record.is_empty() {
            survey.kept.push(Kept { range: boot_record, reason: KeptFor::BootRecord { instance: i } });
        }
        plans.push(InstancePlan {
            name: instance.name.clone(),
            apic_id: cores[i].apic_id,
            node: cores[i].node,
            idle: instance.idle,
            if_silent: instance.if_silent,
            partition: Vec::new(),
            reclaimed: Vec::new(),
            reserve: MemoryRange::default(),
            untyped: Vec::new(),
            inbox,
            status,
            log,
            boot_record,
            incoming_lines: 0,
        });
    }
    plans[0].reclaimed = survey.reclaimed.iter().collect();
    let partitions = partitions::place(&mut survey.free, description)?;
    for (i, partition) in partitions.into_iter().enumerate() {
        plans[i].reserve = partitions::reserve(&description.instances[i], &partition, footprints[i])?;
        plans[i].partition = partition;
    }
    Ok(plans)
}

fn take_pages(
    pool: &mut Pool,
    instance: &Instance,
    what: Bookkeeping,
    bytes: u64,
) -> Result<MemoryRange, SizeError> {
    let wanted = bytes.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
    if wanted == 0 {
        return Ok(MemoryRange::default());
    }
    let missing = SizeError::Pages { instance: instance.name.clone(), what, wanted, largest: pool.largest() };
    pool.take(wanted, PAGE).ok_or(missing)
}

/// Frame capabilities that an instance gets for its regions.
fn frames_of(instance: usize, regions: &[RegionPlan]) -> u64 {
    let shares = |region: &&RegionPlan| region.members.iter().any(|(member, _)| *member == instance);
    regions.iter().filter(shares).map(|region| region.range.size() >> region.page_bits).sum()
}

/// Whether the root CNode holds every initial capability: the numbered ones, a full untyped list, at most one
/// for each page of the reserve, and `frames` of regions and status pages.
fn check_slots(instance: &Instance, footprint: Footprint, frames: u64) -> Result<(), SizeError> {
    const SCHED_CONTROL_SLOTS: u64 = 1;
    let numbered = FIRST_FREE + SCHED_CONTROL_SLOTS;
    let wanted = numbered + MAX_UNTYPED_CAPS as u64 + footprint.reserve_bytes / PAGE + frames;
    let slots = 1 << instance.cnode_bits;
    if wanted > slots {
        return Err(SizeError::CNode { instance: instance.name.clone(), wanted, slots });
    }
    Ok(())
}

/// Channels between instances, with their incoming lines numbered consecutively at each receiver.
fn number_lines(description: &Description, instances: &mut [InstancePlan]) -> Vec<ChannelPlan> {
    let number = |channel: &skerry_system::Channel| {
        let receiver = &mut instances[channel.to];
        let incoming_base = receiver.incoming_lines;
        receiver.incoming_lines += channel.lines;
        ChannelPlan {
            name: channel.name.clone(),
            from: channel.from,
            to: channel.to,
            lines: channel.lines,
            ack: channel.ack,
            incoming_base,
        }
    };
    description.channels_between_instances().map(number).collect()
}

fn grant(device: &skerry_system::Device) -> DeviceGrant {
    DeviceGrant { name: device.name.clone(), owner: device.owner, kind: device.kind }
}

#[cfg(test)]
mod tests;
