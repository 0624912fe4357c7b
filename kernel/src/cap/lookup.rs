// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a CPtr to a slot.
//!
//! Every CNode on the way takes its guard and its radix off the top of the address:
//!
//! ```text
//!  63                                             0
//! | guard | index in 1st CNode | guard | index … |
//! ```

use abi::sizes::WORD_BITS;
use arch::Machine;

use super::Cap;
use super::raw::{RawCap, Tag};
use super::slot::SlotRef;
use crate::Kernel;
use crate::error::{LookupFailure, LookupSide, SyscallError};
use crate::memory::objects::ObjRef;
use crate::object::tcb::{Tcb, TcbSlot};

/// Where an address led.
struct Resolved {
    slot: SlotRef,
    /// Address bits behind the slot, which is then no CNode.
    bits_left: u32,
}

impl<M: Machine> Kernel<M> {
    /// The slot that `cptr` names in the CSpace of `tcb`; bits behind a slot that is no CNode do not matter.
    #[inline]
    pub(crate) fn lookup_slot(&self, tcb: ObjRef<Tcb>, cptr: u64) -> Result<SlotRef, LookupFailure> {
        let root = self.objs[tcb.slot(TcbSlot::CSpace)].cap;
        match root.plain_slot(cptr) {
            Some(slot) => Ok(slot),
            None => Ok(self.resolve(root, cptr, WORD_BITS)?.slot),
        }
    }

    /// The slot that the low `depth` bits of `index` name below `root`, exactly.
    #[doc(alias = "lookupSlotForCNodeOp")]
    pub(crate) fn lookup_target(
        &self,
        root: Cap,
        index: u64,
        depth: u64,
        side: LookupSide,
    ) -> Result<SlotRef, SyscallError> {
        if !matches!(root, Cap::CNode { .. }) {
            return Err(SyscallError::FailedLookup(side, LookupFailure::InvalidRoot));
        }
        let max = u64::from(WORD_BITS);
        if !(1..=max).contains(&depth) {
            return Err(SyscallError::RangeError { min: 1, max });
        }
        let found = self
            .resolve(root.pack(), index, depth as u32)
            .map_err(|failure| SyscallError::FailedLookup(side, failure))?;
        if found.bits_left != 0 {
            let failure = LookupFailure::DepthMismatch { bits_left: found.bits_left.into(), bits_found: 0 };
            return Err(SyscallError::FailedLookup(side, failure));
        }
        Ok(found.slot)
    }

    /// Resolves the low `bits` bits (1..=64) of `address` below `root`.
    fn resolve(&self, root: RawCap, address: u64, bits: u32) -> Result<Resolved, LookupFailure> {
        let mut node = root;
        let mut bits_left = bits;
        if !node.has_tag(Tag::CNode) {
            return Err(LookupFailure::InvalidRoot);
        }
        loop {
            let cnode = node.cnode_parts();
            let bits_found = cnode.guard_bits + cnode.radix;
            // For a guard that is too long the shift is meaningless, and not looked at.
            let rest = address.wrapping_shr(bits_left.wrapping_sub(cnode.guard_bits));
            if cnode.guard_bits > bits_left || rest & mask(cnode.guard_bits) != cnode.guard {
                return Err(LookupFailure::GuardMismatch {
                    bits_left: bits_left.into(),
                    guard: cnode.guard,
                    guard_bits: cnode.guard_bits.into(),
                });
            }
            if bits_found > bits_left {
                return Err(LookupFailure::DepthMismatch {
                    bits_left: bits_left.into(),
                    bits_found: bits_found.into(),
                });
            }
            bits_left -= bits_found;
            let index = address.wrapping_shr(bits_left) & mask(cnode.radix);
            let slot = cnode.slots.element(index as usize);
            if bits_left == 0 {
                return Ok(Resolved { slot, bits_left });
            }
            node = self.objs[slot].cap;
            if !node.has_tag(Tag::CNode) {
                return Ok(Resolved { slot, bits_left });
            }
        }
    }
}

/// The lowest `bits` (0..=63) bits set.
#[inline]
const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests;
