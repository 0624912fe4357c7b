// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where debug output of an instance goes.

use core::arch::asm;

use crate::PhysAddr;
use crate::bare::log_ring;

/// Offset of the line-status register of a 16550 and its "transmitter empty" bit.
const LINE_STATUS: u16 = 5;
const TRANSMITTER_EMPTY: u8 = 1 << 5;
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
            Self::DebugPort(port) => out(port, byte),
            Self::Serial(port) => {
                for _ in 0..PATIENCE {
                    if input(port + LINE_STATUS) & TRANSMITTER_EMPTY != 0 {
                        return out(port, byte);
                    }
                }
            }
            Self::Log { paddr, bytes } => log_ring::put(PhysAddr(paddr), bytes, byte),
        }
    }
}

fn out(port: u16, byte: u8) {
    // SAFETY: the boot core says that the port is a console.
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nomem, nostack, preserves_flags)) };
}

fn input(port: u16) -> u8 {
    let byte: u8;
    // SAFETY: as for `out`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") byte, options(nomem, nostack, preserves_flags)) };
    byte
}
