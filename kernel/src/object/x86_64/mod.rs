// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only x86_64 has: IO ports, IOAPICs and message-signalled interrupts, page tables of four levels.

pub mod io_port;
mod irq_control;

use abi::{Label, ObjectType};
use arch::Level;

/// The level of a table that Retype makes.
#[inline]
pub(crate) const fn table_level(object: ObjectType) -> Option<Level> {
    match object {
        ObjectType::Pdpt => Some(Level::Pdpt),
        ObjectType::PageDirectory => Some(Level::PageDirectory),
        ObjectType::PageTable => Some(Level::PageTable),
        _ => None,
    }
}

/// Whether there are objects of this type.
#[inline]
pub(crate) const fn exists(_object: ObjectType) -> bool {
    true
}

/// The label that maps a table of `level`, and the one that takes it out.
#[inline]
pub(crate) const fn table_labels(level: Level) -> (Label, Label) {
    match level {
        Level::PageTable => (Label::PageTableMap, Label::PageTableUnmap),
        Level::PageDirectory => (Label::PageDirectoryMap, Label::PageDirectoryUnmap),
        Level::Pdpt | Level::Pml4 => (Label::PdptMap, Label::PdptUnmap),
    }
}
