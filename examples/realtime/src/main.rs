// SPDX-License-Identifier: MIT OR Apache-2.0
//! A periodic task and the handler of its timeouts.
//!
//! ```text
//! period        |        0        |        1        |        2        |        3        |
//! budget        |####             |##               |####             |####             |
//! job           |0   used up      |0 done           |1 done           |2 done           |
//!                    ^ the handler lets job 0 go on when the budget is full again, and counts an overrun
//! ```
//!
//! The task runs on a scheduling context with a budget of 1 ms in every 10 ms. A job takes 0.3 ms, each tenth one 1.5 ms. A
//! task that wants to know how late it is asks the time; the handler learns of every overrun as it happens.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;

use abi::{FaultKind, fault};
use thiserror::Error;
use userland::object::SchedParameters;
use userland::{
    AllocError, Endpoint, Message, Reply, RootTask, Stack, Tcb, println, report_row, syscall, ticks,
};

userland::entry!(run);

/// Microseconds in each period, and the period.
const BUDGET_US: u64 = 1_000;
const PERIOD_US: u64 = 10_000;
/// What a job takes, and what each `LONG_EVERY`th one takes.
const SHORT_US: u64 = 300;
const LONG_US: u64 = 1_500;
const LONG_EVERY: u64 = 10;
const JOBS: u64 = 30;
/// The word that timeouts of the task carry.
const TASK: u64 = 0x7a5c;
/// The label of the message that says that all jobs are done.
const DONE: u64 = 0x100;
/// Below the handler, which is the root task's first thread.
const PRIORITY: u64 = 200;

static STACK: Stack<4096> = Stack::new();

/// Why the task did not run.
#[derive(Debug, Error)]
enum Failure {
    /// Something that is needed could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused something that is needed.
    #[error("setting up: the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// A message that is no timeout of the task.
    #[error("unexpected message with label {0}")]
    Unexpected(u64),
    /// Every long job needs two periods.
    #[error("{0} overruns instead of {expected}", expected = JOBS / LONG_EVERY)]
    Overruns(u64),
}

fn run(task: &mut RootTask) -> Result<(), Failure> {
    let endpoint: Endpoint = task.make()?;
    let reply: Reply = task.make()?;
    let rounds_per_us = calibrate(task.boot.tsc_mhz().unwrap_or(1000).into());
    let time = SchedParameters { data: TASK, ..SchedParameters::periodic(BUDGET_US, PERIOD_US) };
    let context = task.make_sched_context(time)?;
    let tcb: Tcb = task.make()?;
    let options = userland::Options::new(PRIORITY, Some(context));
    let thread = userland::Thread::prepare(&task.boot, tcb, &STACK, options)?;
    tcb.set_timeout_endpoint(Some(endpoint))?;
    thread.start(move || work(rounds_per_us, endpoint))?;
    let overruns = handle(endpoint, reply)?;
    println!("{JOBS} jobs done, {overruns} of them overran their budget of {BUDGET_US} us");
    report_row(format_args!("{{\"jobs\":{JOBS},\"overruns\":{overruns}}}"));
    if overruns == JOBS / LONG_EVERY { Ok(()) } else { Err(Failure::Overruns(overruns)) }
}

/// Handles timeouts until the task is done; returns how many there were.
fn handle(endpoint: Endpoint, reply: Reply) -> Result<u64, Failure> {
    let mut overruns = 0;
    let mut message = syscall::recv(endpoint.0, reply.0);
    while message.info.label() == FaultKind::Timeout as u64 {
        if message.word(fault::timeout::DATA) != TASK {
            return Err(Failure::Unexpected(message.info.label()));
        }
        overruns += 1;
        // An empty answer lets the task go on, when its budget is full again.
        message = Message::new(0, &[]).reply_recv(endpoint.0, reply.0);
    }
    if message.info.label() == DONE { Ok(overruns) } else { Err(Failure::Unexpected(message.info.label())) }
}

/// The task: one job in each period.
fn work(rounds_per_us: u64, endpoint: Endpoint) {
    for job in 0..JOBS {
        let us = if job % LONG_EVERY == 0 { LONG_US } else { SHORT_US };
        compute(us * rounds_per_us);
        // The rest of the budget is given up: the next job begins with the next period.
        syscall::yield_now();
    }
    Message::new(DONE, &[]).call(endpoint.0);
}

fn compute(rounds: u64) {
    for round in 0..rounds {
        black_box(round);
    }
}

/// Rounds of [`compute`] in a microsecond, measured while nothing else runs.
fn calibrate(tsc_mhz: u64) -> u64 {
    const ROUNDS: u64 = 1_000_000;
    let start = ticks();
    compute(ROUNDS);
    (ROUNDS * tsc_mhz / ticks().wrapping_sub(start).max(1)).max(1)
}
