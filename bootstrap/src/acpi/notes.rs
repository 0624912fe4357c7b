// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the tables was left out, to be said.

use alloc::vec::Vec;
use core::fmt;

use super::{AcpiError, Signature};

/// Notes that are kept; of more only the number is.
const MOST: usize = 16;

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The newer half of a root pointer is wrong, so its RSDT is used.
    ExtendedRootPointer {
        /// Where it is.
        address: u64,
    },
    /// Entries of a root table that are zero.
    NullEntries {
        /// The root table.
        root: Signature,
        /// Number of them.
        count: usize,
    },
    /// An entry of a root table that leads to no memory.
    LostEntry {
        /// The root table.
        root: Signature,
        /// Number of the entry.
        index: usize,
        /// Where it leads.
        address: u64,
    },
    /// A second table of a kind of which the first is used.
    SecondTable {
        /// What it is.
        table: Signature,
        /// Where it is.
        address: u64,
    },
    /// An enabled core with an id that no core can have in this mode.
    NoCoresId {
        /// The id.
        apic_id: u32,
        /// Type of the entry.
        kind: u8,
        /// Whether the processor has 32-bit ids.
        is_x2apic: bool,
    },
    /// A table that a boot can do without is wrong.
    LeftOut(AcpiError),
}

/// The first notes of a walk, and the number of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    kept: Vec<Note>,
    more: usize,
}

impl Notes {
    /// Adds a note.
    pub fn push(&mut self, note: Note) {
        if self.kept.len() < MOST {
            self.kept.push(note);
        } else {
            self.more += 1;
        }
    }

    /// The notes that were kept.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.kept.iter()
    }

    /// Number of notes that were not kept.
    pub fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtendedRootPointer { address } => {
                write!(
                    f,
                    "RSDP at {address:#x}: length or checksum of its second part is wrong, its RSDT is used"
                )
            }
            Self::NullEntries { root, count } => write!(f, "{root}: {count} entries are zero: skipped"),
            Self::LostEntry { root, index, address } => {
                write!(f, "{root}: entry {index} leads to {address:#x}, which cannot be read: skipped")
            }
            Self::SecondTable { table, address } => {
                write!(f, "a second {table} at {address:#x}: the first is used")
            }
            Self::NoCoresId { apic_id, kind, is_x2apic } => {
                let mode = if *is_x2apic { "x2APIC" } else { "xAPIC" };
                write!(f, "APIC id {apic_id:#x} (entry of type {kind}) is no core's in {mode} mode: ignored")
            }
            Self::LeftOut(error) => write!(f, "{error}: the table is not used"),
        }
    }
}
