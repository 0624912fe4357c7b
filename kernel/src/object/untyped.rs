// SPDX-License-Identifier: MIT OR Apache-2.0
//! Untyped memory: Retype and reset.

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
    pub(crate) fn decode_untyped(
        &self,
        _slot: SlotRef,
        _cap: Cap,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_untyped(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }
}
