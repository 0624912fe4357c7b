// SPDX-License-Identifier: MIT OR Apache-2.0
//! Long operations that are preempted, at every point and however often, end where they end undisturbed.

use abi::limits::WORK_UNITS_PER_PREEMPTION;
use abi::slots::{FIRST_FREE, INIT_CNODE, INIT_TCB, INIT_VSPACE, IRQ_CONTROL};
use abi::vector::FIRST_USER;
use abi::{Label, ObjectType, Syscall};
use arch::PhysAddr;
use fuzz::input::{Input, Random};
use fuzz::prologue::{ROOT_GUARD, retype};
use fuzz::world::{START, World};
use fuzz::{keeper, prologue, storm};
use kernel::Event;
use kernel::invariants::Difference;
use kernel::object::tcb::Tcb;

/// What happens whenever the operation was preempted.
type Between = fn(&mut World);

/// A vector that nobody owns: taking it changes nothing but a counter.
fn stray(world: &mut World) {
    world.handle(Event::Interrupt(200));
}

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
    fn run(&self, world: &mut World, between: Between, points: impl IntoIterator<Item = u64>) -> usize {
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
            between(world);
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

/// What differs between two worlds but for the registers that a repeated `syscall` instruction overwrites, and for the
/// counter of interrupts that nobody owns: what comes between adds to it.
fn differences(one: &World, other: &World) -> Vec<Difference> {
    let context = one.kernel.current().paddr().0 + std::mem::offset_of!(Tcb, context) as u64;
    let dead = [
        context + std::mem::offset_of!(arch::Context, rcx) as u64,
        context + std::mem::offset_of!(arch::Context, r11) as u64,
    ]
    .map(|address| Difference::Memory(PhysAddr(address)));
    let unowned = one.kernel.config.status.paddr().0 + 8 * abi::status::Word::UnownedInterrupts as u64;
    let counted = Difference::Memory(PhysAddr(unowned));
    let all = one.kernel.differences(&other.kernel, START);
    all.into_iter().filter(|difference| !dead.contains(difference) && *difference != counted).collect()
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
fn sweep(world: &World, operation: &Operation, between: Between) -> usize {
    let mut undisturbed = world.clone();
    operation.run(&mut undisturbed, between, []);
    undisturbed.check();
    undisturbed.check_memory();
    let mut points = 0;
    loop {
        let mut once = world.clone();
        let preempted = operation.run(&mut once, between, [points.min(WORK_UNITS_PER_PREEMPTION - 1)]);
        assert_eq!(differences(&once, &undisturbed), [], "preempted at point {points}");
        if preempted == 0 || points == WORK_UNITS_PER_PREEMPTION - 1 {
            break;
        }
        points += 1;
    }
    let mut always = world.clone();
    let count = operation.run(&mut always, between, std::iter::repeat_n(0, 100_000));
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
        points += sweep(&world, &revoke, stray);
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
        caps: vec![INIT_CNODE],
    };
    let (used, again) = (retype(3), retype(1));
    used.run(&mut world, stray, []);
    for page in 0..3 {
        world.set_word(START.0 + 0xe_0000 + 0x1000 * page, u64::MAX);
    }
    for slot in 0x80..0x83 {
        world.call(INIT_CNODE, Label::CNodeDelete, &[slot, DEPTH], &[]);
    }
    assert!(sweep(&world, &again, stray) >= 3 * 4096 / abi::limits::RESET_CHUNK as usize - 1);
}

/// Slots of the root CNode in the worlds below.
mod slot {
    pub(super) const HELPER: u64 = 0x40;
    pub(super) const CONTEXT: u64 = 0x41;
    pub(super) const ALARM: u64 = 0x42;
    pub(super) const HANDLER: u64 = 0x43;
    pub(super) const ENDPOINT: u64 = 0x44;
    pub(super) const BADGED: u64 = 0x45;
    pub(super) const THREAD: u64 = 0x46;
    /// The outermost of the nested CNodes; the others are made behind it.
    pub(super) const NODES: u64 = 0x50;
    pub(super) const PAGES: u64 = 0x80;
}

/// CNodes within CNodes, and log2 of their size.
const NODES: u64 = 8;
const NODE_BITS: u64 = 4;

/// An invocation that is accepted.
fn call(world: &mut World, target: u64, label: Label, words: &[u64], caps: &[u64]) {
    assert_eq!(world.call(target, label, words, caps), 0, "{label:?}");
}

/// The helper, woken by an interrupt, runs: it is more important than the root task. Then it sleeps as before.
fn wake_helper(world: &mut World) {
    let root = world.kernel.current();
    world.handle(Event::Interrupt(FIRST_USER));
    assert_ne!(world.kernel.current(), root, "the helper runs while the operation is preempted");
    // It uses the CNode, an endpoint and the interrupt meanwhile.
    world.call(INIT_CNODE, Label::CNodeDelete, &[0xff, DEPTH], &[]);
    world.enter(Syscall::NBSend.word(), slot::BADGED, 0, 0);
    world.handle(Event::Syscall);
    world.call(slot::HANDLER, Label::IrqHandlerAck, &[], &[]);
    world.enter(Syscall::Wait.word(), slot::ALARM, 0, 0);
    world.handle(Event::Syscall);
    assert_eq!(world.kernel.current(), root, "the helper sleeps");
}

/// Gives the helper its interrupt, its spaces and its time.
fn set_up_helper(world: &mut World) {
    call(world, IRQ_CONTROL, Label::IrqControlGetMsi, &[slot::HANDLER, DEPTH, 0, 0, 0, 0, 0], &[INIT_CNODE]);
    call(world, slot::HANDLER, Label::IrqHandlerSetNotification, &[], &[slot::ALARM]);
    call(world, slot::HELPER, Label::TcbSetSpace, &[ROOT_GUARD, 0], &[0, INIT_CNODE, INIT_VSPACE]);
    call(world, FIRST_FREE, Label::SchedControlConfigureFlags, &[5000, 5000, 0, 0, 0], &[slot::CONTEXT]);
    let mint = [slot::BADGED, DEPTH, slot::ENDPOINT, DEPTH, 15, 7];
    call(world, INIT_CNODE, Label::CNodeMint, &mint, &[INIT_CNODE]);
    call(world, slot::HELPER, Label::TcbSetSchedParams, &[255, 255], &[INIT_TCB, slot::CONTEXT, 0]);
    call(world, INIT_TCB, Label::TcbSetPriority, &[254], &[INIT_TCB]);
}

/// A root task with a more important helper.
fn world_with_helper() -> World {
    let mut world = World::boot();
    let memory = world.untyped + 1;
    for (kind, bits, slot) in [
        (ObjectType::Tcb, 0, slot::HELPER),
        (ObjectType::SchedContext, 8, slot::CONTEXT),
        (ObjectType::Notification, 0, slot::ALARM),
        (ObjectType::Endpoint, 0, slot::ENDPOINT),
    ] {
        retype(&mut world, memory, kind, bits, slot, 1);
    }
    set_up_helper(&mut world);
    let root = world.kernel.current();
    world.call(slot::HELPER, Label::TcbResume, &[], &[]);
    assert_ne!(world.kernel.current(), root, "the helper is more important");
    world.enter(Syscall::Wait.word(), slot::ALARM, 0, 0);
    world.handle(Event::Syscall);
    wake_helper(&mut world);
    world
}

/// CNodes, each in the first slot of the one before, full of capabilities; the last contains itself and the first.
fn nest(world: &mut World) {
    let memory = world.untyped;
    retype(world, memory, ObjectType::CNode, NODE_BITS, slot::NODES, NODES);
    retype(world, memory, ObjectType::Tcb, 0, slot::THREAD, 1);
    let last = slot::NODES + NODES - 1;
    for node in slot::NODES..=last {
        for index in 3..1 << NODE_BITS {
            let source = if index == 3 { slot::THREAD } else { slot::ENDPOINT };
            call(world, node, Label::CNodeCopy, &[index, NODE_BITS, source, DEPTH, 15], &[INIT_CNODE]);
        }
    }
    call(world, slot::THREAD, Label::TcbSetSpace, &[0, 0], &[0, slot::NODES, INIT_VSPACE]);
    call(world, INIT_CNODE, Label::CNodeDelete, &[slot::THREAD, DEPTH], &[]);
    for (index, source) in [(1, last), (2, last - 1)] {
        call(world, last, Label::CNodeCopy, &[index, NODE_BITS, source, DEPTH, 15], &[INIT_CNODE]);
    }
    for node in (slot::NODES + 1..=last).rev() {
        call(world, node - 1, Label::CNodeMove, &[0, NODE_BITS, node, DEPTH], &[INIT_CNODE]);
    }
}

#[test]
fn deleting_cnodes_in_cnodes_may_be_preempted_anywhere_and_others_run() {
    let mut world = world_with_helper();
    nest(&mut world);
    // The thread in there names the outermost CNode, too, so that it is gone only when the thread is.
    let delete = Operation {
        target: INIT_CNODE,
        label: Label::CNodeDelete,
        words: vec![slot::NODES, DEPTH],
        caps: vec![],
    };
    assert!(sweep(&world, &delete, wake_helper) < 1000);
    let revoke = Operation { label: Label::CNodeRevoke, words: vec![world.untyped, DEPTH], ..delete };
    assert!(sweep(&world, &revoke, wake_helper) > 100);
}

#[test]
fn deleting_a_cnode_with_one_that_holds_itself_may_be_preempted_anywhere() {
    let mut world = world_with_helper();
    let memory = world.untyped;
    retype(&mut world, memory, ObjectType::CNode, 6, slot::NODES, 2);
    for index in 1..64 {
        for node in [slot::NODES, slot::NODES + 1] {
            let copy = [index, 6, slot::ENDPOINT, DEPTH, 15];
            call(&mut world, node, Label::CNodeCopy, &copy, &[INIT_CNODE]);
        }
    }
    // What is left of the second holds the last capability to itself.
    let inner = slot::NODES + 1;
    call(&mut world, inner, Label::CNodeCopy, &[0, 6, inner, DEPTH, 15], &[INIT_CNODE]);
    call(&mut world, slot::NODES, Label::CNodeMove, &[0, 6, inner, DEPTH], &[INIT_CNODE]);
    let words = vec![slot::NODES, DEPTH];
    let delete = Operation { target: INIT_CNODE, label: Label::CNodeDelete, words, caps: vec![] };
    assert!(sweep(&world, &delete, wake_helper) > 50);
}

#[test]
fn retyping_large_memory_may_be_preempted_anywhere_and_others_run() {
    let mut world = world_with_helper();
    let memory = world.untyped;
    retype(&mut world, memory, ObjectType::SmallPage, 0, slot::PAGES, 60);
    for page in 0..60 {
        world.set_word(START.0 + 0x8_0000 + 0x1000 * page + 8 * page, u64::MAX);
    }
    call(&mut world, INIT_CNODE, Label::CNodeRevoke, &[memory, DEPTH], &[]);
    let again = Operation {
        target: memory,
        label: Label::UntypedRetype,
        words: vec![ObjectType::Untyped.word(), 17, 0, 0, slot::PAGES, 2],
        caps: vec![INIT_CNODE],
    };
    let chunks = (60 << 12) / abi::limits::RESET_CHUNK as usize;
    assert_eq!(sweep(&world, &again, wake_helper), chunks);
}

#[test]
fn cancelling_sends_is_over_at_once() {
    let world = world_with_helper();
    let words = vec![slot::BADGED, DEPTH];
    let label = Label::CNodeCancelBadgedSends;
    let cancel = Operation { target: INIT_CNODE, label, words, caps: vec![] };
    assert_eq!(sweep(&world, &cancel, wake_helper), 0);
}
