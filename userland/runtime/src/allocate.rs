// SPDX-License-Identifier: MIT OR Apache-2.0
//! Free slots and free memory of a root task.
//!
//! Both allocators know numbers only; the invocations that go with them are passed in or made by
//! [`crate::RootTask`]. Memory is kept as untypeds by size; a larger one is halved until it fits:
//!
//! ```text
//! 2^14 ──┬── 2^13   kept
//!        └── 2^13 ──┬── 2^12   kept
//!                   └── 2^12   given out
//! ```

use crate::capability::{CPtr, Untyped};
use crate::error::Error;
use abi::sizes::{MAX_UNTYPED_BITS, MIN_UNTYPED_BITS};
use abi::{SlotRegion, widen};
use core::fmt;

/// Why nothing could be allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllocError {
    /// The root CNode has too few free slots.
    Slots,
    /// No untyped is as large as 2 to this power.
    Memory(u32),
    /// The kernel refused to make the object.
    Refused(Error),
}

impl From<Error> for AllocError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots => write!(f, "the root CNode has no free slot"),
            Self::Memory(bits) => write!(f, "no untyped of 2^{bits} bytes is left"),
            Self::Refused(error) => write!(f, "the kernel refused: {error}"),
        }
    }
}

impl core::error::Error for AllocError {}

/// Consecutive free slots of the root CNode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slots {
    next: u64,
    end: u64,
}

impl Slots {
    /// Gives out the slots of `free`, lowest first.
    pub const fn new(free: SlotRegion) -> Self {
        Self { next: widen(free.start), end: widen(free.end) }
    }

    /// The next slot.
    pub fn take(&mut self) -> Result<CPtr, AllocError> {
        self.take_many(1)
    }

    /// The first of the next `count` slots.
    pub fn take_many(&mut self, count: u64) -> Result<CPtr, AllocError> {
        let start = self.next;
        self.next = start.checked_add(count).filter(|&end| end <= self.end).ok_or(AllocError::Slots)?;
        Ok(CPtr(start))
    }

    /// How many slots are left.
    pub const fn left(&self) -> u64 {
        self.end - self.next
    }
}

/// How many untypeds of one size are kept; more are forgotten.
const KEPT: usize = 32;
/// One list for each size.
const SIZES: usize = MAX_UNTYPED_BITS as usize + 1;

/// Untyped memory, by size.
#[derive(Debug)]
pub struct Memory {
    lists: [List; SIZES],
}

#[derive(Clone, Copy, Debug)]
struct List {
    untypeds: [Untyped; KEPT],
    count: usize,
}

impl List {
    const EMPTY: Self = Self { untypeds: [Untyped(CPtr::NULL); KEPT], count: 0 };

    fn push(&mut self, untyped: Untyped) {
        if let Some(place) = self.untypeds.get_mut(self.count) {
            *place = untyped;
            self.count += 1;
        }
    }

    fn pop(&mut self) -> Option<Untyped> {
        self.count = self.count.checked_sub(1)?;
        Some(self.untypeds[self.count])
    }
}

impl Memory {
    /// No memory.
    pub const fn new() -> Self {
        Self { lists: [List::EMPTY; SIZES] }
    }

    /// Adds an untyped of 2 to the power of `bits`, which must have no children.
    pub fn give(&mut self, untyped: Untyped, bits: u32) {
        if let Some(list) = self.lists.get_mut(bits as usize) {
            list.push(untyped);
        }
    }

    /// Takes an untyped of 2 to the power of `bits`, from the smallest that is large enough.
    ///
    /// `halve(untyped, bits)` makes two untypeds of 2 to the power of `bits` from one.
    pub fn take(
        &mut self,
        bits: u32,
        mut halve: impl FnMut(Untyped, u32) -> Result<[Untyped; 2], AllocError>,
    ) -> Result<Untyped, AllocError> {
        let bits = bits.max(MIN_UNTYPED_BITS);
        let found = (bits..=MAX_UNTYPED_BITS)
            .find_map(|size| self.lists[size as usize].pop().map(|untyped| (untyped, size)));
        let (mut untyped, size) = found.ok_or(AllocError::Memory(bits))?;
        for half in (bits..size).rev() {
            let [given, kept] = halve(untyped, half)?;
            self.give(kept, half);
            untyped = given;
        }
        Ok(untyped)
    }

    /// The size of the largest untyped, as a power of two.
    pub fn largest(&self) -> Option<u32> {
        self.lists.iter().rposition(|list| list.count > 0).map(|bits| bits as u32)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_SPLIT: fn(Untyped, u32) -> Result<[Untyped; 2], AllocError> = |_, _| Err(AllocError::Slots);

    #[test]
    fn slots_are_consecutive_and_run_out() {
        let mut slots = Slots::new(SlotRegion::new(10, 14));
        assert_eq!([slots.take(), slots.take_many(2)], [Ok(CPtr(10)), Ok(CPtr(11))]);
        assert_eq!(slots.take_many(2), Err(AllocError::Slots));
        assert_eq!(slots.take_many(u64::MAX), Err(AllocError::Slots));
        assert_eq!((slots.take(), slots.left()), (Ok(CPtr(13)), 0));
    }

    #[test]
    fn the_smallest_untyped_that_fits_is_halved_until_it_does() {
        let mut memory = Memory::new();
        memory.give(Untyped(CPtr(1)), 20);
        memory.give(Untyped(CPtr(2)), 14);
        let mut halved = Vec::new();
        let mut next = 100;
        let taken = memory.take(12, |untyped, bits| {
            halved.push((untyped.0.0, bits));
            next += 2;
            Ok([Untyped(CPtr(next)), Untyped(CPtr(next + 1))])
        });
        assert_eq!(halved, [(2, 13), (102, 12)]);
        assert_eq!(taken, Ok(Untyped(CPtr(104))));
        assert_eq!(memory.take(12, NO_SPLIT), Ok(Untyped(CPtr(105))));
        assert_eq!(memory.take(13, NO_SPLIT), Ok(Untyped(CPtr(103))));
        assert_eq!(memory.largest(), Some(20));
    }

    #[test]
    fn memory_that_is_used_up_is_an_error_with_the_size_wanted() {
        let mut memory = Memory::new();
        memory.give(Untyped(CPtr(1)), 12);
        assert_eq!(memory.take(13, NO_SPLIT), Err(AllocError::Memory(13)));
        assert_eq!(memory.take(0, NO_SPLIT), Err(AllocError::Slots));
        assert_eq!(memory.largest(), None);
    }

    #[test]
    fn an_untyped_of_no_possible_size_is_not_kept() {
        let mut memory = Memory::new();
        memory.give(Untyped(CPtr(1)), MAX_UNTYPED_BITS + 1);
        for _ in 0..=KEPT {
            memory.give(Untyped(CPtr(2)), 12);
        }
        assert_eq!(memory.largest(), Some(12));
        assert_eq!((0..).take_while(|_| memory.take(12, NO_SPLIT).is_ok()).count(), KEPT);
    }
}
