// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes as decisions. Every byte string means some list of events, and a prefix means the first of them.

/// Takes decisions from bytes; past the end every decision is the first alternative.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// Decisions from all of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether no decisions are left.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes are left.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                first
            }
            None => 0,
        }
    }

    /// A number below `bound`, which is at most 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    /// One of `choices`, which are not empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// Any word; words at the edges of ranges are likely.
    pub fn word(&mut self) -> u64 {
        let value = u64::from(self.byte());
        match self.below(8) {
            0 => value,
            1 => 1 << (value % 64),
            2 => (1_u64 << (value % 64)).wrapping_sub(1),
            3 => u64::MAX - value,
            4 => 0x7fff_ffff_f000 + (value << 8),
            5 => value << 12,
            _ => (0..8).fold(value, |word, _| word << 8 | u64::from(self.byte())),
        }
    }
}

/// Repeatable random bytes (xorshift).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The bytes that belong to `seed`.
    pub const fn new(seed: u64) -> Self {
        // A state of 0 would stay 0, and small seeds start out alike.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next word.
    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.word() >> 56) as u8).collect()
    }
}
