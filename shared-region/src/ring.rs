// SPDX-License-Identifier: MIT OR Apache-2.0
//! A ring of fixed-size slots between one producer and one consumer.
//!
//! Each end has a stamp that it alone writes ([`crate::stamp`]) and works on slots in batches:
//!
//! ```text
//!           head                        tail
//!            v                            v
//! | free ... | taken, not yet | filled    | written, not yet | free ... |
//! |          | released       |           | published        |          |
//!                             ^                              ^
//!                  consumer's position              producer's position
//! ```

use crate::end::{End, Side};
use crate::layout::RingLayout;
use crate::sync::Word;

/// Why a slot cannot be written or read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// Every slot is in use: the consumer has to release some.
    Full,
    /// Nothing is published.
    Empty,
    /// The peer has not attached, or has not yet seen that this end is new.
    NotConnected,
    /// The peer was replaced by a new life. What was in the ring is gone; the next call speaks to the new life.
    Restarted,
}

/// A slot to fill. Words keep what an earlier message left there until they are set.
#[derive(Debug)]
pub struct SlotMut<'a> {
    words: &'a [Word],
}

impl SlotMut<'_> {
    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether the slot has no words at all, so that a message is nothing but its arrival.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Sets a word.
    ///
    /// # Panics
    ///
    /// When the slot has no such word.
    #[inline]
    pub fn set(&mut self, index: usize, word: u64) {
        self.words[index].write(word);
    }

    /// The slot without its first `count` words.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) -> SlotMut<'_> {
        SlotMut { words: &self.words[count..] }
    }
}

/// A filled slot. A peer that breaks the rules may change it while it is read: use each word once, or copy it first.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    words: &'a [Word],
}

impl<'a> Slot<'a> {
    /// Number of words.
    pub fn len(self) -> usize {
        self.words.len()
    }

    /// Whether the slot has no words at all.
    pub fn is_empty(self) -> bool {
        self.words.is_empty()
    }

    /// Reads a word.
    ///
    /// # Panics
    ///
    /// When the slot has no such word.
    #[inline]
    pub fn get(self, index: usize) -> u64 {
        self.words[index].read()
    }

    /// The slot without its first `count` words.
    #[inline]
    pub(crate) fn skip(self, count: usize) -> Slot<'a> {
        Slot { words: &self.words[count..] }
    }
}

/// The filling end of a ring.
#[derive(Debug)]
pub struct Producer<'a> {
    end: End<'a>,
}

impl<'a> Producer<'a> {
    pub(crate) fn attach(words: &'a [Word], ring: &RingLayout) -> Self {
        Self { end: End::attach(words, ring, Side::TAIL) }
    }

    /// A consumer that claims to be ahead of the producer makes the ring full, nothing worse.
    #[inline]
    fn is_full(&self) -> bool {
        let used = self.end.position.wrapping_sub(self.end.peer_position);
        !self.end.connected || used >= self.end.ring.capacity()
    }

    /// Lets `fill` write the next slot in place. The consumer sees it after [`Producer::publish`].
    #[inline]
    pub fn write_slot(&mut self, fill: impl FnOnce(SlotMut<'_>)) -> Result<(), RingError> {
        if self.is_full() {
            self.end.observe()?;
            if self.is_full() {
                return Err(RingError::Full);
            }
        }
        fill(SlotMut { words: self.end.slot() });
        self.end.position = self.end.position.wrapping_add(1);
        Ok(())
    }

    /// Shows the consumer every slot written since the last call, and returns how many. Ring its doorbell when any.
    #[inline]
    pub fn publish(&mut self) -> u32 {
        self.end.publish()
    }

    /// Looks whether the peer is connected, and still the same. Writing and reading do so by themselves when the ring
    /// looks full or empty.
    pub fn observe(&mut self) -> Result<(), RingError> {
        self.end.observe()
    }

    /// Whether both ends knew each other when this one last looked.
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.end.connected
    }

    /// Whether a new peer was answered since the last call. It may be waiting for that: ring its doorbell.
    pub fn take_greeting(&mut self) -> bool {
        self.end.take_greeting()
    }
}

/// The emptying end of a ring.
#[derive(Debug)]
pub struct Consumer<'a> {
    end: End<'a>,
}

impl<'a> Consumer<'a> {
    pub(crate) fn attach(words: &'a [Word], ring: &RingLayout) -> Self {
        Self { end: End::attach(words, ring, Side::HEAD) }
    }

    /// A producer that claims to have filled more slots than there are makes the ring empty, nothing worse.
    #[inline]
    fn is_empty(&self) -> bool {
        let filled = self.end.peer_position.wrapping_sub(self.end.position);
        !self.end.connected || filled == 0 || filled > self.end.ring.capacity()
    }

    /// Lets `take` read the next slot in place. The slot stays as it is until [`Consumer::release`].
    #[inline]
    pub fn read_slot<R>(&mut self, take: impl FnOnce(Slot<'_>) -> R) -> Result<R, RingError> {
        if self.is_empty() {
            self.end.observe()?;
            if self.is_empty() {
                return Err(RingError::Empty);
            }
        }
        let taken = take(Slot { words: self.end.slot() });
        self.end.position = self.end.position.wrapping_add(1);
        Ok(taken)
    }

    /// Gives every slot read since the last call back to the producer, and returns how many.
    #[inline]
    pub fn release(&mut self) -> u32 {
        self.end.publish()
    }

    /// Looks whether the peer is connected, and still the same. Writing and reading do so by themselves when the ring
    /// looks full or empty.
    pub fn observe(&mut self) -> Result<(), RingError> {
        self.end.observe()
    }

    /// Whether both ends knew each other when this one last looked.
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.end.connected
    }

    /// Whether a new peer was answered since the last call. It may be waiting for that: ring its doorbell.
    pub fn take_greeting(&mut self) -> bool {
        self.end.take_greeting()
    }
}
