// SPDX-License-Identifier: MIT OR Apache-2.0
//! The receiving thread: blocks, and notes what a wake-up came for.

use core::sync::atomic::{AtomicU64, Ordering};

use userland::object::SchedParameters;
use userland::{IrqHandler, LineSignal, Notification, RootTask, Stack, syscall};

use crate::board::{Board, Pair};
use crate::{ANSWER_LINE, FAILURE_LINE, Failure, LINES, MOST};

/// Above the sender's, so that a wake-up is answered at once.
const PRIORITY: u64 = 200;
const TIME: SchedParameters = SchedParameters::round_robin(5000);

static STACK: Stack<16384> = Stack::new();

/// How often the thread was woken.
pub(crate) static WAKES: AtomicU64 = AtomicU64::new(0);
/// Signals that say that the board has changed, by both threads.
pub(crate) static ANSWERS: AtomicU64 = AtomicU64::new(0);
/// Peers whose failure line rang, one bit each.
pub(crate) static ENDED: AtomicU64 = AtomicU64::new(0);

/// The lines from one peer, and the one to it.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    pair: Pair,
    handlers: [IrqHandler; LINES],
    answer: LineSignal,
    answered: u64,
}

/// Binds every incoming line to one notification, each with a bit of its own, and starts the thread, which signals
/// `news` after each wake-up.
pub(crate) fn start(task: &mut RootTask, board: &Board, news: Notification) -> Result<(), Failure> {
    let notification: Notification = task.make()?;
    let mut peers = [None; MOST];
    for (from, pair) in board.incoming.iter().enumerate() {
        let Some(pair) = *pair else { continue };
        let mut handlers = [IrqHandler(userland::CPtr::NULL); LINES];
        for (line, handler) in handlers.iter_mut().enumerate() {
            let badged = task.badged(notification, bit(from, line))?;
            *handler = task.receive_line(from as u32, line as u64, badged)?;
        }
        let answer = task.send_line(from as u32, ANSWER_LINE as u64)?;
        peers[from] = Some(Incoming { pair, handlers, answer, answered: 0 });
    }
    task.spawn(&STACK, PRIORITY, TIME, move || receive(notification, peers, news))?;
    Ok(())
}

/// The badge of a line.
const fn bit(from: usize, line: usize) -> u64 {
    1 << (from * LINES + line)
}

fn receive(notification: Notification, mut peers: [Option<Incoming>; MOST], news: Notification) {
    loop {
        let word = syscall::wait(notification.0).badge;
        WAKES.fetch_add(1, Ordering::Relaxed);
        for (from, incoming) in peers.iter_mut().enumerate() {
            let lines = word >> bit(from, 0).trailing_zeros() & ((1 << LINES) - 1);
            let (Some(incoming), 1..) = (incoming, lines) else { continue };
            incoming.look(lines);
            if lines >> FAILURE_LINE & 1 != 0 {
                ENDED.fetch_or(1 << from, Ordering::Release);
            }
        }
        syscall::signal(news.0);
    }
}

impl Incoming {
    /// Opens the lines again, then looks: a signal that comes later wakes this thread again.
    fn look(&mut self, lines: u64) {
        let named = self.handlers.iter().enumerate().filter(|(line, _)| lines >> line & 1 != 0);
        for (_, handler) in named {
            handler.ack().expect("the kernel has handlers acknowledged");
        }
        // In this order: what is asked for is never more than was sent.
        let asked = self.pair.asked.get();
        self.pair.seen.set(self.pair.sent.get());
        if asked != self.answered {
            self.answered = asked;
            ANSWERS.fetch_add(1, Ordering::Relaxed);
            self.answer.signal();
        }
    }
}
