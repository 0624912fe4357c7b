// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filling scheduling contexts.

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
    pub(crate) fn decode_sched_control(&self, _args: &Args<'_>) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_sched_control(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }
}
