// SPDX-License-Identifier: MIT OR Apache-2.0
//! The situations that loom explores. In each, a receiver sleeps whenever it may; a lost wake-up leaves it asleep with
//! nobody left to wake it, which loom reports as a deadlock.

use ipi::{Delivery, Inbox, Line, Memory, Mode, Outcome, Receiver, Unmasked, Work};
use loom::sync::Notify;
use loom::sync::atomic::AtomicU64;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A receiver's core and what it shares with `SENDERS` others.
struct World<const SENDERS: usize> {
    memory: Memory<SENDERS>,
    /// The doorbell interrupt: held by the interrupt controller until the core waits for it, and, as the interrupt is
    /// sent when all earlier writes are visible, a release that the wake-up acquires.
    doorbell: Notify,
    /// Per sender, the number of the latest signal, written before it by a plain store.
    published: [AtomicU64; SENDERS],
    rings: AtomicUsize,
}

impl<const SENDERS: usize> World<SENDERS> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            memory: Memory::new(),
            doorbell: Notify::new(),
            published: std::array::from_fn(|_| AtomicU64::new(0)),
            rings: AtomicUsize::new(0),
        })
    }

    fn inbox(&self) -> Inbox<'_> {
        self.memory.inbox()
    }

    /// Signals the lines in turn, each signal with a number of its own.
    fn send(&self, from: usize, lines: &[u64]) {
        let sender = self.inbox().sender(from).expect("models have lines for their senders");
        for (number, line) in (1..).zip(lines) {
            self.published[from].store(number, Relaxed);
            if sender.signal(self::line(*line)) == Outcome::RingDoorbell {
                self.rings.fetch_add(1, Ordering::SeqCst);
                self.doorbell.notify();
            }
        }
    }

    /// Starts a thread per entry, which sends that entry's lines.
    fn start(self: &Arc<Self>, senders: [&'static [u64]; SENDERS]) -> Vec<thread::JoinHandle<()>> {
        let start = |(from, lines): (usize, &'static [u64])| {
            let world = Arc::clone(self);
            thread::spawn(move || world.send(from, lines))
        };
        senders.into_iter().enumerate().map(start).collect()
    }

    /// Opens `lines`, takes, acknowledges and sleeps until each sender's last number was seen by a delivery.
    fn receive(&self, lines: &[u64], last: u64, sleep: impl Fn(&Self, Receiver<'_>)) {
        let receiver = self.inbox().receiver();
        let mut seen = [0; SENDERS];
        let acknowledge = |from: usize, number: u64, seen: &mut [u64; SENDERS]| {
            while receiver.unmask(from, line(number)) == Unmasked::Delivered {
                seen[from] = self.published[from].load(Relaxed);
            }
        };
        for from in 0..SENDERS {
            lines.iter().for_each(|number| acknowledge(from, *number, &mut seen));
        }
        loop {
            let mut delivered = [0; SENDERS];
            receiver.take(|from, lines| {
                seen[from] = self.published[from].load(Relaxed);
                delivered[from] = lines;
            });
            for (from, lines) in delivered.into_iter().enumerate() {
                Line::each(lines).for_each(|line| acknowledge(from, line.number(), &mut seen));
            }
            if seen == [last; SENDERS] {
                return;
            }
            sleep(self, receiver);
        }
    }

    /// `sti; hlt`, when the protocol allows it.
    fn halt(&self, receiver: Receiver<'_>) {
        if receiver.enter(Mode::Halted) == Work::Nothing {
            self.doorbell.wait();
        }
    }

    /// Polls a little, and then halts.
    fn poll_then_halt(&self, receiver: Receiver<'_>) {
        if receiver.enter(Mode::Polling) == Work::Nothing {
            self.halt(receiver);
        }
    }
}

fn line(number: u64) -> Line {
    Line::new(number).expect("models use existing lines")
}

#[derive(Clone)]
/// A situation and how many preemptions of a thread are tried; `None` tries all.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) preemptions: Option<usize>,
    run: fn(),
}

impl Model {
    /// Explores the situation; panics when loom finds a failure.
    pub(crate) fn check(&self, preemptions: Option<usize>) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions;
        builder.check(self.run);
    }
}

/// All of them.
pub(crate) const MODELS: [Model; 9] = [
    Model { name: "one signal, halting", preemptions: None, run: one_signal },
    Model { name: "one signal, polling then halting", preemptions: None, run: one_signal_polling },
    Model { name: "storm on one opening", preemptions: None, run: storm_on_one_opening },
    Model { name: "handler deleted", preemptions: None, run: handler_deleted },
    Model { name: "sender resumed", preemptions: Some(4), run: sender_resumed },
    Model { name: "two signals", preemptions: Some(4), run: two_signals },
    Model { name: "two signals, continuous", preemptions: Some(4), run: two_signals_continuous },
    Model { name: "two lines", preemptions: Some(4), run: two_lines },
    Model { name: "two senders", preemptions: Some(3), run: two_senders },
];

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("senders do not panic"));
}

fn one_signal() {
    let world = World::<1>::new();
    let threads = world.start([&[0]]);
    world.receive(&[0], 1, World::halt);
    join(threads);
}

fn one_signal_polling() {
    let world = World::<1>::new();
    let threads = world.start([&[0]]);
    world.receive(&[0], 1, World::poll_then_halt);
    join(threads);
}

fn two_signals() {
    let world = World::<1>::new();
    let threads = world.start([&[0, 0]]);
    world.receive(&[0], 2, World::halt);
    join(threads);
}

fn two_signals_continuous() {
    let world = World::<1>::new();
    world.inbox().receiver().set_delivery(0, Delivery::Continuous);
    let threads = world.start([&[0, 0]]);
    world.receive(&[0], 2, World::halt);
    join(threads);
}

fn two_lines() {
    let world = World::<1>::new();
    let threads = world.start([&[0, 1]]);
    world.receive(&[0, 1], 2, World::halt);
    join(threads);
}

/// Nobody acknowledges, so the line opens once and may ring once.
fn storm_on_one_opening() {
    let world = World::<1>::new();
    let receiver = world.inbox().receiver();
    assert_eq!(receiver.unmask(0, line(0)), Unmasked::Nothing);
    let threads = world.start([&[0, 0, 0]]);
    receiver.take(|_, _| {});
    receiver.take(|_, _| {});
    join(threads);
    assert!(world.rings.load(Ordering::SeqCst) <= 1, "a closed line rang the doorbell");
}

/// The line's handler goes while the first signal is in flight; the next handler sleeps until the second arrives.
fn handler_deleted() {
    let world = World::<1>::new();
    let receiver = world.inbox().receiver();
    assert_eq!(receiver.unmask(0, line(0)), Unmasked::Nothing);
    let threads = world.start([&[0]]);
    receiver.clear(0, line(0));
    join(threads);
    let threads = world.start([&[0]]);
    world.receive(&[0], 1, World::halt);
    join(threads);
}

/// A sender dies in the middle of its second signal; the next life makes the receiver look.
fn sender_resumed() {
    let world = World::<1>::new();
    let sending = Arc::clone(&world);
    let thread = thread::spawn(move || {
        sending.send(0, &[0]);
        sending.published[0].store(2, Relaxed);
        let sender = sending.inbox().sender(0).expect("there is one sender");
        sender.cut_short(line(1));
        if sender.resume() == Outcome::RingDoorbell {
            sending.doorbell.notify();
        }
    });
    world.receive(&[0, 1], 2, World::halt);
    join(vec![thread]);
}

fn two_senders() {
    let world = World::<2>::new();
    let threads = world.start([&[0], &[0]]);
    world.receive(&[0], 1, World::halt);
    join(threads);
}
