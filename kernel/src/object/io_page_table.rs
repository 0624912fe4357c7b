// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables of IO spaces, in ABI variants with IOMMU.
//!
//! No IO space is served, as in upstream's kernel on a machine without a remapping unit: tables can be made and
//! deleted, and no mapping succeeds, because no capability to an IO space exists.

use abi::Label;
use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::error::SyscallError;
use crate::invocation::Reply;

/// A decoded invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// Unmap, of a table that is not mapped.
    Unmap,
}

impl<M: Machine> Kernel<M> {
    /// Decodes an invocation of an IO page table (docs/abi/variants.md, "IO page tables").
    pub(crate) fn decode_io_page_table(&self, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        match args.label() {
            Some(Label::IoPageTableMap) => {
                args.require(1, 1)?;
                // E0 is no IO space, whatever it is.
                Err(SyscallError::InvalidCapability(0))
            }
            Some(Label::IoPageTableUnmap) => Ok(Invocation::Unmap),
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    pub(crate) fn execute_io_page_table(&mut self, invocation: Invocation) -> Reply {
        match invocation {
            Invocation::Unmap => Reply::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use abi::{ObjectType, Variant};

    use super::*;
    use crate::cap::Cap;
    use crate::numbering::Numbering;
    use crate::testing::caller::{Call, Caller};

    const TABLE: usize = 40;

    /// A caller on a kernel of a variant with IOMMU, with one IO page table.
    fn caller_with_table() -> Caller {
        let mut caller = Caller::new();
        caller.test.kernel.config.numbering = Numbering::new(Variant::IOMMU);
        let table = caller.test.memory(12);
        caller.put(TABLE, Cap::IoPageTable { table });
        caller
    }

    #[test]
    fn an_io_page_table_cannot_be_mapped_without_an_io_space() {
        let mut caller = caller_with_table();
        let number = |label| Variant::IOMMU.label_word(label).expect("it has a number");
        let call = |label, words: &[u64], caps: &[usize]| Call {
            slot: TABLE,
            label: number(label),
            words: words.to_vec(),
            caps: caps.to_vec(),
        };
        let refusals = [
            (call(Label::IoPageTableMap, &[], &[Caller::ROOT]), SyscallError::TruncatedMessage),
            (call(Label::IoPageTableMap, &[0x1000], &[]), SyscallError::TruncatedMessage),
            (call(Label::IoPageTableMap, &[0x1000], &[Caller::ROOT]), SyscallError::InvalidCapability(0)),
            (call(Label::PageMap, &[0x1000], &[Caller::ROOT]), SyscallError::IllegalOperation),
        ];
        for (call, error) in refusals {
            assert_eq!(caller.invoke(&call), Err(error), "{call:?}");
        }
        assert_eq!(caller.invoke(&call(Label::IoPageTableUnmap, &[], &[])), Ok(Reply::Done));
    }

    #[test]
    fn io_page_tables_are_objects_of_variants_with_iommu_only() {
        assert_eq!(Numbering::new(Variant::IOMMU).object_type(14), Some(ObjectType::IoPageTable));
        assert_eq!(Numbering::BASE.object_type(14), None);
    }
}
