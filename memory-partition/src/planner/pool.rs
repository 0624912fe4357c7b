// SPDX-License-Identifier: MIT OR Apache-2.0
//! Free memory and how pieces are taken from it.
//!
//! Small things are taken best-fit, so that they fill the odd ends first and leave large ranges alone.
//! Partitions are taken first-fit from aligned memory and only split when no range holds one whole.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::{
    layout::{LARGE_PAGE, PAGE},
    range_set::RangeSet,
};
use skerry_system::MemoryRange;

/// Memory that nobody owns yet, in whole pages.
pub(super) struct Pool {
    free: RangeSet,
}

impl Pool {
    pub(super) fn new(free: RangeSet) -> Self {
        Pool { free }
    }

    /// Bytes left.
    pub(super) fn total(&self) -> u64 {
        self.free.total()
    }

    /// Bytes left in memory that starts and ends at multiples of `align`.
    pub(super) fn aligned_total(&self, align: u64) -> u64 {
        self.free.rounded_in(align).total()
    }

    /// Size of the largest range left.
    pub(super) fn largest(&self) -> u64 {
        self.free.iter().map(MemoryRange::size).max().unwrap_or(0)
    }

    /// Takes `size` bytes at a multiple of `align`, from the smallest range that has them.
    pub(super) fn take(&mut self, size: u64, align: u64) -> Option<MemoryRange> {
        let place = |range: MemoryRange| {
            let start = range.start.checked_next_multiple_of(align)?;
            let place = MemoryRange::of_size(start, size);
            range.contains(place).then_some((range.size(), place))
        };
        let (_, taken) = self.free.iter().filter_map(place).min()?;
        self.free.remove(taken);
        Some(taken)
    }

    /// Takes `size` bytes in as few and as well aligned ranges as there are; nothing if there is too little.
    pub(super) fn take_ranges(&mut self, size: u64) -> Option<Vec<MemoryRange>> {
        if size > self.total() {
            return None;
        }
        let whole = self.free.rounded_in(LARGE_PAGE).iter().find(|range| range.size() >= size);
        if let Some(range) = whole {
            let taken = MemoryRange::of_size(range.start, size);
            self.free.remove(taken);
            return Some(Vec::from([taken]));
        }
        let mut taken = Vec::new();
        let left = self.take_largest(size, LARGE_PAGE, &mut taken);
        self.take_largest(left, PAGE, &mut taken);
        Some(taken)
    }

    /// Takes ranges, the largest first, until `wanted` bytes are taken; gives back how many are missing.
    fn take_largest(&mut self, mut wanted: u64, align: u64, taken: &mut Vec<MemoryRange>) -> u64 {
        let mut ranges = self.free.rounded_in(align).into_ranges();
        ranges.sort_unstable_by_key(|range| (Reverse(range.size()), range.start));
        for range in ranges {
            let part = MemoryRange::of_size(range.start, range.size().min(wanted));
            wanted -= part.size();
            self.free.remove(part);
            if !part.is_empty() {
                taken.push(part);
            }
        }
        wanted
    }

    /// Takes everything that is left.
    pub(super) fn take_all(&mut self) -> Vec<MemoryRange> {
        core::mem::take(&mut self.free).into_ranges()
    }
}
