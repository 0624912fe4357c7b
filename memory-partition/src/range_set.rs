// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of addresses, kept as ascending ranges that neither overlap nor touch.

use alloc::vec::Vec;

use crate::MemoryRange;

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
