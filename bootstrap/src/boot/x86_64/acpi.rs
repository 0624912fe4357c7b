// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ACPI says of the machine: cores, interrupt controllers, interrupt overrides, memory nodes of cores.
//!
//! The walk is `bootstrap::acpi`; what touches the machine is here.

use alloc::vec::Vec;

use bootstrap::acpi::{AcpiError, Madt, Notes, Override, Processor, Root, RootPointer, Signature, nodes};
use bootstrap::hazards;
use bootstrap::io_apics::{self, Skipped};
use bootstrap::memory::Memory;
use memory_partition::{Core, Hazards, IoApic};
use skerry_system::MemoryRange;

use super::{apic, map};
use crate::boot::physical;

/// What the tables say.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) root: RootPointer,
    pub(crate) cores: Vec<Core>,
    pub(crate) io_apics: Vec<IoApic>,
    pub(crate) skipped_io_apics: Vec<Skipped>,
    pub(crate) overrides: Vec<Override>,
    /// Devices that reach beyond their owner.
    pub(crate) hazards: Hazards,
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

/// Reads the tables that the root pointer at `rsdp` leads to; `is_memory` tells where no registers are.
pub(crate) fn read(
    rsdp: Option<u64>,
    is_memory: &impl Fn(MemoryRange) -> bool,
) -> Result<Topology, AcpiError> {
    let mut root = Root::read(&Mapped, rsdp)?;
    let nodes = nodes(&Mapped, &mut root);
    let processor = Processor { is_x2apic: apic::is_x2apic() };
    let Madt { cores, io_apics, overrides } = Madt::read(&Mapped, &mut root, processor, &nodes)?;
    let (io_apics, skipped_io_apics) = io_apics::verify(&io_apics, is_memory, version);
    let hazards = hazards(&mut root, is_memory);
    let Root { pointer, notes, .. } = root;
    Ok(Topology { root: pointer, cores, io_apics, skipped_io_apics, overrides, hazards, notes })
}

/// Devices that reach beyond their owner, as far as tables tell.
fn hazards(root: &mut Root, is_memory: &impl Fn(MemoryRange) -> bool) -> Hazards {
    let mut found = Hazards::default();
    for signature in hazards::TABLES {
        for table in root.all(&Mapped, Signature(signature)) {
            hazards::add_table(&mut found, signature, table.bytes(), &Devices { is_memory });
        }
    }
    found
}

/// The version register of the interrupt controller at `address`, where there is no memory.
fn version(address: u64) -> u32 {
    const VERSION: u32 = 1;
    const DATA: u64 = 0x10;
    physical::write_register(address, VERSION);
    physical::read_register(address + DATA)
}

/// Registers of devices. Tables may name any address: memory and what is not mapped are left alone.
struct Devices<'a, F> {
    is_memory: &'a F,
}

impl<F: Fn(MemoryRange) -> bool> Devices<'_, F> {
    fn has(&self, address: u64) -> bool {
        let is_device = address < map::FIRST_MAP && address.is_multiple_of(4);
        is_device && !(self.is_memory)(MemoryRange::of_size(address, 4))
    }
}

impl<F: Fn(MemoryRange) -> bool> hazards::Registers for Devices<'_, F> {
    fn read(&self, address: u64) -> u32 {
        if self.has(address) { physical::read_register(address) } else { !0 }
    }

    fn write(&self, address: u64, value: u32) {
        if self.has(address) {
            physical::write_register(address, value);
        }
    }
}
