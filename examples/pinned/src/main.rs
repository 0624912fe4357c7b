// SPDX-License-Identifier: MIT OR Apache-2.0
//! A latency-critical program beside computing ones.
//!
//! | `role=` | What it does |
//! |---|---|
//! | `driver` | asks a thousand times and measures until the answer is there |
//! | `reactor` | answers at once: nothing else is above its priority on its core |
//! | `compute` | looks for primes until the driver has finished |
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::Ordering;

use thiserror::Error;
use userland::{Missing, Program, Samples, println, report_row, ticks};

userland::program!(run);

/// Round trips that count, after as many as `WARM_UP` that do not.
const ROUND_TRIPS: usize = 1000;
const WARM_UP: usize = 16;
/// The line that both channels have.
const LINE: u32 = 0;

/// Why a role could not be played.
#[derive(Debug, Error)]
enum Failure {
    /// The description gives too little.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// There is no such role.
    #[error("the arguments name no role: role=driver, reactor or compute")]
    Role,
}

fn run(program: &mut Program) -> Result<(), Failure> {
    match program.argument("role") {
        Some("driver") => Ok(drive(program)?),
        Some("reactor") => Ok(react(program)?),
        Some("compute") => Ok(compute(program)?),
        _ => Err(Failure::Role),
    }
}

fn drive(program: &Program) -> Result<(), Missing> {
    let (request, answer) = (program.sender("request")?, program.receiver("answer")?);
    let mut samples = Samples::<ROUND_TRIPS>::new();
    for round in 0..WARM_UP + ROUND_TRIPS {
        let start = ticks();
        request.signal(LINE);
        let lines = answer.wait();
        let elapsed = ticks().wrapping_sub(start);
        answer.ack(lines);
        if round >= WARM_UP {
            samples.push(elapsed);
        }
    }
    program.region("stop")?.words()[0].store(1, Ordering::Release);
    let (minimum, median) = (samples.min().unwrap_or_default(), samples.median().unwrap_or_default());
    println!("{} reactions: minimum {minimum}, median {median} ticks", samples.count());
    report_row(format_args!("{{\"path\":\"reaction\",\"minimum\":{minimum},\"median\":{median}}}"));
    Ok(())
}

/// Never returns: it is in the background, so that its instance does not wait for it.
fn react(program: &Program) -> Result<(), Missing> {
    let (request, answer) = (program.receiver("request")?, program.sender("answer")?);
    loop {
        let lines = request.wait();
        request.ack(lines);
        answer.signal(LINE);
    }
}

fn compute(program: &Program) -> Result<(), Missing> {
    let region = program.region("stop")?;
    let stop = &region.words()[0];
    let primes =
        (2..).take_while(|_| stop.load(Ordering::Acquire) == 0).filter(|&number| is_prime(number)).count();
    println!("{primes} primes found");
    Ok(())
}

fn is_prime(number: u64) -> bool {
    (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| !number.is_multiple_of(divisor))
}
