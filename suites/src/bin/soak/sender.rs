// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sending thread, which is the root task's: bursts, pauses, and sleep until they have been seen.

use core::ops::Range;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use abi::status::{State, Word};
use userland::sharing::StatusPage;
use userland::{INIT_TCB, LineSignal, Notification, Random, RootTask, println, report_row, syscall, ticks};

use crate::board::{Board, Pair};
use crate::receiver::{ANSWERS, ENDED, WAKES};
use crate::{ANSWER_LINE, Failure, MOST, SIGNALLED};

const PRIORITY: u64 = 100;
/// Bursts of an instance in each phase, and most signals of a burst.
const BURSTS: u64 = 64;
const BURST: u64 = 12;
/// Most turns of an empty loop between two signals, and between two bursts.
const SHORT_PAUSE: u64 = 400;
const LONG_PAUSE: u64 = 4000;
/// Microseconds of sleep that count as a lost wake-up: less than the 4.2 s after which the timer of an idle core
/// wakes it, its counter having 32 bits of nanoseconds; and more than a busy host stops a processor for.
const PATIENCE_US: u64 = 3_000_000;
/// The stage of who will not come to a meeting again.
const DONE: u64 = u64::MAX;

/// A peer that is signalled.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    to: usize,
    pair: Pair,
    signals: [LineSignal; SIGNALLED],
    /// Says that the board has changed.
    answer: LineSignal,
    status: StatusPage,
    sent: u64,
    has_ended: bool,
}

impl Outgoing {
    /// Notes whether the peer has ended. Nobody sleeps for one that has, once its failure line has rung.
    fn has_ended_and_told(&mut self) -> bool {
        self.has_ended = matches!(self.status.state(), Some(State::Failed | State::Halted));
        self.has_ended && ENDED.load(Acquire) >> self.to & 1 != 0
    }
}

/// The sending side of an instance.
#[derive(Debug)]
pub(crate) struct Sender {
    own: usize,
    board: Board,
    status: StatusPage,
    /// Signalled whenever a peer has signalled this instance.
    news: Notification,
    ticks_per_us: u64,
    random: Random,
    peers: [Option<Outgoing>; MOST],
    /// Signals still to be sent, and those that were.
    left: u64,
    sent: u64,
    sleeps: u64,
}

impl Sender {
    pub(crate) fn new(
        task: &mut RootTask,
        board: Board,
        news: Notification,
        left: u64,
    ) -> Result<Self, Failure> {
        let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
        let mut peers = [None; MOST];
        for peer in chunk.peers() {
            let to = peer.instance as usize;
            let Some(pair) = board.out.get(to).copied().flatten() else { continue };
            let mut signals = [LineSignal(userland::CPtr::NULL); SIGNALLED];
            for (line, signal) in signals.iter_mut().enumerate() {
                *signal = task.send_line(peer.instance, line as u64)?;
            }
            let answer = task.send_line(peer.instance, ANSWER_LINE as u64)?;
            let status = task.map_status(peer.status_slot)?;
            peers[to] = Some(Outgoing { to, pair, signals, answer, status, sent: 0, has_ended: false });
        }
        let status = task.map_status(chunk.own_status_slot())?;
        INIT_TCB.set_priority(INIT_TCB, PRIORITY)?;
        let (ticks_per_us, own) = (task.boot.tsc_mhz().unwrap_or(1000).into(), chunk.instance());
        let (random, own) = (Random::new(own.into()), own as usize);
        let sender = Self { own, board, status, news, ticks_per_us, random, peers, left, sent: 0, sleeps: 0 };
        Ok(sender)
    }

    /// Sends all signals, and checks that every peer has been woken for the last one.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let mut phase = 0;
        while self.left > 0 && self.living().next().is_some() {
            let stage = 4 * phase;
            self.crowd()?;
            self.meet(stage + 1)?;
            self.couple(self.own ^ (1 + phase as usize % 3), stage + 2)?;
            self.meet(stage + 3)?;
            phase += 1;
        }
        self.arrive(DONE, 0..MOST);
        for peer in self.peers.iter().flatten().filter(|peer| peer.has_ended) {
            println!("instance {} has ended and told so", peer.to);
        }
        self.report()
    }

    fn living(&self) -> impl Iterator<Item = usize> {
        self.peers.iter().flatten().filter(|peer| !peer.has_ended).map(|peer| peer.to)
    }

    /// Everybody signals everybody: signals merge, and cross others.
    fn crowd(&mut self) -> Result<(), Failure> {
        for _ in 0..BURSTS {
            let choice = self.random.below(self.living().count().max(1) as u64) as usize;
            let Some(peer) = self.living().nth(choice) else { break };
            self.burst(peer);
            match self.random.below(3) {
                0 => self.sleep(peer)?,
                1 => self.random.pause(LONG_PAUSE),
                _ => {}
            }
        }
        (0..MOST).try_for_each(|peer| self.sleep(peer))
    }

    /// Leaves two instances alone with each other: one signals and sleeps, the other only answers; then they change.
    fn couple(&mut self, partner: usize, stage: u64) -> Result<(), Failure> {
        if !self.living().any(|peer| peer == partner) {
            return Ok(());
        }
        for leader in [self.own.min(partner), self.own.max(partner)] {
            if leader != self.own {
                self.await_stage(leader, stage)?;
                continue;
            }
            for _ in 0..BURSTS {
                self.burst(partner);
                self.sleep(partner)?;
                self.random.pause(LONG_PAUSE);
            }
            self.arrive(stage, partner..partner + 1);
        }
        Ok(())
    }

    /// Goes on when all instances have come to this stage.
    fn meet(&mut self, stage: u64) -> Result<(), Failure> {
        self.arrive(stage, 0..MOST);
        (0..MOST).try_for_each(|peer| self.await_stage(peer, stage))
    }

    /// Shows how far this instance is, and wakes those who may wait for it.
    fn arrive(&mut self, stage: u64, whom: Range<usize>) {
        self.board.stages[self.own].set(stage);
        for peer in self.peers[whom].iter().flatten() {
            ANSWERS.fetch_add(1, Relaxed);
            peer.answer.signal();
        }
    }

    fn await_stage(&mut self, index: usize, stage: u64) -> Result<(), Failure> {
        let shown = self.board.stages[index];
        self.sleep_until(index, |_| shown.get() >= stage)
    }

    /// Sleeps until the peer has seen everything.
    fn sleep(&mut self, index: usize) -> Result<(), Failure> {
        self.sleep_until(index, |peer| peer.pair.seen.get() == peer.sent)
    }

    /// Sleeps until it `is_so`, or the peer has ended and told so.
    fn sleep_until(&mut self, index: usize, is_so: impl Fn(&Outgoing) -> bool) -> Result<(), Failure> {
        let Some(mut peer) = self.peers[index] else { return Ok(()) };
        while !peer.has_ended_and_told() && (peer.has_ended || !is_so(&peer)) {
            let begin = ticks();
            syscall::wait(self.news.0);
            let after_us = ticks().wrapping_sub(begin) / self.ticks_per_us;
            if after_us > PATIENCE_US {
                return Err(Failure::Late { to: index, sent: peer.sent, after_us });
            }
            self.sleeps += 1;
        }
        self.peers[index] = Some(peer);
        Ok(())
    }

    /// Signals at random distances on random lines; the last signal asks for an answer.
    fn burst(&mut self, index: usize) {
        let signals = (self.random.below(BURST) + 1).min(self.left);
        for left in (0..signals).rev() {
            let line = self.random.below(SIGNALLED as u64) as usize;
            let Some(peer) = &mut self.peers[index] else { return };
            peer.sent += 1;
            peer.pair.sent.set(peer.sent);
            if left == 0 {
                peer.pair.asked.set(peer.sent);
            }
            peer.signals[line].signal();
            self.random.pause(SHORT_PAUSE);
        }
        self.left -= signals;
        self.sent += signals;
    }

    /// Compares the own count with the kernel's, and shows the kernel's.
    fn report(&self) -> Result<(), Failure> {
        let word = |word| self.status.word(word);
        let [ipis, pending] = [word(Word::IpisSent), word(Word::ElidedPending)];
        let [masked, polling] = [word(Word::ElidedMasked), word(Word::ElidedPolling)];
        let [taken, spurious] = [word(Word::DoorbellsTaken), word(Word::SpuriousDoorbells)];
        let Self { own, sent, sleeps, .. } = *self;
        let (answers, wakes) = (ANSWERS.load(Relaxed), WAKES.load(Relaxed));
        report_row(format_args!(
            "{{\"instance\":{own},\"sent\":{sent},\"answers\":{answers},\"ipis\":{ipis},\"pending\":{pending},\
             \"masked\":{masked},\"polling\":{polling},\"taken\":{taken},\"spurious\":{spurious},\
             \"wakes\":{wakes},\"sleeps\":{sleeps}}}"
        ));
        // Answers go on to be sent while the words are read.
        let counted = [word(Word::SignalsSent), ipis + pending + masked + polling];
        let most = sent + ANSWERS.load(Relaxed);
        match counted.into_iter().find(|counted| !(sent..=most).contains(counted)) {
            Some(counted) => Err(Failure::Miscounted { sent: most, counted }),
            None => Ok(()),
        }
    }
}
