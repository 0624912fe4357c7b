// SPDX-License-Identifier: MIT OR Apache-2.0
//! The multiple APIC description table: cores and interrupt controllers (ACPI 6.5, 5.2.12).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use memory_partition::Core;

use super::{AcpiError, Entry, Note, Notes, Problem, Root, Signature, Table};
use crate::memory::Memory;

/// Where the registers of local APICs are: instances are kept apart by nobody having this page.
pub const LOCAL_APIC: u64 = 0xfee0_0000;

/// Length of the fixed part: header, local-APIC address, flags.
const FIXED: usize = 44;
const LOCAL_APIC_ADDRESS: usize = 36;
const ENABLED: u32 = 1;
/// Id that means all cores in entries of eight bits.
const ALL_8: u32 = 0xff;
/// Id that means all cores in 32 bits.
const ALL_32: u32 = 0xffff_ffff;

/// Types of entries that are read.
mod kind {
    pub(super) const LOCAL_APIC: u8 = 0;
    pub(super) const IO_APIC: u8 = 1;
    pub(super) const OVERRIDE: u8 = 2;
    pub(super) const LOCAL_APIC_ADDRESS: u8 = 5;
    pub(super) const LOCAL_X2APIC: u8 = 9;
}

/// The shortest legal entry of each type that is read; others are stepped over.
const LEAST: [(u8, usize); 5] = [
    (kind::LOCAL_APIC, 8),
    (kind::IO_APIC, 12),
    (kind::OVERRIDE, 10),
    (kind::LOCAL_APIC_ADDRESS, 12),
    (kind::LOCAL_X2APIC, 16),
];

fn least(kind: u8) -> usize {
    LEAST.iter().find(|(read, _)| *read == kind).map_or(2, |(_, length)| *length)
}

/// What the processor says of itself, to tell ids of cores from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Whether cores run in x2APIC mode, with ids of 32 bits.
    pub is_x2apic: bool,
}

impl Processor {
    /// Whether a core can have this id in the mode of the processor.
    fn can_have(self, kind: u8, apic_id: u32) -> bool {
        match kind {
            kind::LOCAL_APIC => apic_id != ALL_8,
            _ if self.is_x2apic => apic_id != ALL_32,
            _ => apic_id < ALL_8,
        }
    }
}

/// What the table says, entries that cannot be meant left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Madt {
    /// The cores in the order of the table, each once: enabled if one of its entries says so.
    pub cores: Vec<Core>,
    /// Interrupt controllers, as they are listed.
    pub io_apics: Vec<IoApicEntry>,
    /// ISA interrupts that are not wired to the pin of their number, each once.
    pub overrides: Vec<Override>,
}

/// An interrupt controller chip, as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApicEntry {
    /// Its id.
    pub id: u8,
    /// Physical address of its registers.
    pub address: u64,
    /// Global interrupt number of its first pin.
    pub gsi_base: u32,
}

/// An ISA interrupt that is not wired to the pin of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// Number of the interrupt.
    pub irq: u8,
    /// Global interrupt number of its pin.
    pub pin: u32,
    /// Polarity and trigger mode.
    pub flags: u16,
}

impl Madt {
    /// Reads the table, which every machine has; memory nodes of cores come from the SRAT.
    pub fn read(
        memory: &impl Memory,
        root: &mut Root,
        processor: Processor,
        nodes: &BTreeMap<u32, u32>,
    ) -> Result<Self, AcpiError> {
        let table = root.needed(memory, Signature::MADT, FIXED)?;
        let mut reader = Reader { processor, nodes, notes: &mut root.notes, places: BTreeMap::new() };
        reader.read(&table)
    }
}

/// State of a walk through the entries.
struct Reader<'a> {
    processor: Processor,
    nodes: &'a BTreeMap<u32, u32>,
    notes: &'a mut Notes,
    /// Index of each core by its id.
    places: BTreeMap<u32, usize>,
}

impl Reader<'_> {
    fn read(&mut self, table: &Table) -> Result<Madt, AcpiError> {
        let mut found = Madt { cores: Vec::new(), io_apics: Vec::new(), overrides: Vec::new() };
        let mut local_apic = u64::from(table.u32(LOCAL_APIC_ADDRESS));
        for entry in table.entries(FIXED, least) {
            let entry = entry?;
            match entry.kind {
                kind::LOCAL_APIC => {
                    self.add_core(&mut found.cores, &entry, u32::from(entry.u8(3)), entry.u32(4));
                }
                kind::LOCAL_X2APIC => self.add_core(&mut found.cores, &entry, entry.u32(4), entry.u32(8)),
                kind::IO_APIC => found.io_apics.push(IoApicEntry {
                    id: entry.u8(2),
                    address: u64::from(entry.u32(4)),
                    gsi_base: entry.u32(8),
                }),
                kind::OVERRIDE => add_override(&mut found.overrides, &entry),
                kind::LOCAL_APIC_ADDRESS => local_apic = entry.u64(4),
                _ => {}
            }
        }
        if local_apic != LOCAL_APIC {
            return Err(table.wrong(Problem::LocalApic(local_apic)));
        }
        Ok(found)
    }

    /// Firmware may list a core by both kinds of entry, and leaves entries of cores that are not there in its tables.
    fn add_core(&mut self, cores: &mut Vec<Core>, entry: &Entry, apic_id: u32, flags: u32) {
        let enabled = flags & ENABLED != 0;
        let Processor { is_x2apic } = self.processor;
        if !self.processor.can_have(entry.kind, apic_id) {
            if enabled {
                self.notes.push(Note::NoCoresId { apic_id, kind: entry.kind, is_x2apic });
            }
            return;
        }
        match self.places.get(&apic_id).and_then(|place| cores.get_mut(*place)) {
            Some(known) => known.enabled |= enabled,
            None => {
                self.places.insert(apic_id, cores.len());
                let node = self.nodes.get(&apic_id).copied().unwrap_or(0);
                cores.push(Core { apic_id, enabled, node });
            }
        }
    }
}

fn add_override(overrides: &mut Vec<Override>, entry: &Entry) {
    let irq = entry.u8(3);
    if overrides.iter().all(|known| known.irq != irq) {
        overrides.push(Override { irq, pin: entry.u32(4), flags: entry.u16(8) });
    }
}
