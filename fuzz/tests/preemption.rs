// SPDX-License-Identifier: MIT OR Apache-2.0
//! Long operations that are preempted, at every point and however often, end where they end undisturbed.

use abi::limits::WORK_UNITS_PER_PREEMPTION;
use abi::{Label, ObjectType, Syscall};
use arch::PhysAddr;
use fuzz::input::{Input, Random};
use fuzz::world::{START, World};
use fuzz::{keeper, prologue, storm};
use kernel::Event;
use kernel::invariants::Difference;
use kernel::object::tcb::Tcb;

/// A vector that nobody owns: taking it changes nothing but a counter.
const STRAY: Event = Event::Interrupt(200);
/// Depth at which slots of the shared CNode are named.
const DEPTH: u64 = 64;

/// An invocation of the keeper.
struct Operation {
    target: u64,
    label: Label,
    words: Vec<u64>,
    caps: Vec<u64>,
}

impl Operation {
    fn enter(&self, world: &mut World) {
        world.write_message(self.label.word(), &self.words, &self.caps);
        world.enter(Syscall::Call.word(), self.target, 0, 0);
        world.handle(Event::Syscall);
    }

    /// Runs it so that it is preempted at the points `points` counts, one number for each entry.
    fn run(&self, world: &mut World, points: impl IntoIterator<Item = u64>) -> usize {
        let mut preempted = 0;
        for point in points {
            world.kernel.machine.interrupt_pending = true;
            world.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1 - point;
            self.enter(world);
            world.kernel.machine.interrupt_pending = false;
            world.check();
            if is_complete(world) {
                return preempted;
            }
            preempted += 1;
            world.handle(STRAY);
        }
        world.kernel.sched.work_units = 0;
        self.enter(world);
        assert!(is_complete(world), "nothing interrupts any more");
        preempted
    }
}

/// A thread that was preempted repeats its system call: it has left it as if by a trap.
fn is_complete(world: &World) -> bool {
    world.kernel.objs[world.kernel.current()].context.entry_word != 0
}

/// What differs between two worlds but for the registers that a repeated `syscall` instruction overwrites.
fn differences(one: &World, other: &World) -> Vec<Difference> {
    let context = one.kernel.current().paddr().0 + std::mem::offset_of!(Tcb, context) as u64;
    let dead = [
        context + std::mem::offset_of!(arch::Context, rcx) as u64,
        context + std::mem::offset_of!(arch::Context, r11) as u64,
    ]
    .map(|address| Difference::Memory(PhysAddr(address)));
    let all = one.kernel.differences(&other.kernel, START);
    all.into_iter().filter(|difference| !dead.contains(difference)).collect()
}

/// A world in which much has happened and the keeper runs.
fn busy_world(seed: u64) -> World {
    let bytes = Random::new(seed).bytes(6 << 10);
    let mut input = Input::new(&bytes);
    let mut world = World::boot();
    prologue::run(&mut world, &mut input);
    while !input.is_empty() {
        storm::step(&mut world, &mut input);
    }
    world.kernel.machine.interrupt_pending = false;
    for _ in 0..64 {
        if world.is_keeper() {
            break;
        }
        world.handle(Event::Interrupt(keeper::ALARM));
    }
    assert!(world.is_keeper(), "the alarm wakes the keeper");
    world
}

/// Compares every way of being preempted with none; says how many points there were.
fn sweep(world: &World, operation: &Operation) -> usize {
    let mut undisturbed = world.clone();
    operation.run(&mut undisturbed, []);
    undisturbed.check();
    undisturbed.check_memory();
    let mut points = 0;
    loop {
        let mut once = world.clone();
        let preempted = operation.run(&mut once, [points.min(WORK_UNITS_PER_PREEMPTION - 1)]);
        assert_eq!(differences(&once, &undisturbed), [], "preempted at point {points}");
        if preempted == 0 || points == WORK_UNITS_PER_PREEMPTION - 1 {
            break;
        }
        points += 1;
    }
    let mut always = world.clone();
    let count = operation.run(&mut always, std::iter::repeat_n(0, 100_000));
    assert_eq!(differences(&always, &undisturbed), [], "preempted {count} times");
    count
}

#[test]
fn revoking_all_memory_may_be_preempted_anywhere() {
    let mut points = 0;
    for seed in 1..=4 {
        let world = busy_world(seed);
        let untyped = world.untyped;
        let revoke = Operation {
            target: keeper::SHARED,
            label: Label::CNodeRevoke,
            words: vec![untyped, DEPTH],
            caps: vec![],
        };
        points += sweep(&world, &revoke);
    }
    assert!(points > 40, "only {points} points");
}

#[test]
fn resetting_an_untyped_may_be_preempted_anywhere() {
    let mut world = World::boot();
    let retype = |count| Operation {
        target: world.untyped + 2,
        label: Label::UntypedRetype,
        words: vec![ObjectType::SmallPage.word(), 0, 0, 0, 0x80, count],
        caps: vec![abi::slots::INIT_CNODE],
    };
    let (used, again) = (retype(3), retype(1));
    used.run(&mut world, []);
    for page in 0..3 {
        world.set_word(START.0 + 0xe_0000 + 0x1000 * page, u64::MAX);
    }
    for slot in 0x80..0x83 {
        world.call(abi::slots::INIT_CNODE, Label::CNodeDelete, &[slot, DEPTH], &[]);
    }
    assert!(sweep(&world, &again) >= 3 * 4096 / abi::limits::RESET_CHUNK as usize - 1);
}
