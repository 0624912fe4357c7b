// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decoding alone: any message to any capability. What is refused has changed nothing but the caller's answer.
//!
//! The world is always the same: the root task, which holds one of everything. Each message begins there. The first
//! rows of the tables in docs/abi/invocations.md are held against a naive copy, `NEEDS`.

use abi::{CapTag, ErrorCode, Label, MessageInfo, Syscall, TIME_WORDS};
use arch::PhysAddr;
use kernel::invariants::Difference;
use kernel::object::tcb::Tcb;
use kernel::{Event, Kernel};

use crate::input::Input;
use crate::prologue;
use crate::world::{SLOTS, START, World};

/// What messages did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Decoded {
    /// Messages sent.
    pub messages: u64,
    /// Those refused with an error.
    pub refused: u64,
    /// Those carried out.
    pub accepted: u64,
}

use CapTag as Tag;
use Label as L;

/// Kinds, labels, and how many words and capabilities their messages need at first. What follows the target slot of
/// invocations of CNodes, and the thread of DomainSetSet, are looked at later.
const NEEDS: &[(Tag, Label, usize, usize)] = &[
    (Tag::Untyped, L::UntypedRetype, 6, 1),
    (Tag::CNode, L::CNodeRevoke, 2, 0),
    (Tag::CNode, L::CNodeDelete, 2, 0),
    (Tag::CNode, L::CNodeCancelBadgedSends, 2, 0),
    (Tag::CNode, L::CNodeCopy, 2, 0),
    (Tag::CNode, L::CNodeMint, 2, 0),
    (Tag::CNode, L::CNodeMove, 2, 0),
    (Tag::CNode, L::CNodeMutate, 2, 0),
    (Tag::CNode, L::CNodeRotate, 2, 0),
    (Tag::Tcb, L::TcbReadRegisters, 2, 0),
    (Tag::Tcb, L::TcbWriteRegisters, 2, 0),
    (Tag::Tcb, L::TcbCopyRegisters, 1, 1),
    (Tag::Tcb, L::TcbConfigure, 3, 3),
    (Tag::Tcb, L::TcbSetPriority, 1, 1),
    (Tag::Tcb, L::TcbSetMcPriority, 1, 1),
    (Tag::Tcb, L::TcbSetSchedParams, 2, 3),
    (Tag::Tcb, L::TcbSetTimeoutEndpoint, 0, 1),
    (Tag::Tcb, L::TcbSetIpcBuffer, 1, 1),
    (Tag::Tcb, L::TcbSetSpace, 2, 3),
    (Tag::Tcb, L::TcbSuspend, 0, 0),
    (Tag::Tcb, L::TcbResume, 0, 0),
    (Tag::Tcb, L::TcbBindNotification, 0, 1),
    (Tag::Tcb, L::TcbUnbindNotification, 0, 0),
    (Tag::Tcb, L::TcbSetTlsBase, 1, 0),
    (Tag::Tcb, L::TcbSetFlags, 2, 0),
    (Tag::Tcb, L::TcbForbidDebug, 0, 0),
    (Tag::Domain, L::DomainSetSet, 1, 0),
    (Tag::SchedControl, L::SchedControlConfigureFlags, 5, 1),
    (Tag::SchedContext, L::SchedContextBind, 0, 1),
    (Tag::SchedContext, L::SchedContextUnbindObject, 0, 1),
    (Tag::SchedContext, L::SchedContextUnbind, 0, 0),
    (Tag::SchedContext, L::SchedContextConsumed, 0, 0),
    (Tag::SchedContext, L::SchedContextYieldTo, 0, 0),
    (Tag::IrqHandler, L::IrqHandlerAck, 0, 0),
    (Tag::IrqHandler, L::IrqHandlerAckLines, TIME_WORDS, 0),
    (Tag::IrqHandler, L::IrqHandlerSetNotification, 0, 1),
    (Tag::IrqHandler, L::IrqHandlerClear, 0, 0),
    (Tag::AsidControl, L::AsidControlMakePool, 2, 2),
    (Tag::AsidPool, L::AsidPoolAssign, 0, 1),
    (Tag::Frame, L::PageMap, 3, 1),
    (Tag::Frame, L::PageUnmap, 0, 0),
    (Tag::Frame, L::PageGetAddress, 0, 0),
];

/// Sends the messages that `bytes` mean, and panics where one has an effect that it must not have.
pub fn run(bytes: &[u8]) -> Decoded {
    let mut input = Input::new(bytes);
    let mut world = World::boot();
    let places = world.places;
    prologue::make_objects(&mut world, places);
    let mut decoded = Decoded::default();
    while !input.is_empty() {
        let mut attempt = world.clone();
        let message = prepare(&mut attempt, &mut input);
        let before = attempt.kernel.clone();
        attempt.handle(Event::Syscall);
        decoded.messages += 1;
        match answer(&attempt, &before) {
            None => {}
            Some(0) => decoded.accepted += 1,
            Some(error) => {
                decoded.refused += 1;
                check_refusal(&attempt, &before);
                check_first_rows(message, error);
            }
        }
    }
    decoded
}

/// A message, as far as the first rows look at it.
#[derive(Clone, Copy, Debug)]
struct Sent {
    tag: CapTag,
    label: u64,
    length: usize,
    caps: usize,
}

/// Lets the root task make a Call with any message.
fn prepare(world: &mut World, input: &mut Input<'_>) -> Sent {
    let target = slot(world, input);
    let label = if input.one_in(8) { input.word() } else { input.pick(Label::ALL).word() };
    let length = input.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 22, 120]);
    let words: Vec<u64> = (0..length).map(|_| word(input)).collect();
    let caps: Vec<u64> = (0..input.below(4)).map(|_| slot(world, input)).collect();
    world.write_message(label, &words, &caps);
    world.enter(Syscall::Call.word(), target, 0, 0);
    let label = MessageInfo(world.kernel.objs[world.kernel.current()].context.rsi).label();
    Sent { tag: world.cap(target).tag(), label, length, caps: caps.len() }
}

/// A slot in use, of any kind.
fn slot(world: &World, input: &mut Input<'_>) -> u64 {
    let first = u64::from(input.byte());
    let is_full = |&slot: &u64| !world.cap(slot).is_null();
    (first..first + SLOTS).find(is_full).map_or(0, |slot| slot % SLOTS)
}

/// A word that is often a slot, a depth or a small number.
fn word(input: &mut Input<'_>) -> u64 {
    match input.below(4) {
        0 => input.pick(&[64, 0, 1, 4, 8]),
        1 => u64::from(input.byte()),
        _ => input.word(),
    }
}

/// The label of the answer, if the caller still runs and has got one.
fn answer(world: &World, before: &Kernel<arch::SimMachine>) -> Option<u64> {
    let (kernel, caller) = (&world.kernel, before.current());
    let has_answer = kernel.current() == caller && kernel.objs[caller].context.entry_word != 0;
    has_answer.then(|| MessageInfo(kernel.objs[caller].context.rsi).label())
}

/// Nothing has changed but the registers and the buffer of the caller.
fn check_refusal(world: &World, before: &Kernel<arch::SimMachine>) {
    let context = before.current().paddr().0 + std::mem::offset_of!(Tcb, context) as u64;
    let context = context..context + size_of::<arch::Context>() as u64;
    let buffer = world.buffer().map_or(0..0, |base| base..base + abi::ipc_buffer::SIZE as u64);
    let is_answer = |difference: &Difference| match difference {
        Difference::Memory(PhysAddr(address)) => context.contains(address) || buffer.contains(address),
        Difference::Field(_) => false,
    };
    let all = world.kernel.differences(before, START);
    let effects: Vec<_> = all.into_iter().filter(|difference| !is_answer(difference)).collect();
    assert_eq!(effects, [], "a refused message has changed something");
}

/// The rows that come first for every invocation: is there such a label, is the message long enough?
fn check_first_rows(sent: Sent, error: u64) {
    let is_listed = NEEDS.iter().any(|&(tag, ..)| tag == sent.tag);
    let needs = NEEDS.iter().find(|&&(tag, label, ..)| tag == sent.tag && label.word() == sent.label);
    let expected = match needs {
        None if is_listed && sent.tag != CapTag::Domain => ErrorCode::IllegalOperation,
        Some(&(_, _, words, caps)) if sent.length < words || sent.caps < caps => ErrorCode::TruncatedMessage,
        _ => return,
    };
    assert_eq!(error, expected.word(), "{sent:?}");
}
