// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random events against the kernel on simulated memory, with every invariant checked after every event.
//!
//! Bytes are decisions ([`input::Input`]), so one decoder serves three ways of running it: `cargo run -p skerry-fuzz
//! --profile fuzz -- --events N` with random bytes, a coverage-guided fuzzer with its own, and `cargo test`, which
//! replays the files in `corpus/`.
//!
//! A run boots an instance ([`world::World`]), lets its root task set up threads that can talk ([`prologue`]), and
//! then lets whoever runs do random things, most of which are nearly right ([`storm`], [`recipe`]).

pub mod decode;
pub mod differential;
pub mod fresh;
pub mod input;
pub mod keeper;
pub mod prologue;
pub mod recipe;
pub mod storm;
pub mod world;

use kernel::{Event, Resume};

use fresh::Candidates;
use input::Input;
use world::World;

/// Events in a row without anybody but the keeper after which nobody is expected to wake up any more.
const PATIENCE: usize = 60;
/// Page tables and unused memory are checked once in so many events.
const MEMORY_INTERVAL: u64 = 16;

/// What a run did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Events handled after the prologue.
    pub events: u64,
    /// Calls and replies that a fast path finished, each compared with the slow path.
    pub fast: u64,
    /// New frames, each of them zero.
    pub frames: u64,
}

/// Runs the events that `bytes` mean, and panics where an invariant breaks.
pub fn run(bytes: &[u8]) -> Summary {
    watch(bytes, 1, |_, _| {})
}

/// The same with checks once in `interval` events, and shows every event before it is handled.
pub fn watch(bytes: &[u8], interval: u64, mut show: impl FnMut(&World, Event)) -> Summary {
    let mut input = Input::new(bytes);
    let mut world = World::boot();
    prologue::run(&mut world, &mut input);
    world.check();
    let mut summary = Summary::default();
    let mut idle = 0;
    while !input.is_empty() && idle < PATIENCE && !matches!(world.resume, Resume::Stopped(_)) {
        let event = storm::prepare(&mut world, &mut input);
        show(&world, event);
        summary.fast += u64::from(differential::compare(&world, event));
        let candidates = Candidates::before(&world, event);
        world.handle(event);
        summary.frames += candidates.check_and_use(&mut world);
        summary.events += 1;
        if summary.events.is_multiple_of(interval) {
            world.check();
        }
        if summary.events.is_multiple_of(MEMORY_INTERVAL * interval) {
            world.check_memory();
        }
        idle = if world.resume == Resume::Idle || world.is_keeper() { idle + 1 } else { 0 };
    }
    world.check();
    world.check_memory();
    summary
}
