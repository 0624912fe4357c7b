// SPDX-License-Identifier: MIT OR Apache-2.0
//! Owners of registers, interrupt controllers and IO ports.

use alloc::vec::Vec;

use super::survey::Survey;
use crate::{
    DeviceError, Firmware, Hole, InstancePlan, IoApicOwner, KernelRegisters, KernelUnit, PortOwner, Taken,
    hazard::{Classes, Verdict},
    layout::{MAX_IO_APIC_TARGET, MSI_WINDOW, PAGE, TOP_OF_4_GIB},
    range_set::RangeSet,
};
use skerry_system::{Description, Device, DeviceKind, MemoryRange};

/// Owner of everything that the description does not give to another instance.
const DEFAULT_OWNER: usize = 0;

/// Devices that reach beyond their owners, who are trusted with them. Others that do are refused.
pub(super) fn holes(classes: &Classes, description: &Description) -> Result<Vec<Hole>, DeviceError> {
    let mut holes = Vec::new();
    for (index, device) in description.devices.iter().enumerate() {
        match classes.verdict(device) {
            Verdict::Ordinary => {}
            Verdict::Hole(unit) => holes.push(Hole { device: index, unit }),
            Verdict::Refused(unit) => {
                let (device, kind) = (device.name.clone(), device.kind);
                return Err(DeviceError::Reaches { device, kind, unit });
            }
        }
    }
    Ok(holes)
}

/// Device memory of each instance.
///
/// The default owner has the whole address space except usable memory, the pages of interrupt
/// controllers, the interrupt window, the kernels' own registers, what is kept back, what reaches beyond its owner, and
/// the registers of the other owners.
pub(super) fn registers(
    firmware: &Firmware,
    description: &Description,
    survey: &Survey,
    classes: &Classes,
) -> Result<Vec<RangeSet>, DeviceError> {
    let ram = survey.ram.rounded_out(PAGE);
    let address_space = firmware.architecture.layout().address_space;
    let chips: RangeSet = io_apic_pages(firmware).collect();
    let kernels: RangeSet =
        kernel_registers(firmware, description).map(|registers| registers.range.rounded_out(PAGE)).collect();
    let kept: RangeSet = survey.kept.iter().map(|kept| kept.range.rounded_out(PAGE)).collect();
    let mut owned: Vec<Vec<MemoryRange>> = description.instances.iter().map(|_| Vec::new()).collect();
    let mut given = Vec::new();
    for device in &description.devices {
        let DeviceKind::Mmio { base, size } = device.kind else { continue };
        let range = MemoryRange::of_size(base, size);
        check_free(device, range, Taken::Memory, ram.first_overlap(range))?;
        check_free(device, range, Taken::Memory, survey.unreachable.first_overlap(range))?;
        check_free(device, range, Taken::Memory, kept.first_overlap(range))?;
        check_free(device, range, Taken::IoApic, chips.first_overlap(range))?;
        check_free(device, range, Taken::Kernel, kernels.first_overlap(range))?;
        let unmappable = MemoryRange::new(address_space.end, u64::MAX);
        check_free(device, range, Taken::Nothing, range.overlaps(unmappable).then_some(unmappable))?;
        if device.owner != DEFAULT_OWNER || classes.verdict(device) != Verdict::Ordinary {
            owned[device.owner].push(range);
            given.push(range);
        }
    }
    let everything = RangeSet::from_iter([address_space]);
    let left = everything
        .without([MSI_WINDOW, TOP_OF_4_GIB])
        .without(ram.iter())
        .without(survey.unreachable.iter())
        .without(chips.iter())
        .without(kernels.iter())
        .without(kept.iter())
        .without(classes.registers().map(|(_, range)| range))
        .without(given);
    owned[DEFAULT_OWNER].extend(left.iter());
    Ok(owned.into_iter().map(|ranges| ranges.into_iter().collect()).collect())
}

/// The registers that the kernels keep. A console that the description gives to an instance is not among them.
pub(super) fn kernel_registers<'a>(
    firmware: &'a Firmware,
    description: &'a Description,
) -> impl Iterator<Item = &'a KernelRegisters> {
    let is_given = |range: MemoryRange| {
        description.devices.iter().any(|device| match device.kind {
            DeviceKind::Mmio { base, size } => MemoryRange::of_size(base, size).overlaps(range),
            _ => false,
        })
    };
    let is_kept = move |registers: &&KernelRegisters| {
        registers.unit != KernelUnit::Console || !is_given(registers.range)
    };
    firmware.kernel_registers.iter().filter(is_kept)
}

/// Register pages of all interrupt controllers.
pub(super) fn io_apic_pages(firmware: &Firmware) -> impl Iterator<Item = MemoryRange> {
    firmware.io_apics.iter().map(|chip| MemoryRange::of_size(chip.address, 1).rounded_out(PAGE))
}

fn check_free(
    device: &Device,
    range: MemoryRange,
    taken: Taken,
    by: Option<MemoryRange>,
) -> Result<(), DeviceError> {
    match by {
        Some(by) => Err(DeviceError::RegistersTaken { device: device.name.clone(), range, taken, by }),
        None => Ok(()),
    }
}

/// Owner of each interrupt controller.
pub(super) fn io_apics(
    firmware: &Firmware,
    description: &Description,
    instances: &[InstancePlan],
) -> Result<Vec<IoApicOwner>, DeviceError> {
    let unowned = |chip: &crate::IoApic| IoApicOwner {
        address: chip.address,
        pins: chip.pins,
        gsi_base: chip.gsi_base,
        owner: DEFAULT_OWNER,
    };
    let mut chips: Vec<_> = firmware.io_apics.iter().map(unowned).collect();
    let count = chips.len();
    for device in &description.devices {
        let DeviceKind::IoApic { index } = device.kind else { continue };
        let name = || device.name.clone();
        let missing = || DeviceError::NoSuchIoApic { device: name(), index, count };
        let chip = chips.get_mut(index as usize).ok_or_else(missing)?;
        let InstancePlan { name: instance, apic_id, .. } = &instances[device.owner];
        if *apic_id > MAX_IO_APIC_TARGET {
            let instance = instance.clone();
            return Err(DeviceError::IoApicCannotReach { device: name(), instance, apic_id: *apic_id });
        }
        chip.owner = device.owner;
    }
    Ok(chips)
}

/// Refuses a message-signalled interrupt whose message cannot name the core.
pub(super) fn check_messages(
    description: &Description,
    instances: &[InstancePlan],
) -> Result<(), DeviceError> {
    for program in &description.programs {
        let apic_id = instances[program.instance].apic_id;
        let is_message = |interrupt: &&skerry_system::Interrupt| {
            matches!(interrupt.source, skerry_system::InterruptSource::Message { .. })
        };
        if apic_id > MAX_IO_APIC_TARGET
            && let Some(interrupt) = program.interrupts.iter().find(is_message)
        {
            let (program, interrupt) = (program.name.clone(), interrupt.name.clone());
            return Err(DeviceError::MessageCannotReach { program, interrupt, apic_id });
        }
    }
    Ok(())
}

/// Owner of each IO port, ascending and without gaps; empty on a machine without ports.
pub(super) fn ports(
    firmware: &Firmware,
    description: &Description,
    classes: &Classes,
) -> Result<Vec<PortOwner>, DeviceError> {
    let asking = description.devices.iter().filter_map(|device| Some((device, port_range(device)?)));
    if !firmware.architecture.layout().has_ports {
        let refused = |(device, _): (&Device, _)| {
            Err(DeviceError::NoPorts { device: device.name.clone(), architecture: firmware.architecture })
        };
        return asking.into_iter().next().map_or(Ok(Vec::new()), refused);
    }
    let mut table =
        Vec::from([PortOwner { first: 0, last: u16::MAX, owner: Some(DEFAULT_OWNER), unit: None }]);
    for hazard in classes.ports() {
        let (first, last, unit) = (hazard.first, hazard.last, Some(hazard.unit));
        table = give(&table, PortOwner { first, last, owner: None, unit });
    }
    for (_, ports) in asking {
        table = give(&table, ports);
    }
    Ok(merged(table))
}

fn port_range(device: &Device) -> Option<PortOwner> {
    match device.kind {
        DeviceKind::IoPorts { first, last } => {
            Some(PortOwner { first, last, owner: Some(device.owner), unit: None })
        }
        _ => None,
    }
}

/// The table after some ports went to another owner.
fn give(table: &[PortOwner], ports: PortOwner) -> Vec<PortOwner> {
    let mut changed = Vec::with_capacity(table.len() + 2);
    for part in table {
        if let Some(below) = ports.first.checked_sub(1).filter(|below| part.first <= *below) {
            changed.push(PortOwner { last: part.last.min(below), ..*part });
        }
        if part.last >= ports.last && part.first <= ports.last {
            changed.push(ports);
        }
        if let Some(above) = ports.last.checked_add(1).filter(|above| *above <= part.last) {
            changed.push(PortOwner { first: part.first.max(above), ..*part });
        }
    }
    changed
}

/// Neighbours that belong together as one.
fn merged(table: Vec<PortOwner>) -> Vec<PortOwner> {
    let mut merged: Vec<PortOwner> = Vec::with_capacity(table.len());
    for part in table {
        match merged.last_mut() {
            Some(last) if (last.owner, last.unit) == (part.owner, part.unit) => last.last = part.last,
            _ => merged.push(part),
        }
    }
    merged
}
