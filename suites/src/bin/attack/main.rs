// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root tasks that try to leave their instance, and check that the kernel answers as documented (CONFINED, GRANTED).
//!
//! | Role | Does |
//! |---|---|
//! | attacker | makes every attempt, one line of output each |
//! | victim | owns the devices and shows memory that the attacker may only read; checks that nothing has changed |
//! | bystander | tells the victim when the attacker has finished: the attacker has no channel to the victim |
//!
//! `docs/isolation.md` lists the attempts and what is not covered.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod attempts;
mod code;
mod intruder;
mod lines;
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32/mod.rs")]
mod machine;
mod memory;
mod regions;
mod victim;

use abi::chunk::skerry::{Peer, Region};
use attempts::Attempts;
use intruder::Intruder;
use machine::devices;
use thiserror::Error;
use userland::{AllocError, RootTask};

userland::entry!(run);

/// The line that says that the attacker has finished.
const DONE: u64 = 0;

/// Why the attempts could not be made, or what came of them.
#[derive(Debug, Error)]
enum Failure {
    /// Something an attempt needs could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused something that is needed.
    #[error("setting up: the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// The description names no such role, peer or region.
    #[error("the description has no {0}")]
    Missing(&'static str),
    /// So many attempts were not answered as documented.
    #[error("{0} attempts were not answered as documented")]
    Surprises(u32),
    /// Memory that nobody else may write has changed.
    #[error("{0} has changed")]
    Changed(&'static str),
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    match task.boot.argument("role") {
        Some("attacker") => attack(task),
        Some("victim") => victim::run(task),
        Some("bystander") => pass_on(task),
        _ => Err(Failure::Missing("argument role=attacker, victim or bystander")),
    }
}

fn attack(task: &mut RootTask) -> Result<(), Failure> {
    let (mut attempts, intruder) = (Attempts::default(), Intruder::new(task)?);
    memory::attack(task, &mut attempts, &intruder)?;
    regions::attack(task, &mut attempts, &intruder)?;
    lines::attack(task, &mut attempts)?;
    devices::attack(task, &mut attempts, &intruder)?;
    task.send_line(peer(task, "bystander")?.instance, DONE)?.signal();
    attempts.finish()
}

/// Waits for the attacker and tells the victim.
fn pass_on(task: &mut RootTask) -> Result<(), Failure> {
    let notification: userland::Notification = task.make()?;
    task.receive_line(peer(task, "attacker")?.instance, DONE, notification)?;
    let victim = task.send_line(peer(task, "victim")?.instance, DONE)?;
    userland::syscall::wait(notification.0);
    victim.signal();
    Ok(())
}

fn peer(task: &RootTask, name: &'static str) -> Result<Peer, Failure> {
    task.boot.peer(name).ok_or(Failure::Missing(name))
}

fn region(task: &RootTask, name: &'static str) -> Result<Region, Failure> {
    task.boot.region(name).ok_or(Failure::Missing(name))
}
