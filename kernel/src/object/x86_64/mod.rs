// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only x86_64 has: IO ports, IOAPICs and message-signalled interrupts, page tables of four levels.

pub mod cache;
pub mod io_port;
pub(crate) mod irq_control;

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
pub(crate) const fn exists(object: ObjectType) -> bool {
    object.word() <= ObjectType::IoPageTable.word()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_type_has_a_level_and_labels_of_its_own() {
        let types = [ObjectType::PageTable, ObjectType::PageDirectory, ObjectType::Pdpt];
        assert_eq!(
            types.map(table_level),
            [Some(Level::PageTable), Some(Level::PageDirectory), Some(Level::Pdpt)]
        );
        assert_eq!(table_level(ObjectType::Pml4), None);
        assert_eq!(table_labels(Level::Pdpt), (Label::PdptMap, Label::PdptUnmap));
        assert!(ObjectType::ALL.iter().all(|&object| exists(object) == (object <= ObjectType::IoPageTable)));
    }
}
