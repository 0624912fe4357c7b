// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maintenance of caches by programs: Clean, Invalidate, CleanInvalidate and Unify of frames and address spaces.
//!
//! Everything is done at the addresses of the program, in its address space, so that it does not matter whether the kernel
//! has an address for the memory. Nothing that a program wrote is ever lost, and nothing comes back that lay in memory
//! before: Invalidate writes back first (ZEROED, and lines that two programs share).
//!
//! A long range is preempted. Then MR 0 is where it goes on, and the system call is repeated.

use abi::aarch32::CacheLabel;
use abi::limits::USER_TOP;
use arch::{CacheOperation, Level, Machine, PhysAddr, TableEntry, VirtAddr};

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::object::asid::{Asid, UNREGISTERED};
use crate::object::frame::maps;
use crate::object::table::find_entry;

/// Bytes between two preemption points.
const CHUNK: u64 = 4096;

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    operation: CacheOperation,
    /// Top-level table of the address space.
    root: PhysAddr,
    /// What the words of the message are counted from.
    base: u64,
    /// First address, and the one behind the last; the same for a range that is not mapped.
    range: (u64, u64),
}

/// Whether a frame has this label.
pub(crate) const fn is_of_frames(label: u64) -> bool {
    matches!(
        CacheLabel::from_word(label),
        Some(
            CacheLabel::PageClean
                | CacheLabel::PageInvalidate
                | CacheLabel::PageCleanInvalidate
                | CacheLabel::PageUnify
        )
    )
}

const fn operation(label: CacheLabel) -> CacheOperation {
    match label {
        CacheLabel::VSpaceClean | CacheLabel::PageClean => CacheOperation::Clean,
        CacheLabel::VSpaceInvalidate
        | CacheLabel::VSpaceCleanInvalidate
        | CacheLabel::PageInvalidate
        | CacheLabel::PageCleanInvalidate => CacheOperation::CleanInvalidate,
        CacheLabel::VSpaceUnify | CacheLabel::PageUnify => CacheOperation::Unify,
    }
}

impl<M: Machine> Kernel<M> {
    /// Decodes an invocation of a frame; the range is counted from its first byte.
    pub(crate) fn decode_frame_cache(&self, cap: Cap, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        let label = CacheLabel::from_word(args.label_word()).ok_or(SyscallError::IllegalOperation)?;
        args.require(2, 0)?;
        let Cap::Frame { base: frame, size, mapping, .. } = cap else {
            return Err(SyscallError::InvalidCapability(0));
        };
        let mapping = mapping.ok_or(SyscallError::IllegalOperation)?;
        let root = self.lookup_vspace(mapping.asid).ok_or(UNREGISTERED)?;
        let mut words = args.words();
        let (start, end) = (words.take(), words.take());
        if end <= start {
            return Err(SyscallError::InvalidArgument(1));
        }
        if end > 1 << size.bits() {
            return Err(SyscallError::InvalidArgument(0));
        }
        let base = mapping.address.0;
        let place = find_entry(&self.objs, root, base, size.level());
        let is_there = place.is_ok_and(|place| maps(TableEntry(self.objs[place].0), frame, size));
        let range = if is_there { (base + start, base + end) } else { (base, base) };
        Ok(Invocation { operation: operation(label), root, base, range })
    }

    /// Decodes an invocation of an address space: a range inside one page.
    pub(crate) fn decode_vspace(
        &self,
        root: PhysAddr,
        asid: Option<Asid>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let label = CacheLabel::from_word(args.label_word()).ok_or(SyscallError::IllegalOperation)?;
        if is_of_frames(args.label_word()) {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(2, 0)?;
        let mut words = args.words();
        let (start, end) = (words.take(), words.take());
        if end <= start {
            return Err(SyscallError::InvalidArgument(1));
        }
        if end > USER_TOP {
            return Err(SyscallError::IllegalOperation);
        }
        self.check_vspace(root, asid.ok_or(SyscallError::InvalidCapability(0))?, 0)?;
        let Some(level) = self.mapped_at(root, start) else {
            return Ok(Invocation { operation: operation(label), root, base: 0, range: (start, start) });
        };
        let last = start | ((1 << level.entry_bits()) - 1);
        if end - 1 > last {
            return Err(SyscallError::RangeError { min: start, max: last });
        }
        Ok(Invocation { operation: operation(label), root, base: 0, range: (start, end) })
    }

    /// The level of the entry that maps the page at `address`, if there is one.
    fn mapped_at(&self, root: PhysAddr, address: u64) -> Option<Level> {
        let levels = [Level::Top, Level::PageDirectory, Level::PageTable];
        levels.into_iter().find(|&level| {
            let entry = find_entry(&self.objs, root, address, level);
            entry.is_ok_and(|place| {
                let entry = TableEntry(self.objs[place].0);
                entry.is_page() || level == Level::PageTable && entry.is_present()
            })
        })
    }

    pub(crate) fn execute_cache(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        let Invocation { operation, root, base, range: (mut at, end) } = invocation;
        while at < end {
            let next = end.min((at / CHUNK + 1) * CHUNK);
            let active = self.active_root;
            self.activate_root(root);
            self.machine.maintain_caches(operation, VirtAddr(at), next - at);
            self.activate_root(active);
            at = next;
            if at < end
                && let Err(preempted) = self.preemption_point()
            {
                let caller = self.current();
                self.objs[caller].context.set_message_register(0, at - base);
                return Err(preempted);
            }
        }
        Ok(Reply::Done)
    }
}
