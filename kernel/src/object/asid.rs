// SPDX-License-Identifier: MIT OR Apache-2.0
//! Address-space numbers: pools of 512, eight at most.
//!
//! A number stands between a capability and the tables it speaks of: when an address space or a whole pool ends, the
//! mappings recorded in frame and table capabilities lead nowhere, and nobody has to find those capabilities.

use abi::Label;
use abi::sizes::{ASID_POOL_BITS, ASID_POOLS, ASIDS_PER_POOL};
use arch::{Machine, PhysAddr};

use super::untyped::new_object;
use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{LookupFailure, LookupSide, Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::{ObjRef, kernel_object};

/// Number of an address space, 1..=4095; as a pool's base also 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Asid(pub u16);

impl Asid {
    /// The number in `word`; 0 means none.
    #[inline]
    pub const fn from_word(word: u64) -> Option<Self> {
        if word == 0 { None } else { Some(Self(word as u16)) }
    }

    /// Number `index` of the pool that starts at this one.
    #[inline]
    const fn member(self, index: usize) -> Self {
        Self(self.0 + index as u16)
    }

    /// Index of its pool.
    #[inline]
    pub const fn pool(self) -> usize {
        self.0 as usize / ASIDS_PER_POOL % ASID_POOLS
    }

    /// Index inside its pool.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize % ASIDS_PER_POOL
    }
}

/// A pool, 4 KiB: the top-level table of each address space, 0 for none.
#[derive(Clone)]
#[repr(C, align(4096))]
pub struct AsidPool {
    /// Physical addresses of top-level tables.
    pub roots: [u64; ASIDS_PER_POOL],
}

const _: () = assert!(size_of::<AsidPool>() == 1 << abi::sizes::ASID_POOL_BITS);

kernel_object!(AsidPool);

/// The pools that are in use.
pub type AsidTable = [Option<ObjRef<AsidPool>>; ASID_POOLS];

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {
    /// Makes a pool out of an untyped.
    MakePool {
        /// Slot of the untyped.
        untyped: SlotRef,
        /// Its memory.
        pool: ObjRef<AsidPool>,
        /// First number of the pool.
        base: Asid,
        /// Where the capability goes.
        dest: SlotRef,
    },
    /// Gives an address space a number.
    Assign {
        /// Slot of its capability.
        vspace: SlotRef,
        /// Its top-level table.
        root: PhysAddr,
        /// The pool.
        pool: ObjRef<AsidPool>,
        /// The number.
        asid: Asid,
    },
}

/// Why a number is of no use: nothing is registered under it.
pub(crate) const UNREGISTERED: SyscallError =
    SyscallError::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot);

impl<M: Machine> Kernel<M> {
    /// The top-level table of address space `asid`.
    #[inline]
    pub(crate) fn lookup_vspace(&self, asid: Asid) -> Option<PhysAddr> {
        let pool = self.asids[asid.pool()]?;
        match self.objs[pool].roots[asid.index()] {
            0 => None,
            root => Some(PhysAddr(root)),
        }
    }

    /// Refuses a VSpace capability whose number does not lead to its own table, as capability `number`.
    pub(crate) fn check_vspace(&self, root: PhysAddr, asid: Asid, number: u64) -> Result<(), SyscallError> {
        match self.lookup_vspace(asid) {
            None => Err(UNREGISTERED),
            Some(registered) if registered != root => Err(SyscallError::InvalidCapability(number)),
            Some(_) => Ok(()),
        }
    }

    pub(crate) fn decode_asid_control(&self, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        if args.label() != Some(Label::AsidControlMakePool) {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(2, 2)?;
        let mut words = args.words();
        let (index, depth) = (words.take(), words.take());
        let (untyped, root) = (args.cap(0)?, args.cap(1)?);
        let number = self.asids.iter().position(Option::is_none).ok_or(SyscallError::DeleteFirst)?;
        let pool = match self.objs[untyped].cap.unpack() {
            Cap::Untyped { base, size_bits, is_device: false, .. }
                if u32::from(size_bits) == ASID_POOL_BITS =>
            {
                new_object(base)
            }
            _ => return Err(SyscallError::InvalidCapability(1)),
        };
        if self.has_children(untyped) {
            return Err(SyscallError::RevokeFirst);
        }
        let dest = self.lookup_empty_slot(root, index, depth)?;
        let base = Asid((number * ASIDS_PER_POOL) as u16);
        Ok(Invocation::MakePool { untyped, pool, base, dest })
    }

    pub(crate) fn decode_asid_pool(
        &self,
        pool: ObjRef<AsidPool>,
        base: Asid,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        if args.label() != Some(Label::AsidPoolAssign) {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(0, 1)?;
        let vspace = args.cap(0)?;
        let Cap::VSpace { root, asid: None } = self.objs[vspace].cap.unpack() else {
            return Err(SyscallError::InvalidCapability(1));
        };
        match self.asids[base.pool()] {
            None => return Err(UNREGISTERED),
            Some(registered) if registered != pool => return Err(SyscallError::InvalidCapability(0)),
            Some(_) => {}
        }
        // Number 0 means "none" and is never given away.
        let first = usize::from(base.pool() == 0);
        let free = self.objs[pool].roots[first..].iter().position(|&root| root == 0);
        let asid = base.member(first + free.ok_or(SyscallError::DeleteFirst)?);
        Ok(Invocation::Assign { vspace, root, pool, asid })
    }

    pub(crate) fn execute_asid(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::MakePool { untyped, pool, base, dest } => {
                let size_bits = ASID_POOL_BITS as u8;
                let full =
                    Cap::Untyped { base: pool.paddr(), size_bits, is_device: false, free: 1 << size_bits };
                self.objs[untyped].cap = full.pack();
                self.objs.clear(pool.paddr(), ASIDS_PER_POOL);
                self.insert_cap(Cap::AsidPool { pool, base }, untyped, dest);
                self.asids[base.pool()] = Some(pool);
            }
            Invocation::Assign { vspace, root, pool, asid } => {
                self.objs[pool].roots[asid.index()] = root.0;
                self.objs[vspace].cap = Cap::VSpace { root, asid: Some(asid) }.pack();
            }
        }
        Ok(Reply::Done)
    }

    /// Unregisters a pool whose last capability goes: its address spaces are of no use from now on.
    pub(crate) fn finalise_asid_pool(&mut self, pool: ObjRef<AsidPool>, base: Asid) {
        if self.asids[base.pool()] == Some(pool) {
            self.asids[base.pool()] = None;
            self.has_lost_pools = true;
            if self.objs[pool].roots.contains(&self.active_root.0) {
                self.leave_vspace(self.active_root);
            }
        }
    }

    /// Frees the number of an address space whose last capability goes.
    pub(crate) fn finalise_vspace(&mut self, root: PhysAddr, asid: Option<Asid>) {
        let Some(asid) = asid else { return };
        if self.lookup_vspace(asid) == Some(root)
            && let Some(pool) = self.asids[asid.pool()]
        {
            self.objs[pool].roots[asid.index()] = 0;
        }
        self.leave_vspace(root);
    }

    /// The empty slot named by `index` and `depth` below the capability in `root`, for a new capability.
    pub(crate) fn lookup_empty_slot(
        &self,
        root: SlotRef,
        index: u64,
        depth: u64,
    ) -> Result<SlotRef, SyscallError> {
        let root = self.objs[root].cap.unpack();
        let dest = self.lookup_target(root, index, depth, LookupSide::Target)?;
        if self.objs[dest].is_empty() { Ok(dest) } else { Err(SyscallError::DeleteFirst) }
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// The processor walks no tables but the kernel's own and those of a registered address space.
    pub(crate) fn check_vspaces(&self) {
        let registered = |pool: ObjRef<AsidPool>| self.objs[pool].roots.contains(&self.active_root.0);
        let is_registered = self.asids.into_iter().flatten().any(registered);
        assert!(is_registered || self.active_root == self.kernel_root, "{:?} is nobody's", self.active_root);
        assert_eq!(self.lookup_vspace(Asid(0)), None, "number 0 means none");
    }
}

#[cfg(test)]
mod tests;
