// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine has, independent of the boot protocol that said so.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Hazards;
use skerry_system::MemoryRange;

/// A family of machines that divide memory alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// PCs: IO ports, IOAPICs, cores that start below 1 MiB.
    #[default]
    X86_64,
    /// Arm in its 32-bit state: registers in memory only, one distributor of interrupts, cores that start anywhere.
    AArch32,
}

impl Architecture {
    /// The one this program was compiled for.
    pub const NATIVE: Self = if cfg!(target_arch = "arm") { Self::AArch32 } else { Self::X86_64 };
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::AArch32 => "aarch32",
        })
    }
}

/// Everything the planner and the loader need to know of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// What kind of machine it is.
    pub architecture: Architecture,
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
    /// What reaches beyond its owner.
    pub hazards: Hazards,
    /// Registers that the kernels use themselves.
    pub kernel_registers: Vec<KernelRegisters>,
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

/// Registers that the kernels use themselves: device memory of nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelRegisters {
    /// What they belong to.
    pub unit: KernelUnit,
    /// Where they are, in whole pages.
    pub range: MemoryRange,
    /// Index of the instance whose kernel maps them; all kernels do when there is none.
    pub owner: Option<usize>,
}

/// What belongs to the kernels of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KernelUnit {
    /// The distributor of interrupts: every kernel rings doorbells by it.
    Distributor,
    /// A core's own interface to its interrupts: at one address, different for every core.
    CpuInterface,
    /// What kernels print on.
    Console,
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
