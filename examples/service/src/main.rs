// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request/response service with a replica on each core, and its client.
//!
//! | `role=` | What it does |
//! |---|---|
//! | `server` | answers each number with the number of its divisors |
//! | `client` | keeps every replica busy, checks the answers, and asks others again when a replica fails |
#![cfg_attr(target_os = "none", no_std, no_main)]

mod client;
mod server;

use shared_region::RegionLayout;
use shared_region::channel::{ChannelError, ChannelLayout};
use thiserror::Error;
use userland::program::SharedRegion;
use userland::{Missing, Program};

userland::program!(run);

/// Requests that a replica can have at a time.
const CAPACITY: u32 = 8;
/// The line that says that there is something in the region.
const LINE: u32 = 0;

/// Why there is no service.
#[derive(Debug, Error)]
enum Failure {
    /// The description gives too little.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// The arguments name no role.
    #[error("the arguments name no role: role=client or role=server")]
    Role,
    /// An argument is missing.
    #[error("the argument {0}= is missing")]
    Argument(&'static str),
    /// The region is read-only or too small for the channel.
    #[error("the region does not hold the channel")]
    Region,
    /// The other side broke the rules.
    #[error("the channel broke: {0}")]
    Channel(#[from] ChannelError),
    /// An answer is wrong.
    #[error("{name} says that {number} has {answer} divisors")]
    Wrong { name: &'static str, number: u64, answer: u64 },
    /// No replica is left.
    #[error("all replicas have failed")]
    Nobody,
}

fn run(program: &mut Program) -> Result<(), Failure> {
    match program.argument("role") {
        Some("client") => client::run(program),
        Some("server") => server::run(program),
        _ => Err(Failure::Role),
    }
}

/// Both sides divide the region alike.
fn layout(region: &SharedRegion) -> Result<ChannelLayout<u64, u64>, Failure> {
    RegionLayout::new(region.size() as usize).channel(CAPACITY).map_err(|_| Failure::Region)
}

fn divisors(number: u64) -> u64 {
    (1..=number).filter(|divisor| number.is_multiple_of(*divisor)).count() as u64
}
