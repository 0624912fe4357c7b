// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control over another instance.

use crate::capability::InstanceControl;
use crate::error::Error;
use crate::message::invoke_unit;
use abi::Label;

impl InstanceControl {
    /// Stops the instance.
    pub fn stop(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::InstanceStop, [], [])
    }

    /// Starts the instance afresh.
    pub fn start(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::InstanceStart, [], [])
    }
}
