// SPDX-License-Identifier: MIT OR Apache-2.0
//! A periodic task and the handler of its timeouts: two programs on one core, told apart by their arguments.
//!
//! ```text
//! period        |        0        |        1        |        2        |        3        |
//! budget        |####             |##               |####             |####             |
//! job           |0   used up      |0 done           |1 done           |2 done           |
//!                    ^ the handler lets job 0 go on when the budget is full again, and counts an overrun
//! ```
//!
//! The task has a budget of 1 ms in every 10 ms, as the description says. A job takes 0.3 ms, each tenth one 1.5 ms. A task that
//! wants to know how late it is asks the time; the handler learns of every overrun as it happens.
//!
//! | `role=` | What it does |
//! |---|---|
//! | `task` | one job in each period, then signals `done` |
//! | `guard` | counts overruns until `done` comes |
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;

use thiserror::Error;
use userland::program::Woken;
use userland::{Missing, Program, println, report_row, syscall, ticks};

userland::program!(run);

/// What a job takes, and what each `LONG_EVERY`th one takes.
const SHORT_US: u64 = 300;
const LONG_US: u64 = 1_500;
const LONG_EVERY: u64 = 10;
const JOBS: u64 = 30;
/// The line of `done`.
const LINE: u32 = 0;

/// Why a part could not be played.
#[derive(Debug, Error)]
enum Failure {
    /// The description gives too little.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// There is no such part.
    #[error("the arguments name no role: role=task or guard")]
    NoRole,
    /// Every long job needs two periods; how many are seen depends on how busy the host is, without --icount.
    #[error("no job overran its budget")]
    NoOverrun,
}

fn run(program: &mut Program) -> Result<(), Failure> {
    match program.argument("role") {
        Some("task") => work(program),
        Some("guard") => guard(program),
        _ => Err(Failure::NoRole),
    }
}

/// One job in each period.
fn work(program: &Program) -> Result<(), Failure> {
    let done = program.sender("done")?;
    let tsc_mhz = program.tsc_mhz().unwrap_or(1000).into();
    // The first time warms up.
    let [_, rounds_per_us] = [(); 2].map(|()| calibrate(tsc_mhz));
    for job in 0..JOBS {
        let us = if job % LONG_EVERY == 0 { LONG_US } else { SHORT_US };
        compute(us * rounds_per_us);
        // The rest of the budget is given up: the next job begins with the next period.
        syscall::yield_now();
    }
    done.signal(LINE);
    Ok(())
}

/// Handles timeouts until the task is done.
fn guard(program: &Program) -> Result<(), Failure> {
    let (mut timeouts, done) = (program.timeouts(), program.receiver("done")?);
    let task = timeouts.of("task")?;
    let (mut overruns, mut consumed_us) = (0, 0);
    loop {
        match timeouts.wait_any() {
            Woken::Timeout(timeout) => {
                if timeout.is_of(task) {
                    overruns += 1;
                    consumed_us += timeout.consumed_us();
                }
                // The task goes on when its budget is full again.
                timeout.resume();
            }
            Woken::Events(events) if done.lines(events) != 0 => break,
            Woken::Events(_) => {}
        }
    }
    println!(
        "{JOBS} jobs done, {overruns} of them overran their budget, the last after {consumed_us} us of running"
    );
    report_row(format_args!("{{\"jobs\":{JOBS},\"overruns\":{overruns},\"consumed_us\":{consumed_us}}}"));
    if overruns > 0 { Ok(()) } else { Err(Failure::NoOverrun) }
}

fn compute(rounds: u64) {
    for round in 0..rounds {
        black_box(round);
    }
}

/// Rounds of [`compute`] in a microsecond, measured within the budget of one period.
fn calibrate(tsc_mhz: u64) -> u64 {
    const ROUNDS: u64 = 50_000;
    syscall::yield_now();
    let start = ticks();
    compute(ROUNDS);
    let passed = ticks().wrapping_sub(start).max(1);
    syscall::yield_now();
    (ROUNDS * tsc_mhz / passed).max(1)
}
