// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of addresses, kept as ascending ranges that neither overlap nor touch.

use alloc::vec::Vec;

use skerry_system::MemoryRange;

/// A set of physical addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    ranges: Vec<MemoryRange>,
}

impl FromIterator<MemoryRange> for RangeSet {
    fn from_iter<I: IntoIterator<Item = MemoryRange>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_unstable();
        let mut merged: Vec<MemoryRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        RangeSet { ranges: merged }
    }
}

impl RangeSet {
    /// The ranges, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = MemoryRange> {
        self.ranges.iter().copied()
    }

    /// The ranges, ascending.
    pub(crate) fn into_ranges(self) -> Vec<MemoryRange> {
        self.ranges
    }

    /// Number of addresses in the set.
    pub(crate) fn total(&self) -> u64 {
        self.iter().map(MemoryRange::size).sum()
    }

    /// Whether every address of `range` is in the set.
    pub(crate) fn contains(&self, range: MemoryRange) -> bool {
        range.is_empty() || self.iter().any(|own| own.contains(range))
    }

    /// The first range of the set that shares an address with `range`.
    pub(crate) fn first_overlap(&self, range: MemoryRange) -> Option<MemoryRange> {
        self.iter().find(|own| own.overlaps(range))
    }

    /// Takes the addresses of `range` out.
    pub(crate) fn remove(&mut self, range: MemoryRange) {
        if range.is_empty() {
            return;
        }
        let parts = |own: &MemoryRange| {
            let below = MemoryRange::new(own.start, own.end.min(range.start));
            let above = MemoryRange::new(own.start.max(range.end), own.end);
            [below, above].into_iter().filter(|part| !part.is_empty())
        };
        self.ranges = self.ranges.iter().flat_map(parts).collect();
    }

    /// Takes the addresses of all `ranges` out.
    pub(crate) fn without(mut self, ranges: impl IntoIterator<Item = MemoryRange>) -> Self {
        ranges.into_iter().for_each(|range| self.remove(range));
        self
    }

    /// The addresses that are also in `range`.
    pub(crate) fn within(&self, range: MemoryRange) -> RangeSet {
        self.map(|own| own.intersection(range))
    }

    /// The addresses that are also in `other`.
    pub(crate) fn intersection(&self, other: &RangeSet) -> RangeSet {
        self.iter().flat_map(|own| other.within(own).ranges).collect()
    }

    /// Each range shrunk to multiples of `align`.
    pub(crate) fn rounded_in(&self, align: u64) -> RangeSet {
        self.map(|range| range.rounded_in(align))
    }

    /// Each range grown to multiples of `align`.
    pub(crate) fn rounded_out(&self, align: u64) -> RangeSet {
        self.map(|range| range.rounded_out(align))
    }

    fn map(&self, change: impl Fn(MemoryRange) -> MemoryRange) -> RangeSet {
        self.iter().map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u64, u64)]) -> RangeSet {
        ranges.iter().map(|&(start, end)| MemoryRange::new(start, end)).collect()
    }

    #[test]
    fn ranges_that_touch_or_overlap_become_one() {
        assert_eq!(set(&[(5, 9), (0, 3), (3, 5), (20, 30), (25, 26), (40, 40)]), set(&[(0, 9), (20, 30)]));
    }

    #[test]
    fn removing_from_the_middle_leaves_both_ends() {
        assert_eq!(set(&[(0, 10)]).without([MemoryRange::new(3, 5)]), set(&[(0, 3), (5, 10)]));
        assert_eq!(set(&[(0, 10), (12, 20)]).without([MemoryRange::new(5, 15)]), set(&[(0, 5), (15, 20)]));
        assert_eq!(set(&[(0, 10)]).without([MemoryRange::new(0, 10)]), set(&[]));
        assert_eq!(set(&[(0, 10)]).without([MemoryRange::new(7, 2)]), set(&[(0, 10)]));
    }

    #[test]
    fn rounding_drops_what_does_not_fill_a_page_and_merges_what_shares_one() {
        assert_eq!(set(&[(0x800, 0x2800), (0x2900, 0x2fff)]).rounded_in(0x1000), set(&[(0x1000, 0x2000)]));
        assert_eq!(set(&[(0x800, 0x1800), (0x1900, 0x1a00)]).rounded_out(0x1000), set(&[(0, 0x2000)]));
        let top = set(&[(u64::MAX - 0x10, u64::MAX)]);
        assert_eq!((top.rounded_in(0x1000), top.rounded_out(0x1000).total()), (set(&[]), 0));
    }

    #[test]
    fn the_intersection_is_what_both_have() {
        let both = set(&[(0, 10), (20, 30)]).intersection(&set(&[(5, 22), (28, 40)]));
        assert_eq!(both, set(&[(5, 10), (20, 22), (28, 30)]));
    }
}
