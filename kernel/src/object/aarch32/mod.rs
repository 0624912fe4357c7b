// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only AArch32 has: interrupts of the GIC, page tables of three levels.

pub mod cache;
pub mod io_port;
pub(crate) mod irq_control;

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
    object.word() < ObjectType::COUNT && !matches!(object, ObjectType::Pdpt)
}

/// The label that maps a table of `level`, and the one that takes it out.
#[inline]
pub(crate) const fn table_labels(level: Level) -> (Label, Label) {
    match level {
        Level::PageTable => (Label::PageTableMap, Label::PageTableUnmap),
        Level::PageDirectory | Level::Top => (Label::PageDirectoryMap, Label::PageDirectoryUnmap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_page_directory_pointer_tables() {
        let absent = |object| object == ObjectType::Pdpt || object > ObjectType::PageDirectory;
        assert!(ObjectType::ALL.iter().all(|&object| exists(object) != absent(object)));
        let types = [ObjectType::PageTable, ObjectType::PageDirectory, ObjectType::Pdpt];
        assert_eq!(types.map(table_level), [Some(Level::PageTable), Some(Level::PageDirectory), None]);
    }

    #[test]
    fn retype_refuses_what_does_not_exist_as_a_type() {
        use crate::cap::Cap;
        use crate::error::SyscallError;
        use crate::testing::{Call, Caller};
        let mut caller = Caller::new();
        let base = caller.test.memory(13);
        caller.put(2, Cap::Untyped { base, size_bits: 13, is_device: false, free: 0 });
        let retype = |object: ObjectType| {
            Call::new(2, Label::UntypedRetype, &[object.word(), 0, 0, 0, 20, 1], &[Caller::ROOT])
        };
        assert_eq!(caller.invoke(&retype(ObjectType::Pdpt)), Err(SyscallError::InvalidArgument(0)));
        caller.must(&retype(ObjectType::Pml4));
    }
}
