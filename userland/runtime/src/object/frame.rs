// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of the three sizes.

use crate::capability::{CPtr, Capability, HugePage, LargePage, SmallPage, VSpace};
use crate::error::Error;
use crate::message::{invoke_unit, invoke_word};
use abi::{Label, Rights, VmAttributes, sizes};

/// A frame, which can be mapped in an address space.
pub trait Frame: Capability {
    /// Its size as a power of two.
    fn size_bits(self) -> u32;

    /// Maps the frame, or changes rights and attributes of its mapping at the same address.
    #[doc(alias = "seL4_X86_Page_Map")]
    fn map(
        self,
        vspace: VSpace,
        address: u64,
        rights: Rights,
        attributes: VmAttributes,
    ) -> Result<(), Error> {
        let words = [address, rights.word(), attributes.0];
        invoke_unit(self.cptr(), Label::PageMap, words, [vspace.cptr()])
    }

    /// Removes the mapping.
    #[doc(alias = "seL4_X86_Page_Unmap")]
    fn unmap(self) -> Result<(), Error> {
        invoke_unit(self.cptr(), Label::PageUnmap, [], [])
    }

    /// Lets instructions be fetched that were written to this part of the frame, which is mapped. Only AArch32 needs it.
    #[doc(alias = "seL4_ARM_Page_Unify_Instruction")]
    fn unify(self, part: core::ops::Range<u64>) -> Result<(), Error> {
        crate::machine::unify(self.cptr(), part)
    }

    /// The physical address.
    #[doc(alias = "seL4_X86_Page_GetAddress")]
    fn get_address(self) -> Result<u64, Error> {
        invoke_word(self.cptr(), Label::PageGetAddress, [], [])
    }
}

impl Frame for SmallPage {
    fn size_bits(self) -> u32 {
        sizes::SMALL_PAGE_BITS
    }
}

impl Frame for LargePage {
    fn size_bits(self) -> u32 {
        sizes::LARGE_PAGE_BITS
    }
}

impl Frame for HugePage {
    fn size_bits(self) -> u32 {
        sizes::HUGE_PAGE_BITS
    }
}

/// A frame whose size is known at run time only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnyPage {
    cptr: CPtr,
    size_bits: u32,
}

impl AnyPage {
    /// The frame at `cptr`, of this size.
    pub const fn new(cptr: CPtr, size_bits: u32) -> Self {
        Self { cptr, size_bits }
    }
}

impl From<CPtr> for AnyPage {
    /// Takes the frame for one of 4 KiB.
    fn from(cptr: CPtr) -> Self {
        Self::new(cptr, sizes::SMALL_PAGE_BITS)
    }
}

impl Capability for AnyPage {
    fn cptr(self) -> CPtr {
        self.cptr
    }
}

impl Frame for AnyPage {
    fn size_bits(self) -> u32 {
        self.size_bits
    }
}
