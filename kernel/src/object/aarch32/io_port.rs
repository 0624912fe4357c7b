// SPDX-License-Identifier: MIT OR Apache-2.0
//! IO ports, of which the machine has none.
//!
//! The control capability exists in its slot, as everywhere, and refuses everything. Nothing makes a capability to a
//! range of ports.

use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;

/// A decoded invocation; there is none that is allowed.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_io_port_control(
        &self,
        _control: SlotRef,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        Err(SyscallError::IllegalOperation)
    }

    pub(crate) fn decode_io_port(
        &self,
        _first: u16,
        _last: u16,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        Err(SyscallError::IllegalOperation)
    }

    pub(crate) fn execute_io_port(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {}
    }

    /// Does nothing: no range was ever issued.
    pub(crate) fn finalise_io_port(&mut self, _first: u16, _last: u16) {}
}

#[cfg(test)]
mod tests {
    use abi::Label;

    use super::*;
    use crate::cap::Cap;
    use crate::testing::{Call, Caller};

    #[test]
    fn nothing_issues_reads_or_writes_ports() {
        const CONTROL: usize = 2;
        let mut caller = Caller::new();
        caller.put(CONTROL, Cap::IoPortControl);
        for label in [Label::IoPortControlIssue, Label::IoPortIn8, Label::IoPortOut32] {
            let call = Call::new(CONTROL, label, &[1, 1, 20, Caller::DEPTH], &[Caller::ROOT]);
            assert_eq!(caller.invoke(&call), Err(SyscallError::IllegalOperation));
        }
    }
}
