// SPDX-License-Identifier: MIT OR Apache-2.0
//! The receiving thread: blocks, and notes what a wake-up came for.

use core::sync::atomic::{AtomicU64, Ordering};

use userland::object::SchedParameters;
use userland::{IrqHandler, Notification, RootTask, Stack, syscall};

use crate::board::{Board, Pair};
use crate::{FAILURE_LINE, Failure, LINES, MOST};

/// Above the sender's, so that a wake-up is answered at once.
const PRIORITY: u64 = 200;
const TIME: SchedParameters = SchedParameters::round_robin(5000);

static STACK: Stack<16384> = Stack::new();

/// How often the thread was woken.
pub(crate) static WAKES: AtomicU64 = AtomicU64::new(0);
/// Peers whose failure line rang, one bit each.
pub(crate) static ENDED: AtomicU64 = AtomicU64::new(0);

/// The lines from one peer.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    pair: Pair,
    handlers: [IrqHandler; LINES],
}

/// Binds every incoming line to one notification, each with a bit of its own, and starts the thread.
pub(crate) fn start(task: &mut RootTask, board: &Board) -> Result<(), Failure> {
    let notification: Notification = task.make()?;
    let mut peers = [None; MOST];
    for (from, pair) in board.incoming.iter().enumerate() {
        let Some(pair) = *pair else { continue };
        let mut handlers = [IrqHandler(userland::CPtr::NULL); LINES];
        for (line, handler) in handlers.iter_mut().enumerate() {
            let badged = task.badged(notification, bit(from, line))?;
            *handler = task.receive_line(from as u32, line as u64, badged)?;
        }
        peers[from] = Some(Incoming { pair, handlers });
    }
    task.spawn(&STACK, PRIORITY, TIME, move || receive(notification, &peers))?;
    Ok(())
}

/// The badge of a line.
const fn bit(from: usize, line: usize) -> u64 {
    1 << (from * LINES + line)
}

fn receive(notification: Notification, peers: &[Option<Incoming>; MOST]) {
    loop {
        let word = syscall::wait(notification.0).badge;
        WAKES.fetch_add(1, Ordering::Relaxed);
        for (from, incoming) in peers.iter().enumerate() {
            let lines = word >> bit(from, 0).trailing_zeros() & ((1 << LINES) - 1);
            if let (Some(incoming), 1..) = (incoming, lines) {
                answer(incoming, from, lines);
            }
        }
    }
}

/// Opens the lines again, then looks: a signal that comes later wakes this thread again.
fn answer(incoming: &Incoming, from: usize, lines: u64) {
    let named = incoming.handlers.iter().enumerate().filter(|(line, _)| lines >> line & 1 != 0);
    for (_, handler) in named {
        handler.ack().expect("the kernel has handlers acknowledged");
    }
    if lines >> FAILURE_LINE & 1 != 0 {
        ENDED.fetch_or(1 << from, Ordering::Release);
    }
    incoming.pair.seen.set(incoming.pair.sent.get());
}
