// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root task that proves that no wake-up is lost (NOT-LOST), and that a failed peer stops nobody else (ALONE).
//!
//! Every instance signals every other one, in bursts with pauses of random kind and length. Before each signal it
//! raises a number in shared memory. The receiver blocks; only when it is woken by a peer's line does it copy that
//! peer's number to where the sender sees it:
//!
//! ```text
//! sender                                     receiver, a thread of its own
//!   sent = sent + 1;  signal                   wait for a signal;  ack
//!   now and then, and at the end:              seen = sent
//!     sleep until seen = sent
//! ```
//!
//! If the last signal of a burst woke nobody, `seen` stays behind for ever, since nothing else makes the receiver
//! look; the sender then reports which signal was lost. Between a program's bursts its core goes idle, so the
//! wake-ups cross the way into the idle wait in both directions.
//!
//! A peer that fails rings its failure line, the last one; the sender then leaves that peer out.
//!
//! | Argument | Meaning | Default |
//! |---|---|---|
//! | `signals=N` | how many this instance sends | 1000 |
#![cfg_attr(target_os = "none", no_std, no_main)]

mod board;
mod random;
mod receiver;
mod sender;

use thiserror::Error;
use userland::{AllocError, RootTask};

userland::entry!(run);

/// Most instances: a badge has a bit for each line of each.
const MOST: usize = 16;
/// Lines of every channel. The last is the failure line.
const LINES: usize = 4;
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
    /// A signal woke nobody.
    #[error("LOST: instance {to} slept on after signal {sent}, it was woken for {seen}")]
    Lost { to: usize, sent: u64, seen: u64 },
    /// A peer failed without ringing its failure line.
    #[error("instance {by} failed without ringing its failure line")]
    NotTold { by: usize },
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
    receiver::start(task, &board)?;
    sender::Sender::new(task, board)?.run(signals)
}
