// SPDX-License-Identifier: MIT OR Apache-2.0
//! CNodes: Copy, Mint, Move, Mutate, Rotate, Delete, Revoke, CancelBadgedSends.
//!
//! All eight name a target slot below the invoked CNode; the transfers name a source slot, and Rotate a pivot slot,
//! below CNodes of their own.

use abi::{Label, Rights};
use arch::Machine;

use super::endpoint::Endpoint;
use crate::Kernel;
use crate::args::{Args, Words};
use crate::cap::Cap;
use crate::cap::derive::DataRule;
use crate::cap::slot::SlotRef;
use crate::error::{LookupFailure, LookupSide, Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::ObjRef;

/// A decoded invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// Copy and Mint: puts `cap`, derived from the one in `source`, into `dest`.
    Insert {
        /// What the new capability is.
        cap: Cap,
        /// Slot of its parent or sibling.
        source: SlotRef,
        /// Empty slot.
        dest: SlotRef,
    },
    /// Move and Mutate: puts the capability in `source` into `dest`, as `cap`.
    Move {
        /// What the capability becomes.
        cap: Cap,
        /// Slot that becomes empty.
        source: SlotRef,
        /// Empty slot.
        dest: SlotRef,
    },
    /// Rotate: pivot to target and source to pivot.
    Rotate {
        /// Slot of the first capability, and what it becomes in `pivot`.
        source: (SlotRef, Cap),
        /// Slot of the second, and what it becomes in `dest`.
        pivot: (SlotRef, Cap),
        /// Empty slot, or `source`.
        dest: SlotRef,
    },
    /// Delete.
    Delete(SlotRef),
    /// Revoke.
    Revoke(SlotRef),
    /// CancelBadgedSends.
    CancelBadgedSends {
        /// Where the senders are queued.
        endpoint: ObjRef<Endpoint>,
        /// Their badge.
        badge: u64,
    },
}

/// The answer to an address that leads to an empty slot.
const fn missing(side: LookupSide, depth: u64) -> SyscallError {
    SyscallError::FailedLookup(side, LookupFailure::MissingCapability { bits_left: depth })
}

fn not_null(cap: Cap) -> Result<Cap, SyscallError> {
    if cap.is_null() { Err(SyscallError::IllegalOperation) } else { Ok(cap) }
}

impl<M: Machine> Kernel<M> {
    /// Decodes an invocation of the CNode capability `cap`.
    pub(crate) fn decode_cnode(&self, cap: Cap, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        let Some(
            label @ (Label::CNodeRevoke
            | Label::CNodeDelete
            | Label::CNodeCancelBadgedSends
            | Label::CNodeCopy
            | Label::CNodeMint
            | Label::CNodeMove
            | Label::CNodeMutate
            | Label::CNodeRotate),
        ) = args.label()
        else {
            return Err(SyscallError::IllegalOperation);
        };
        args.require(2, 0)?;
        let mut words = args.words();
        let target = self.lookup_target(cap, words.take(), words.take(), LookupSide::Target)?;
        match label {
            Label::CNodeRevoke => Ok(Invocation::Revoke(target)),
            Label::CNodeDelete => Ok(Invocation::Delete(target)),
            Label::CNodeCancelBadgedSends => self.decode_cancel_badged_sends(target),
            Label::CNodeRotate => self.decode_rotate(target, args, words),
            _ => self.decode_transfer(label, target, args, words),
        }
    }

    fn decode_cancel_badged_sends(&self, target: SlotRef) -> Result<Invocation, SyscallError> {
        match self.objs[target].cap.unpack() {
            Cap::Endpoint { endpoint, badge, rights } if rights.intersect(Rights::ALL) == Rights::ALL => {
                Ok(Invocation::CancelBadgedSends { endpoint, badge })
            }
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    /// Copy, Mint, Move and Mutate, from the source address on.
    fn decode_transfer(
        &self,
        label: Label,
        dest: SlotRef,
        args: &Args<'_>,
        mut words: Words<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(4, 1)?;
        if !self.objs[dest].is_empty() {
            return Err(SyscallError::DeleteFirst);
        }
        let (index, depth) = (words.take(), words.take());
        let source = self.lookup_below(args.cap(0)?, index, depth)?;
        let cap = self.objs[source].cap.unpack();
        if cap.is_null() {
            return Err(missing(LookupSide::Source, depth));
        }
        match label {
            Label::CNodeCopy => {
                args.require(5, 1)?;
                let cap = self.derive_cap(source, cap.mask_rights(Rights(words.take())))?;
                Ok(Invocation::Insert { cap: not_null(cap)?, source, dest })
            }
            Label::CNodeMint => {
                args.require(6, 1)?;
                let cap = cap.mask_rights(Rights(words.take())).update_data(words.take(), DataRule::Mint);
                let cap = self.derive_cap(source, cap)?;
                Ok(Invocation::Insert { cap: not_null(cap)?, source, dest })
            }
            Label::CNodeMutate => {
                args.require(5, 1)?;
                let cap = not_null(cap.update_data(words.take(), DataRule::Mutate))?;
                Ok(Invocation::Move { cap, source, dest })
            }
            _ => Ok(Invocation::Move { cap, source, dest }),
        }
    }

    fn decode_rotate(
        &self,
        dest: SlotRef,
        args: &Args<'_>,
        mut words: Words<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(8, 2)?;
        let (pivot_data, pivot_index, pivot_depth) = (words.take(), words.take(), words.take());
        let (source_data, source_index, source_depth) = (words.take(), words.take(), words.take());
        let source = self.lookup_below(args.cap(1)?, source_index, source_depth)?;
        let pivot = self.lookup_below(args.cap(0)?, pivot_index, pivot_depth)?;
        if pivot == source || pivot == dest {
            return Err(SyscallError::IllegalOperation);
        }
        if source != dest && !self.objs[dest].is_empty() {
            return Err(SyscallError::DeleteFirst);
        }
        let (source_cap, pivot_cap) = (self.objs[source].cap.unpack(), self.objs[pivot].cap.unpack());
        if source_cap.is_null() {
            return Err(missing(LookupSide::Source, source_depth));
        }
        if pivot_cap.is_null() {
            return Err(missing(LookupSide::Target, pivot_depth));
        }
        let source_cap = not_null(source_cap.update_data(source_data, DataRule::Mutate))?;
        let pivot_cap = not_null(pivot_cap.update_data(pivot_data, DataRule::Mutate))?;
        Ok(Invocation::Rotate { source: (source, source_cap), pivot: (pivot, pivot_cap), dest })
    }

    /// Looks up a source or pivot slot below the CNode capability in `root`.
    fn lookup_below(&self, root: SlotRef, index: u64, depth: u64) -> Result<SlotRef, SyscallError> {
        self.lookup_target(self.objs[root].cap.unpack(), index, depth, LookupSide::Source)
    }

    /// Executes a decoded invocation.
    pub(crate) fn execute_cnode(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::Insert { cap, source, dest } => self.insert_cap(cap, source, dest),
            Invocation::Move { cap, source, dest } => self.move_cap(cap, source, dest),
            Invocation::Rotate { source, pivot, dest } if source.0 == dest => {
                self.swap_caps(source.1, source.0, pivot.1, pivot.0);
            }
            Invocation::Rotate { source, pivot, dest } => {
                self.move_cap(pivot.1, pivot.0, dest);
                self.move_cap(source.1, source.0, pivot.0);
            }
            Invocation::Delete(slot) => self.delete_cap(slot)?,
            Invocation::Revoke(slot) => self.revoke_cap(slot)?,
            Invocation::CancelBadgedSends { badge: 0, .. } => {}
            Invocation::CancelBadgedSends { endpoint, badge } => self.cancel_badged_sends(endpoint, badge),
        }
        Ok(Reply::Done)
    }
}

#[cfg(test)]
mod tests;
