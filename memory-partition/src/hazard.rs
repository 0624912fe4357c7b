// SPDX-License-Identifier: MIT OR Apache-2.0
//! What reaches beyond its owner: devices that master the bus or send messages, and ports that reset the machine.
//!
//! Where several instances share a machine, none of this is given to any by default. A description that names it is
//! refused, unless it says that the owner is trusted with the whole machine; that is a [`Hole`](crate::Hole) of the plan.
//! Where one instance has the machine to itself, everything is its own.
//!
//! ```text
//!   fixed ranges of a PC (fixed.rs) ─┐
//!   memory that firmware keeps ──────┼─▶ Classes ─▶ Verdict: ordinary, a hole, refused
//!   what the boot found (Hazards) ───┘
//! ```
//!
//! The fixed ranges are stated a second time, with reasons, in docs/isolation.md; a test compares the two.

mod fixed;

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Architecture, Firmware, range_set::RangeSet};
use skerry_system::{Device, DeviceKind, MemoryRange, layout::PAGE};

/// What something belongs to that reaches beyond its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// The 8237 controllers of ISA and their page registers.
    DmaController,
    /// QEMU's interface for files of its firmware.
    FwCfg,
    /// Configuration space of PCI, by ports or in memory.
    PciConfiguration,
    /// A function of PCI that masters the bus or sends messages.
    PciFunction {
        /// Number of its bus.
        bus: u8,
        /// Number on the bus.
        device: u8,
        /// Number in the device.
        function: u8,
    },
    /// A virtio device without PCI.
    Virtio,
    /// Timers that send messages.
    Hpet,
    /// What decides where devices reach.
    Iommu,
    /// What turns stores of devices into interrupts.
    MessageFrame,
    /// Interrupt controllers and the local APIC.
    InterruptRouting,
    /// The 8259 controllers.
    OldInterruptController,
    /// Registers of the chipset with fixed addresses.
    Chipset,
    /// ACPI's registers of power management.
    PowerManagement,
    /// Ports that call system-management mode.
    SystemManagement,
    /// Ports that reset the machine.
    Reset,
    /// Ports that raise, allow or hide NMIs.
    NmiControl,
    /// The keyboard controller, and the embedded one.
    KeyboardController,
    /// Clock and CMOS memory.
    Clock,
    /// Memory, processors and slots that the host plugs in.
    Hotplug,
    /// Devices of emulators that end the run or stop the machine.
    HostExit,
    /// The way to the hypervisor.
    HostCall,
    /// Debug consoles of firmware.
    FirmwareConsole,
    /// Where the boot code prints.
    BootConsole,
    /// Where the kernel of an instance prints.
    KernelConsole,
    /// Memory that the firmware keeps.
    FirmwareMemory,
    /// Flash memory with the firmware.
    Flash,
}

impl Unit {
    /// What its owner could do to the others.
    pub fn danger(self) -> &'static str {
        match self {
            Self::DmaController | Self::FwCfg | Self::Virtio => "reads and writes any memory",
            Self::PciFunction { .. } => "masters the bus or sends messages, so it can write any memory",
            Self::PciConfiguration => "lets functions master the bus, and moves registers over others",
            Self::Hpet => "stores messages at any address",
            Self::Iommu => "decides which memory devices reach",
            Self::MessageFrame => "raises interrupts of others",
            Self::InterruptRouting => "sends interrupts to any core",
            Self::OldInterruptController => "interrupts the boot core with any vector",
            Self::Chipset => "moves windows of memory, resets the machine or reprograms parts of it",
            Self::PowerManagement => "turns the machine off, and raises SMIs",
            Self::SystemManagement => "raises SMIs",
            Self::Reset => "resets the machine",
            Self::NmiControl => "raises NMIs",
            Self::KeyboardController => "resets the machine",
            Self::Clock => "hides NMIs, and changes what the firmware remembers",
            Self::Hotplug => "takes memory, cores and devices away, and has the host write memory",
            Self::HostExit => "ends the run of all",
            Self::HostCall => "talks to the hypervisor",
            Self::FirmwareConsole | Self::BootConsole | Self::KernelConsole => "prints as another",
            Self::FirmwareMemory => {
                "may hold code of system-management mode, or registers that no table tells"
            }
            Self::Flash => "holds the firmware",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DmaController => "DMA controllers",
            Self::FwCfg => "fw_cfg",
            Self::PciConfiguration => "PCI configuration",
            Self::PciFunction { bus, device, function } => {
                return write!(f, "PCI function {bus:02x}:{device:02x}.{function}");
            }
            Self::Virtio => "virtio device",
            Self::Hpet => "HPET",
            Self::Iommu => "IOMMU",
            Self::MessageFrame => "frame for messages",
            Self::InterruptRouting => "interrupt routing",
            Self::OldInterruptController => "8259 interrupt controllers",
            Self::Chipset => "chipset",
            Self::PowerManagement => "power management",
            Self::SystemManagement => "system management",
            Self::Reset => "reset control",
            Self::NmiControl => "NMI control",
            Self::KeyboardController => "keyboard controller",
            Self::Clock => "clock and CMOS",
            Self::Hotplug => "hot-plug",
            Self::HostExit => "exit device",
            Self::HostCall => "hypervisor",
            Self::FirmwareConsole => "firmware's console",
            Self::BootConsole => "boot console",
            Self::KernelConsole => "kernel console",
            Self::FirmwareMemory => "firmware memory",
            Self::Flash => "flash memory",
        })
    }
}

/// What the boot found on a machine that reaches beyond its owner, besides what every machine of the kind has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazards {
    /// Registers in memory, to the byte.
    pub registers: Vec<(Unit, MemoryRange)>,
    /// Ports.
    pub ports: Vec<PortHazard>,
    /// Registers that were found to reach nothing else, although they lie in a fixed range: HPETs without FSB delivery.
    pub harmless: Vec<MemoryRange>,
}

/// Ports that reach beyond their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortHazard {
    /// What they belong to.
    pub unit: Unit,
    /// First port.
    pub first: u16,
    /// Last port, included.
    pub last: u16,
    /// Index of the instance that may have them when the description says so: a console of its own.
    pub own: Option<usize>,
}

impl Hazards {
    /// Adds the consoles of boot code and kernels: debug ports, the boot's and from the next on one for each instance.
    pub fn add_debug_consoles(&mut self, boot: Option<u16>, base: u16) {
        let boot = boot.map(|port| (Unit::BootConsole, port, None));
        let most = abi::limits::MAX_INSTANCES;
        let kernel = |index: usize| {
            let port = u16::try_from(usize::from(base) + index).ok()?;
            Some((Unit::KernelConsole, port, Some(index)))
        };
        let ports = boot.into_iter().chain((0..most).filter_map(kernel));
        self.ports.extend(ports.map(|(unit, port, own)| PortHazard { unit, first: port, last: port, own }));
    }

    /// Adds a serial console that boot code or a kernel prints on, with all its registers.
    pub fn add_serial_console(&mut self, unit: Unit, port: u16, own: Option<usize>) {
        const REGISTERS: u16 = 8;
        self.ports.push(PortHazard { unit, first: port, last: port.saturating_add(REGISTERS - 1), own });
    }
}

/// What becomes of a device that the description names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It reaches nothing but itself.
    Ordinary,
    /// Its owner is trusted with what this reaches. An IOMMU would confine it here.
    Hole(Unit),
    /// Nobody may have it.
    Refused(Unit),
}

/// The classes of everything in a machine.
pub(crate) struct Classes {
    registers: Vec<(Unit, MemoryRange)>,
    ports: Vec<PortHazard>,
}

impl Classes {
    /// Nothing is a hazard where one instance has the machine to itself.
    pub(crate) fn of(firmware: &Firmware, instances: usize) -> Self {
        if instances < 2 {
            return Classes { registers: Vec::new(), ports: Vec::new() };
        }
        let found = &firmware.hazards;
        // What was found says more than where it lies, so it comes first.
        let pages = |(unit, range): &(Unit, MemoryRange)| (*unit, range.rounded_out(PAGE));
        let mut registers: Vec<_> = found.registers.iter().map(pages).collect();
        let mut ports = found.ports.clone();
        if firmware.architecture == Architecture::X86_64 {
            let harmless: Vec<_> = found.harmless.iter().map(|range| range.rounded_out(PAGE)).collect();
            for (unit, range) in fixed::REGISTERS.into_iter().chain(kept_by_firmware(firmware)) {
                let pages = RangeSet::from_iter([range.rounded_out(PAGE)]).without(harmless.iter().copied());
                registers.extend(pages.iter().map(|range| (unit, range)));
            }
            let fixed = fixed::PORTS.iter();
            ports.extend(fixed.map(|&(first, last, unit)| PortHazard { unit, first, last, own: None }));
        }
        Classes { registers, ports }
    }

    /// What of the machine's registers is nobody's by default, in whole pages.
    pub(crate) fn registers(&self) -> impl Iterator<Item = (Unit, MemoryRange)> {
        self.registers.iter().copied()
    }

    /// What of the machine's ports is nobody's by default.
    pub(crate) fn ports(&self) -> impl Iterator<Item = PortHazard> {
        self.ports.iter().copied()
    }

    /// Whether a device of the description may be given to its owner.
    pub(crate) fn verdict(&self, device: &Device) -> Verdict {
        let Some(unit) = self.hazard(device) else { return Verdict::Ordinary };
        if device.trusted { Verdict::Hole(unit) } else { Verdict::Refused(unit) }
    }

    fn hazard(&self, device: &Device) -> Option<Unit> {
        match device.kind {
            DeviceKind::Mmio { base, size } => {
                let range = MemoryRange::of_size(base, size);
                self.registers().find(|(_, hazard)| hazard.overlaps(range)).map(|(unit, _)| unit)
            }
            DeviceKind::IoPorts { first, last } => self
                .ports()
                .filter(|hazard| hazard.own != Some(device.owner))
                .find(|hazard| hazard.first <= last && first <= hazard.last)
                .map(|hazard| hazard.unit),
            DeviceKind::IoApic { .. } => None,
        }
    }
}

/// What the memory map gives another type than usable: memory of firmware, or registers that no table tells. ACPI tables
/// that may be reclaimed are neither.
fn kept_by_firmware(firmware: &Firmware) -> Vec<(Unit, MemoryRange)> {
    const ACPI_TABLES: u32 = 3;
    let kept = firmware.other.iter().filter(|other| other.kind != ACPI_TABLES && !other.range.is_empty());
    let mut kept: Vec<_> = kept.map(|other| other.range).collect();
    kept.sort_unstable();
    kept.into_iter().map(|range| (Unit::FirmwareMemory, range)).collect()
}

#[cfg(test)]
mod tests;
