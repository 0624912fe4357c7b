// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maintenance of caches by programs: nothing, as the processor keeps them out of sight.

use arch::{Machine, PhysAddr};

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::object::asid::Asid;

/// A decoded invocation; there is none.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

/// Whether a frame has this label.
pub(crate) const fn is_of_frames(_label: u64) -> bool {
    false
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_frame_cache(&self, _cap: Cap, _args: &Args<'_>) -> Result<Invocation, SyscallError> {
        Err(SyscallError::IllegalOperation)
    }

    pub(crate) fn decode_vspace(
        &self,
        _root: PhysAddr,
        _asid: Option<Asid>,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        Err(SyscallError::IllegalOperation)
    }

    pub(crate) fn execute_cache(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {}
    }
}
