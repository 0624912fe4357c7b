// SPDX-License-Identifier: MIT OR Apache-2.0
//! Four stages on four cores. A stage takes numbers from the ring before it, works on them, and puts the results into
//! the ring behind it; it sleeps while the one is empty or the other full.
//!
//! | Stage | Work |
//! |---|---|
//! | source | makes the numbers from 1 on |
//! | scale | multiplies them by 3 |
//! | filter | lets even ones pass |
//! | sink | adds them up and compares the sum with what it must be |
//!
//! Zero is the end. The arguments name what lies before and behind a stage, and its work.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod hop;

use hop::{Inlet, Outlet};
use thiserror::Error;
use userland::{Missing, Program, println, report_row, ticks};

userland::program!(run);

/// Numbers that the source makes.
const NUMBERS: u64 = 20_000;
const FACTOR: u64 = 3;
/// What follows the last number.
const END: u64 = 0;

/// Why a stage stopped before the end.
#[derive(Debug, Error)]
enum Failure {
    /// The description gives too little.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// An argument is missing.
    #[error("the argument {0}= is missing")]
    Argument(&'static str),
    /// The region is read-only or too small for the ring.
    #[error("the region does not hold the ring")]
    Region,
    /// The neighbour began anew.
    #[error("the neighbour has lost what was in the ring")]
    Restarted,
    /// There is no such work.
    #[error("there is no work called {0}")]
    Work(&'static str),
    /// Something was lost or changed on the way.
    #[error("the sum is {found}, it must be {expected}")]
    Sum { found: u64, expected: u64 },
}

fn run(program: &mut Program) -> Result<(), Failure> {
    match (Inlet::open(program)?, Outlet::open(program)?) {
        (None, Some(outlet)) => make(outlet),
        (Some(inlet), Some(outlet)) => pass(program, inlet, outlet),
        (Some(inlet), None) => add_up(inlet),
        (None, None) => Err(Failure::Argument("in")),
    }
}

fn make(mut outlet: Outlet) -> Result<(), Failure> {
    for number in 1..=NUMBERS {
        outlet.put(number)?;
    }
    outlet.put(END)?;
    outlet.finish()
}

fn pass(program: &Program, mut inlet: Inlet, mut outlet: Outlet) -> Result<(), Failure> {
    let work = match program.argument("work").ok_or(Failure::Argument("work"))? {
        "scale" => |number| Some(number * FACTOR),
        "filter" => |number| Some(number).filter(|number| number % 2 == 0),
        other => return Err(Failure::Work(other)),
    };
    loop {
        match inlet.take(|| outlet.flush())? {
            END => break,
            number => {
                if let Some(result) = work(number) {
                    outlet.put(result)?;
                }
            }
        }
    }
    outlet.put(END)?;
    outlet.finish()
}

fn add_up(mut inlet: Inlet) -> Result<(), Failure> {
    let (mut found, mut count) = (0, 0);
    let first = inlet.take(|| ())?;
    let start = ticks();
    let mut number = first;
    while number != END {
        found += number;
        count += 1;
        number = inlet.take(|| ())?;
    }
    let elapsed = ticks().wrapping_sub(start);
    let expected = (1..=NUMBERS).map(|number| number * FACTOR).filter(|number| number % 2 == 0).sum();
    if found != expected {
        return Err(Failure::Sum { found, expected });
    }
    let each = elapsed / count;
    println!("{count} numbers arrived, their sum is right; {each} ticks each");
    report_row(format_args!("{{\"numbers\":{count},\"ticks each\":{each}}}"));
    Ok(())
}
