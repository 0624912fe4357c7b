// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where debug output of an instance goes.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::WINDOW_BASE;

/// Words at the start of a log ring: bytes written so far. The rest is the ring.
const LOG_HEADER: u64 = 64;
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
            Self::Log { paddr, bytes } => put_log(paddr, bytes, byte),
        }
    }
}

fn put_log(paddr: u64, bytes: u64, byte: u8) {
    let base = WINDOW_BASE + paddr;
    let written: *const AtomicU64 = core::ptr::with_exposed_provenance(base as usize);
    // SAFETY: the log pages of this instance are mapped in its window; only this kernel writes the counter.
    let written = unsafe { &*written };
    let position = written.load(Ordering::Relaxed);
    let offset = LOG_HEADER + position % (bytes - LOG_HEADER);
    let place: *mut u8 = core::ptr::with_exposed_provenance_mut((base + offset) as usize);
    // SAFETY: the offset is inside the log pages.
    unsafe { place.write_volatile(byte) };
    written.store(position + 1, Ordering::Release);
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
