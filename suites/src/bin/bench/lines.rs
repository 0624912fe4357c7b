// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many lines at once: one interrupt delivers whatever is pending.

use crate::cross::{BEGUN, ENDED, ENTERED, End, LINES, ROUNDS};
use crate::lab::Cost;
use crate::series::{SAMPLES, Series};
use crate::signal::SIGNAL;
use crate::stub::{self, stamp};
use userland::Error;

/// Numbers of lines.
const COUNTS: [usize; 7] = [1, 2, 4, 8, 16, 32, LINES];

/// How lines are acknowledged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One by one.
    Single,
    /// All by one call.
    Word,
}

/// Every number of lines, acknowledged in either way.
fn sweeps() -> impl Iterator<Item = (u64, (usize, Way))> {
    let ways = [Way::Single, Way::Word].into_iter();
    (0..).zip(ways.flat_map(|way| COUNTS.into_iter().map(move |count| (count, way))))
}
/// Word of the region: how long the receiver took to acknowledge.
const ACKNOWLEDGING: usize = 32;
/// Word of the region: the round whose signals are all sent. The first of them may end the wait before the last is.
const SENT: usize = 48;

/// Signals so many lines, then lets the receiver run.
pub(crate) fn send(end: &End, cost: Cost) {
    for (sweep, (count, way)) in sweeps() {
        let [mut sent, mut received, mut acknowledged] = [const { Series::new() }; 3];
        for round in 1..=ROUNDS {
            let total = sweep * ROUNDS + round;
            end.await_peer(ENDED, total - 1);
            let start = stamp();
            for signal in &end.signals[..count] {
                stub::send(signal.0, SIGNAL);
            }
            let all_sent = stamp();
            end.words.set(SENT, total);
            let before_turn = stamp();
            stub::pause();
            end.await_peer(BEGUN, total);
            end.await_peer(ENDED, total);
            if round > ROUNDS - SAMPLES as u64 {
                sent.push(all_sent - start);
                // Nothing if the receiver's turn came before this one was given away.
                if let Some(elapsed) = end.timeline.until(before_turn, end.words.get(ENTERED)) {
                    received.push(elapsed);
                }
                acknowledged.push(end.words.get(ACKNOWLEDGING));
            }
        }
        if way == Way::Word {
            acknowledged.report(format_args!("cross-core, acknowledge {count} lines by one call"), cost.pair);
            continue;
        }
        sent.report(format_args!("cross-core, signal {count} lines"), cost.pair);
        let path = format_args!("cross-core, {count} lines, interrupt to after Wait");
        received.report(path, cost.pair + 1);
        acknowledged.report(format_args!("cross-core, acknowledge {count} lines"), cost.pair);
    }
}

/// Takes the lines and acknowledges them.
pub(crate) fn receive(end: &End) -> Result<(), Error> {
    for (sweep, (count, way)) in sweeps() {
        let lines = u64::MAX >> (LINES - count);
        for round in 1..=ROUNDS {
            let total = sweep * ROUNDS + round;
            stub::wait(end.notification.0);
            end.words.set(ENTERED, end.timeline.place(stamp()));
            end.words.set(BEGUN, total);
            end.await_peer(SENT, total);
            // The first line ended the wait; the others left their signals behind.
            stub::nb_wait(end.notification.0);
            let start = stamp();
            match way {
                Way::Single => end.handlers[..count].iter().try_for_each(|handler| handler.ack())?,
                Way::Word => end.handlers[0].ack_lines(lines)?,
            }
            end.words.set(ACKNOWLEDGING, stamp() - start);
            end.words.set(ENDED, total);
        }
    }
    Ok(())
}
