// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked and answered.

use shared_region::{Message, Slot, SlotMut};

/// A question; the answer is its number's [`right`] one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Question {
    /// For the answer.
    Ask(u64),
    /// The last one: the client will ask no more.
    Last(u64),
}

/// An answer, with the question's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) asked: u64,
    pub(crate) answer: u64,
}

/// The only right answer.
pub(crate) const fn right(asked: u64) -> u64 {
    asked.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ asked >> 7
}

const ASK: u64 = 1;
const LAST: u64 = 2;

impl Message for Question {
    const WORDS: usize = 2;

    fn encode(&self, mut slot: SlotMut<'_>) {
        let (kind, number) = match *self {
            Self::Ask(number) => (ASK, number),
            Self::Last(number) => (LAST, number),
        };
        slot.set(0, kind);
        slot.set(1, number);
    }

    fn decode(slot: Slot<'_>) -> Option<Self> {
        match slot.get(0) {
            ASK => Some(Self::Ask(slot.get(1))),
            LAST => Some(Self::Last(slot.get(1))),
            _ => None,
        }
    }
}

impl Message for Answer {
    const WORDS: usize = 2;

    fn encode(&self, mut slot: SlotMut<'_>) {
        slot.set(0, self.asked);
        slot.set(1, self.answer);
    }

    fn decode(slot: Slot<'_>) -> Option<Self> {
        Some(Self { asked: slot.get(0), answer: slot.get(1) })
    }
}
