// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root tasks that ask and answer through typed channels in shared memory, and go on when the other side fails.
//!
//! ```text
//! client "first" ---- region "first",  a line each way ----+
//!                                                          server
//! client "second" --- region "second", a line each way ----+
//! ```
//!
//! A client asks as long as there is room (back-pressure), shows all questions at once (batching), and sleeps until
//! there is an answer. The server answers all clients in one thread. Both learn that the other has failed as an error of
//! the channel, since its failure line wakes the same wait.
//!
//! | Argument | Meaning | Default |
//! |---|---|---|
//! | `role=server`, `role=client` | what this instance does | |
//! | `questions=N` | how many a client asks | 10000 |
#![cfg_attr(target_os = "none", no_std, no_main)]

mod client;
mod link;
mod question;
mod server;

use shared_region::channel::ChannelError;
use thiserror::Error;
use userland::{AllocError, RootTask};

userland::entry!(run);

/// Questions that may be without answer.
const CAPACITY: u32 = 8;
const DEFAULT_QUESTIONS: u64 = 10_000;

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
    /// The channel broke in a way that nobody's failure explains.
    #[error("the channel broke: {0:?}")]
    Broken(ChannelError),
    /// An answer to another question, or a wrong one.
    #[error("question {asked}: the answer is {got}, not {right}")]
    Wrong { asked: u64, got: u64, right: u64 },
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let questions = match task.boot.argument("questions") {
        Some(number) => number.parse().map_err(|_| Failure::Description("number behind questions="))?,
        None => DEFAULT_QUESTIONS,
    };
    match task.boot.argument("role") {
        Some("server") => server::run(task),
        Some("client") => client::run(task, questions),
        _ => Err(Failure::Description("argument role=server or role=client")),
    }
}
