// SPDX-License-Identifier: MIT OR Apache-2.0
//! IO ports: issuing ranges, reading and writing.

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
    pub(crate) fn decode_io_port_control(
        &self,
        _slot: SlotRef,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn decode_io_port(
        &self,
        _first: u16,
        _last: u16,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_io_port(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }

    pub(crate) fn finalise_io_port(&mut self, _first: u16, _last: u16) {
        unimplemented!()
    }
}
