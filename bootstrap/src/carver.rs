// SPDX-License-Identifier: MIT OR Apache-2.0
//! Takes memory for kernel objects and tables from an instance's reserve, from its start up.

use skerry_system::MemoryRange;

use crate::program::PAGE;

/// What is left of a reserve.
#[derive(Clone, Debug)]
pub struct Carver {
    reserve: MemoryRange,
    next: u64,
}

/// A reserve that is too small: the footprint computed before planning was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveExhausted {
    /// The reserve.
    pub reserve: MemoryRange,
    /// Bytes that did not fit any more.
    pub wanted: u64,
}

impl Carver {
    /// All of `reserve`.
    pub fn new(reserve: MemoryRange) -> Self {
        Carver { reserve, next: reserve.start }
    }

    /// `size` bytes at a multiple of `align`, a power of two.
    pub fn take(&mut self, size: u64, align: u64) -> Result<MemoryRange, ReserveExhausted> {
        let exhausted = ReserveExhausted { reserve: self.reserve, wanted: size };
        let start = self.next.checked_next_multiple_of(align).ok_or(exhausted)?;
        let end = start.checked_add(size).filter(|end| *end <= self.reserve.end).ok_or(exhausted)?;
        self.next = end;
        Ok(MemoryRange::new(start, end))
    }

    /// `count` consecutive pages.
    pub fn pages(&mut self, count: u64) -> Result<MemoryRange, ReserveExhausted> {
        self.take(count * PAGE, PAGE)
    }

    /// Bytes not taken.
    pub fn left(&self) -> u64 {
        self.reserve.end - self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_disjoint_and_inside_the_reserve() {
        let mut carver = Carver::new(MemoryRange::new(0x3000, 0x9000));
        assert_eq!(carver.pages(1), Ok(MemoryRange::new(0x3000, 0x4000)));
        assert_eq!(carver.take(0x800, 0x800), Ok(MemoryRange::new(0x4000, 0x4800)));
        assert_eq!(carver.take(0x2000, 0x2000), Ok(MemoryRange::new(0x6000, 0x8000)));
        assert_eq!(carver.left(), 0x1000);
    }

    #[test]
    fn a_reserve_that_is_too_small_says_what_was_wanted() {
        let reserve = MemoryRange::new(0x3000, 0x5000);
        let mut carver = Carver::new(reserve);
        assert_eq!(carver.pages(3), Err(ReserveExhausted { reserve, wanted: 0x3000 }));
        assert_eq!(carver.pages(2).map(|range| range.size()), Ok(0x2000));
        assert_eq!(carver.take(u64::MAX, 1), Err(ReserveExhausted { reserve, wanted: u64::MAX }));
    }
}
