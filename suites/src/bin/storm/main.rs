// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root tasks that measure what a storm of signals costs its receiver (ALONE).
//!
//! Senders signal one line after the other as fast as they can. The target works, and answers the signals in a second
//! thread, first above the working thread, then below it. It reports the share of its instructions that are left
//! for the work, and how often the kernel was entered for each Ack.
//!
//! The share means something with `--icount` only. Processors then take turns, and a turn ends at `pause`. Here a
//! turn is one unit of work for the target and one signal for a sender, about as many instructions, so that all
//! cores progress at the same speed, as they would in parallel:
//!
//! ```text
//! target    work ... pause                                     work, doorbell, handler, work ... pause
//! sender 1                  signal pause
//! sender 2                               signal pause
//! ```
//!
//! The counter of a turn includes only its own instructions, so the senders publish theirs and the target subtracts.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod board;
mod sender;
mod target;

use thiserror::Error;
use userland::{AllocError, RootTask};

userland::entry!(run);

/// Most senders: a badge has a bit for each line of each.
const MOST: usize = 8;
/// Lines of every channel. The last is the failure line, which no program signals.
const LINES: usize = 8;
const STORMED: usize = LINES - 1;

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
    /// The kernel was interrupted more often than its lines were opened.
    #[error("{doorbells} doorbells for lines that were opened {openings} times")]
    Interrupted { doorbells: u64, openings: u64 },
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let board = board::Board::open(task)?;
    match task.boot.argument("role") {
        Some("target") => target::run(task, board),
        Some("sender") => sender::run(task, board),
        _ => Err(Failure::Description("argument role=target or role=sender")),
    }
}
