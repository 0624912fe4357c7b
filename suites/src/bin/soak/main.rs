// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root task that proves that no wake-up is lost (NOT-LOST), and that a failed peer stops nobody else (ALONE).
//!
//! Before each signal an instance raises a number in shared memory. The receiver blocks; only when it is woken by a
//! peer's line does it copy that peer's number to where the sender sees it. The last signal of a burst asks for an
//! answer:
//!
//! ```text
//! sender                                     receiver, a thread of its own
//!   sent = sent + 1                            wait for a signal;  ack
//!   asked = sent, at the end of a burst        seen = sent
//!   signal                                     asked for more than was answered: signal the answer line
//!   sleep until seen = sent                    wake the own sender
//! ```
//!
//! Phases of two kinds take turns. In a *crowd* everybody signals everybody, so that signals merge and cross. Such a
//! crowd hides a lost doorbell, as the next one, from whomever, delivers what the lost one was for. So in a *couple* one
//! instance signals one other, which sleeps; it signals no more until it was answered, sleeping too; and nobody else
//! says anything to the two. If a wake-up is lost between them, both sleep. No timer ends that, as all threads run on
//! time without end, but the one of an idle core, whose counter runs out after seconds; and a sleep nearly as long
//! is an error.
//!
//! A peer that fails rings its failure line, the last one; the sender then leaves that peer out.
//!
//! | Argument | Meaning | Default |
//! |---|---|---|
//! | `signals=N` | how many this instance sends | 1000 |
#![cfg_attr(target_os = "none", no_std, no_main)]

mod board;
mod receiver;
mod sender;

use thiserror::Error;
use userland::{AllocError, RootTask};

userland::entry!(run);

/// Most instances: a badge has a bit for each line of each.
const MOST: usize = 12;
/// Lines of every channel. The last is the failure line.
const LINES: usize = 5;
/// The first lines are signalled by the sender, in any order.
const SIGNALLED: usize = 3;
/// What was asked for has been seen.
const ANSWER_LINE: usize = SIGNALLED;
const FAILURE_LINE: usize = LINES - 1;
const DEFAULT_SIGNALS: u64 = 1000;

const _: () = assert!(MOST * LINES <= 64);

/// What went wrong.
#[derive(Debug, Error)]
enum Failure {
    /// Something that is needed could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused something that is needed.
    #[error("setting up: the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// The description is not what this program needs.
    #[error("the description has no {0}")]
    Description(&'static str),
    /// A signal, or its answer, woke nobody until a timer did.
    #[error("LOST: signal {sent} to instance {to} or its answer woke nobody for {after_us} us")]
    Late { to: usize, sent: u64, after_us: u64 },
    /// The status page does not count the signals that were sent.
    #[error("{sent} signals sent, {counted} counted")]
    Miscounted { sent: u64, counted: u64 },
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let signals = match task.boot.argument("signals") {
        Some(number) => number.parse().map_err(|_| Failure::Description("number behind signals="))?,
        None => DEFAULT_SIGNALS,
    };
    let board = board::Board::open(task)?;
    let news = task.make()?;
    receiver::start(task, &board, news)?;
    sender::Sender::new(task, board, news, signals)?.run()
}
