// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stopping and starting another instance.
//!
//! The capability exists, has its slot in the bootinfo chunk and can be copied. Restart itself is not built yet, so
//! no state allows either operation and both answer IllegalOperation.

use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;

/// A decoded invocation; there is none that is allowed.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_instance_control(
        &self,
        _instance: u8,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        Err(SyscallError::IllegalOperation)
    }

    pub(crate) fn execute_instance_control(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {}
    }
}
