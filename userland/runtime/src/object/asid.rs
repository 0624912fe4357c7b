// SPDX-License-Identifier: MIT OR Apache-2.0
//! Address-space identifiers, without which an address space cannot be used.

use crate::capability::{AsidControl, AsidPool, Capability, Slot, Untyped, VSpace};
use crate::error::Error;
use crate::message::invoke_unit;
use abi::Label;

impl AsidControl {
    /// Makes a pool of ASIDs from an untyped of 4 KiB.
    #[doc(alias = "seL4_X86_ASIDControl_MakePool")]
    pub fn make_pool(self, untyped: Untyped, target: Slot) -> Result<(), Error> {
        let caps = [untyped.cptr(), target.root.cptr()];
        invoke_unit(self.0, Label::AsidControlMakePool, [target.index, target.depth], caps)
    }
}

impl AsidPool {
    /// Gives an address space an ASID.
    #[doc(alias = "seL4_X86_ASIDPool_Assign")]
    pub fn assign(self, vspace: VSpace) -> Result<(), Error> {
        invoke_unit(self.0, Label::AsidPoolAssign, [], [vspace.cptr()])
    }
}
