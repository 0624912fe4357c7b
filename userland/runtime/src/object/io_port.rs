// SPDX-License-Identifier: MIT OR Apache-2.0
//! IO ports.

use crate::capability::{Capability, IoPort, IoPortControl, Slot};
use crate::error::Error;
use crate::message::{invoke_unit, invoke_word};
use abi::Label;

/// A range of ports, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ports {
    /// The first port.
    pub first: u64,
    /// The last port.
    pub last: u64,
}

impl IoPortControl {
    /// Makes a capability to a range of ports.
    #[doc(alias = "seL4_X86_IOPortControl_Issue")]
    pub fn issue(self, ports: Ports, target: Slot) -> Result<(), Error> {
        let words = [ports.first, ports.last, target.index, target.depth];
        invoke_unit(self.0, Label::IoPortControlIssue, words, [target.root.cptr()])
    }
}

impl IoPort {
    /// Reads one byte.
    pub fn in8(self, port: u16) -> Result<u64, Error> {
        invoke_word(self.0, Label::IoPortIn8, [port.into()], [])
    }

    /// Reads two bytes.
    pub fn in16(self, port: u16) -> Result<u64, Error> {
        invoke_word(self.0, Label::IoPortIn16, [port.into()], [])
    }

    /// Reads four bytes.
    pub fn in32(self, port: u16) -> Result<u64, Error> {
        invoke_word(self.0, Label::IoPortIn32, [port.into()], [])
    }

    /// Writes one byte.
    pub fn out8(self, port: u16, value: u8) -> Result<(), Error> {
        invoke_unit(self.0, Label::IoPortOut8, [port.into(), value.into()], [])
    }

    /// Writes two bytes.
    pub fn out16(self, port: u16, value: u16) -> Result<(), Error> {
        invoke_unit(self.0, Label::IoPortOut16, [port.into(), value.into()], [])
    }

    /// Writes four bytes.
    pub fn out32(self, port: u16, value: u32) -> Result<(), Error> {
        invoke_unit(self.0, Label::IoPortOut32, [port.into(), value.into()], [])
    }
}
