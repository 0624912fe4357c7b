// SPDX-License-Identifier: MIT OR Apache-2.0
//! Untyped memory.

use crate::capability::{CNode, CPtr, Capability, INIT_CNODE, Untyped};
use crate::error::Error;
use crate::message::invoke_unit;
use abi::{Label, ObjectType};

impl Untyped {
    /// Makes `count` objects in consecutive slots of the root CNode.
    ///
    /// `size_bits` counts for untypeds, CNodes and scheduling contexts only.
    pub fn retype(self, kind: ObjectType, size_bits: u32, first: CPtr, count: u64) -> Result<(), Error> {
        self.retype_into(kind, size_bits, (INIT_CNODE, 0, 0), first.0, count)
    }

    /// Makes `count` objects in consecutive slots of the CNode found at (root, index, depth); depth 0 means `root`.
    #[doc(alias = "seL4_Untyped_Retype")]
    pub fn retype_into(
        self,
        kind: ObjectType,
        size_bits: u32,
        (root, index, depth): (CNode, u64, u64),
        offset: u64,
        count: u64,
    ) -> Result<(), Error> {
        let words = [kind.word(), u64::from(size_bits), index, depth, offset, count];
        invoke_unit(self.0, Label::UntypedRetype, words, [root.cptr()])
    }
}
