// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a PC cannot be used.

use core::fmt;

use bootstrap::madt::EntryError;
use bootstrap::pvh::StartError;

/// Why the description that loader and firmware give of the machine cannot be used.
#[derive(Debug)]
pub(crate) enum MachineError {
    /// The loader left no start record that can be used.
    Start(StartError),
    /// An ACPI table is missing or malformed.
    Acpi { table: &'static str, problem: AcpiProblem },
}

/// What is wrong with an ACPI table.
#[derive(Debug)]
pub(crate) enum AcpiProblem {
    /// It is not there, or its checksum is wrong.
    Missing,
    /// Its signature or checksum is wrong.
    Invalid,
    /// Its entries cannot be walked.
    Entries(EntryError),
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "{error}"),
            Self::Acpi { table, problem } => write!(f, "ACPI table {table}: {problem}"),
        }
    }
}

impl fmt::Display for AcpiProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "missing, or its checksum is wrong"),
            Self::Invalid => write!(f, "its signature or checksum is wrong"),
            Self::Entries(EntryError::TooShort) => write!(f, "shorter than its fixed part"),
            Self::Entries(EntryError::BadLength(offset)) => {
                write!(f, "the length of the entry at offset {offset} does not fit")
            }
        }
    }
}
