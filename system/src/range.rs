// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ranges of physical memory.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Physical addresses from `start` up to, and not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemoryRange {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
}

impl MemoryRange {
    /// The range `start..end`, empty when `end` is not above `start`.
    pub const fn new(start: u64, end: u64) -> Self {
        MemoryRange { start, end }
    }

    /// The range of `size` bytes at `start`, cut off at the end of the address space.
    pub const fn of_size(start: u64, size: u64) -> Self {
        MemoryRange { start, end: start.saturating_add(size) }
    }

    /// Number of bytes.
    pub const fn size(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether there is no byte in it.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether every byte of `other` is in this range.
    pub const fn contains(self, other: MemoryRange) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the two share a byte.
    pub const fn overlaps(self, other: MemoryRange) -> bool {
        !self.intersection(other).is_empty()
    }

    /// The bytes the two share.
    pub const fn intersection(self, other: MemoryRange) -> MemoryRange {
        let start = if self.start > other.start { self.start } else { other.start };
        let end = if self.end < other.end { self.end } else { other.end };
        MemoryRange { start, end }
    }
}

impl MemoryRange {
    /// The range grown to multiples of `align`.
    pub fn rounded_out(self, align: u64) -> MemoryRange {
        let end = self.end.checked_next_multiple_of(align).unwrap_or(u64::MAX - (align - 1));
        MemoryRange { start: self.start - self.start % align, end }
    }

    /// The range shrunk to multiples of `align`.
    pub fn rounded_in(self, align: u64) -> MemoryRange {
        let start = self.start.checked_next_multiple_of(align).unwrap_or(self.end);
        MemoryRange { start, end: self.end - self.end % align }
    }
}

impl fmt::Display for MemoryRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}..{:#x}", self.start, self.end)
    }
}
