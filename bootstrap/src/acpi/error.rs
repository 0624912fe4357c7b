// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the tables cannot be used.

use core::fmt;

use super::{LOCAL_APIC, Signature};

/// Which table cannot be used, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcpiError {
    /// Neither the loader nor the areas that are searched have a root pointer.
    NoRootPointer,
    /// The root pointer at `address` is wrong.
    RootPointer {
        /// Where it is, or should be.
        address: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// A table is wrong.
    Table {
        /// What it is, or should be.
        table: Signature,
        /// Where it is, or should be.
        address: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// No entry of the root table leads to a table that is needed.
    Missing {
        /// What is needed.
        table: Signature,
        /// The root table.
        root: Signature,
        /// Where the root table is.
        address: u64,
        /// Number of tables it leads to.
        tables: usize,
    },
}

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Some of it is not in memory.
    Unreadable,
    /// It begins with something else.
    Signature([u8; 4]),
    /// Its bytes do not sum up to zero.
    Checksum,
    /// Its length is not a possible one.
    Length {
        /// The length.
        found: u64,
        /// Bytes of the fixed part.
        least: u64,
        /// Bytes that are read at most.
        most: u64,
    },
    /// An entry is shorter than its type, or leads out of the table.
    Entry {
        /// Where in the table.
        offset: usize,
        /// Its type.
        kind: u8,
        /// Its length.
        length: usize,
        /// Bytes that its type has at least.
        least: usize,
        /// Bytes of the table from there on.
        left: usize,
    },
    /// The root pointer names no root table.
    NoRoot,
    /// It says that the registers of the local APIC are elsewhere than at [`LOCAL_APIC`].
    LocalApic(u64),
}

impl core::error::Error for AcpiError {}

impl fmt::Display for AcpiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRootPointer => write!(
                f,
                "ACPI table RSDP: missing: the loader names none, and there is none in the first KiB of the extended \
                 BIOS data area and in 0xe0000..0x100000"
            ),
            Self::RootPointer { address, problem } => write!(f, "ACPI table RSDP at {address:#x}: {problem}"),
            Self::Table { table, address, problem } => {
                write!(f, "ACPI table {table} at {address:#x}: {problem}")
            }
            Self::Missing { table, root, address, tables } => {
                write!(
                    f,
                    "ACPI table {table}: missing: the {root} at {address:#x} leads to {tables} other tables"
                )
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => write!(f, "it is not, or not all of it, in memory that can be read"),
            Self::Signature(found) => {
                write!(f, "it begins with \"{}\", which is not its signature", found.escape_ascii())
            }
            Self::Checksum => write!(f, "its checksum is wrong"),
            Self::Length { found, least, most } => {
                write!(f, "its length is {found}, expected {least} to {most}")
            }
            Self::Entry { offset, kind, length, least, left } => write!(
                f,
                "the entry at offset {offset} has type {kind} and length {length}, expected {least} to {left}"
            ),
            Self::NoRoot => write!(f, "it names neither an XSDT nor an RSDT"),
            Self::LocalApic(found) => write!(
                f,
                "it says that the registers of the local APIC are at {found:#x}, expected {LOCAL_APIC:#x}"
            ),
        }
    }
}
