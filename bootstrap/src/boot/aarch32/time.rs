// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time: the generic timer's counter, which all cores share.
//!
//! It may run at a frequency that is no whole number of megahertz. The ticks of the kernels are its counts times the
//! smallest factor that makes one.

use core::sync::atomic::{AtomicU32, Ordering};

use aarch32_cpu::register::{CntVct, Cntfrq};

use crate::boot::error::BootError;

const MEGAHERTZ: u64 = 1_000_000;

static TICKS_PER_COUNT: AtomicU32 = AtomicU32::new(1);
static TICKS_PER_US: AtomicU32 = AtomicU32::new(1);

/// Frequency of the counter, and the ticks that are made of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// Of the counter.
    pub(crate) hz: u32,
    /// Ticks in a microsecond.
    pub(crate) ticks_per_us: u32,
    /// Ticks in a count.
    pub(crate) ticks_per_count: u32,
}

/// Reads the frequency; `described` is what the device tree says where it has to.
pub(crate) fn find(described: Option<u32>) -> Result<Clocks, BootError> {
    let register = Cntfrq::read().0;
    let hz = Some(register).filter(|hz| *hz != 0).or(described).filter(|hz| *hz != 0);
    let hz =
        hz.ok_or(BootError::Processor("a clock: neither CNTFRQ nor the device tree gives its frequency"))?;
    let ticks_per_count = MEGAHERTZ / gcd(u64::from(hz), MEGAHERTZ);
    let ticks_per_us = u64::from(hz) * ticks_per_count / MEGAHERTZ;
    let clocks = Clocks { hz, ticks_per_us: ticks_per_us as u32, ticks_per_count: ticks_per_count as u32 };
    TICKS_PER_COUNT.store(clocks.ticks_per_count, Ordering::Relaxed);
    TICKS_PER_US.store(clocks.ticks_per_us, Ordering::Relaxed);
    Ok(clocks)
}

fn gcd(first: u64, second: u64) -> u64 {
    if second == 0 { first } else { gcd(second, first % second) }
}

/// The counter in ticks.
pub(crate) fn now() -> u64 {
    CntVct::read().0.wrapping_mul(u64::from(TICKS_PER_COUNT.load(Ordering::Relaxed)))
}

/// Ticks of `us` microseconds.
pub(crate) fn ticks(us: u64) -> u64 {
    us * u64::from(TICKS_PER_US.load(Ordering::Relaxed))
}
