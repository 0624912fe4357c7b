// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stamps of several cores on one scale, although every core's cycle counter begins when its kernel does.
//!
//! The virtual counter is the same on all cores, but counts once in several cycles. At the moment of a step the cycle
//! counter says exactly how far it is from it: that is where the difference of the two is least.
//!
//! ```text
//! virtual counter   | 100            | 101            | 102
//! cycle counter     7 8 9 ...        23 24 ...        39 40 ...
//! difference        0 1 2 ...     15  0  1 ...     15  0  1      (besides a constant of the core)
//! ```
//!
//! This holds where cycles are nanoseconds of the machine, or instructions of which it has one each nanosecond: in QEMU.
#![cfg_attr(target_os = "none", allow(unsafe_code))] // the counter, and a loop of a known length

#[cfg(target_os = "none")]
use core::arch::asm;

use crate::stub::stamp;

/// How far the cycle counter of this core is ahead of the scale.
#[derive(Clone, Copy)]
pub(crate) struct Timeline {
    ahead: u32,
}

impl Timeline {
    /// Compares the counters until it has seen them at a step.
    pub(crate) fn find() -> Self {
        /// Waits of all lengths: their sums, times three, leave every remainder by 16.
        const TRIES: u32 = 256;
        let per_step = cycles_per_step();
        let differences = (1..=TRIES).map(|wait| {
            spend(wait);
            let steps = virtual_counter();
            (stamp() as u32).wrapping_sub(steps.wrapping_mul(per_step))
        });
        // The least one, though the numbers may begin anew in between.
        let least =
            |least: u32, other: u32| if other.wrapping_sub(least) as i32 >= 0 { least } else { other };
        Self { ahead: differences.reduce(least).unwrap_or_default() }
    }

    /// Where a stamp of this core is on the scale.
    #[inline(always)]
    pub(crate) fn place(self, stamp: u64) -> u64 {
        (stamp as u32).wrapping_sub(self.ahead).into()
    }

    /// From a stamp of this core to a place on the scale; nothing if that came first.
    pub(crate) fn until(self, stamp: u64, place: u64) -> Option<u64> {
        let elapsed = (place as u32).wrapping_sub(self.place(stamp) as u32);
        u64::try_from(elapsed as i32).ok()
    }
}

/// Cycles for each step of the virtual counter.
fn cycles_per_step() -> u32 {
    /// Of QEMU's cycle counter, in a second.
    const CYCLES: u32 = 1_000_000_000;
    CYCLES / frequency().clamp(1, CYCLES)
}

/// Three instructions each time.
fn spend(times: u32) {
    #[cfg(target_os = "none")]
    // SAFETY: counting down changes nothing.
    unsafe {
        asm!("1:", "nop", "subs {0}, {0}, #1", "bne 1b", inout(reg) times => _, options(nomem, nostack));
    }
    #[cfg(not(target_os = "none"))]
    let _ = times;
}

/// Steps of the virtual counter, the lower half.
fn virtual_counter() -> u32 {
    #[cfg(target_os = "none")]
    {
        let low: u32;
        // SAFETY: the kernel lets programs read the counter, which changes nothing.
        unsafe { asm!("mrrc p15, 1, {}, {}, c14", out(reg) low, out(reg) _, options(nomem, nostack)) };
        low
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("the virtual counter needs an instance to run on")
}

/// Steps of the virtual counter in a second.
fn frequency() -> u32 {
    #[cfg(target_os = "none")]
    {
        let frequency: u32;
        // SAFETY: programs that may read the counter may read its frequency.
        unsafe { asm!("mrc p15, 0, {}, c14, c0, 0", out(reg) frequency, options(nomem, nostack)) };
        frequency
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("the frequency needs an instance to run on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_two_cores_compare_by_what_each_is_ahead() {
        let (early, late) = (Timeline { ahead: 100 }, Timeline { ahead: u32::MAX - 9 });
        // At the same moment the counters of both are at 150 and 40.
        assert_eq!(early.place(150), late.place(40));
        assert_eq!(early.until(150, late.place(47)), Some(7));
        assert_eq!(late.until(47, early.place(150)), None);
    }
}
