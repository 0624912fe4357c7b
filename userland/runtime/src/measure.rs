// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measuring: the time-stamp counter, and samples of it.

use core::sync::atomic::{Ordering, compiler_fence};

/// The time-stamp counter. Accesses to memory stay on their side of it.
#[inline(always)]
pub fn ticks() -> u64 {
    compiler_fence(Ordering::SeqCst);
    let now = read();
    compiler_fence(Ordering::SeqCst);
    now
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)] // the instruction
fn read() -> u64 {
    // SAFETY: every x86_64 processor has the instruction, and it only reads.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn read() -> u64 {
    unreachable!("programs run on x86_64");
}

/// The first `N` samples of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Samples<const N: usize> {
    values: [u64; N],
    count: usize,
}

impl<const N: usize> Samples<N> {
    /// No samples.
    pub const fn new() -> Self {
        Self { values: [0; N], count: 0 }
    }

    /// Takes a sample; when `N` were taken, no more are.
    #[inline]
    pub fn push(&mut self, value: u64) {
        if let Some(place) = self.values.get_mut(self.count) {
            *place = value;
            self.count += 1;
        }
    }

    /// How many samples there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The least sample.
    pub fn min(&self) -> Option<u64> {
        self.values[..self.count].iter().copied().min()
    }

    /// The median; of an even number of samples the upper one. Puts the samples in another order.
    pub fn median(&mut self) -> Option<u64> {
        let values = &mut self.values[..self.count];
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable(middle).1)
    }
}

impl<const N: usize> Default for Samples<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_and_median_are_those_of_the_samples_taken() {
        let mut samples = Samples::<5>::new();
        assert_eq!((samples.min(), samples.median()), (None, None));
        [9, 1, 5, 7].into_iter().for_each(|value| samples.push(value));
        assert_eq!((samples.count(), samples.min(), samples.median()), (4, Some(1), Some(7)));
    }

    #[test]
    fn samples_beyond_the_room_are_dropped() {
        let mut samples = Samples::<2>::new();
        [3, 2, 1].into_iter().for_each(|value| samples.push(value));
        assert_eq!((samples.count(), samples.min()), (2, Some(2)));
    }

    #[test]
    fn the_counter_does_not_run_backwards() {
        let first = ticks();
        assert!(ticks() >= first);
    }
}
