// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages as words in a slot.

use crate::ring::{Slot, SlotMut};

/// A value that travels in a slot.
///
/// `decode` gets words that the peer chose: it must accept any of them, or say no. What `encode` wrote, `decode` gives back.
pub trait Message: Sized {
    /// Words that a message takes.
    const WORDS: usize;

    /// Writes the message to a slot of at least `WORDS` words.
    fn encode(&self, slot: SlotMut<'_>);

    /// Reads a message from a slot of at least `WORDS` words, or `None` when they are not one.
    fn decode(slot: Slot<'_>) -> Option<Self>;
}

impl Message for () {
    const WORDS: usize = 0;

    fn encode(&self, _slot: SlotMut<'_>) {}

    fn decode(_slot: Slot<'_>) -> Option<Self> {
        Some(())
    }
}

impl Message for u64 {
    const WORDS: usize = 1;

    #[inline]
    fn encode(&self, mut slot: SlotMut<'_>) {
        slot.set(0, *self);
    }

    #[inline]
    fn decode(slot: Slot<'_>) -> Option<Self> {
        Some(slot.get(0))
    }
}

impl<const N: usize> Message for [u64; N] {
    const WORDS: usize = N;

    #[inline]
    fn encode(&self, mut slot: SlotMut<'_>) {
        for (index, word) in self.iter().enumerate() {
            slot.set(index, *word);
        }
    }

    #[inline]
    fn decode(slot: Slot<'_>) -> Option<Self> {
        Some(core::array::from_fn(|index| slot.get(index)))
    }
}
