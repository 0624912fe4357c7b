// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why there is no plan: which input is wrong, what was expected, what to change.

use alloc::string::String;
use core::fmt;

use crate::{Architecture, Unit, layout::MAX_IO_APIC_TARGET};
use skerry_system::{DescriptionError, DeviceKind, MemoryRange};

/// Why a machine cannot be divided as described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The description has a mistake of its own.
    Description(DescriptionError),
    /// The caller gave another number of footprints than there are instances.
    FootprintCount {
        /// Number of instances.
        instances: usize,
        /// Number of footprints.
        footprints: usize,
    },
    /// The instances do not match the cores of the machine.
    Core(CoreError),
    /// The memory map does not hold what is needed, or what was loaded.
    Firmware(FirmwareError),
    /// Something does not fit.
    Size(SizeError),
    /// A device is not where the description says.
    Device(DeviceError),
}

/// How instances and cores do not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// The core that runs the boot code is not among the enabled cores of the MADT.
    BootCoreMissing {
        /// Its local APIC id.
        apic_id: u32,
    },
    /// There are more instances than enabled cores.
    TooFew {
        /// Number of instances.
        instances: usize,
        /// Number of enabled cores.
        cores: usize,
    },
    /// An instance names a core that the machine does not have.
    NoSuchCore {
        /// Name of the instance.
        instance: String,
        /// The core it names.
        core: u32,
        /// Number of enabled cores.
        cores: usize,
    },
}

/// How the memory map does not match what the boot needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirmwareError {
    /// The memory map has no usable page from 1 MiB up.
    NoUsableMemory {
        /// Number of usable ranges in the map.
        ranges: usize,
    },
    /// The boot image or a module lies, at least in part, outside usable memory.
    LoadedOutside {
        /// What was loaded.
        what: Loaded,
        /// Where it is.
        range: MemoryRange,
    },
    /// The boot image and a module, or two modules, overlap.
    LoadedTwice {
        /// What was loaded.
        what: Loaded,
        /// Where it is.
        range: MemoryRange,
        /// What else was loaded there.
        other: Loaded,
        /// Where that is.
        other_range: MemoryRange,
    },
    /// No page below 1 MiB is free for starting the other cores.
    NoTrampoline,
}

/// What does not fit into what. All sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// No free memory is large enough for a shared region.
    Region {
        /// Name of the region.
        region: String,
        /// Size it needs.
        wanted: u64,
        /// Largest free range.
        largest: u64,
    },
    /// No free memory is left for the pages that every instance needs beside its partition.
    Pages {
        /// Name of the instance.
        instance: String,
        /// What the pages are for.
        what: Bookkeeping,
        /// Size they need.
        wanted: u64,
        /// Largest free range.
        largest: u64,
    },
    /// A partition is larger than the memory that is left for it.
    Partition {
        /// Name of the instance.
        instance: String,
        /// Size of the partition.
        wanted: u64,
        /// Memory left.
        available: u64,
    },
    /// A partition has no contiguous range that holds kernel and root task.
    Reserve {
        /// Name of the instance.
        instance: String,
        /// Size of kernel and root task.
        wanted: u64,
        /// Largest contiguous range of the partition.
        largest: u64,
    },
    /// The root CNode has too few slots for the initial capabilities.
    CNode {
        /// Name of the instance.
        instance: String,
        /// Slots the initial capabilities may take.
        wanted: u64,
        /// Slots of the root CNode.
        slots: u64,
    },
}

/// How a device does not match the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// Registers lie where the machine has something else.
    RegistersTaken {
        /// Name of the device.
        device: String,
        /// Where the description puts it.
        range: MemoryRange,
        /// What is there.
        taken: Taken,
        /// Where that is.
        by: MemoryRange,
    },
    /// The device reaches beyond its owner, who is not said to be trusted.
    Reaches {
        /// Name of the device.
        device: String,
        /// Where the description puts it.
        kind: DeviceKind,
        /// What it reaches by.
        unit: Unit,
    },
    /// The machine has no IO ports.
    NoPorts {
        /// Name of the device.
        device: String,
        /// What the machine is.
        architecture: Architecture,
    },
    /// The machine does not have this interrupt controller.
    NoSuchIoApic {
        /// Name of the device.
        device: String,
        /// The controller it names.
        index: u32,
        /// Number of controllers.
        count: usize,
    },
    /// The interrupt controller cannot reach the core of the instance that owns it.
    IoApicCannotReach {
        /// Name of the device.
        device: String,
        /// Name of the instance.
        instance: String,
        /// Local APIC id of its core.
        apic_id: u32,
    },
    /// Messages of a device cannot reach the core of the instance that runs a program.
    MessageCannotReach {
        /// Name of the program.
        program: String,
        /// Name of the interrupt.
        interrupt: String,
        /// Local APIC id of the core.
        apic_id: u32,
    },
}

/// What a boot loader put into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The boot image.
    BootImage,
    /// A module, by position.
    Module(usize),
}

/// Pages that every instance has beside its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bookkeeping {
    /// Pending lines.
    Inbox,
    /// Status page.
    Status,
    /// Log ring.
    Log,
    /// What is needed to build the instance again.
    BootRecord,
}

/// What can be where a device was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Usable memory.
    Memory,
    /// An interrupt controller.
    IoApic,
    /// What the kernels use.
    Kernel,
    /// Nothing: no processor can map these addresses.
    Nothing,
}

impl core::error::Error for PlanError {}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Description(error) => error.fmt(f),
            PlanError::FootprintCount { instances, footprints } => {
                write!(f, "{footprints} footprints for {instances} instances; give one for each")
            }
            PlanError::Core(error) => error.fmt(f),
            PlanError::Firmware(error) => error.fmt(f),
            PlanError::Size(error) => error.fmt(f),
            PlanError::Device(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoreError::BootCoreMissing { apic_id } => write!(
                f,
                "ACPI table MADT: no enabled core with APIC id {apic_id}, on which the boot runs; \
                 check the firmware"
            ),
            CoreError::TooFew { instances, cores } => write!(
                f,
                "{instances} instances need as many cores, the machine has {cores}; \
                 run with --cpus {instances} or describe fewer instances"
            ),
            CoreError::NoSuchCore { instance, core, cores } => write!(
                f,
                "instance `{instance}`, core: there is no core {core}, the machine has {cores}, counted \
                 from 0; leave the core out to take a free one"
            ),
        }
    }
}

impl fmt::Display for FirmwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FirmwareError::NoUsableMemory { ranges } => write!(
                f,
                "memory map: {ranges} usable ranges, none with a page from 1 MiB up; \
                 give the machine more memory, or check that the boot loader passes a memory map"
            ),
            FirmwareError::LoadedOutside { what, range } => {
                write!(
                    f,
                    "{what} at {range} is outside the memory the firmware calls usable; load it elsewhere"
                )
            }
            FirmwareError::LoadedTwice { what, range, other, other_range } => {
                write!(f, "{what} at {range} overlaps {other} at {other_range}; check the boot loader")
            }
            FirmwareError::NoTrampoline => write!(
                f,
                "memory map: no free page in 0x1000..0xa0000 to start other cores in; \
                 keep modules above 1 MiB, or run one instance"
            ),
        }
    }
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SizeError::Region { region, wanted, largest } => write!(
                f,
                "region `{region}`, size: {} wanted in one piece, the largest free range is {}; \
                 make it smaller or give the machine more memory",
                Bytes(*wanted),
                Bytes(*largest)
            ),
            SizeError::Pages { instance, what, wanted, largest } => write!(
                f,
                "instance `{instance}`: {} wanted for its {what}, the largest free range is {}; \
                 make regions smaller or give the machine more memory",
                Bytes(*wanted),
                Bytes(*largest)
            ),
            SizeError::Partition { instance, wanted, available } => write!(
                f,
                "instance `{instance}`, memory: {} wanted, {} left; lower it or use \"rest\"",
                Bytes(*wanted),
                Bytes(*available)
            ),
            SizeError::Reserve { instance, wanted, largest } => write!(
                f,
                "instance `{instance}`, memory: kernel and root task need {} in one piece, \
                 the largest piece is {}; give the instance or the machine more memory",
                Bytes(*wanted),
                Bytes(*largest)
            ),
            SizeError::CNode { instance, wanted, slots } => write!(
                f,
                "instance `{instance}`, cnode_bits: {wanted} slots may be needed, the root CNode has {slots}; \
                 raise it, or make the sizes of its regions multiples of 2 MiB"
            ),
        }
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceError::RegistersTaken { device, range, taken, by } => {
                write!(f, "device `{device}`, base: {range} overlaps {taken} at {by}; check the address")
            }
            DeviceError::Reaches { device, kind, unit } => write!(
                f,
                "device `{device}`, {}: {kind} has {unit}, which {}; leave it out, or say trusted = true: then its \
                 owner is trusted with the whole machine",
                kind.field(),
                unit.danger()
            ),
            DeviceError::NoPorts { device, architecture } => write!(
                f,
                "device `{device}`, ports: {architecture} has no IO ports; give the address of its registers"
            ),
            DeviceError::NoSuchIoApic { device, index, count } => write!(
                f,
                "device `{device}`, index: there is no IOAPIC {index}, the machine has {count}, counted \
                 from 0; check the number"
            ),
            DeviceError::IoApicCannotReach { device, instance, apic_id } => write!(
                f,
                "device `{device}`, owner: an IOAPIC reaches APIC ids up to {MAX_IO_APIC_TARGET}, \
                 `{instance}` runs on {apic_id}; name an owner on a lower core"
            ),
            DeviceError::MessageCannotReach { program, interrupt, apic_id } => write!(
                f,
                "program `{program}`, interrupt `{interrupt}`: messages reach APIC ids up to {MAX_IO_APIC_TARGET}, \
                 it runs on {apic_id}; move it to a lower core"
            ),
        }
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loaded::BootImage => write!(f, "boot image"),
            Loaded::Module(index) => write!(f, "module {index}"),
        }
    }
}

impl fmt::Display for Bookkeeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bookkeeping::Inbox => "inbox",
            Bookkeeping::Status => "status page",
            Bookkeeping::Log => "log ring",
            Bookkeeping::BootRecord => "boot record",
        })
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Taken::Memory => "usable memory",
            Taken::IoApic => "an interrupt controller",
            Taken::Kernel => "registers that the kernels use",
            Taken::Nothing => "addresses that cannot be mapped",
        })
    }
}

/// A size in the largest unit that shows it without a fraction.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.trailing_zeros() {
            _ if self.0 == 0 => write!(f, "0 bytes"),
            0..10 => write!(f, "{} bytes", self.0),
            10..20 => write!(f, "{} KiB", self.0 >> 10),
            20..30 => write!(f, "{} MiB", self.0 >> 20),
            _ => write!(f, "{} GiB", self.0 >> 30),
        }
    }
}

#[cfg(test)]
mod tests;
