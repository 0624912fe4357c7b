// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables of the three levels below the root.

use crate::capability::{Capability, PageDirectory, PageTable, Pdpt, VSpace};
use crate::error::Error;
use crate::message::invoke_unit;
use abi::{Label, VmAttributes};

/// A page table that can be mapped in an address space.
pub trait Table: Capability {
    /// The invocation that maps it.
    const MAP: Label;
    /// The invocation that unmaps it.
    const UNMAP: Label;

    /// Maps the table where `address` needs it.
    fn map(self, vspace: VSpace, address: u64, attributes: VmAttributes) -> Result<(), Error> {
        invoke_unit(self.cptr(), Self::MAP, [address, attributes.0], [vspace.cptr()])
    }

    /// Unmaps and clears the table.
    fn unmap(self) -> Result<(), Error> {
        invoke_unit(self.cptr(), Self::UNMAP, [], [])
    }
}

impl Table for Pdpt {
    const MAP: Label = Label::PdptMap;
    const UNMAP: Label = Label::PdptUnmap;
}

impl Table for PageDirectory {
    const MAP: Label = Label::PageDirectoryMap;
    const UNMAP: Label = Label::PageDirectoryUnmap;
}

impl Table for PageTable {
    const MAP: Label = Label::PageTableMap;
    const UNMAP: Label = Label::PageTableUnmap;
}
