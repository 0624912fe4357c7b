// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals of several instances to one: a single interrupt delivers whatever is pending.
//!
//! The processors take turns in the order of the instances, and the receiver is the last. So what all others have
//! signalled reaches it in one turn, and the one before it measures until it is back from its Wait.

use crate::cross::{BEGUN, ENDED, ENTERED, REGION, ROUNDS, TURNS};
use crate::lab::Cost;
use crate::series::{SAMPLES, Series};
use crate::signal::SIGNAL;
use crate::stub::{self, stamp};
use crate::timeline::Timeline;
use crate::words::Words;
use userland::{AllocError, CPtr, IrqHandler, LineSignal, Notification, RootTask};

/// Most instances that send.
const MOST: usize = 8;
/// The instance that receives, which is the last.
const RECEIVER: &str = "receiver";
/// Word of the region: the round in which they are to signal.
const ROUND: usize = 64;
/// Word of the region: how many are to signal in it.
const COUNT: usize = 72;
/// Words of the region: the round in which each has signalled, a cache line each.
const SENT: usize = 80;

/// One of the instances.
pub(crate) struct Member {
    words: Words,
    timeline: Timeline,
    number: usize,
    /// How many send; the number of the receiver as well.
    senders: usize,
}

impl Member {
    /// Maps the region; nothing without one.
    pub(crate) fn open(task: &mut RootTask) -> Result<Option<Self>, AllocError> {
        let number = task.boot.chunk().map(|chunk| chunk.instance() as usize);
        let (Some(number), Some(region)) = (number, task.boot.region(REGION)) else { return Ok(None) };
        let senders = task.boot.peer(RECEIVER).map_or(number, |peer| peer.instance as usize).min(MOST);
        let words = Words::at(task.map_region(&region)?.address);
        Ok(Some(Self { words, timeline: Timeline::find(), number, senders }))
    }

    /// How many take part, one after the other; the last ones do.
    fn counts(&self) -> [usize; 4] {
        [1, 2, 4, self.senders]
    }

    /// Sends; the last sender measures.
    pub(crate) fn send(&self, task: &mut RootTask) -> Result<(), AllocError> {
        let signal = task.send_line(self.senders as u32, 0)?;
        if self.number + 1 == self.senders {
            (0..).zip(self.counts()).for_each(|(sweep, count)| self.lead(signal, count, sweep * ROUNDS));
            self.words.set(ROUND, u64::MAX);
            return Ok(());
        }
        let mut done = 0;
        loop {
            let round = self.words.get(ROUND);
            if round == u64::MAX {
                return Ok(());
            }
            if round != done && self.number + self.words.get(COUNT) as usize >= self.senders {
                stub::send(signal.0, SIGNAL);
                self.words.set(SENT + 8 * self.number, round);
            }
            done = round;
            stub::pause();
        }
    }

    /// Measures with so many senders, after so many rounds with fewer.
    #[inline(never)]
    fn lead(&self, signal: LineSignal, count: usize, before: u64) {
        let cost = Cost::measure();
        let [mut sent, mut received] = [const { Series::new() }; 2];
        for round in 1..=ROUNDS {
            let total = before + round;
            self.wait_for(ENDED, total - 1);
            (0..TURNS).for_each(|_| stub::pause());
            self.words.set(COUNT, count as u64);
            self.words.set(ROUND, total);
            (self.senders - count..self.number).for_each(|other| self.wait_for(SENT + 8 * other, total));
            let start = stamp();
            stub::send(signal.0, SIGNAL);
            let end = stamp();
            let before_turn = stamp();
            stub::pause();
            self.wait_for(BEGUN, total);
            if round > ROUNDS - SAMPLES as u64 {
                sent.push(end - start);
                // Nothing if the receiver's turn came before this one was given away.
                if let Some(elapsed) = self.timeline.until(before_turn, self.words.get(ENTERED)) {
                    received.push(elapsed);
                }
            }
        }
        sent.report(format_args!("cross-core, {count} senders, the last one's signal"), cost.pair);
        let path = format_args!("cross-core, {count} senders, interrupt to after Wait");
        received.report(path, cost.pair + 1);
        self.wait_for(ENDED, before + ROUNDS);
    }

    fn wait_for(&self, word: usize, count: u64) {
        while self.words.get(word) < count {
            stub::pause();
        }
    }

    /// Receives and acknowledges.
    pub(crate) fn receive(&self, task: &mut RootTask) -> Result<(), AllocError> {
        let notification: Notification = task.make()?;
        let mut handlers = [IrqHandler(CPtr::NULL); MOST];
        for (sender, handler) in (0..).zip(&mut handlers[..self.senders]) {
            *handler = task.receive_line(sender, 0, notification)?;
            handler.ack()?;
        }
        for (sweep, count) in (0..).zip(self.counts()) {
            for round in 1..=ROUNDS {
                stub::wait(notification.0);
                self.words.set(ENTERED, self.timeline.place(stamp()));
                self.words.set(BEGUN, sweep * ROUNDS + round);
                // The first line ended the wait; the others left their signals behind.
                stub::nb_wait(notification.0);
                for handler in &handlers[self.senders - count..self.senders] {
                    handler.ack()?;
                }
                self.words.set(ENDED, sweep * ROUNDS + round);
            }
        }
        Ok(())
    }
}
