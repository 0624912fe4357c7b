// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where things lie in a region.
//!
//! Both sides compute it from the same numbers in the same order; nothing about it is read from shared memory.
//!
//! ```text
//! ring:  | tail stamp, padded | head stamp, padded | slot 0 | slot 1 | ... | padding |
//! ```

use core::ops::Range;
use crossbeam_utils::CachePadded;

/// Words between things that different cores write, so that they share no cache line or pair of lines.
#[cfg(not(loom))]
pub(crate) const PADDED_WORDS: usize = size_of::<CachePadded<u64>>() / size_of::<u64>();
/// A model has no cache lines, and fewer words to look after.
#[cfg(loom)]
pub(crate) const PADDED_WORDS: usize = size_of::<CachePadded<u64>>() / size_of::<CachePadded<u64>>();

/// Most slots of a ring; positions are 32 bits wide and must tell a full ring from a lie.
const MAX_CAPACITY: u32 = 1 << 16;

/// Why something does not fit a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// A ring's capacity is a power of two from 1 to 65536.
    Capacity(u32),
    /// The region has `left` words left and `needed` are needed.
    TooSmall {
        /// Words asked for, padding included.
        needed: usize,
        /// Words not yet given out.
        left: usize,
    },
}

/// Divides a region, front to back.
#[derive(Clone, Debug)]
pub struct RegionLayout {
    words: usize,
    used: usize,
}

impl RegionLayout {
    /// An undivided region of `bytes`.
    pub const fn new(bytes: usize) -> Self {
        Self { words: bytes / size_of::<u64>(), used: 0 }
    }

    /// The next ring, of `capacity` slots of `slot_words` words.
    pub fn ring(&mut self, capacity: u32, slot_words: usize) -> Result<RingLayout, LayoutError> {
        if !capacity.is_power_of_two() || capacity > MAX_CAPACITY {
            return Err(LayoutError::Capacity(capacity));
        }
        let slots = slot_words.saturating_mul(capacity as usize);
        let start = self.reserve(slots.saturating_add(2 * PADDED_WORDS))?;
        Ok(RingLayout { start, capacity, slot_words })
    }

    /// The next counter.
    pub fn counter(&mut self) -> Result<CounterLayout, LayoutError> {
        Ok(CounterLayout { word: self.reserve(PADDED_WORDS)? })
    }

    fn reserve(&mut self, words: usize) -> Result<usize, LayoutError> {
        let left = self.words - self.used;
        let needed = words.checked_next_multiple_of(PADDED_WORDS).unwrap_or(usize::MAX);
        if needed > left {
            return Err(LayoutError::TooSmall { needed, left });
        }
        let start = self.used;
        self.used += needed;
        Ok(start)
    }
}

/// Place and shape of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingLayout {
    start: usize,
    capacity: u32,
    slot_words: usize,
}

impl RingLayout {
    /// Number of slots.
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Words in a slot.
    pub const fn slot_words(&self) -> usize {
        self.slot_words
    }

    pub(crate) fn words(&self) -> Range<usize> {
        self.start..self.start + 2 * PADDED_WORDS + self.slot_words * self.capacity as usize
    }
}

/// Place of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterLayout {
    word: usize,
}

impl CounterLayout {
    pub(crate) fn word(&self) -> usize {
        self.word
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_without_sharing_a_line() {
        let mut layout = RegionLayout::new(4096);
        let first = layout.ring(4, 3).expect("fits");
        let counter = layout.counter().expect("fits");
        let second = layout.ring(1, 1).expect("fits");
        assert_eq!(first.words(), 0..2 * PADDED_WORDS + 12);
        assert_eq!(counter.word() % PADDED_WORDS, 0);
        assert!(first.words().end <= counter.word() && counter.word() + PADDED_WORDS <= second.words().start);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_takes_no_room() {
        let mut layout = RegionLayout::new(4096);
        assert_eq!(layout.ring(3, 1), Err(LayoutError::Capacity(3)));
        assert_eq!(layout.ring(0, 1), Err(LayoutError::Capacity(0)));
        assert!(matches!(layout.ring(64, 8), Err(LayoutError::TooSmall { left: 512, .. })));
        assert!(matches!(layout.ring(64, usize::MAX), Err(LayoutError::TooSmall { .. })));
        assert!(layout.ring(32, 8).is_ok());
    }
}
