// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine has, independent of the boot protocol that said so.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::MemoryRange;

/// Everything the planner and the loader need to know of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// Memory the firmware calls usable (type 1), in any order.
    pub usable: Vec<MemoryRange>,
    /// Memory the map gives another type; where it overlaps usable memory it wins.
    pub other: Vec<OtherRange>,
    /// Cores in the order of the MADT, disabled ones included.
    pub cores: Vec<Core>,
    /// APIC id of the core that runs the boot code.
    pub boot_apic_id: u32,
    /// Interrupt controllers in the order of the MADT.
    pub io_apics: Vec<IoApic>,
    /// Boot modules in the order the loader gave them.
    pub modules: Vec<Module>,
    /// Kernel command line.
    pub command_line: String,
    /// Physical address of the ACPI root pointer, 0 when there is none.
    pub rsdp: u64,
    /// Memory that the boot code itself occupies; modules are not repeated here.
    pub occupied: Vec<Occupied>,
}

/// Memory of a type other than usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherRange {
    /// Where it is.
    pub range: MemoryRange,
    /// Type number of the memory map (2 reserved, 3 ACPI, 4 NVS, ...).
    pub kind: u32,
}

/// One core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// Local APIC id.
    pub apic_id: u32,
    /// Whether the firmware says it can be started.
    pub enabled: bool,
    /// Memory node of the core, 0 when the firmware does not say.
    pub node: u32,
}

/// One interrupt controller chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoApic {
    /// Physical address of its register page.
    pub address: u64,
    /// Number of pins.
    pub pins: u32,
    /// Global interrupt number of pin 0.
    pub gsi_base: u32,
}

/// One boot module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Where the loader put it, to the byte.
    pub range: MemoryRange,
    /// Its command line.
    pub command_line: String,
}

/// Memory that the boot code occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupied {
    /// Where it is, to the byte.
    pub range: MemoryRange,
    /// What it holds.
    pub occupant: Occupant,
}

/// What occupied memory holds, which decides what becomes of it after boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Occupant {
    /// Code and read-only data of the boot image: restart needs it, so it is kept back.
    BootImage,
    /// Stack, heap, tables and other data that only the boot needs: given to instance 0 afterwards.
    BootData,
}
