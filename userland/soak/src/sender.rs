// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sending thread, which is the root task's: bursts, pauses, and waiting for them to have been seen.

use core::hint::black_box;
use core::sync::atomic::Ordering;

use abi::status::{State, Word};
use userland::object::SchedParameters;
use userland::sharing::StatusPage;
use userland::{INIT_SCHED_CONTEXT, INIT_TCB, LineSignal, RootTask, println, report_row, syscall, ticks};

use crate::board::{Board, Pair};
use crate::random::Random;
use crate::receiver::{ENDED, WAKES};
use crate::{FAILURE_LINE, Failure, MOST};

/// Half of the time at most, so that giving up the rest of a turn lets the core go idle.
const TIME: SchedParameters = SchedParameters::periodic(100, 200);
const PRIORITY: u64 = 100;
/// Most signals in a burst.
const BURST: u64 = 12;
/// Most turns of an empty loop between two signals, and between two bursts.
const SHORT_PAUSE: u64 = 400;
const LONG_PAUSE: u64 = 4000;
/// Microseconds until a wake-up counts as lost. A busy host may stop a processor for long.
const PATIENCE_US: u64 = 60_000_000;

/// A peer that is signalled.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    to: usize,
    pair: Pair,
    signals: [LineSignal; FAILURE_LINE],
    status: StatusPage,
    sent: u64,
    has_ended: bool,
}

impl Outgoing {
    fn is_down(&self) -> bool {
        matches!(self.status.state(), Some(State::Failed | State::Halted))
    }
}

/// The sending side of an instance.
#[derive(Debug)]
pub(crate) struct Sender {
    own: u32,
    status: StatusPage,
    patience: u64,
    random: Random,
    peers: [Option<Outgoing>; MOST],
    sent: u64,
}

impl Sender {
    pub(crate) fn new(task: &mut RootTask, board: Board) -> Result<Self, Failure> {
        let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
        let mut peers = [None; MOST];
        for peer in chunk.peers() {
            let to = peer.instance as usize;
            let Some(pair) = board.out.get(to).copied().flatten() else { continue };
            let mut signals = [LineSignal(userland::CPtr::NULL); FAILURE_LINE];
            for (line, signal) in signals.iter_mut().enumerate() {
                *signal = task.send_line(peer.instance, line as u64)?;
            }
            let status = task.map_status(peer.status_slot)?;
            peers[to] = Some(Outgoing { to, pair, signals, status, sent: 0, has_ended: false });
        }
        let mhz = u64::from(task.boot.tsc_mhz().unwrap_or(1000));
        let status = task.map_status(chunk.own_status_slot())?;
        task.boot.sched_control().configure(INIT_SCHED_CONTEXT, TIME)?;
        INIT_TCB.set_priority(INIT_TCB, PRIORITY)?;
        let (own, random) = (chunk.instance(), Random::new(chunk.instance().into()));
        Ok(Self { own, status, patience: PATIENCE_US * mhz, random, peers, sent: 0 })
    }

    /// Sends so many signals, and checks that every peer has been woken for the last one.
    pub(crate) fn run(mut self, signals: u64) -> Result<(), Failure> {
        while self.sent < signals {
            let choice = self.random.below(MOST as u64) as usize;
            let Some(mut peer) = self.peers[choice].filter(|peer| !peer.has_ended) else {
                if self.peers.iter().flatten().all(|peer| peer.has_ended) {
                    break;
                }
                continue;
            };
            let burst = (self.random.below(BURST) + 1).min(signals - self.sent);
            self.burst(&mut peer, burst);
            match self.random.below(4) {
                0 => self.wait(&mut peer)?,
                1 => syscall::yield_now(),
                2 => self.pause(LONG_PAUSE),
                _ => peer.has_ended = peer.is_down(),
            }
            self.peers[choice] = Some(peer);
        }
        for index in 0..MOST {
            if let Some(mut peer) = self.peers[index] {
                self.wait(&mut peer)?;
                self.peers[index] = Some(peer);
                if peer.has_ended {
                    println!("instance {index} has ended and told so");
                }
            }
        }
        self.report()
    }

    fn burst(&mut self, peer: &mut Outgoing, signals: u64) {
        for _ in 0..signals {
            let line = self.random.below(FAILURE_LINE as u64) as usize;
            peer.sent += 1;
            peer.pair.sent.set(peer.sent);
            peer.signals[line].signal();
            self.pause(SHORT_PAUSE);
        }
        self.sent += signals;
    }

    /// Sleeps until the peer has seen everything, or has ended and said so.
    fn wait(&self, peer: &mut Outgoing) -> Result<(), Failure> {
        let begin = ticks();
        loop {
            peer.has_ended = peer.is_down();
            if peer.has_ended && ENDED.load(Ordering::Acquire) >> peer.to & 1 != 0 {
                return Ok(());
            }
            if !peer.has_ended && peer.pair.seen.get() == peer.sent {
                return Ok(());
            }
            if ticks().wrapping_sub(begin) > self.patience {
                let (to, sent, seen) = (peer.to, peer.sent, peer.pair.seen.get());
                return Err(if peer.has_ended {
                    Failure::NotTold { by: to }
                } else {
                    Failure::Lost { to, sent, seen }
                });
            }
            syscall::yield_now();
        }
    }

    fn pause(&mut self, most: u64) {
        for turn in 0..self.random.below(most) {
            black_box(turn);
        }
    }

    /// Compares the own count with the kernel's, and shows the kernel's.
    fn report(&self) -> Result<(), Failure> {
        let word = |word| self.status.word(word);
        let [ipis, pending] = [word(Word::IpisSent), word(Word::ElidedPending)];
        let [masked, polling] = [word(Word::ElidedMasked), word(Word::ElidedPolling)];
        let [taken, spurious] = [word(Word::DoorbellsTaken), word(Word::SpuriousDoorbells)];
        let (own, sent, wakes) = (self.own, self.sent, WAKES.load(Ordering::Relaxed));
        report_row(format_args!(
            "{{\"instance\":{own},\"sent\":{sent},\"ipis\":{ipis},\"pending\":{pending},\"masked\":{masked},\
             \"polling\":{polling},\"taken\":{taken},\"spurious\":{spurious},\"wakes\":{wakes}}}"
        ));
        for counted in [word(Word::SignalsSent), ipis + pending + masked + polling] {
            if counted != sent {
                return Err(Failure::Miscounted { sent, counted });
            }
        }
        Ok(())
    }
}
