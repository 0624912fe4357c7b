// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ACPI says of the machine: cores, interrupt controllers, interrupt overrides, memory nodes of cores.
//!
//! The walk is `bootstrap::acpi`; what touches the machine is here.

use alloc::vec::Vec;

use bootstrap::acpi::{AcpiError, IoApicEntry, Madt, Notes, Override, Processor, Root, RootPointer, nodes};
use bootstrap::memory::Memory;
use memory_partition::{Core, IoApic};

use super::{apic, map};
use crate::boot::physical;

/// What the tables say.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) root: RootPointer,
    pub(crate) cores: Vec<Core>,
    pub(crate) io_apics: Vec<IoApic>,
    pub(crate) overrides: Vec<Override>,
    /// What was left out.
    pub(crate) notes: Notes,
}

/// Memory through the identity map.
#[derive(Clone, Copy)]
pub(crate) struct Mapped;

impl Memory for Mapped {
    fn byte(&self, address: u64) -> Option<u8> {
        map::is_memory(address).then(|| physical::bytes(address, 1)[0])
    }
}

/// Reads the tables that the root pointer at `rsdp` leads to.
pub(crate) fn read(rsdp: Option<u64>) -> Result<Topology, AcpiError> {
    let mut root = Root::read(&Mapped, rsdp)?;
    let nodes = nodes(&Mapped, &mut root);
    let processor = Processor { is_x2apic: apic::is_x2apic() };
    let Madt { cores, io_apics, overrides } = Madt::read(&Mapped, &mut root, processor, &nodes)?;
    let io_apics = io_apics.iter().map(io_apic).collect();
    Ok(Topology { root: root.pointer, cores, io_apics, overrides, notes: root.notes })
}

fn io_apic(entry: &IoApicEntry) -> IoApic {
    IoApic { address: entry.address, pins: pins(entry.address), gsi_base: entry.gsi_base }
}

/// Number of pins of the interrupt controller at `address`, from its version register.
fn pins(address: u64) -> u32 {
    const VERSION: u32 = 1;
    physical::write_register(address, VERSION);
    (physical::read_register(address + 0x10) >> 16 & 0xff) + 1
}
