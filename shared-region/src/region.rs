// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared memory as words, and what can be opened in it.

use crate::layout::{CounterLayout, RingLayout};
use crate::orderings::{Site, at};
use crate::ring::{Consumer, Producer};
use crate::sync::Word;

/// A shared region, as one member maps it.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    words: &'a [Word],
}

impl<'a> Region<'a> {
    #[cfg(not(loom))]
    pub(crate) fn new(words: &'a [Word]) -> Self {
        Self { words }
    }

    /// Begins a new life as the producer of a ring, or `None` when the ring lies outside the region. What the former
    /// life had published and the consumer has not taken is dropped.
    pub fn producer(self, ring: &RingLayout) -> Option<Producer<'a>> {
        Some(Producer::attach(self.words.get(ring.words())?, ring))
    }

    /// Begins a new life as the consumer of a ring, or `None` when the ring lies outside the region. What the former
    /// life had not taken is dropped.
    pub fn consumer(self, ring: &RingLayout) -> Option<Consumer<'a>> {
        Some(Consumer::attach(self.words.get(ring.words())?, ring))
    }

    /// A counter, or `None` when it lies outside the region.
    pub fn counter(self, counter: &CounterLayout) -> Option<Counter<'a>> {
        Some(Counter { word: self.words.get(counter.word())? })
    }
}

/// A number that one member writes and the others read.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'a> {
    word: &'a Word,
}

impl Counter<'_> {
    /// The number last seen written. What its writer did before is visible.
    pub fn get(self) -> u64 {
        self.word.load(at(Site::CounterLoad))
    }

    /// Writes a number.
    pub fn set(self, number: u64) {
        self.word.store(number, at(Site::CounterStore));
    }
}

/// A region that owns its memory, for tests and models; programs map the frames that the plan gave them.
#[derive(Debug)]
pub struct Memory<const WORDS: usize> {
    words: [Word; WORDS],
}

impl<const WORDS: usize> Memory<WORDS> {
    /// What zeroed frames hold.
    pub fn new() -> Self {
        Self { words: core::array::from_fn(|_| Word::new()) }
    }

    /// The region in this memory.
    pub fn region(&self) -> Region<'_> {
        Region { words: &self.words }
    }
}

impl<const WORDS: usize> Default for Memory<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}
