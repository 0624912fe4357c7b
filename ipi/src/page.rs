// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one place that turns mapped memory into an inbox.
#![allow(unsafe_code)]

use crate::layout::{Inbox, MAX_SENDERS, SenderLine, Shared};
use core::ptr::NonNull;

impl Inbox<'static> {
    /// The inbox with room for `senders` that starts at `base`.
    ///
    /// # Safety
    ///
    /// From now on, [`Inbox::bytes`]`(senders)` bytes from `base` are mapped readable and writable, write-back, at an
    /// address aligned to [`Inbox::ALIGN`], and are accessed by atomic operations of this crate only, here and on every
    /// other core. The memory was zero before the first inbox was made of it.
    ///
    /// # Panics
    ///
    /// When `base` is not aligned or `senders` is above [`MAX_SENDERS`].
    pub unsafe fn from_pages(base: NonNull<u8>, senders: usize) -> Self {
        assert!(base.cast::<Shared>().is_aligned() && senders <= MAX_SENDERS, "inbox misplaced or too large");
        // SAFETY: the caller maps the words for ever, and atomics allow the writes of other cores.
        let shared = unsafe { base.cast::<Shared>().as_ref() };
        // SAFETY: `Inbox::bytes` covers the head and `senders` lines, so the first line is inside or one past the end.
        let first = unsafe { base.add(size_of::<Shared>()) };
        let lines = NonNull::slice_from_raw_parts(first.cast::<SenderLine>(), senders);
        // SAFETY: as for `shared`; the head's size is a multiple of a line's alignment.
        let lines = unsafe { lines.as_ref() };
        Inbox { shared, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Line, Memory, Outcome, Unmasked};
    use std::boxed::Box;

    #[test]
    fn an_inbox_of_pages_and_the_memory_beneath_it_are_the_same() {
        let memory: &'static Memory<3> = Box::leak(Box::new(Memory::new()));
        // SAFETY: the memory is never freed, has room for three senders, and holds nothing but an inbox.
        let inbox = unsafe { Inbox::from_pages(NonNull::from(memory).cast(), 3) };
        let line = Line::new(7).expect("below 64");
        assert_eq!(memory.inbox().receiver().unmask(2, line), Unmasked::Nothing);
        assert_eq!(inbox.sender(2).map(|sender| sender.signal(line)), Some(Outcome::RingDoorbell));
        let mut taken = (0, 0);
        memory.inbox().receiver().take(|sender, lines| taken = (sender, lines));
        assert_eq!(taken, (2, line.bit()));
        assert!(inbox.sender(3).is_none());
    }
}
