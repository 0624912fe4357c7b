// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the boot phase prints on a PC: a debug console port of its own in QEMU, the one below the first instance's
//! (`console=debugcon:BASE`); without that word the serial port COM1.

use core::sync::atomic::{AtomicU16, Ordering};

use bootstrap::options::Options;

use super::cpu::{in_byte, out_byte};
use crate::boot::console::say;

/// The first serial port.
pub(crate) const COM1: u16 = 0x3f8;
/// Line status register of the serial port, and its bit "transmit holding register empty".
const LINE_STATUS: u16 = COM1 + 5;
const TRANSMIT_EMPTY: u8 = 1 << 5;
/// Polls of the line status before a byte is written anyway: a missing port must not stop the boot.
const MAX_POLLS: u32 = 100_000;

/// The debug console port, or 0 for COM1.
static PORT: AtomicU16 = AtomicU16::new(0);

/// Chooses the port named on the command line.
pub(crate) fn init(options: &Options) {
    PORT.store(options.boot_console.unwrap_or(0), Ordering::Relaxed);
}

/// Prints one byte.
pub(crate) fn put(byte: u8) {
    let port = PORT.load(Ordering::Relaxed);
    if port != 0 {
        return out_byte(port, byte);
    }
    for _ in 0..MAX_POLLS {
        if in_byte(LINE_STATUS) & TRANSMIT_EMPTY != 0 {
            break;
        }
    }
    out_byte(COM1, byte);
}

/// Every instance has a port of its own: there is nothing to hand over.
pub(crate) fn hand_over() {}

/// Tells the runner that nothing more comes from the boot: what follows on its port is somebody else's.
pub(crate) fn end() {
    if PORT.load(Ordering::Relaxed) != 0 {
        say!("!skerry {{\"handover\":true}}");
    }
}
