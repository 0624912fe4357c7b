// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system resource affinity table: memory nodes of cores (ACPI 6.5, 5.2.16).

use alloc::collections::BTreeMap;

use super::{AcpiError, Entry, Note, Root, Signature};
use crate::memory::Memory;

/// Length of the fixed part: header and twelve reserved bytes.
const FIXED: usize = 48;
const LOCAL_APIC: u8 = 0;
const LOCAL_X2APIC: u8 = 2;
const ENABLED: u32 = 1;
/// Where the revision of a table is.
const REVISION: usize = 8;
/// From this revision on nodes have 32 bits; before, the other bytes may be anything.
const WIDE_NODES: u8 = 2;

/// The shortest legal entry of each type that is read; others are stepped over.
fn least(kind: u8) -> usize {
    match kind {
        LOCAL_APIC => 16,
        LOCAL_X2APIC => 24,
        _ => 2,
    }
}

/// Memory node of each core by its APIC id; none without a table, and none from a wrong one.
pub fn nodes(memory: &impl Memory, root: &mut Root) -> BTreeMap<u32, u32> {
    let Some(table) = root.optional(memory, Signature::SRAT, FIXED) else { return BTreeMap::new() };
    let is_wide = table.u8(REVISION) >= WIDE_NODES;
    let entries = table.entries(FIXED, least);
    let nodes: Result<_, AcpiError> =
        entries.filter_map(|entry| entry.map(|entry| node(&entry, is_wide)).transpose()).collect();
    nodes.unwrap_or_else(|error| {
        root.notes.push(Note::LeftOut(error));
        BTreeMap::new()
    })
}

/// APIC id and node of an enabled core.
fn node(entry: &Entry, is_wide: bool) -> Option<(u32, u32)> {
    match entry.kind {
        LOCAL_APIC if entry.u32(4) & ENABLED != 0 => {
            let high = if is_wide { entry.u32(8) & 0xffff_ff00 } else { 0 };
            Some((u32::from(entry.u8(3)), high | u32::from(entry.u8(2))))
        }
        LOCAL_X2APIC if entry.u32(12) & ENABLED != 0 => Some((entry.u32(8), entry.u32(4))),
        _ => None,
    }
}
