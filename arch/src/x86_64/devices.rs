// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only this machine has besides the functions of [`crate::Machine`]: IO ports, and vectors that programs reach too.

use crate::PortWidth;
#[cfg(not(target_os = "none"))]
use crate::{Effect, SimMachine};

/// Devices that only some processors have.
pub trait Devices {
    /// Reads an IO port, zero-extended.
    fn read_port(&mut self, port: u16, width: PortWidth) -> u32;
    /// Writes an IO port.
    fn write_port(&mut self, port: u16, width: PortWidth, value: u32);
    /// Whether an interrupt at `vector` was taken and not ended. An `int n` or an exception of the same number is none.
    fn is_in_service(&self, vector: u8) -> bool;
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
    fn is_in_service(&self, vector: u8) -> bool {
        self.in_service == Some(vector)
    }
}
