// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only this machine has besides the functions of [`crate::Machine`]: IO ports.

use crate::PortWidth;
#[cfg(not(target_os = "none"))]
use crate::{Effect, SimMachine};

/// Devices that only some processors have.
pub trait Devices {
    /// Reads an IO port, zero-extended.
    fn read_port(&mut self, port: u16, width: PortWidth) -> u32;
    /// Writes an IO port.
    fn write_port(&mut self, port: u16, width: PortWidth, value: u32);
}

#[cfg(not(target_os = "none"))]
impl Devices for SimMachine {
    fn read_port(&mut self, port: u16, width: PortWidth) -> u32 {
        self.record(Effect::ReadPort(port, width));
        self.port_value
    }
    fn write_port(&mut self, port: u16, width: PortWidth, value: u32) {
        self.record(Effect::WritePort(port, width, value));
    }
}
