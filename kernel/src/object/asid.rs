// SPDX-License-Identifier: MIT OR Apache-2.0
//! Address-space numbers: pools of 512, eight at most.

use abi::sizes::{ASID_POOLS, ASIDS_PER_POOL};

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

use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_asid_control(&self, _args: &Args<'_>) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn decode_asid_pool(
        &self,
        _pool: ObjRef<AsidPool>,
        _base: Asid,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_asid(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }

    pub(crate) fn finalise_asid_pool(&mut self, _pool: ObjRef<AsidPool>, _base: Asid) {
        unimplemented!()
    }

    pub(crate) fn finalise_vspace(&mut self, _root: arch::PhysAddr, _asid: Option<Asid>) {
        unimplemented!()
    }
}
