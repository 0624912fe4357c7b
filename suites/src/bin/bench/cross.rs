// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals between two instances.
//!
//! Where instructions are counted, the processors take turns on one host thread, and the counter includes the others'
//! turns. A turn ends at `pause` and `hlt`. So the sender measures up to the end of its system call with nobody
//! in between, and after a `pause` the receiver runs at once: what it counts from there is its own.
//!
//! ```text
//! sender    signal (IPI)  signal (pending)  pause ........ signal (masked)  pause ....
//! receiver  hlt                             interrupt, Wait returns, pause  Ack, Wait returns, Ack, Wait: hlt
//! ```

use crate::lab::Cost;
use crate::series::{SAMPLES, Series, omit};
use crate::signal::SIGNAL;
use crate::stub::{self, stamp};
use crate::timeline::Timeline;
use crate::words::Words;
use abi::Rights;
use userland::{AllocError, CPtr, IrqHandler, LineSignal, Notification, RootTask};

/// The region that both use for words.
pub(crate) const REGION: &str = "bench";
/// Lines each way.
pub(crate) const LINES: usize = 64;

// Words of the region.
/// When the receiver was back from Wait: a place on the [`Timeline`].
pub(crate) const ENTERED: usize = 0;
/// How many rounds the receiver has begun.
pub(crate) const BEGUN: usize = 8;
/// How many rounds the receiver may end.
const MAY_END: usize = 16;
/// How many rounds the receiver has ended.
pub(crate) const ENDED: usize = 24;

/// Rounds of each measurement.
pub(crate) const ROUNDS: u64 = SAMPLES as u64 + 16;
/// How often to let the other processor run until it surely sleeps.
pub(crate) const TURNS: usize = 8;

/// One end of the two channels.
pub(crate) struct End {
    pub(crate) words: Words,
    pub(crate) timeline: Timeline,
    /// Lines to the other end.
    pub(crate) signals: [LineSignal; LINES],
    /// What all lines from the other end signal.
    pub(crate) notification: Notification,
    /// Their handlers.
    pub(crate) handlers: [IrqHandler; LINES],
}

impl End {
    /// Opens the region and a line each way; nothing if the description has no peer or region for this.
    pub(crate) fn open(task: &mut RootTask) -> Result<Option<Self>, AllocError> {
        let peer = task.boot.chunk().and_then(|chunk| chunk.peers().next());
        let (Some(peer), Some(region)) = (peer, task.boot.region(REGION)) else { return Ok(None) };
        let mapping = task.map_region(&region)?;
        debug_assert_eq!(mapping.rights, Rights::READ_WRITE);
        let notification = task.make()?;
        let mut handlers = [IrqHandler(CPtr::NULL); LINES];
        let mut signals = [LineSignal(CPtr::NULL); LINES];
        for (line, (handler, signal)) in (0..).zip(handlers.iter_mut().zip(&mut signals)) {
            *handler = task.receive_line(peer.instance, line, notification)?;
            handler.ack()?;
            *signal = task.send_line(peer.instance, line)?;
        }
        let (words, timeline) = (Words::at(mapping.address), Timeline::find());
        Ok(Some(Self { words, timeline, signals, notification, handlers }))
    }

    /// Sends, and measures.
    pub(crate) fn send(&self, cost: Cost) -> Result<(), AllocError> {
        let [mut sent, mut pending, mut masked, mut received] = [const { Series::new() }; 4];
        for round in 1..=ROUNDS {
            self.await_peer(ENDED, round - 1);
            let start = stamp();
            stub::send(self.signals[0].0, SIGNAL);
            let middle = stamp();
            stub::send(self.signals[0].0, SIGNAL);
            let end = stamp();
            let before_turn = stamp();
            stub::pause();
            self.await_peer(BEGUN, round);
            let before_masked = stamp();
            stub::send(self.signals[0].0, SIGNAL);
            let after_masked = stamp();
            self.words.set(MAY_END, round);
            if round > ROUNDS - SAMPLES as u64 {
                sent.push(middle - start);
                pending.push(end - middle);
                masked.push(after_masked - before_masked);
                received.push(self.timeline.until(before_turn, self.words.get(ENTERED)).unwrap_or_default());
            }
        }
        sent.report("cross-core signal, sender, IPI sent", cost.pair);
        pending.report("cross-core signal, sender, elided (pending)", cost.pair);
        masked.report("cross-core signal, sender, elided (masked)", cost.pair);
        // The `pause` is one instruction more.
        received.report("cross-core signal, receiver, interrupt to after Wait", cost.pair + 1);
        self.await_peer(ENDED, ROUNDS);
        self.round_trips(cost)
    }

    fn round_trips(&self, cost: Cost) -> Result<(), AllocError> {
        let mut series = Series::new();
        for round in 1..=ROUNDS {
            (0..TURNS).for_each(|_| stub::pause());
            let start = stamp();
            stub::send(self.signals[0].0, SIGNAL);
            stub::wait(self.notification.0);
            let end = stamp();
            self.handlers[0].ack()?;
            if round > ROUNDS - SAMPLES as u64 {
                series.push(end - start);
            }
        }
        series.report("cross-core signal, round trip, both halt", cost.pair);
        Ok(())
    }

    /// Measures signals to an instance that looks at its inbox without being told.
    pub(crate) fn send_to_poller(&self, cost: Cost) {
        let mut series = Series::new();
        for round in 1..=ROUNDS {
            self.await_peer(ENDED, round);
            let start = stamp();
            stub::send(self.signals[0].0, SIGNAL);
            let end = stamp();
            if round > ROUNDS - SAMPLES as u64 {
                series.push(end - start);
            }
        }
        series.report("cross-core signal, sender, elided (polling)", cost.pair);
        // Where processors take turns, the way to a poller is as long as the turns.
        omit("cross-core signal, one way to a polling receiver", "needs KVM");
    }

    /// Acknowledges signals at once; [`ENDED`] counts how often it began to wait.
    pub(crate) fn take(&self) -> Result<(), AllocError> {
        for round in 1..=ROUNDS {
            self.words.set(ENDED, round);
            stub::wait(self.notification.0);
            self.handlers[0].ack()?;
        }
        Ok(())
    }

    /// Receives.
    pub(crate) fn receive(&self) -> Result<(), AllocError> {
        for round in 1..=ROUNDS {
            stub::wait(self.notification.0);
            self.words.set(ENTERED, self.timeline.place(stamp()));
            self.words.set(BEGUN, round);
            while self.words.get(MAY_END) < round {
                stub::pause();
            }
            self.handlers[0].ack()?;
            stub::wait(self.notification.0);
            self.handlers[0].ack()?;
            self.words.set(ENDED, round);
        }
        for _ in 1..=ROUNDS {
            stub::wait(self.notification.0);
            self.handlers[0].ack()?;
            stub::send(self.signals[0].0, SIGNAL);
        }
        Ok(())
    }

    /// Waits until the peer has counted to `count` and has had time to sleep.
    pub(crate) fn await_peer(&self, word: usize, count: u64) {
        while self.words.get(word) < count {
            stub::pause();
        }
        (0..TURNS).for_each(|_| stub::pause());
    }
}
