// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root task that measures the paths of its kernel, in whatever the time-stamp counter counts.
//!
//! Every sample is the difference of two stamps less what the stamps themselves cost, which is measured first and
//! reported like everything else. What it measures is in the arguments of its instance:
//!
//! | Argument | What it does |
//! |---|---|
//! | `paths=quick` | the paths within an instance that every change is judged by |
//! | `paths=all` | all paths within an instance |
//! | `cross=sender`, `cross=receiver` | signals between two instances |
//! | `cross=lines-sender`, `cross=lines-receiver` | many lines at once |
//! | `cross=client`, `cross=server` | requests and responses through shared memory |
//! | `cross=victim`, `cross=disturber` | the quick paths of one instance while two others are busy |
//! | `senders=sender`, `senders=receiver` | signals of several instances to one |
//! | `cross=sender-to-poller`, `cross=poller` | signals to an instance that polls while it is idle |
#![cfg_attr(target_os = "none", no_std, no_main)]

mod cross;
mod exchange;
mod fault;
mod interference;
mod ipc;
mod lab;
mod lines;
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32/mod.rs")]
mod machine;
mod memory;
mod object;
mod queue;
mod ring;
mod schedule;
mod senders;
mod series;
mod signal;
mod sync;
mod words;

use abi::flags::TCB_FPU_DISABLED;
use lab::{Cost, Lab};
use machine::{interrupt, stub, timeline};
use thiserror::Error;
use userland::{AllocError, INIT_TCB, RootTask};

userland::entry!(run);

/// Words of the messages that every change is judged by.
const LENGTHS: [usize; 3] = [0, 4, 10];

/// Why there are no figures.
#[derive(Debug, Error)]
enum Failure {
    /// Something that a measurement needs could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused something that is needed.
    #[error("setting up: the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// No message came through.
    #[error("exchanging messages: {0}")]
    Exchange(#[from] exchange::Failure),
    /// The arguments say nothing that this program knows.
    #[error("expected the argument paths=, cross= or senders=")]
    Arguments,
    /// The description lacks the peer, the region or the channels.
    #[error("a peer with channels both ways and the region are needed")]
    NoPeer,
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    // A path with floating-point state to switch says so in its name.
    INIT_TCB.set_flags(0, TCB_FPU_DISABLED)?;
    if let Some(role) = task.boot.argument("senders") {
        return several_senders(task, role);
    }
    match (task.boot.argument("paths"), task.boot.argument("cross")) {
        (Some("quick"), None) => {
            let mut lab = Lab::new(task)?;
            quick(&mut lab, &LENGTHS)?;
            Ok(suite(&mut lab)?)
        }
        (Some("all"), None) => Ok(all(&mut Lab::new(task)?)?),
        (None, Some(role)) => between_instances(task, role),
        _ => Err(Failure::Arguments),
    }
}

fn several_senders(task: &mut RootTask, role: &str) -> Result<(), Failure> {
    let member = senders::Member::open(task)?.ok_or(Failure::NoPeer)?;
    match role {
        "sender" => Ok(member.send(task)?),
        "receiver" => Ok(member.receive(task)?),
        _ => Err(Failure::Arguments),
    }
}

fn between_instances(task: &mut RootTask, role: &str) -> Result<(), Failure> {
    let end = cross::End::open(task)?.ok_or(Failure::NoPeer)?;
    match role {
        "sender" => end.send(Cost::measure())?,
        "receiver" => end.receive()?,
        "lines-sender" => lines::send(&end, Cost::measure()),
        "lines-receiver" => lines::receive(&end)?,
        "client" => exchange::Channels::open(task, &end)?.ask(Cost::measure())?,
        "server" => exchange::Channels::open(task, &end)?.answer()?,
        "sender-to-poller" => end.send_to_poller(Cost::measure()),
        "poller" => end.take()?,
        "victim" => interference::victim(&mut Lab::new(task)?, &end, |lab| quick(lab, &LENGTHS))?,
        "disturber" => interference::disturber(&mut Lab::new(task)?, &end)?,
        _ => return Err(Failure::Arguments),
    }
    Ok(())
}

fn quick(lab: &mut Lab<'_>, lengths: &[usize]) -> Result<(), AllocError> {
    signal::shortest(lab)?;
    ipc::call_and_reply(lab, lengths)?;
    ipc::send_to_higher(lab)?;
    signal::signals(lab)?;
    fault::faults(lab)?;
    memory::pages(lab)
}

/// The paths of the upstream suite whose scenario is none of the above.
fn suite(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    ipc::call_active_server(lab)?;
    fault::faults_below(lab)?;
    sync::condition_variables(lab)?;
    memory::retype_pages(lab)
}

fn all(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    quick(lab, &[0, 1, 2, 4, 10, 40, 120])?;
    suite(lab)?;
    ipc::call_with_capability(lab)?;
    queue::waiting(lab)?;
    queue::without_partner(lab)?;
    schedule::yields(lab)?;
    schedule::timeout(lab)?;
    interrupt::interrupt(lab)?;
    ring::messages(lab)?;
    object::retype(lab)?;
    object::revoke(lab)?;
    object::threads(lab)?;
    object::sched_contexts(lab)
}
