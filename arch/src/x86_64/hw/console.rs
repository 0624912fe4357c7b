// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where debug output of an instance goes.

use uart_16550::SerialPort;
use x86_64::instructions::port::Port;

use crate::PhysAddr;
use crate::bare::log_ring;

/// Polls before a byte is dropped: a UART that never gets ready must not hang the kernel.
const PATIENCE: u32 = 100_000;

/// A place for bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Console {
    /// Nowhere.
    Silent,
    /// QEMU's isa-debugcon at this port.
    DebugPort(u16),
    /// A 16550 at this port.
    Serial(u16),
    /// A ring in memory, read by peers.
    Log {
        /// Physical address.
        paddr: u64,
        /// Bytes, header included.
        bytes: u64,
    },
}

impl Console {
    /// Writes one byte, or drops it.
    pub fn put(self, byte: u8) {
        match self {
            Self::Silent => {}
            // SAFETY: the boot core says that the port is a console.
            Self::DebugPort(port) => unsafe { Port::new(port).write(byte) },
            Self::Serial(port) => {
                // SAFETY: the boot core says that there is a UART at the port.
                let mut uart = unsafe { SerialPort::new(port) };
                let _ = (0..PATIENCE).find(|_| uart.try_send_raw(byte).is_ok());
            }
            Self::Log { paddr, bytes } => log_ring::put(PhysAddr(paddr), bytes, byte),
        }
    }
}
