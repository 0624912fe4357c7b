// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words of an inbox and where they lie.
//!
//! ```text
//! +0    mode                                            read by senders, written by the receiver
//! +64   groups | senders[0] senders[1] .. senders[3]    summary: bit per 64 senders, bit per sender
//! +128  pending | open | stay_open                      sender 0
//! +192  pending | open | stay_open                      sender 1
//!       ...
//! ```
//!
//! A signal touches three cache lines: its own, the summary and the mode, which stays shared while the receiver does
//! not change it. Both levels of the summary share a line because a signal writes both. Memory that is all zero is an
//! inbox with every line closed, nothing pending and the receiver running.

use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::sync::AtomicU64;
use abi::limits::{MAX_INSTANCES, MAX_LINES};
use core::sync::atomic::Ordering::Relaxed;

/// Most senders that an inbox has room for.
pub const MAX_SENDERS: usize = 256;

/// Senders behind one bit of the first summary level.
pub(crate) const GROUP: usize = 64;

const GROUPS: usize = MAX_SENDERS / GROUP;

/// The receiver's mode, alone on its cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct ModeLine {
    pub(crate) mode: AtomicU64,
}

/// Who has something pending, in two levels.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Summary {
    /// Bit g: `senders[g]` has a bit set.
    pub(crate) groups: AtomicU64,
    /// Bit s of word g: sender `64 g + s` has an open line pending.
    pub(crate) senders: [AtomicU64; GROUPS],
}

/// What all senders of an inbox share.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) mode: ModeLine,
    pub(crate) summary: Summary,
}

/// The lines of one sender, a bit each.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct SenderLine {
    /// Signalled and not yet taken.
    pub(crate) pending: AtomicU64,
    /// To be delivered when signalled. Written by the receiver only; a closed line keeps its pending bit.
    pub(crate) open: AtomicU64,
    /// Not closed by delivery. Of interest to the receiver only.
    pub(crate) stay_open: AtomicU64,
}

const _: () = assert!(MAX_INSTANCES <= MAX_SENDERS && MAX_LINES == u64::BITS as usize);

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<ModeLine>() == 64);
    assert!(size_of::<Summary>() == 64);
    assert!(size_of::<Shared>() == 128);
    assert!(size_of::<SenderLine>() == 64);
    assert!(size_of::<Memory<3>>() == Inbox::bytes(3));
};

/// An inbox that owns its memory, for tests and models; a kernel uses the pages that the plan set aside.
#[repr(C)]
#[derive(Debug)]
pub struct Memory<const SENDERS: usize> {
    shared: Shared,
    lines: [SenderLine; SENDERS],
}

impl<const SENDERS: usize> Memory<SENDERS> {
    /// What zeroed pages hold.
    pub fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let line = |_| SenderLine { pending: zero(), open: zero(), stay_open: zero() };
        let summary = Summary { groups: zero(), senders: core::array::from_fn(|_| zero()) };
        Self {
            shared: Shared { mode: ModeLine { mode: zero() }, summary },
            lines: core::array::from_fn(line),
        }
    }

    /// The inbox in this memory.
    pub fn inbox(&self) -> Inbox<'_> {
        Inbox { shared: &self.shared, lines: &self.lines }
    }

    /// Makes every word what it is in `other`, while nobody uses either.
    pub fn copy_from(&self, other: &Self) {
        self.words().zip(other.words()).for_each(|(word, other)| word.store(other.load(Relaxed), Relaxed));
    }

    fn words(&self) -> impl Iterator<Item = &AtomicU64> {
        let Summary { groups, senders } = &self.shared.summary;
        let lines = self.lines.iter().flat_map(|line| [&line.pending, &line.open, &line.stay_open]);
        [&self.shared.mode.mode, groups].into_iter().chain(senders).chain(lines)
    }
}

impl<const SENDERS: usize> Default for Memory<SENDERS> {
    fn default() -> Self {
        Self::new()
    }
}

/// One receiver's inbox, as mapped by the receiver and by everyone with a channel to it.
#[derive(Clone, Copy, Debug)]
pub struct Inbox<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) lines: &'a [SenderLine],
}

impl<'a> Inbox<'a> {
    /// Alignment of an inbox in memory; a page boundary will do.
    pub const ALIGN: usize = 64;

    /// Size of an inbox with room for `senders`.
    pub const fn bytes(senders: usize) -> usize {
        128 + 64 * senders
    }

    /// Address of the word that every signal that rings changes: what a core watches that waits for a store.
    pub fn summary_address(self) -> *const u8 {
        (&raw const self.shared.summary).cast()
    }

    /// The sending end of the channel from instance `from`, or `None` when the inbox has no room for it.
    #[inline]
    pub fn sender(self, from: usize) -> Option<Sender<'a>> {
        Some(Sender::new(self.shared, self.lines.get(from)?, from))
    }

    /// The receiving end. Only the instance that the inbox belongs to may use it, and only one core at a time.
    #[inline]
    pub fn receiver(self) -> Receiver<'a> {
        Receiver::new(self)
    }
}

/// The number of a line, below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(u8);

impl Line {
    /// The line with this number, when there is one.
    #[inline]
    pub const fn new(number: u64) -> Option<Self> {
        if number < MAX_LINES as u64 { Some(Self(number as u8)) } else { None }
    }

    /// Its number.
    #[inline]
    pub const fn number(self) -> u64 {
        self.0 as u64
    }

    /// Its bit in a word of lines.
    #[inline]
    pub const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }

    /// The lines in a word of lines, lowest first.
    #[inline]
    pub fn each(lines: u64) -> impl Iterator<Item = Line> {
        Bits(lines).map(|bit| Line(bit as u8))
    }
}

/// The numbers of the bits set in a word, lowest first.
pub(crate) struct Bits(pub(crate) u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}
