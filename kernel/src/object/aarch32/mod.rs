// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only AArch32 has: interrupts of the GIC, page tables of three levels.

pub mod io_port;
mod irq_control;

use abi::{Label, ObjectType};
use arch::Level;

/// The level of a table that Retype makes.
#[inline]
pub(crate) const fn table_level(object: ObjectType) -> Option<Level> {
    match object {
        ObjectType::PageDirectory => Some(Level::PageDirectory),
        ObjectType::PageTable => Some(Level::PageTable),
        _ => None,
    }
}

/// Whether there are objects of this type.
#[inline]
pub(crate) const fn exists(object: ObjectType) -> bool {
    !matches!(object, ObjectType::Pdpt)
}

/// The label that maps a table of `level`, and the one that takes it out.
#[inline]
pub(crate) const fn table_labels(level: Level) -> (Label, Label) {
    match level {
        Level::PageTable => (Label::PageTableMap, Label::PageTableUnmap),
        Level::PageDirectory | Level::Top => (Label::PageDirectoryMap, Label::PageDirectoryUnmap),
    }
}
