// SPDX-License-Identifier: MIT OR Apache-2.0
//! ACPI tables, read as bytes (ACPI 6.5, chapter 5.2).
//!
//! ```text
//!   RSDP ──▶ XSDT (revision 2 or later, and not zero), else RSDT ──▶ tables by signature ──▶ their entries
//! ```
//!
//! Firmware writes these tables, and nothing in them is believed: an address is followed only where [`Memory`](crate::memory::Memory)
//! can be read, a length is compared with its bounds before a byte is summed or memory is taken, a name is four bytes. What a
//! boot cannot do without is an [`AcpiError`] with table and address when it is wrong; what it can leave out is left
//! out and becomes a [`Note`].

mod error;
mod madt;
mod notes;
mod root;
mod srat;
mod table;

pub use error::{AcpiError, Problem};
pub use madt::{IoApicEntry, LOCAL_APIC, Madt, Override, Processor};
pub use notes::{Note, Notes};
pub use root::{Root, RootPointer};
pub use srat::nodes;
pub use table::{Entry, Signature, Table};

/// Whether the bytes sum up to zero.
fn is_sum_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

#[cfg(test)]
mod tests;
