// SPDX-License-Identifier: MIT OR Apache-2.0
//! `storm`: random runs until enough events are handled.
//!
//! ```text
//! storm [--events N] [--seed S] [--bytes B] [--interval I]
//!     runs of B random bytes until N events are handled; invariants are checked once in I events
//! storm --decode [--events N] [--seed S] [--bytes B]
//!     any messages to any capabilities instead, each of which begins in the same world
//! storm FILE…
//!     replays files and shows their events
//! ```
//!
//! A run that fails is made shorter while it still fails and written to `failure-SEED.bin`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use abi::{Label, MessageInfo, Syscall};
use fuzz::decode::{self, Decoded};
use fuzz::input::Random;
use fuzz::world::World;
use fuzz::{Summary, watch};
use kernel::Event;

const DEFAULT_EVENTS: u64 = 1_000_000;
const DEFAULT_BYTES: usize = 16 << 10;

struct Options {
    events: u64,
    seed: u64,
    bytes: usize,
    interval: u64,
    is_decode: bool,
    files: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (events, bytes, interval) = (DEFAULT_EVENTS, DEFAULT_BYTES, 1);
        let mut options = Self { events, seed: 1, bytes, interval, is_decode: false, files: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().ok_or_else(|| format!("{argument} wants a number"))?;
                value.parse().map_err(|_| format!("{value} is not a number"))
            };
            match argument.as_str() {
                "--events" => options.events = number()?,
                "--seed" => options.seed = number()?,
                "--interval" => options.interval = number()?.max(1),
                "--decode" => options.is_decode = true,
                "--bytes" => options.bytes = number()? as usize,
                _ if argument.starts_with('-') => return Err(format!("{argument} is unknown")),
                _ => options.files.push(argument),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("storm: {message}");
            return ExitCode::from(2);
        }
    };
    match options {
        Options { is_decode: true, .. } => decode_any(&options),
        Options { ref files, .. } if files.is_empty() => storm(&options),
        Options { ref files, .. } => replay(files),
    }
}

fn replay(files: &[String]) -> ExitCode {
    for file in files {
        match std::fs::read(file) {
            Ok(bytes) => println!("{file}: {:?}", watch(&bytes, 1, show)),
            Err(error) => {
                eprintln!("storm: {file}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Prints an event as its thread sees it.
fn show(world: &World, event: Event) {
    let current = world.kernel.current();
    let context = &world.kernel.objs[current].context;
    let time = world.kernel.machine.time;
    if event != Event::Syscall {
        return println!("{time:?} {current:?} {event:x?}");
    }
    let (info, cap) = (MessageInfo(context.rsi), world.cap(context.rdi));
    let words = [0, 1, 2, 3].map(|index| context.message_register(index));
    println!(
        "{time:?} {current:?} {:?} {:#x} {:?} words {words:x?} length {} caps {} reply {:#x} on {cap:x?}",
        Syscall::from_word(context.rdx),
        context.rdi,
        Label::from_word(info.label()),
        info.length(),
        info.extra_caps(),
        context.r12,
    );
}

fn storm(options: &Options) -> ExitCode {
    let start = Instant::now();
    let mut total = Summary::default();
    let mut seed = options.seed;
    while total.events < options.events {
        let bytes = Random::new(seed).bytes(options.bytes);
        match attempt(&bytes, options.interval) {
            Some(summary) => {
                total.events += summary.events;
                total.fast += summary.fast;
                total.frames += summary.frames;
            }
            None => return report(seed, bytes),
        }
        seed += 1;
    }
    println!(
        "{} events in {} runs, {} on fast paths, {} new frames, {:.0?}, no failure",
        total.events,
        seed - options.seed,
        total.fast,
        total.frames,
        start.elapsed()
    );
    ExitCode::SUCCESS
}

/// Sends any messages until there were enough.
fn decode_any(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (mut total, mut seed) = (Decoded::default(), options.seed);
    while total.messages < options.events {
        let bytes = Random::new(seed).bytes(options.bytes);
        let Ok(decoded) = catch_unwind(|| decode::run(&bytes)) else {
            eprintln!("seed {seed} fails");
            return ExitCode::FAILURE;
        };
        total.messages += decoded.messages;
        total.refused += decoded.refused;
        total.accepted += decoded.accepted;
        seed += 1;
    }
    let Decoded { messages, refused, accepted } = total;
    let elapsed = start.elapsed();
    println!("{messages} messages, {refused} refused, {accepted} accepted, {elapsed:.0?}, no failure");
    ExitCode::SUCCESS
}

fn attempt(bytes: &[u8], interval: u64) -> Option<Summary> {
    catch_unwind(AssertUnwindSafe(|| watch(bytes, interval, |_, _| {}))).ok()
}

/// Makes a failing run shorter and keeps it.
fn report(seed: u64, bytes: Vec<u8>) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let bytes = shorten(bytes);
    let file = format!("failure-{seed}.bin");
    match std::fs::write(&file, &bytes) {
        Ok(()) => eprintln!("seed {seed} fails; {} bytes that do are in {file}", bytes.len()),
        Err(error) => eprintln!("seed {seed} fails; {file}: {error}"),
    }
    ExitCode::FAILURE
}

/// Cuts the end off, then pieces out of the middle, as long as the rest fails.
fn shorten(mut bytes: Vec<u8>) -> Vec<u8> {
    let fails = |bytes: &[u8]| attempt(bytes, 1).is_none();
    let (mut passing, mut failing) = (0, bytes.len());
    while passing + 1 < failing {
        let middle = passing.midpoint(failing);
        if fails(&bytes[..middle]) { failing = middle } else { passing = middle }
    }
    bytes.truncate(failing);
    let mut piece = bytes.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at + piece <= bytes.len() {
            let mut shorter = bytes.clone();
            shorter.drain(at..at + piece);
            if fails(&shorter) { bytes = shorter } else { at += piece }
        }
        piece /= 2;
    }
    bytes
}
