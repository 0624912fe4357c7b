// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root tasks that try lines in every state, with signals in flight. Two instances take turns in trying and signalling.
//!
//! ```text
//! who tries                                 who signals
//!   order: which line, how  ------------->    signals
//!   deletes, revokes, waits meanwhile
//!                           <-------------    done
//! ```
//!
//! Ends with 0 only if every signal arrived where it had to and nowhere else. `qemu-smp/tests/signalling.rs` runs it
//! with `ack = true` and `ack = false`, with cores that halt and that poll.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod board;
mod sender;
mod trial;

use thiserror::Error;
use userland::{AllocError, RootTask};

userland::entry!(run);

/// Lines of both channels: all there can be.
const LINES: u64 = 64;

/// What went wrong.
#[derive(Debug, Error)]
enum Failure {
    /// Something that is needed could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused what it should allow.
    #[error("the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// The description is not what this program needs.
    #[error("the description has no {0}")]
    Description(&'static str),
    /// Something else than expected arrived, or came of an invocation.
    #[error("{what}, line {line}: {got:#x} where {expected:#x} was expected")]
    Unexpected { what: &'static str, line: u64, got: u64, expected: u64 },
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let own = task.boot.chunk().map_or(0, |chunk| chunk.instance());
    let peer = 1 - own.min(1);
    let board = board::Board::open(task)?;
    for turn in 0..2 {
        if turn == own {
            trial::Trial::new(task, board.orders[own as usize], peer)?.run(task)?;
        } else {
            sender::Sender::new(task, board.orders[peer as usize], peer)?.obey();
        }
    }
    Ok(())
}
