// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measuring: the machine's counter of time, and samples of it.

use crate::machine;
use core::sync::atomic::{Ordering, compiler_fence};

/// The counter of time that [`crate::Boot::tsc_mhz`] is the rate of. Accesses to memory stay on their side of it.
#[inline(always)]
pub fn ticks() -> u64 {
    compiler_fence(Ordering::SeqCst);
    let now = machine::ticks();
    compiler_fence(Ordering::SeqCst);
    now
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
