// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations on slots, invoked on the CNode that the target slot is named from.

use crate::capability::{Capability, Slot};
use crate::error::Error;
use crate::message::invoke_unit;
use abi::{GuardData, Label, Rights};

impl Slot {
    /// Copies a capability into this slot, with at most these rights.
    #[doc(alias = "seL4_CNode_Copy")]
    pub fn copy_from(self, source: Slot, rights: Rights) -> Result<(), Error> {
        let words = [self.index, self.depth, source.index, source.depth, rights.word()];
        invoke_unit(self.root.cptr(), Label::CNodeCopy, words, [source.root.cptr()])
    }

    /// Copies a capability and gives it a badge, or a CNode its guard.
    #[doc(alias = "seL4_CNode_Mint")]
    pub fn mint_from(self, source: Slot, rights: Rights, data: u64) -> Result<(), Error> {
        let words = [self.index, self.depth, source.index, source.depth, rights.word(), data];
        invoke_unit(self.root.cptr(), Label::CNodeMint, words, [source.root.cptr()])
    }

    /// Moves a capability into this slot.
    #[doc(alias = "seL4_CNode_Move")]
    pub fn move_from(self, source: Slot) -> Result<(), Error> {
        let words = [self.index, self.depth, source.index, source.depth];
        invoke_unit(self.root.cptr(), Label::CNodeMove, words, [source.root.cptr()])
    }

    /// Moves a CNode capability into this slot and gives it a guard.
    #[doc(alias = "seL4_CNode_Mutate")]
    pub fn mutate_from(self, source: Slot, guard: GuardData) -> Result<(), Error> {
        let words = [self.index, self.depth, source.index, source.depth, guard.word()];
        invoke_unit(self.root.cptr(), Label::CNodeMutate, words, [source.root.cptr()])
    }

    /// Deletes the capability; an empty slot stays empty.
    #[doc(alias = "seL4_CNode_Delete")]
    pub fn delete(self) -> Result<(), Error> {
        invoke_unit(self.root.cptr(), Label::CNodeDelete, [self.index, self.depth], [])
    }

    /// Deletes everything derived from the capability.
    #[doc(alias = "seL4_CNode_Revoke")]
    pub fn revoke(self) -> Result<(), Error> {
        invoke_unit(self.root.cptr(), Label::CNodeRevoke, [self.index, self.depth], [])
    }

    /// Restarts the senders that are queued with the badge of this endpoint capability.
    #[doc(alias = "seL4_CNode_CancelBadgedSends")]
    pub fn cancel_badged_sends(self) -> Result<(), Error> {
        invoke_unit(self.root.cptr(), Label::CNodeCancelBadgedSends, [self.index, self.depth], [])
    }
}

/// A slot and the guard its capability gets when it is moved away.
#[derive(Clone, Copy, Debug)]
pub struct Mutated {
    /// Where the capability is.
    pub slot: Slot,
    /// The data word it gets; only CNode capabilities take it.
    pub guard: GuardData,
}

/// Moves the capability of `pivot` to `target` and that of `source` to `pivot`.
#[doc(alias = "seL4_CNode_Rotate")]
pub fn rotate(target: Slot, pivot: Mutated, source: Mutated) -> Result<(), Error> {
    let words = [
        target.index,
        target.depth,
        pivot.guard.word(),
        pivot.slot.index,
        pivot.slot.depth,
        source.guard.word(),
        source.slot.index,
        source.slot.depth,
    ];
    let roots = [pivot.slot.root.cptr(), source.slot.root.cptr()];
    invoke_unit(target.root.cptr(), Label::CNodeRotate, words, roots)
}
