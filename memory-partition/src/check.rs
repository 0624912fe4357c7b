// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second opinion: does a plan keep DISJOINT?
//!
//! Written against the plan alone, without the set operations the planner is made of: all places are sorted
//! by address and neighbours compared. Three questions are asked:
//!
//! 1. Beside each other: do two places overlap, device memory of any instance included?
//! 2. Inside each partition: do untypeds, reserve and dropped pieces lie in it and fill it exactly?
//! 3. On the machine: is every place of RAM usable memory, and every usable byte in a place?

use alloc::vec::Vec;
use core::fmt;

use abi::MAX_UNTYPED_CAPS;

use crate::{
    DropReason, Firmware, KeptFor, Plan, Unit,
    hazard::Classes,
    layout::{MSI_WINDOW, PAGE},
};
use skerry_system::{DeviceKind, MemoryRange};

/// How a plan breaks DISJOINT or gives away what nobody may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two places overlap.
    Overlap {
        /// The one that starts first.
        first: Place,
        /// Where it is.
        first_range: MemoryRange,
        /// The other.
        second: Place,
        /// Where that is.
        second_range: MemoryRange,
    },
    /// A place is, at least in part, not usable memory.
    NotUsable {
        /// The place.
        place: Place,
        /// Where it is.
        range: MemoryRange,
        /// First address of it that is not usable.
        address: u64,
    },
    /// A place inside an instance lies outside its partition.
    Outside {
        /// The place.
        place: Place,
        /// Where it is.
        range: MemoryRange,
    },
    /// Usable memory is in no place at all.
    Lost {
        /// First address of it.
        address: u64,
    },
    /// An untyped list has more entries than bootinfo.
    ListTooLong {
        /// Index of the instance.
        instance: usize,
        /// Number of entries.
        entries: usize,
    },
    /// An instance owns registers or ports that reach beyond it, and is not trusted with them.
    Reaches {
        /// Index of the instance.
        instance: usize,
        /// What it owns.
        unit: Unit,
        /// Its first address or port.
        at: u64,
    },
    /// Two interrupt controllers are one chip, or have a global interrupt number in common.
    SameChip {
        /// Index of one.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// Two instances run on one core.
    SameCore {
        /// Index of one.
        first: usize,
        /// Index of the other.
        second: usize,
        /// Local APIC id of the core.
        apic_id: u32,
    },
}

/// Something that has a place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Partition of an instance.
    Partition(usize),
    /// Reserve of an instance, inside its partition.
    Reserve(usize),
    /// Normal untyped of an instance, inside its partition.
    Untyped(usize),
    /// Device untyped of an instance.
    Device(usize),
    /// Inbox of an instance.
    Inbox(usize),
    /// Status page of an instance.
    Status(usize),
    /// Log ring of an instance.
    Log(usize),
    /// Boot record of an instance.
    BootRecord(usize),
    /// Shared region.
    Region(usize),
    /// Boot image, module or trampoline.
    Kept,
    /// Memory that nobody gets.
    Dropped,
    /// Register page of an interrupt controller.
    IoApic(usize),
    /// Registers that kernels use.
    KernelRegisters(usize),
    /// The window where stores become interrupts.
    MsiWindow,
}

type Placed = (MemoryRange, Place);

impl Plan {
    /// Checks DISJOINT for this plan on this machine.
    pub fn check(&self, firmware: &Firmware) -> Result<(), Violation> {
        self.check_instances()?;
        self.check_chips()?;
        let memory = sorted(self.memory_places());
        let nobodys = self.nobodys_places(firmware);
        let others = self.device_places().chain(nobodys.iter().copied());
        check_apart(&sorted(memory.iter().copied().chain(others)))?;
        self.check_hazards(firmware)?;
        memory.iter().try_for_each(|&place| check_usable(firmware, place))?;
        check_complete(firmware, &memory, &nobodys)?;
        (0..self.instances.len()).try_for_each(|i| self.check_inside(i))
    }

    fn check_instances(&self) -> Result<(), Violation> {
        for (i, instance) in self.instances.iter().enumerate() {
            let (entries, apic_id) = (instance.untyped.len(), instance.apic_id);
            if entries > MAX_UNTYPED_CAPS {
                return Err(Violation::ListTooLong { instance: i, entries });
            }
            if let Some(first) = self.instances[..i].iter().position(|other| other.apic_id == apic_id) {
                return Err(Violation::SameCore { first, second: i, apic_id });
            }
        }
        Ok(())
    }

    /// Every interrupt controller is a chip of its own.
    fn check_chips(&self) -> Result<(), Violation> {
        for (second, chip) in self.io_apics.iter().enumerate() {
            let inputs = |gsi_base: u32, pins: u32| MemoryRange::of_size(gsi_base.into(), pins.into());
            let own = inputs(chip.gsi_base, chip.pins);
            let is_same = |other: &crate::IoApicOwner| {
                other.address / PAGE == chip.address / PAGE
                    || inputs(other.gsi_base, other.pins).overlaps(own)
            };
            if let Some(first) = self.io_apics[..second].iter().position(is_same) {
                return Err(Violation::SameChip { first, second });
            }
        }
        Ok(())
    }

    /// What reaches beyond its owner is nobody's, unless the description trusts the owner.
    fn check_hazards(&self, firmware: &Firmware) -> Result<(), Violation> {
        let classes = Classes::of(firmware, self.instances.len());
        let is_trusted = |instance: usize, wanted: DeviceKind| {
            let devices = self.holes.iter().map(|hole| &self.devices[hole.device]);
            devices.into_iter().any(|device| device.owner == instance && device.kind.contains(wanted))
        };
        for (instance, owner) in self.instances.iter().enumerate() {
            for piece in owner.untyped.iter().filter(|piece| piece.device) {
                for (unit, range) in classes.registers() {
                    let part = piece.range().intersection(range);
                    let kind = DeviceKind::Mmio { base: part.start, size: part.size() };
                    if !part.is_empty() && !is_trusted(instance, kind) {
                        return Err(Violation::Reaches { instance, unit, at: part.start });
                    }
                }
            }
        }
        for ports in &self.ports {
            let Some(instance) = ports.owner else { continue };
            for hazard in classes.ports().filter(|hazard| hazard.own != Some(instance)) {
                let (first, last) = (ports.first.max(hazard.first), ports.last.min(hazard.last));
                if first <= last && !is_trusted(instance, DeviceKind::IoPorts { first, last }) {
                    return Err(Violation::Reaches { instance, unit: hazard.unit, at: first.into() });
                }
            }
        }
        Ok(())
    }

    /// Places of RAM that stand beside each other.
    fn memory_places(&self) -> impl Iterator<Item = Placed> {
        let instances = self.instances.iter().enumerate().flat_map(|(i, instance)| {
            let pages = [
                (instance.inbox, Place::Inbox(i)),
                (instance.status, Place::Status(i)),
                (instance.log, Place::Log(i)),
                (instance.boot_record, Place::BootRecord(i)),
            ];
            instance.memory().map(move |range| (range, Place::Partition(i))).chain(pages)
        });
        let regions = self.regions.iter().enumerate().map(|(i, region)| (region.range, Place::Region(i)));
        let is_record = |reason| matches!(reason, KeptFor::BootRecord { .. });
        let kept = self.kept.iter().filter(move |kept| !is_record(kept.reason));
        let kept = kept.map(|kept| (kept.range, Place::Kept));
        let beside = |reason| {
            matches!(reason, DropReason::PartialPage | DropReason::Unreachable | DropReason::Unassigned)
        };
        let dropped = self.dropped.iter().filter(move |dropped| beside(dropped.reason));
        let dropped = dropped.map(|dropped| (dropped.range, Place::Dropped));
        instances.chain(regions).chain(kept).chain(dropped)
    }

    /// Registers that are never memory, whatever the memory map says, and that no instance's programs have.
    fn nobodys_places(&self, firmware: &Firmware) -> Vec<Placed> {
        let mut places = Vec::from([(MSI_WINDOW, Place::MsiWindow)]);
        let registers = self.kernel_registers.iter().enumerate();
        places.extend(registers.map(|(i, registers)| (registers.range, Place::KernelRegisters(i))));
        for (i, chip) in firmware.io_apics.iter().enumerate() {
            let page = MemoryRange::of_size(chip.address - chip.address % PAGE, PAGE);
            if !places.iter().any(|(range, _)| range.contains(page)) {
                places.push((page, Place::IoApic(i)));
            }
        }
        places
    }

    fn device_places(&self) -> impl Iterator<Item = Placed> {
        self.instances.iter().enumerate().flat_map(|(i, instance)| {
            let device = instance.untyped.iter().filter(|untyped| untyped.device);
            device.map(move |untyped| (untyped.range(), Place::Device(i)))
        })
    }

    /// The instance in whose memory a range starts.
    fn partition_around(&self, range: MemoryRange) -> Option<usize> {
        let start = MemoryRange::of_size(range.start, 1);
        self.instances.iter().position(|instance| instance.memory().any(|own| own.contains(start)))
    }

    /// Untypeds, reserve and dropped pieces fill the memory of instance `i` and nothing else.
    fn check_inside(&self, i: usize) -> Result<(), Violation> {
        let instance = &self.instances[i];
        let normal = instance.untyped.iter().filter(|untyped| !untyped.device);
        let dropped = self.dropped.iter().map(|dropped| dropped.range);
        let places = normal
            .map(|untyped| (untyped.range(), Place::Untyped(i)))
            .chain([(instance.reserve, Place::Reserve(i))])
            .chain(dropped.filter(|d| self.partition_around(*d) == Some(i)).map(|d| (d, Place::Dropped)));
        let places = sorted(places);
        for &(range, place) in &places {
            if !instance.memory().any(|own| own.contains(range)) {
                return Err(Violation::Outside { place, range });
            }
        }
        check_apart(&places)?;
        instance.memory().try_for_each(|own| check_filled(own, &places, &[]))
    }
}

fn sorted(places: impl Iterator<Item = Placed>) -> Vec<Placed> {
    let mut places: Vec<_> = places.filter(|(range, _)| !range.is_empty()).collect();
    places.sort_by_key(|(range, _)| (range.start, range.end));
    places
}

/// When any two of sorted places overlap, two neighbours do.
fn check_apart(sorted: &[Placed]) -> Result<(), Violation> {
    for pair in sorted.windows(2) {
        let [(first_range, first), (second_range, second)] = [pair[0], pair[1]];
        if second_range.start < first_range.end {
            return Err(Violation::Overlap { first, first_range, second, second_range });
        }
    }
    Ok(())
}

/// Every byte of a place is in a usable range and in no range of another type.
fn check_usable(firmware: &Firmware, (range, place): Placed) -> Result<(), Violation> {
    let not_usable = |address| Violation::NotUsable { place, range, address };
    if let Some(other) = firmware.other.iter().find(|other| other.range.overlaps(range)) {
        return Err(not_usable(other.range.start.max(range.start)));
    }
    let mut address = range.start;
    while address < range.end {
        let around = |usable: &&MemoryRange| usable.start <= address && address < usable.end;
        address = firmware.usable.iter().find(around).ok_or(not_usable(address))?.end;
    }
    Ok(())
}

/// Every usable byte that kernels can reach is in a place.
fn check_complete(firmware: &Firmware, memory: &[Placed], nobodys: &[Placed]) -> Result<(), Violation> {
    let nobodys = nobodys.iter().map(|(range, _)| *range);
    let other: Vec<_> = firmware.other.iter().map(|other| other.range).chain(nobodys).collect();
    let layout = firmware.architecture.layout();
    let mut normal = firmware.usable.iter().map(|usable| usable.intersection(layout.normal_memory));
    normal.try_for_each(|usable| check_filled(usable, memory, &other))
}

/// Walks through `range` from place to place, stepping over what is not usable after all.
fn check_filled(range: MemoryRange, places: &[Placed], other: &[MemoryRange]) -> Result<(), Violation> {
    let mut address = range.start;
    while address < range.end {
        let around = |range: &MemoryRange| range.start <= address && address < range.end;
        let next = places.partition_point(|(place, _)| place.end <= address);
        let place = places.get(next).map(|(place, _)| *place).filter(around);
        let step = place.or_else(|| other.iter().copied().find(around));
        address = step.ok_or(Violation::Lost { address })?.end;
    }
    Ok(())
}

impl core::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Overlap { first, first_range, second, second_range } => {
                write!(f, "{first} at {first_range} overlaps {second} at {second_range}")
            }
            Violation::NotUsable { place, range, address } => {
                write!(f, "{place} at {range} is not usable memory from {address:#x}")
            }
            Violation::Outside { place, range } => write!(f, "{place} at {range} is outside its partition"),
            Violation::Lost { address } => write!(f, "usable memory at {address:#x} belongs to nobody"),
            Violation::ListTooLong { instance, entries } => {
                write!(f, "instance {instance} has {entries} untypeds, bootinfo holds {MAX_UNTYPED_CAPS}")
            }
            Violation::Reaches { instance, unit, at } => {
                write!(f, "instance {instance} owns {at:#x}, {unit}, which {}", unit.danger())
            }
            Violation::SameChip { first, second } => {
                write!(f, "interrupt controllers {first} and {second} are one chip, or share inputs")
            }
            Violation::SameCore { first, second, apic_id } => {
                write!(f, "instances {first} and {second} both run on APIC id {apic_id}")
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Partition(i) => write!(f, "partition {i}"),
            Place::Reserve(i) => write!(f, "reserve of instance {i}"),
            Place::Untyped(i) => write!(f, "untyped of instance {i}"),
            Place::Device(i) => write!(f, "device memory of instance {i}"),
            Place::Inbox(i) => write!(f, "inbox of instance {i}"),
            Place::Status(i) => write!(f, "status page of instance {i}"),
            Place::Log(i) => write!(f, "log ring of instance {i}"),
            Place::BootRecord(i) => write!(f, "boot record of instance {i}"),
            Place::Region(i) => write!(f, "shared region {i}"),
            Place::Kept => write!(f, "memory kept back"),
            Place::Dropped => write!(f, "dropped memory"),
            Place::IoApic(i) => write!(f, "interrupt controller {i}"),
            Place::KernelRegisters(i) => write!(f, "registers of the kernels {i}"),
            Place::MsiWindow => write!(f, "interrupt window"),
        }
    }
}

#[cfg(test)]
mod tests;
