// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a PC cannot be used.

use core::fmt;

use bootstrap::acpi::AcpiError;
use bootstrap::pvh::StartError;

use crate::boot::error::BootError;

/// Why the description that loader and firmware give of the machine cannot be used.
#[derive(Debug)]
pub(crate) enum MachineError {
    /// The loader left no start record that can be used.
    Start(StartError),
    /// An ACPI table is missing or malformed.
    Acpi(AcpiError),
    /// The registers of this core's local APIC are not where those of all PCs are after a reset.
    LocalApic { found: u64 },
    /// A module is not in memory.
    Module { index: usize, start: u64, length: u64 },
}

impl From<MachineError> for BootError {
    fn from(error: MachineError) -> Self {
        Self::Machine(error)
    }
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "{error}"),
            Self::Acpi(error) => write!(f, "{error}"),
            Self::LocalApic { found } => write!(
                f,
                "IA32_APIC_BASE puts the registers of the local APIC at {found:#x}, expected {:#x}",
                bootstrap::acpi::LOCAL_APIC
            ),
            Self::Module { index, start, length } => {
                write!(f, "module {index} of {length} bytes at {start:#x} is not in memory that can be read")
            }
        }
    }
}
