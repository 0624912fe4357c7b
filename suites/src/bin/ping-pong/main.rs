// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root task whose instances pass frames around a ring.
//!
//! Neighbours share a region and have a channel each way. Over such a hop the one pings: it puts a frame into a ring in
//! the region, signals a line, and waits for the answer, which it checks. A token tells whose turn it is, so that
//! one hop is measured at a time:
//!
//! ```text
//!   instance 0 == pings ==> instance 1        then the token goes on: 1 pings 2, ... until the last
//!        ^                      |             pings 0 and gives the token back
//!        +---- ... <------------+
//! ```
//!
//! Without neighbours, or without a system description, it says hello and ends.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod frame;
mod hop;
mod ring;

use shared_region::channel::ChannelError;
use thiserror::Error;
use userland::{AllocError, RootTask, println};

userland::entry!(run);

/// Why the ring did not hold.
#[derive(Debug, Error)]
enum Failure {
    /// Something a hop needs could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused something that is needed.
    #[error("setting up: the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// The region is too small for the rings, or not writable.
    #[error("the region is too small or not writable")]
    Region,
    /// The other side failed, restarted, or broke the rules.
    #[error("the channel broke: {0}")]
    Channel(#[from] ChannelError),
    /// A frame is not what its number says.
    #[error("frame {sequence} arrived changed")]
    Corrupt { sequence: u64 },
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let Some(chunk) = task.boot.chunk() else {
        println!("hello, alone on this machine");
        return Ok(());
    };
    let neighbours = ring::Neighbours::of(&chunk);
    if neighbours.next.is_none() && neighbours.previous.is_none() {
        println!("hello from {}, which has no neighbours", chunk.name().as_str());
        return Ok(());
    }
    let mut hops = hop::Hops::open(task, &neighbours)?;
    let holds_token_first = neighbours.begins();
    if !holds_token_first {
        hops.serve_until_token()?;
    }
    hops.ping(&neighbours)?;
    if holds_token_first && neighbours.previous.is_some() {
        hops.serve_until_token()?;
    }
    Ok(())
}
