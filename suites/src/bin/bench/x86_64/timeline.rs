// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stamps of several cores on one scale: here they are, since time-stamp counters run together.

/// What a core knows of the scale: nothing.
#[derive(Clone, Copy)]
pub(crate) struct Timeline;

impl Timeline {
    /// Nothing has to be found out.
    pub(crate) fn find() -> Self {
        Self
    }

    /// Where a stamp of this core is on the scale.
    #[inline(always)]
    pub(crate) fn place(self, stamp: u64) -> u64 {
        stamp
    }

    /// From a stamp of this core to a place on the scale; nothing if that came first.
    pub(crate) fn until(self, stamp: u64, place: u64) -> Option<u64> {
        place.checked_sub(stamp)
    }
}
