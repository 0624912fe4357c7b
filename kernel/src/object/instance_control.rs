// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stopping and starting another instance.

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
    pub(crate) fn decode_instance_control(
        &self,
        _instance: u8,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_instance_control(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }
}
