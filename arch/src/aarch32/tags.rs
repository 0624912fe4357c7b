// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers under which the TLB knows address spaces: ASIDs, 8 bits (ARM ARM DDI 0406, B3.9).
//!
//! An address space keeps its translations while another one is active. It gets the next number when it is activated for
//! the first time, and remembers it in its top-level table, in an entry that no walk reads:
//!
//! ```text
//!   top-level table     0: 1st GiB   1: 2nd GiB   2: mark   3.. unused
//!   mark                generation, 32 bits | number, at its place in TTBR0
//! ```
//!
//! *Rollover.* A number is given once in a generation. When all are given, a new generation begins: everything that the
//! TLB holds is forgotten, and no mark of an earlier generation counts. So what the TLB holds under a number is always of
//! the address space that got it last, and a table that becomes memory again takes its mark with it.
//!
//! *Forgetting.* A changed mapping of an address space whose mark counts is forgotten under its number, whether it is
//! active or not. One whose mark does not count has nothing in the TLB that will ever be found again.

/// What an address space remembers. Zero, as a new table is, belongs to no generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C, align(8))]
pub(crate) struct Mark {
    generation: u32,
    /// Bits 32 to 63 of TTBR0, of which the number has 16 to 23.
    high: u32,
}

impl Mark {
    /// Offset in a top-level table: behind the entries that count.
    #[cfg(target_os = "none")]
    pub(crate) const OFFSET: u64 = (super::table::USER_ENTRIES * size_of::<u64>()) as u64;
    /// The upper half of TTBR0, if the mark counts.
    #[inline(always)]
    #[cfg(target_os = "none")]
    pub(crate) const fn high(self) -> u32 {
        self.high
    }

    /// Where the number is in the upper half of TTBR0.
    pub(crate) const NUMBER_SHIFT: u32 = 16;
}

/// What has to happen before user code runs under a new mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rollover {
    /// Nothing.
    No,
    /// The TLB forgets everything, once the new number is in TTBR0: walks of the tables before may bring back theirs until
    /// then.
    ForgetAll,
}

/// The numbers of one core.
#[derive(Clone, Debug)]
pub(crate) struct Tags {
    generation: u32,
    last: u32,
}

impl Tags {
    /// The last number. Number 0 is the boot core's, and of the first address space until it is activated again.
    const LAST: u32 = 255;

    /// None is given.
    pub(crate) const fn new() -> Self {
        Self { generation: 1, last: 0 }
    }

    /// Whether the mark is of this generation.
    #[inline(always)]
    pub(crate) const fn counts(&self, mark: Mark) -> bool {
        mark.generation == self.generation
    }

    /// The upper half of TTBR0 for an address space with this mark, if the mark counts.
    #[inline(always)]
    pub(crate) const fn upper_half(&self, mark: Mark) -> Option<u32> {
        if self.counts(mark) { Some(mark.high) } else { None }
    }

    /// A mark with the next number.
    pub(crate) const fn next(&mut self) -> (Mark, Rollover) {
        let rollover = if self.last == Self::LAST {
            self.last = 0;
            // Generation 0 is that of new tables.
            self.generation = if self.generation == u32::MAX { 1 } else { self.generation + 1 };
            Rollover::ForgetAll
        } else {
            Rollover::No
        };
        self.last += 1;
        (Mark { generation: self.generation, high: self.last << Mark::NUMBER_SHIFT }, rollover)
    }
}

impl Default for Tags {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
