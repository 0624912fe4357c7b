// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sending end: set a line, and find out whether the receiver needs a doorbell.

use crate::layout::{GROUP, Line, SenderLine, Shared};
use crate::orderings::{Site, at};
use crate::receiver::Mode;
use crate::sync::{AtomicU64, barrier_after_rmw};
use core::sync::atomic::Ordering::Relaxed;

/// What a signal found, and so whether an interrupt has to follow.
#[must_use = "RingDoorbell asks the caller to send the interrupt"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has yet to answer an earlier signal of this sender and will find this one with it.
    AlreadyPending,
    /// The line is closed. The receiver finds the signal when it opens the line.
    Masked,
    /// The receiver looks at its inbox without being told.
    ReceiverPolls,
    /// The receiver runs user code or sleeps: send it the doorbell interrupt.
    RingDoorbell,
}

/// The sending end of one channel. One core uses it.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    shared: &'a Shared,
    line: &'a SenderLine,
    /// The word of the summary that has a bit for this sender.
    senders: &'a AtomicU64,
    /// Number of that bit.
    bit: u32,
    /// The bit for that word, in the word above.
    group: u64,
}

impl<'a> Sender<'a> {
    #[inline]
    pub(crate) fn new(shared: &'a Shared, line: &'a SenderLine, from: usize) -> Self {
        let group = from / GROUP % shared.summary.senders.len();
        let bit = (from % GROUP) as u32;
        Self { shared, line, senders: &shared.summary.senders[group], bit, group: 1 << group }
    }

    /// Signals `line`. Writes made before are visible to the receiver once it has taken the signal.
    #[inline]
    pub fn signal(&self, line: Line) -> Outcome {
        let bit = line.bit();
        if self.line.pending.fetch_or(bit, at(Site::PendingSet)) & bit != 0 {
            return Outcome::AlreadyPending;
        }
        barrier_after_rmw(Site::PendingFence);
        if self.line.open.load(Relaxed) & bit == 0 {
            return Outcome::Masked;
        }
        let sender_bit = self.sender_bit();
        if self.senders.fetch_or(sender_bit, Relaxed) & sender_bit != 0 {
            return Outcome::AlreadyPending;
        }
        self.raise_group()
    }

    /// Makes the receiver look at all lines of this sender. A kernel that restarts, or fails and has signalled so,
    /// calls it: a signal cut short may have left bits behind that let every later signal stop early.
    pub fn resume(&self) -> Outcome {
        self.senders.fetch_or(self.sender_bit(), at(Site::ResumeSet));
        self.raise_group()
    }

    /// What is left of a signal whose sender dies in the middle of it, for models.
    #[cfg(loom)]
    pub fn cut_short(&self, line: Line) {
        self.line.pending.fetch_or(line.bit(), at(Site::PendingSet));
    }

    /// Level 1 was set before: a receiver that takes the group bit finds the sender bit. The other way round it could
    /// take the group bit, find no sender, and leave the sender bit to be set behind its back.
    #[inline]
    fn raise_group(&self) -> Outcome {
        self.shared.summary.groups.fetch_or(self.group, at(Site::GroupSet));
        barrier_after_rmw(Site::RaisedFence);
        if self.shared.mode.mode.load(Relaxed) == Mode::Polling as u64 {
            Outcome::ReceiverPolls
        } else {
            Outcome::RingDoorbell
        }
    }

    #[inline]
    fn sender_bit(&self) -> u64 {
        1 << (self.bit % u64::BITS)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Memory, Unmasked, Work};

    #[test]
    fn resume_finishes_a_signal_that_was_cut_short() {
        let memory = Memory::<1>::new();
        let (inbox, line) = (memory.inbox(), Line::new(0).expect("below 64"));
        let sender = inbox.sender(0).expect("there is one sender");
        assert_eq!(inbox.receiver().unmask(0, line), Unmasked::Nothing);
        inbox.lines[0].pending.fetch_or(1, Relaxed);
        inbox.shared.summary.senders[0].fetch_or(1, Relaxed);
        assert_eq!(sender.signal(line), Outcome::AlreadyPending);
        assert_eq!(inbox.receiver().check(), Work::Nothing);
        assert_eq!(sender.resume(), Outcome::RingDoorbell);
        let mut taken = 0;
        inbox.receiver().take(|_, lines| taken = lines);
        assert_eq!(taken, 1);
    }
}
