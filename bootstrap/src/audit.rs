// SPDX-License-Identifier: MIT OR Apache-2.0
//! The audit: a second reading of the page tables that were really built.
//!
//! Shares no code with the mapper (`tables`, `kernel`): entries are decoded here a second time, from the processor
//! manuals (`entry`). Every table and every page that is reachable from a root is compared with the plan.
//!
//! Checked, for each instance, kernel half and user half:
//!
//! * every table lies in the instance's own memory, so that no other instance can write it (CONFINED)
//! * every page lies entirely in memory the plan gives this kernel, by owner (CONFINED; with the plan's own check,
//!   DISJOINT)
//! * no page is both writable and executable in the kernel half, and none there is open to user code (W^X)
//! * user pages lie in the instance's own memory; nothing reaches the MSI window but the kernel's local-APIC page

mod entry;

use alloc::vec::Vec;
use core::fmt;

use memory_partition::{Architecture, Plan};
use skerry_system::MemoryRange;

use entry::{Entry, Rights};

/// The window where stores become interrupts.
const MSI_WINDOW: MemoryRange = MemoryRange::new(0xfee0_0000, 0xfef0_0000);
const PAGE: u64 = 0x1000;

/// What a range of physical memory is, as the plan has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Partition of an instance, reclaimed memory included.
    Partition(usize),
    /// Inbox of an instance.
    Inbox(usize),
    /// Status page of an instance.
    Status(usize),
    /// Log ring of an instance.
    Log(usize),
    /// Shared region.
    Region(usize),
    /// Interrupt controller, by position.
    IoApic(usize),
    /// The local-APIC page, in xAPIC mode.
    LocalApic,
    /// Registers that kernels use, by position.
    KernelRegisters(usize),
    /// Kept back for restart.
    Kept,
    /// Given to nobody.
    Nobody,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(instance) => write!(f, "partition of instance {instance}"),
            Self::Inbox(instance) => write!(f, "inbox of instance {instance}"),
            Self::Status(instance) => write!(f, "status page of instance {instance}"),
            Self::Log(instance) => write!(f, "log ring of instance {instance}"),
            Self::Region(region) => write!(f, "shared region {region}"),
            Self::IoApic(chip) => write!(f, "interrupt controller {chip}"),
            Self::LocalApic => write!(f, "local-APIC page"),
            Self::KernelRegisters(unit) => write!(f, "registers of the kernels {unit}"),
            Self::Kept => write!(f, "memory kept back for restart"),
            Self::Nobody => write!(f, "memory of nobody"),
        }
    }
}

/// The half of the address space a mapping is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Addresses of user code.
    User,
    /// Addresses of the kernel.
    Kernel,
}

/// What is wrong with a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reaches memory that this half of this instance may not map.
    Foreign(Owner),
    /// It reaches the MSI window.
    MsiWindow,
    /// It is writable and executable.
    WritableAndExecutable,
    /// It is in the kernel half and open to user code.
    OpenToUser,
    /// It is a table outside the instance's own memory.
    TableOutside(Owner),
    /// Device registers mapped as cached memory.
    CachedDevice(Owner),
}

/// A mapping that breaks an invariant: what maps, and what it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The instance whose tables hold it.
    pub instance: usize,
    /// First virtual address of the mapping.
    pub address: u64,
    /// Physical memory it maps.
    pub mapped: MemoryRange,
    /// The range of the plan it collides with.
    pub reached: MemoryRange,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, address, mapped, reached, fault } = self;
        write!(f, "audit: instance {instance} maps {mapped} at {address:#x}: ")?;
        match fault {
            Fault::Foreign(owner) => write!(f, "reaches {owner} {reached}"),
            Fault::MsiWindow => write!(f, "reaches the MSI window {reached}"),
            Fault::WritableAndExecutable => write!(f, "writable and executable in {reached}"),
            Fault::OpenToUser => write!(f, "kernel mapping in {reached} open to user code"),
            Fault::TableOutside(owner) => write!(f, "a page table in {owner} {reached}"),
            Fault::CachedDevice(owner) => write!(f, "registers of {owner} {reached} mapped as cached memory"),
        }
    }
}

/// Top-level tables of one instance: those of its kernel and those of its root task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// Index of the instance.
    pub instance: usize,
    /// Physical address of the top-level table of its kernel.
    pub kernel: u64,
    /// The same of its threads: the root task's and, where it is another, the idle thread's.
    pub users: Vec<u64>,
}

/// What an audit without violation looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Instances.
    pub instances: usize,
    /// Mappings.
    pub mappings: u64,
}

/// The line of boot output.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audit: {} instances, {} mappings, ok", self.instances, self.mappings)
    }
}

/// The plan as a map of owners, sorted by address.
pub struct Audit<'a, R: Fn(u64) -> u64> {
    read: R,
    architecture: Architecture,
    plan: &'a Plan,
    owners: Vec<(MemoryRange, Owner)>,
}

struct Mapping {
    instance: usize,
    half: Half,
    address: u64,
    range: MemoryRange,
    rights: Rights,
}

impl<'a, R: Fn(u64) -> u64> Audit<'a, R> {
    /// Prepares the audit of a plan; `read` gives the 64-bit word at a physical address. `local_apic` is the page every
    /// kernel may map, in xAPIC mode.
    pub fn new(architecture: Architecture, plan: &'a Plan, local_apic: Option<u64>, read: R) -> Self {
        let mut owners = Vec::new();
        for (index, instance) in plan.instances.iter().enumerate() {
            owners.extend(instance.memory().map(|range| (range, Owner::Partition(index))));
            owners.push((instance.inbox, Owner::Inbox(index)));
            owners.push((instance.status, Owner::Status(index)));
            owners.push((instance.log, Owner::Log(index)));
        }
        let regions = plan.regions.iter().enumerate();
        owners.extend(regions.map(|(index, region)| (region.range, Owner::Region(index))));
        let registers = plan.kernel_registers.iter().enumerate();
        owners.extend(registers.map(|(unit, registers)| (registers.range, Owner::KernelRegisters(unit))));
        let chips = plan.io_apics.iter().enumerate();
        let chips =
            chips.map(|(index, chip)| (MemoryRange::of_size(chip.address, PAGE), Owner::IoApic(index)));
        let is_shared = |page| plan.kernel_registers.iter().any(|registers| registers.range.contains(page));
        owners.extend(chips.filter(|(page, _)| !is_shared(*page)));
        owners.extend(plan.kept.iter().map(|kept| (kept.range, Owner::Kept)));
        owners.extend(local_apic.map(|page| (MemoryRange::of_size(page, PAGE), Owner::LocalApic)));
        owners.retain(|(range, _)| !range.is_empty());
        owners.sort_unstable_by_key(|(range, _)| *range);
        Audit { read, architecture, plan, owners }
    }

    /// Walks every table of every instance.
    pub fn run(&self, roots: &[Roots]) -> Result<Report, Violation> {
        let mut report = Report::default();
        for instance in roots {
            report.instances += 1;
            report.mappings += self.walk_root(instance.instance, Half::Kernel, instance.kernel)?;
            for table in &instance.users {
                report.mappings += self.walk_root(instance.instance, Half::User, *table)?;
            }
        }
        Ok(report)
    }

    fn walk_root(&self, instance: usize, half: Half, root: u64) -> Result<u64, Violation> {
        let span = entry::span(self.architecture, half);
        self.check_table(instance, span.start, root)?;
        let mut mappings = 0;
        for index in 0..span.entries {
            let half = if index < span.first_kernel_entry { Half::User } else { Half::Kernel };
            let sign = if span.shift == 39 && half == Half::Kernel { 0xffff << 48 } else { 0 };
            let address = span.start | sign | index << span.shift;
            let entry = (self.read)(root + index * 8);
            mappings +=
                self.walk(&Place { instance, half, address, shift: span.shift }, entry, Rights::ALL)?;
        }
        Ok(mappings)
    }

    /// Follows one entry: `place` says what it spans.
    fn walk(&self, place: &Place, entry: u64, above: Rights) -> Result<u64, Violation> {
        match entry::decode(self.architecture, place.shift, entry, above) {
            Entry::Nothing => Ok(0),
            Entry::Page(frame, rights) => {
                let range = MemoryRange::of_size(frame, 1 << place.shift);
                let Place { instance, half, address, .. } = *place;
                self.check_page(&Mapping { instance, half, address, range, rights })?;
                Ok(1)
            }
            Entry::Table(table, rights) => {
                self.check_table(place.instance, place.address, table)?;
                let shift = place.shift - 9;
                let mut mappings = 0;
                for index in 0..512 {
                    let below = Place { address: place.address | index << shift, shift, ..*place };
                    mappings += self.walk(&below, (self.read)(table + index * 8), rights)?;
                }
                Ok(mappings)
            }
        }
    }

    fn check_table(&self, instance: usize, address: u64, table: u64) -> Result<(), Violation> {
        let mapped = MemoryRange::of_size(table, PAGE);
        match self.owner_of(mapped) {
            (_, Owner::Partition(owner)) if owner == instance => Ok(()),
            (reached, owner) => {
                Err(Violation { instance, address, mapped, reached, fault: Fault::TableOutside(owner) })
            }
        }
    }

    fn check_page(&self, mapping: &Mapping) -> Result<(), Violation> {
        let Mapping { instance, half, address, range: mapped, rights } = *mapping;
        let violation = |reached, fault| Err(Violation { instance, address, mapped, reached, fault });
        let mut rest = mapped;
        while !rest.is_empty() {
            let (reached, owner) = self.owner_of(rest);
            let is_local_apic = owner == Owner::LocalApic && half == Half::Kernel;
            if rest.overlaps(MSI_WINDOW) && !is_local_apic {
                return violation(MSI_WINDOW, Fault::MsiWindow);
            }
            if !self.may_map(instance, half, owner) {
                return violation(reached, Fault::Foreign(owner));
            }
            if half == Half::Kernel && rights.user {
                return violation(reached, Fault::OpenToUser);
            }
            if half == Half::Kernel && rights.writable && rights.executable {
                return violation(reached, Fault::WritableAndExecutable);
            }
            let is_device = matches!(owner, Owner::IoApic(_) | Owner::LocalApic | Owner::KernelRegisters(_));
            if is_device && rights.cached {
                return violation(reached, Fault::CachedDevice(owner));
            }
            rest.start = reached.end;
        }
        Ok(())
    }

    /// Whose memory the start of `range` is, and how far that reaches.
    fn owner_of(&self, range: MemoryRange) -> (MemoryRange, Owner) {
        let next = self.owners.partition_point(|(owned, _)| owned.end <= range.start);
        match self.owners.get(next) {
            Some((owned, owner)) if owned.start <= range.start => (*owned, *owner),
            Some((owned, _)) => (MemoryRange::new(range.start, owned.start.min(range.end)), Owner::Nobody),
            None => (range, Owner::Nobody),
        }
    }

    /// CONFINED: what this half of this instance may map.
    fn may_map(&self, instance: usize, half: Half, owner: Owner) -> bool {
        match (half, owner) {
            (_, Owner::Partition(of)) => of == instance,
            (Half::User, _) => false,
            (Half::Kernel, Owner::Inbox(of)) => of == instance || self.has_channel(instance, of),
            (Half::Kernel, Owner::Status(of) | Owner::Log(of)) => of == instance,
            (Half::Kernel, Owner::IoApic(chip)) => self.plan.io_apics[chip].owner == instance,
            (Half::Kernel, Owner::LocalApic) => true,
            (Half::Kernel, Owner::KernelRegisters(unit)) => {
                self.plan.kernel_registers[unit].owner.is_none_or(|owner| owner == instance)
            }
            (Half::Kernel, Owner::Region(_) | Owner::Kept | Owner::Nobody) => false,
        }
    }

    fn has_channel(&self, from: usize, to: usize) -> bool {
        self.plan.channels.iter().any(|channel| channel.from == from && channel.to == to)
    }
}

#[derive(Clone, Copy)]
struct Place {
    instance: usize,
    half: Half,
    address: u64,
    /// Address bits below the index of the entry.
    shift: u32,
}

#[cfg(test)]
mod tests;
