// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the boot phase prints on Arm: a PL011, of which there may be only one.
//!
//! Plain text until the hand-over. Where all instances write on the same UART, a byte of all ones then says that every
//! byte from there on is tagged with its instance (`arch::hw::Console`): no tagged text begins so.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arch::hw::Console;
use bootstrap::options::{Options, Uart};

use crate::boot::physical;

/// Where QEMU's virt machine has its first PL011: what is left when the device tree cannot be read.
const DEFAULT: u32 = 0x0900_0000;
/// Control register, and its bits "UART enable", "transmit enable", "receive enable".
const CONTROL: u64 = 0x30;
const ENABLE: u32 = 1 | 1 << 8 | 1 << 9;
/// Ends the plain text.
const TAGS_FOLLOW: u8 = 0xff;

static BASE: AtomicU32 = AtomicU32::new(DEFAULT);
static IS_SHARED: AtomicBool = AtomicBool::new(false);
static IS_HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// Says where the registers are.
pub(super) fn set_base(address: u64) {
    BASE.store(address as u32, Ordering::Relaxed);
}

/// Turns the UART on, at the speed the firmware left.
pub(crate) fn init(options: &Options) {
    IS_SHARED.store(options.uart == Uart::Tagged, Ordering::Relaxed);
    let control = u64::from(BASE.load(Ordering::Relaxed)) + CONTROL;
    physical::write_register(control, physical::read_register(control) | ENABLE);
}

/// Prints one byte; once the instances may print, as the first of them, whose core this is.
pub(crate) fn put(byte: u8) {
    let base = BASE.load(Ordering::Relaxed) as usize;
    let console = match IS_HANDED_OVER.load(Ordering::Relaxed) {
        true => Console::Tagged { base, instance: 0 },
        false => Console::Uart(base),
    };
    console.put(byte);
}

/// The instances may print from here on.
pub(crate) fn hand_over() {
    if IS_SHARED.load(Ordering::Relaxed) {
        put(TAGS_FOLLOW);
        IS_HANDED_OVER.store(true, Ordering::Relaxed);
    }
}

/// Nothing to say: the hand-over said it.
pub(crate) fn end() {}
