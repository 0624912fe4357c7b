// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random numbers that differ between instances and are the same in every run.

/// Marsaglia's xorshift with 64 bits of state.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence for each seed.
    pub const fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    /// Lets time pass: fewer than `most` turns of an empty loop.
    pub fn pause(&mut self, most: u64) {
        for turn in 0..self.below(most) {
            core::hint::black_box(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_below_the_end_and_all_of_them_come() {
        let mut random = Random::new(0);
        let mut counts = [0; 8];
        (0..8000).for_each(|_| counts[random.below(8) as usize] += 1);
        assert!(counts.iter().all(|&count| (800..1200).contains(&count)), "{counts:?}");
    }
}
