// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first thread of the root task keeps the others going.
//!
//! It withdraws into a CSpace of its own, so that nothing the others do can take it apart, and sleeps until an
//! interrupt wakes it, which comes when everybody else waits. Then it resumes threads and gives them budgets.
//!
//! ```text
//! shared CNode: everything, for everybody          keeper's CNode: itself, copies of threads and contexts
//! ```

use abi::vector::FIRST_USER;
use abi::{Label, ObjectType, Syscall, slots as fixed};
use kernel::Event;
use kernel::cap::Cap;
use kernel::object::tcb::ThreadState;

use crate::input::Input;
use crate::prologue::{ROOT_GUARD, SERVERS, retype};
use crate::world::World;

/// The interrupt that wakes the keeper.
pub const ALARM: u8 = FIRST_USER + ALARM_VECTOR as u8;
const ALARM_VECTOR: u64 = 7;

/// Threads the keeper cares for. It has no capabilities to the others, so their last ones can be deleted.
const KEPT: u64 = 4;
/// Log2 of the number of slots of the keeper's CNode.
const BITS: u64 = 6;
/// Slot of the keeper's CNode with the CNode that everybody shares.
pub const SHARED: u64 = 2;
/// Other slots of the keeper's CNode.
mod own {
    pub(super) const TCB: u64 = 1;
    pub(super) const SCHED_CONTROL: u64 = 3;
    pub(super) const NOTIFICATION: u64 = 4;
    pub(super) const CNODE: u64 = 5;
    /// What is only to be out of reach of others, from here on.
    pub(super) const HIDDEN: u64 = 6;
    pub(super) const SPARE: u64 = 0xf;
    pub(super) const SPACE: u64 = 0xe;
    pub(super) const THREADS: u64 = 0x10;
    pub(super) const CONTEXTS: u64 = 0x18;
    pub(super) const ENDPOINTS: u64 = 0x20;
}

/// Makes the root task the keeper. Everything else is set up already.
pub fn withdraw(world: &mut World) {
    let places = world.places;
    let (node, notification, handler) = (places.rest + 3, places.rest + 4, places.rest + 5);
    let memory = world.untyped + 3;
    retype(world, memory, ObjectType::CNode, BITS, node, 1);
    retype(world, memory, ObjectType::Notification, 0, notification, 1);
    let issue = [handler, 64, 0, 0, 0, 0, ALARM_VECTOR];
    world.call(fixed::IRQ_CONTROL, Label::IrqControlGetMsi, &issue, &[fixed::INIT_CNODE]);
    world.call(handler, Label::IrqHandlerSetNotification, &[], &[notification]);
    let mut copy = |from: u64, to: u64| {
        world.call(node, Label::CNodeCopy, &[to, BITS, from, 64, 15], &[fixed::INIT_CNODE]);
    };
    copy(fixed::INIT_CNODE, SHARED);
    copy(fixed::FIRST_FREE, own::SCHED_CONTROL);
    copy(notification, own::NOTIFICATION);
    copy(node, own::CNODE);
    (0..KEPT).for_each(|number| copy(places.threads + number, own::THREADS + number));
    (0..KEPT).for_each(|number| copy(places.contexts + number, own::CONTEXTS + number));
    (0..SERVERS).for_each(|number| copy(places.endpoints + number, own::ENDPOINTS + number));
    let guard = u64::from(u64::BITS) - BITS;
    let spaces = [0, node, fixed::INIT_VSPACE];
    let answer = world.call(fixed::INIT_TCB, Label::TcbSetSpace, &[guard, 0], &spaces);
    assert_eq!(answer, 0, "the keeper has a CSpace of its own");
    world.call(own::CNODE, Label::CNodeCopy, &[own::SPACE, BITS, fixed::INIT_VSPACE, 64, 15], &[SHARED]);
    let hidden = [node, notification, handler, memory, fixed::INIT_SCHED_CONTEXT, fixed::INIT_IPC_BUFFER];
    for (from, to) in hidden.into_iter().zip(own::HIDDEN..).chain([(fixed::INIT_TCB, own::TCB)]) {
        world.call(own::CNODE, Label::CNodeMove, &[to, BITS, from, 64], &[SHARED]);
    }
    for number in (0..KEPT).step_by(2) {
        keep_original(world, places.threads + number, own::THREADS + number);
        keep_original(world, places.contexts + number, own::CONTEXTS + number);
    }
    keep_original(world, fixed::INIT_CNODE, SHARED);
    let priority = [255];
    let answer = world.call(own::TCB, Label::TcbSetPriority, &priority, &[own::TCB]);
    assert_eq!(answer, 0, "the keeper holds itself");
}

/// Exchanges an original capability and the keeper's copy of it, so that others cannot revoke it.
fn keep_original(world: &mut World, shared: u64, kept: u64) {
    let spare = own::SPARE;
    world.call(own::CNODE, Label::CNodeMove, &[spare, BITS, kept, BITS], &[own::CNODE]);
    let from = if shared == fixed::INIT_CNODE { spare } else { SHARED };
    world.call(own::CNODE, Label::CNodeMove, &[kept, BITS, shared, 64], &[from]);
    world.call(SHARED, Label::CNodeMove, &[shared, 64, spare, BITS], &[own::CNODE]);
}

/// Lets the keeper do something for another thread, or go back to sleep.
pub fn keep(world: &mut World, input: &mut Input<'_>) -> Event {
    let number = input.below(KEPT as usize) as u64;
    let (thread, context) = (own::THREADS + number, own::CONTEXTS + number);
    match input.below(24) {
        0 => sleep(world),
        2 => {
            let period = input.pick(&[1000, 20_000]);
            let rate = [input.pick(&[period, 50]), period, 3, 0, 0];
            call(world, (own::SCHED_CONTROL, Label::SchedControlConfigureFlags, &rate, &[context]))
        }
        3 => {
            let params = [255, input.below(4) as u64];
            let handler = input.pick(&[0, own::ENDPOINTS]);
            call(world, (thread, Label::TcbSetSchedParams, &params, &[own::TCB, context, handler]))
        }
        4 => {
            let spaces = [own::ENDPOINTS, SHARED, own::SPACE];
            call(world, (thread, Label::TcbSetSpace, &[ROOT_GUARD, 0], &spaces))
        }
        _ => repair(world, number),
    }
}

/// Does what thread `number` lacks to go on.
fn repair(world: &mut World, number: u64) -> Event {
    let (thread, context) = (own::THREADS + number, own::CONTEXTS + number);
    let (Cap::Thread(tcb), Cap::SchedContext { sc, .. }) = (world.kept_cap(thread), world.kept_cap(context))
    else {
        return sleep(world);
    };
    let state = world.kernel.objs[tcb].state();
    let is_waiting_server = number < SERVERS && state == ThreadState::BlockedOnReceive;
    match (world.kernel.objs[tcb].sched_context, world.kernel.objs[sc].tcb) {
        (Some(own), _) if is_waiting_server && own == sc => {
            call(world, (context, Label::SchedContextUnbind, &[], &[]))
        }
        _ if is_waiting_server => sleep(world),
        (None, Some(_)) => call(world, (context, Label::SchedContextUnbind, &[], &[])),
        (None, None) => call(world, (context, Label::SchedContextBind, &[], &[thread])),
        _ if state.is_runnable() => sleep(world),
        _ => call(world, (thread, Label::TcbResume, &[], &[])),
    }
}

fn call(world: &mut World, (target, label, words, caps): (u64, Label, &[u64], &[u64])) -> Event {
    world.write_message(label.word(), words, caps);
    world.enter(Syscall::Call.word(), target, 0, 0);
    Event::Syscall
}

fn sleep(world: &mut World) -> Event {
    world.enter(Syscall::Wait.word(), own::NOTIFICATION, 0, 0);
    Event::Syscall
}
