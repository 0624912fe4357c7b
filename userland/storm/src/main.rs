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

use core::fmt;

use userland::{AllocError, RootTask};

userland::entry!(run);

/// Most senders: a badge has a bit for each line of each.
const MOST: usize = 8;
/// Lines of every channel. The last is the failure line, which no program signals.
const LINES: usize = 8;
const STORMED: usize = LINES - 1;

const _: () = assert!(MOST * LINES <= 64);

/// What went wrong.
#[derive(Debug)]
enum Failure {
    /// Something that is needed could not be made.
    Setup(AllocError),
    /// The description is not what this program needs.
    Description(&'static str),
    /// The kernel was interrupted more often than its lines were opened.
    Interrupted { doorbells: u64, openings: u64 },
}

impl From<AllocError> for Failure {
    fn from(error: AllocError) -> Self {
        Self::Setup(error)
    }
}

impl From<userland::Error> for Failure {
    fn from(error: userland::Error) -> Self {
        Self::Setup(AllocError::Refused(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(error) => write!(f, "setting up: {error}"),
            Self::Description(what) => write!(f, "the description has no {what}"),
            Self::Interrupted { doorbells, openings } => {
                write!(f, "{doorbells} doorbells for lines that were opened {openings} times")
            }
        }
    }
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let board = board::Board::open(task)?;
    match task.boot.argument("role") {
        Some("target") => target::run(task, board),
        Some("sender") => sender::run(task, board),
        _ => Err(Failure::Description("argument role=target or role=sender")),
    }
}
