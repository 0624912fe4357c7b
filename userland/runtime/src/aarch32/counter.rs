// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock of programs: the virtual counter, counted so that a microsecond has a whole number of ticks.
//!
//! A counter of 62.5 MHz counts double, as the kernel does for its own time (`docs/abi/aarch32.md`).
#![allow(unsafe_code)] // reads system registers

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

/// Ticks for each step of the counter; 0 until somebody asked.
static FACTOR: AtomicU32 = AtomicU32::new(0);

/// Ticks since the machine was started.
#[inline]
pub(crate) fn ticks() -> u64 {
    let factor = match FACTOR.load(Ordering::Relaxed) {
        0 => find_factor(),
        factor => factor,
    };
    counter() * u64::from(factor)
}

/// The virtual counter. The barrier keeps it from being read before earlier instructions are done.
#[inline(always)]
fn counter() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the kernel lets programs read the counter, which changes nothing.
    unsafe {
        asm!(
            "isb",
            "mrrc p15, 1, {low}, {high}, c14",
            low = out(reg) low,
            high = out(reg) high,
            options(nostack, preserves_flags),
        );
    }
    u64::from(high) << 32 | u64::from(low)
}

#[cold]
fn find_factor() -> u32 {
    let frequency: u32;
    // SAFETY: programs that may read the counter may read its frequency.
    unsafe {
        asm!("mrc p15, 0, {}, c14, c0, 0", out(reg) frequency, options(nostack, preserves_flags, nomem));
    }
    let factor = ticks_per_step(frequency);
    FACTOR.store(factor, Ordering::Relaxed);
    factor
}

/// The smallest factor that makes `frequency` hertz a whole number of megahertz.
const fn ticks_per_step(frequency: u32) -> u32 {
    const MEGAHERTZ: u32 = 1_000_000;
    let (mut greatest, mut rest) = (MEGAHERTZ, frequency);
    while rest != 0 {
        (greatest, rest) = (rest, greatest % rest);
    }
    MEGAHERTZ / greatest
}

const _: () = assert!(ticks_per_step(62_500_000) == 2 && ticks_per_step(24_000_000) == 1);
