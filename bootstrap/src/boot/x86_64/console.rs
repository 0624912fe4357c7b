// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the boot phase prints on a PC: a debug console port of its own in QEMU, the one below the first instance's
//! (`console=debugcon:BASE`); without that word the serial port COM1.

use core::sync::atomic::{AtomicU16, Ordering};

use bootstrap::options::Options;
use uart_16550::SerialPort;

use super::cpu::out_byte;
use crate::boot::console::say;

/// The first serial port.
pub(crate) const COM1: u16 = 0x3f8;
/// Polls before a byte is dropped: a port that never gets ready must not stop the boot.
const PATIENCE: u32 = 100_000;

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
    // SAFETY: a PC has its first UART there; where there is none, nothing else is.
    let mut uart = unsafe { SerialPort::new(COM1) };
    let _ = (0..PATIENCE).find(|_| uart.try_send_raw(byte).is_ok());
}

/// Every instance has a port of its own: there is nothing to hand over.
pub(crate) fn hand_over() {}

/// Tells the runner that nothing more comes from the boot: what follows on its port is somebody else's.
pub(crate) fn end() {
    if PORT.load(Ordering::Relaxed) != 0 {
        say!("!skerry {{\"handover\":true}}");
    }
}
