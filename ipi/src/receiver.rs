// SPDX-License-Identifier: MIT OR Apache-2.0
//! The receiving end: take what is pending, open and close lines, and go idle without missing a signal.

use crate::layout::{Bits, GROUP, Inbox, Line, SenderLine};
use crate::orderings::{Site, at};
use crate::sync::{AtomicU64, barrier_after_rmw};
use core::sync::atomic::Ordering::Relaxed;

/// What the receiver's core does, as far as senders care.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Runs threads; a doorbell interrupts them.
    Running = 0,
    /// Sleeps until a doorbell.
    Halted = 1,
    /// Reads [`Receiver::check`] over and over, or waits for the summary's cache line to change; needs no doorbell.
    Polling = 2,
}

/// Whether the inbox may hold something to take.
#[must_use = "a sleeping receiver gets no second doorbell for what is already there"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// There is something to take, or was a moment ago.
    Pending,
    /// There was nothing; whatever comes later rings the doorbell, or is seen by polling.
    Nothing,
}

/// What opening a line found.
#[must_use = "a signal that was waiting is taken out of the inbox and now the caller's to deliver"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmasked {
    /// A signal was waiting. It is taken, and the line is as it is after any delivery.
    Delivered,
    /// No signal was waiting; the next one is delivered.
    Nothing,
}

/// What delivery does to the lines of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Closes the line until it is opened again (`ack = true`): a sender costs at most one doorbell per opening.
    UntilAck,
    /// Leaves the line open (`ack = false`): for senders that are trusted not to flood the receiver.
    Continuous,
}

/// The receiving end of an inbox. `Copy` so that deliveries may borrow its owner; one core uses it.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    inbox: Inbox<'a>,
}

impl<'a> Receiver<'a> {
    #[inline]
    pub(crate) fn new(inbox: Inbox<'a>) -> Self {
        Self { inbox }
    }

    /// Hands every pending line that is open to `deliver`, as the sending instance and a word of lines.
    ///
    /// Work grows with the number of senders that have something pending. Bits of senders without a line, which only
    /// a faulty kernel can set, are ignored.
    #[inline]
    pub fn take(self, mut deliver: impl FnMut(usize, u64)) {
        for group in Bits(drain(&self.inbox.shared.summary.groups, Site::GroupsTake)) {
            let Some(word) = self.inbox.shared.summary.senders.get(group) else { continue };
            for bit in Bits(drain(word, Site::SendersTake)) {
                let sender = group * GROUP + bit;
                let Some(line) = self.inbox.lines.get(sender) else { continue };
                let lines = line.pending.load(Relaxed) & line.open.load(Relaxed);
                if lines != 0 {
                    line.collect(lines);
                    deliver(sender, lines);
                }
            }
        }
    }

    /// Whether there is something to take; what a polling receiver asks.
    #[inline]
    pub fn check(self) -> Work {
        match self.inbox.shared.summary.groups.load(Relaxed) {
            0 => Work::Nothing,
            _ => Work::Pending,
        }
    }

    /// Announces `mode` and then looks once more: a sender either sees the new mode or is seen here.
    ///
    /// To sleep: interrupts off, `enter(Halted)`, and on [`Work::Nothing`] `sti; hlt` with nothing between them, so
    /// that a doorbell which arrived meanwhile ends the sleep at once. On [`Work::Pending`] take instead. Leaving
    /// `Polling` needs the same look, because a sender may have counted on it a moment before.
    #[inline]
    pub fn enter(self, mode: Mode) -> Work {
        self.inbox.shared.mode.mode.swap(mode as u64, Relaxed);
        barrier_after_rmw(Site::ModeFence);
        self.check()
    }

    /// Sets what delivery does to the lines from `sender`.
    pub fn set_delivery(self, sender: usize, delivery: Delivery) {
        if let Some(line) = self.inbox.lines.get(sender) {
            let stay_open = if delivery == Delivery::Continuous { u64::MAX } else { 0 };
            line.stay_open.store(stay_open, Relaxed);
        }
    }

    /// Opens a line: its handler is bound, or has acknowledged. Takes the signal that came while it was closed.
    #[inline]
    pub fn unmask(self, sender: usize, line: Line) -> Unmasked {
        if self.unmask_lines(sender, line.bit()) == 0 { Unmasked::Nothing } else { Unmasked::Delivered }
    }

    /// The same for several lines from one sender at once. Answers those whose signal was waiting: it is taken, and now
    /// the caller's to deliver.
    #[inline]
    #[must_use = "signals that were waiting are taken out of the inbox"]
    pub fn unmask_lines(self, sender: usize, lines: u64) -> u64 {
        let Some(words) = self.inbox.lines.get(sender) else { return 0 };
        words.open.fetch_or(lines, Relaxed);
        barrier_after_rmw(Site::OpenedFence);
        let pending = words.pending.load(Relaxed) & lines;
        if pending != 0 {
            words.collect(pending);
        }
        pending
    }

    /// The lines from a sender on which a signal waits, open or not. More may come at any time.
    #[inline]
    pub fn pending(self, sender: usize) -> u64 {
        self.inbox.lines.get(sender).map_or(0, |words| words.pending.load(Relaxed))
    }

    /// Closes lines: signals stay pending and ring no doorbell.
    #[inline]
    pub fn mask(self, sender: usize, lines: u64) {
        if let Some(words) = self.inbox.lines.get(sender) {
            words.open.fetch_and(!lines, Relaxed);
        }
    }

    /// Closes a line and forgets its signal: its last handler is gone, and the next one must not see stale signals.
    pub fn clear(self, sender: usize, line: Line) {
        self.mask(sender, line.bit());
        if let Some(words) = self.inbox.lines.get(sender) {
            words.pending.fetch_and(!line.bit(), Relaxed);
        }
    }

    /// Makes the inbox what it is in fresh memory and returns the number of signals dropped; for a restart.
    pub fn empty(self) -> u32 {
        let mut dropped = 0;
        for line in self.inbox.lines {
            line.open.store(0, Relaxed);
            line.stay_open.store(0, Relaxed);
            dropped += line.pending.swap(0, Relaxed).count_ones();
        }
        // After the lines were closed: a bit set from now on speaks of a line that was open, and leads to one look.
        drain(&self.inbox.shared.summary.groups, Site::GroupsTake);
        for word in &self.inbox.shared.summary.senders {
            drain(word, Site::SendersTake);
        }
        self.inbox.shared.mode.mode.store(Mode::Running as u64, Relaxed);
        dropped
    }
}

impl SenderLine {
    /// Takes `lines`, all of which are pending: only the receiver clears bits, so they still are. Closing comes first,
    /// so that a sender which finds its bit taken finds the line closed too and does not ring again.
    #[inline]
    fn collect(&self, lines: u64) {
        let closing = lines & !self.stay_open.load(Relaxed);
        if closing != 0 {
            self.open.store(self.open.load(Relaxed) & !closing, Relaxed);
        }
        self.pending.fetch_and(!lines, at(Site::PendingTake));
    }
}

/// Takes all bits of a summary word; one that is empty is only read, and stays in the caches of others.
#[inline]
fn drain(word: &AtomicU64, site: Site) -> u64 {
    if word.load(Relaxed) == 0 { 0 } else { word.swap(0, at(site)) }
}
