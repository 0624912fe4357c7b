// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ACPI says of the machine: cores, interrupt controllers, interrupt overrides, memory nodes of cores.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ptr::NonNull;

use ::acpi::madt::{Madt, MadtEntry};
use ::acpi::sdt::{SdtHeader, Signature};
use ::acpi::{AcpiHandler, AcpiTable, AcpiTables, PhysicalMapping};
use bootstrap::madt;
use memory_partition::{Core, IoApic};

use super::error::{AcpiProblem, MachineError};
use crate::boot::physical;

const ENABLED: u32 = 1;
/// Local-APIC id that means "all" in entries of eight bits.
const BROADCAST: u8 = 0xff;

/// What the tables say.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) cores: Vec<Core>,
    pub(crate) io_apics: Vec<IoApic>,
    pub(crate) overrides: Vec<Override>,
    pub(crate) local_apic: u64,
}

/// An ISA interrupt that is not wired to the pin of its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Override {
    pub(crate) irq: u8,
    pub(crate) pin: u32,
    pub(crate) flags: u16,
}

/// Reads tables through the identity map.
#[derive(Clone, Copy)]
struct IdentityMap;

impl AcpiHandler for IdentityMap {
    unsafe fn map_physical_region<T>(&self, address: usize, size: usize) -> PhysicalMapping<Self, T> {
        let pointer = NonNull::new(address as *mut T).expect("ACPI tables do not lie at address zero");
        // SAFETY: the identity map covers all memory and stays; an address outside it ends in a reported page fault.
        unsafe { PhysicalMapping::new(address, pointer, size, size, *self) }
    }

    fn unmap_physical_region<T>(_region: &PhysicalMapping<Self, T>) {}
}

/// Reads the tables that the root pointer at `rsdp` leads to.
pub(crate) fn read(rsdp: Option<u64>) -> Result<Topology, MachineError> {
    let bad = |table, problem| MachineError::Acpi { table, problem };
    let tables = match rsdp {
        // SAFETY: the address comes from the loader; the crate checks the checksum before it follows pointers.
        Some(address) => unsafe { AcpiTables::from_rsdp(IdentityMap, address as usize) },
        // SAFETY: the areas searched are firmware's, below 1 MiB.
        None => unsafe { AcpiTables::search_for_rsdp_bios(IdentityMap) },
    }
    .map_err(|_| bad("RSDP", if rsdp.is_some() { AcpiProblem::Invalid } else { AcpiProblem::Missing }))?;
    let madt = tables.find_table::<Madt>().map_err(|_| bad("APIC", AcpiProblem::Missing))?;
    let bytes = physical::bytes(madt.physical_start() as u64, madt.region_length() as u64);
    madt::check_madt(bytes).map_err(|error| bad("APIC", AcpiProblem::Entries(error)))?;
    Ok(topology(&madt, &nodes(&tables)))
}

fn topology(madt: &PhysicalMapping<IdentityMap, Madt>, nodes: &BTreeMap<u32, u32>) -> Topology {
    let mut found = Topology {
        cores: Vec::new(),
        io_apics: Vec::new(),
        overrides: Vec::new(),
        local_apic: u64::from(madt.get().local_apic_address),
    };
    for entry in madt.get().entries() {
        match entry {
            MadtEntry::LocalApic(core) if core.apic_id != BROADCAST => {
                found.add_core(u32::from(core.apic_id), core.flags, nodes);
            }
            MadtEntry::LocalX2Apic(core) => found.add_core(core.x2apic_id, core.flags, nodes),
            MadtEntry::IoApic(chip) => found.io_apics.push(IoApic {
                address: u64::from(chip.io_apic_address),
                pins: pins(u64::from(chip.io_apic_address)),
                gsi_base: chip.global_system_interrupt_base,
            }),
            MadtEntry::InterruptSourceOverride(entry) => found.overrides.push(Override {
                irq: entry.irq,
                pin: entry.global_system_interrupt,
                flags: entry.flags,
            }),
            MadtEntry::LocalApicAddressOverride(entry) => found.local_apic = entry.local_apic_address,
            _ => {}
        }
    }
    found
}

impl Topology {
    /// Adds a core unless the table named it before: firmware may list a core by both kinds of entry.
    fn add_core(&mut self, apic_id: u32, flags: u32, nodes: &BTreeMap<u32, u32>) {
        if self.cores.iter().all(|core| core.apic_id != apic_id) {
            let node = nodes.get(&apic_id).copied().unwrap_or(0);
            self.cores.push(Core { apic_id, enabled: flags & ENABLED != 0, node });
        }
    }
}

/// Number of pins of the interrupt controller at `address`, from its version register.
fn pins(address: u64) -> u32 {
    const VERSION: u32 = 1;
    physical::write_register(address, VERSION);
    (physical::read_register(address + 0x10) >> 16 & 0xff) + 1
}

/// The static resource affinity table; its entries are walked by hand (see `bootstrap::madt`).
#[repr(transparent)]
struct Srat(SdtHeader);

// SAFETY: the table starts with its header, and only the header is declared.
unsafe impl AcpiTable for Srat {
    const SIGNATURE: Signature = Signature::SRAT;

    fn header(&self) -> &SdtHeader {
        &self.0
    }
}

/// Memory node of each core; none without a table.
fn nodes(tables: &AcpiTables<IdentityMap>) -> BTreeMap<u32, u32> {
    match tables.find_table::<Srat>() {
        Ok(table) => {
            let bytes = physical::bytes(table.physical_start() as u64, table.region_length() as u64);
            madt::srat_cores(bytes).collect()
        }
        Err(_) => BTreeMap::new(),
    }
}
