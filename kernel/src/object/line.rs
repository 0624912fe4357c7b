// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines between instances: sending through signal capabilities, receiving as interrupt sources.

/// One of up to 64 lines of a channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Line(pub u8);

use arch::Machine;

use crate::Kernel;

impl<M: Machine> Kernel<M> {
    pub(crate) fn send_line_signal(&mut self, _to: u8, _line: Line) {
        unimplemented!()
    }

    pub(crate) fn take_doorbell(&mut self) {
        unimplemented!()
    }
}
