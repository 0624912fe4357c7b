// SPDX-License-Identifier: MIT OR Apache-2.0
//! From bytes to events: whoever runs does something, time passes, interrupts come.

use abi::ipc_buffer::{RECEIVE_CNODE_OFFSET, RECEIVE_DEPTH_OFFSET, RECEIVE_INDEX_OFFSET};
use abi::limits::{WORK_UNITS_PER_PREEMPTION, max_period_us};
use abi::slots::INIT_CNODE;
use abi::vector::{DOORBELL, FIRST_USER, TIMER};
use abi::{CapTag, Label, ObjectType, Syscall};
use arch::{PageSize, Ticks};
use kernel::cap::Cap;
use kernel::{Event, Resume};

use crate::input::Input;
use crate::keeper;
use crate::prologue::{ROOT_GUARD, SERVERS};
use crate::recipe::{RECIPES, Recipe, Word};
use crate::world::{SLOTS, TICKS_PER_US, World};

/// One argument in so many is made wrong.
const WRONG: usize = 40;
/// Kinds that a send half accepts.
const SENDING: &[CapTag] = &[
    CapTag::Endpoint,
    CapTag::Endpoint,
    CapTag::Endpoint,
    CapTag::Notification,
    CapTag::Reply,
    CapTag::LineSignal,
];
/// Kinds that a receive half accepts.
const RECEIVING: &[CapTag] = &[CapTag::Endpoint, CapTag::Endpoint, CapTag::Notification];
/// The system calls about messages; those that do not block keep threads going.
const CALLS: &[Syscall] = &[
    Syscall::Call,
    Syscall::ReplyRecv,
    Syscall::NBSendRecv,
    Syscall::NBSendWait,
    Syscall::Send,
    Syscall::NBSend,
    Syscall::NBSend,
    Syscall::Recv,
    Syscall::NBRecv,
    Syscall::NBRecv,
    Syscall::Wait,
    Syscall::NBWait,
    Syscall::NBWait,
    Syscall::Yield,
];
/// Object types that fit into the untypeds there are; others come by wrong arguments. Programs see the memory of
/// pages only, so there are more of them.
const TYPES: &[ObjectType] = &[
    ObjectType::Untyped,
    ObjectType::Tcb,
    ObjectType::Endpoint,
    ObjectType::Notification,
    ObjectType::CNode,
    ObjectType::SchedContext,
    ObjectType::Reply,
    ObjectType::Pdpt,
    ObjectType::Pml4,
    ObjectType::SmallPage,
    ObjectType::LargePage,
    ObjectType::HugePage,
    ObjectType::PageTable,
    ObjectType::PageDirectory,
    ObjectType::SmallPage,
    ObjectType::SmallPage,
    ObjectType::SmallPage,
    ObjectType::SmallPage,
];
/// Addresses close to each other, so that mappings meet.
const ADDRESSES: &[u64] = &[
    0x100_0000,
    0x100_1000,
    0x100_0400,
    0x120_0000,
    0x4000_0000,
    0x40_0000,
    0x80_0000_0000,
    0x7fff_ffff_f000,
];

/// Lets the next thing happen.
pub fn step(world: &mut World, input: &mut Input<'_>) {
    let event = prepare(world, input);
    world.handle(event);
}

/// Lets time pass and the current thread get ready for the event returned.
pub fn prepare(world: &mut World, input: &mut Input<'_>) -> Event {
    pass_time(world, input);
    world.kernel.machine.interrupt_pending = input.one_in(6);
    if world.kernel.machine.interrupt_pending {
        // The next long operation stops at one of its first preemption points.
        world.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1 - input.below(4) as u64;
    }
    if world.resume == Resume::Idle {
        let alarm = Event::Interrupt(keeper::ALARM);
        return if input.one_in(2) { alarm } else { interrupt(world, input) };
    }
    if input.one_in(8) {
        soil(world, input);
    }
    if world.is_keeper() {
        return keeper::keep(world, input);
    }
    let politeness = if world.current_server().is_some() { 3 } else { 12 };
    if input.one_in(politeness) {
        return be_polite(world, input);
    }
    match input.below(64) {
        0 => Event::PageFault { address: input.word(), code: u64::from(input.byte()) },
        1 => Event::Exception { vector: input.byte() & 31, code: input.word() },
        2 => Event::UnknownSyscall { number: input.word() },
        3..6 => interrupt(world, input),
        6..9 => other_call(world, input),
        9..20 => communicate(world, input),
        _ => invoke(world, input),
    }
}

/// A program writes to a page it has, so that memory given back is not zero by itself.
fn soil(world: &mut World, input: &mut Input<'_>) {
    let slot = cptr(world, input, &[CapTag::Frame]);
    if let Cap::Frame { base, size: PageSize::Small, is_device: false, .. } = world.cap(slot) {
        world.set_word(base.0 + 16 * u64::from(input.byte()), u64::MAX);
    }
}

fn pass_time(world: &mut World, input: &mut Input<'_>) {
    let machine = &mut world.kernel.machine;
    let byte = u64::from(input.byte());
    let passed = match byte & 15 {
        0 => 1000 * byte * byte,
        1 => 40 * byte,
        2 => machine.deadline.saturating_sub(machine.time).0.min(100_000_000),
        3 => 20_000_000 * (byte >> 6),
        _ => byte,
    };
    machine.time = machine.time.saturating_add(Ticks(passed));
}

fn interrupt(world: &mut World, input: &mut Input<'_>) -> Event {
    let machine = &mut world.kernel.machine;
    match input.below(8) {
        0 => Event::Interrupt(DOORBELL),
        1 => Event::Interrupt(FIRST_USER + input.below(4) as u8),
        2 => Event::Interrupt(FIRST_USER),
        3 => Event::Interrupt(keeper::ALARM),
        4 => Event::Interrupt(32 + input.below(224) as u8),
        _ => {
            if machine.deadline != Ticks::MAX {
                machine.time = machine.time.max(machine.deadline);
            }
            Event::Interrupt(TIMER)
        }
    }
}

/// A CPtr of one of these kinds, rarely of any.
fn cptr(world: &World, input: &mut Input<'_>, kinds: &[CapTag]) -> u64 {
    let number = input.below(64);
    if number == 63 && input.one_in(4) {
        return input.word();
    }
    let kind = kinds[number % kinds.len()];
    if kind == CapTag::Null {
        return 0;
    }
    if kind == CapTag::CNode && number & 3 != 0 {
        // Most depths and slots are those of the root CNode.
        return INIT_CNODE;
    }
    let count = world.slots_with(kind).count();
    let chosen = input.below(count);
    world.slots_with(kind).nth(chosen).unwrap_or_else(|| input.byte().into())
}

fn word(world: &World, input: &mut Input<'_>, word: Word) -> u64 {
    if input.one_in(WRONG) {
        return input.word();
    }
    match word {
        Word::Is(value) => value,
        Word::Below(bound) => u64::from(u16::from(input.byte()) % bound),
        Word::Any => input.word(),
        Word::Empty => {
            let first = u64::from(input.byte());
            let is_empty = |&slot: &u64| world.cap(slot).is_null();
            (first..first + SLOTS).find(is_empty).map_or(0, |slot| slot % SLOTS)
        }
        Word::Full => {
            let first = u64::from(input.byte());
            let is_full = |&slot: &u64| !world.cap(slot).is_null();
            (first..first + SLOTS).find(is_full).map_or(0, |slot| slot % SLOTS)
        }
        Word::Of(kind) => cptr(world, input, &[kind]),
        Word::Depth => input.pick(&[64, 64, 64, 64, 64, 64, 64, 4]),
        Word::Rights => input.pick(&[15, 15, 15, 3, 1, 2, 6, 9]),
        Word::Guard => input.pick(&[ROOT_GUARD, ROOT_GUARD, ROOT_GUARD, 0, 60, 5, 1 << 6 | 1, 0]),
        Word::Address => input.pick(ADDRESSES),
        Word::Time => input.pick(&[20, 21, 50, 200, 1000, 5000, 10_000, max_period_us(TICKS_PER_US)]),
        Word::Type => input.pick(TYPES).word(),
        Word::SizeBits => input.pick(&[4, 5, 7, 8, 12, 2, 1, 10]),
    }
}

/// Servers answer and wait for the next call, others call them: with short messages, as fast paths like it.
fn be_polite(world: &mut World, input: &mut Input<'_>) -> Event {
    let words = [11, 12, 13, 14, 15];
    world.write_message(input.below(4) as u64, &words[..input.below(6)], &[]);
    if let Some(number) = world.current_server() {
        let (endpoint, reply) = (world.places.endpoints + number, world.places.replies + number);
        world.enter(Syscall::ReplyRecv.word(), endpoint, reply, 0);
    } else {
        let endpoint = input.pick(&[world.places.endpoints, world.places.badged]);
        world.enter(Syscall::Call.word(), endpoint + input.below(SERVERS as usize) as u64, 0, 0);
    }
    Event::Syscall
}

fn invoke(world: &mut World, input: &mut Input<'_>) -> Event {
    let Recipe { target, label, words, extras } = input.pick(RECIPES);
    let target = cptr(world, input, &[target]);
    let mut words: Vec<u64> = words.iter().map(|&kind| word(world, input, kind)).collect();
    let mut extras: Vec<u64> = extras.iter().map(|kinds| cptr(world, input, kinds)).collect();
    if input.one_in(WRONG) {
        words.pop();
    }
    if input.one_in(WRONG) {
        extras.pop();
    }
    let label = if input.one_in(WRONG) { input.pick(Label::ALL) } else { label };
    world.write_message(label.word(), &words, &extras);
    let number = input.pick(&[Syscall::Call, Syscall::Call, Syscall::Call, Syscall::Send]);
    world.enter(number.word(), target, 0, 0);
    Event::Syscall
}

/// One of the system calls about messages.
fn communicate(world: &mut World, input: &mut Input<'_>) -> Event {
    let call = input.pick(CALLS);
    let length = input.pick(&[0, 1, 2, 3, 4, 4, 6, 120]);
    let words: Vec<u64> = (0..length).map(|index: u64| index << 8 | u64::from(call.word() as u8)).collect();
    let caps = input.pick(&[0, 0, 0, 0, 0, 1, 2, 3]);
    let caps: Vec<u64> = (0..caps).map(|_| word(world, input, Word::Full)).collect();
    world.write_message(input.pick(&[0, 0, 1, u64::MAX >> 12]), &words, &caps);
    if input.one_in(4) {
        let (node, slot) = (cptr(world, input, &[CapTag::CNode]), word(world, input, Word::Empty));
        world.write_buffer(RECEIVE_CNODE_OFFSET, node);
        world.write_buffer(RECEIVE_INDEX_OFFSET, slot);
        world.write_buffer(RECEIVE_DEPTH_OFFSET, 64);
    }
    let is_send = matches!(call, Syscall::Send | Syscall::NBSend | Syscall::Call);
    let target = cptr(world, input, if is_send { SENDING } else { RECEIVING });
    let reply = if call == Syscall::NBSendWait { SENDING } else { &[CapTag::Reply] };
    let reply = cptr(world, input, reply);
    let send = if call == Syscall::NBSendRecv { cptr(world, input, SENDING) } else { 0 };
    world.enter(call.word(), target, reply, send);
    Event::Syscall
}

/// Debug and benchmark calls and numbers that mean nothing.
fn other_call(world: &mut World, input: &mut Input<'_>) -> Event {
    let number = match Syscall::ALL[input.below(Syscall::ALL.len())] {
        Syscall::DebugHalt => u64::from(input.byte()),
        call => call.word(),
    };
    let target = if input.one_in(2) { input.word() } else { u64::from(input.byte()) };
    world.enter(number, target, 0, 0);
    Event::Syscall
}
