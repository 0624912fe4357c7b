// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of `systems/programs.toml` and `systems/programs-aarch32.toml`: one binary, and an argument that says
//! which part it plays.
//!
//! | `role=` | What it does |
//! |---|---|
//! | `producer` | writes numbers into the region `numbers`, rings line 0 of `ready`, waits for line 0 of `taken`; `suites/c` is the other end |
//! | `clerk` | reads registers and waits for an interrupt: of the HPET and the serial port, on AArch32 of the clock |
//! | `clumsy` | faults in a new way at each start, then ends well |
//! | `greedy` | computes for longer than its budget: as many times as `budgets=` says, or 3 |
//! | `guard` | handles the timeouts of the program `of=`; `then=` says how |
//! | `edu` | has QEMU's device `edu` interrupt by messages |
//! | `sleeper` | waits for what never comes |
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg_attr(target_arch = "x86_64", path = "x86_64/clerk.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32/clerk.rs")]
mod clerk;
mod clumsy;
mod edu;
mod guard;

use core::fmt;
use core::sync::atomic::Ordering;

use userland::{Error, Missing, Program, println, ticks};

userland::program!(run);

/// Numbers that the producer hands over.
const NUMBERS: u64 = 1000;
/// The line that both channels use.
const LINE: u32 = 0;

/// Why a part could not be played.
#[derive(Debug)]
enum Failure {
    /// The description gives too little.
    Missing(Missing),
    /// There is no such part.
    NoRole,
    /// An argument is missing, or no hexadecimal number.
    Argument(&'static str),
    /// The kernel refused to use a port.
    Port(Error),
    /// A device is not what it should be.
    Device { expected: u32, found: u32 },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Port(error)
    }
}

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => write!(f, "{missing}"),
            Self::NoRole => {
                write!(
                    f,
                    "the arguments name no role: role=producer, clerk, clumsy, edu, greedy, guard or sleeper"
                )
            }
            Self::Argument(name) => write!(f, "the argument {name}=0x... is missing"),
            Self::Port(error) => write!(f, "the port cannot be used: {error}"),
            Self::Device { expected, found } => {
                write!(f, "{expected:#x} expected of the device, not {found:#x}")
            }
        }
    }
}

fn run(program: &mut Program) -> Result<(), Failure> {
    match program.argument("role") {
        Some("producer") => produce(program),
        Some("clerk") => clerk::serve(program),
        Some("clumsy") => {
            clumsy::stumble(program.starts());
            Ok(())
        }
        Some("greedy") => {
            compute(program);
            Ok(())
        }
        Some("edu") => edu::drive(program),
        Some("guard") => guard::handle(program),
        Some("sleeper") => loop {
            program.wait_any();
        },
        _ => Err(Failure::NoRole),
    }
}

fn produce(program: &Program) -> Result<(), Failure> {
    let numbers = program.region("numbers")?;
    let (ready, taken) = (program.sender("ready")?, program.receiver("taken")?);
    for number in 1..=NUMBERS {
        numbers.words()[0].store(number, Ordering::Release);
        ready.signal(LINE);
        taken.ack(taken.wait());
    }
    println!("{NUMBERS} numbers were taken");
    Ok(())
}

/// Computes for several times its budget, so that it is interrupted at least once.
fn compute(program: &Program) {
    let (budget, _) = program.budget_and_period_us();
    let budgets = program.argument("budgets").and_then(|count| count.parse().ok()).unwrap_or(3);
    let end = ticks() + budgets * budget * u64::from(program.tsc_mhz().unwrap_or(1000));
    while ticks() < end {
        core::hint::spin_loop();
    }
    println!("computed for {budgets} budgets");
}

fn expect(expected: u32, found: u32) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(Failure::Device { expected, found }) }
}
