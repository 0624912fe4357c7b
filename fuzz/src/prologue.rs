// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the root task sets up before anything is random: threads that share its CSpace and can talk.

use abi::slots as fixed;
use abi::{Label, ObjectType, Syscall};
use kernel::Event;

use crate::input::Input;
use crate::keeper;
use crate::world::{SLOTS, World};

/// Threads made.
pub const THREADS: u64 = 6;
/// The first of them are servers: they wait for calls and run on what callers lend them.
pub const SERVERS: u64 = 3;
/// Log2 of the size of their scheduling contexts.
const CONTEXT_BITS: u64 = 8;
/// A data word that gives the root CNode a guard which fills up the address.
pub const ROOT_GUARD: u64 = 64 - SLOTS.ilog2() as u64;

/// Slots of what is set up, in this order.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Threads.
    pub threads: u64,
    /// Their scheduling contexts.
    pub contexts: u64,
    /// Their buffers.
    pub buffers: u64,
    /// Endpoints, one for each server.
    pub endpoints: u64,
    /// The same with badges.
    pub badged: u64,
    /// Notifications: the first is signalled by an interrupt.
    pub notifications: u64,
    /// Reply objects, one for each server and some more.
    pub replies: u64,
    /// An address space, a CNode, an interrupt handler.
    pub rest: u64,
}

impl Places {
    const ENDPOINTS: u64 = SERVERS;
    const NOTIFICATIONS: u64 = 2;
    const REPLIES: u64 = 6;

    /// Places from slot `first` on.
    pub const fn from(first: u64) -> Self {
        let contexts = first + THREADS;
        let buffers = contexts + THREADS;
        let endpoints = buffers + THREADS;
        let badged = endpoints + Self::ENDPOINTS;
        let notifications = badged + Self::ENDPOINTS;
        let replies = notifications + Self::NOTIFICATIONS;
        Self {
            threads: first,
            contexts,
            buffers,
            endpoints,
            badged,
            notifications,
            replies,
            rest: replies + Self::REPLIES,
        }
    }
}

/// Lets the root task set everything up; `input` decides priorities, budgets, handlers and who starts.
pub fn run(world: &mut World, input: &mut Input<'_>) {
    let places = world.places;
    make_objects(world, places);
    world.call(fixed::INIT_TCB, Label::TcbSetPriority, &[1], &[fixed::INIT_TCB]);
    for number in 0..THREADS {
        configure(world, places, number, input);
    }
    for number in 0..SERVERS {
        start_server(world, places, number, input);
    }
    // From here on nobody is more important than the root task.
    world.call(fixed::INIT_TCB, Label::TcbSetPriority, &[3], &[fixed::INIT_TCB]);
    for number in SERVERS..THREADS {
        world.call(places.threads + number, Label::TcbResume, &[], &[]);
    }
    keeper::withdraw(world);
}

/// Lets a server run until it waits for calls, and takes its scheduling context away.
fn start_server(world: &mut World, places: Places, number: u64, input: &mut Input<'_>) {
    let root = world.kernel.current();
    world.call(places.threads + number, Label::TcbResume, &[], &[]);
    if world.kernel.current() == root {
        return;
    }
    world.enter(Syscall::Recv.word(), places.endpoints + number, places.replies + number, 0);
    world.handle(Event::Syscall);
    if !input.one_in(8) {
        world.call(places.contexts + number, Label::SchedContextUnbind, &[], &[]);
    }
}

/// Makes `count` objects from `slot` on.
pub fn retype(world: &mut World, untyped: u64, kind: ObjectType, bits: u64, slot: u64, count: u64) {
    let words = [kind.word(), bits, 0, 0, slot, count];
    let answer = world.call(untyped, Label::UntypedRetype, &words, &[fixed::INIT_CNODE]);
    assert_eq!(answer, 0, "the untyped is too small for {kind:?}");
}

/// Makes one object of every kind that the threads need, and capabilities to them.
pub fn make_objects(world: &mut World, places: Places) {
    let untyped = world.untyped;
    retype(world, untyped, ObjectType::Tcb, 0, places.threads, THREADS);
    retype(world, untyped, ObjectType::SchedContext, CONTEXT_BITS, places.contexts, THREADS);
    retype(world, untyped, ObjectType::SmallPage, 0, places.buffers, THREADS);
    retype(world, untyped, ObjectType::Endpoint, 0, places.endpoints, Places::ENDPOINTS);
    retype(world, untyped, ObjectType::Notification, 0, places.notifications, Places::NOTIFICATIONS);
    retype(world, untyped, ObjectType::Reply, 0, places.replies, Places::REPLIES);
    retype(world, untyped, ObjectType::Pml4, 0, places.rest, 1);
    retype(world, untyped, ObjectType::CNode, 4, places.rest + 1, 1);
    world.call(fixed::INIT_ASID_POOL, Label::AsidPoolAssign, &[], &[places.rest]);
    for index in 0..Places::ENDPOINTS {
        let mint = [places.badged + index, 64, places.endpoints + index, 64, 15, 1 + index];
        world.call(fixed::INIT_CNODE, Label::CNodeMint, &mint, &[fixed::INIT_CNODE]);
    }
    let handler = [places.rest + 2, 64, 0, 0, 0, 0, 0];
    world.call(fixed::IRQ_CONTROL, Label::IrqControlGetMsi, &handler, &[fixed::INIT_CNODE]);
    world.call(places.rest + 2, Label::IrqHandlerSetNotification, &[], &[places.notifications]);
}

fn configure(world: &mut World, places: Places, number: u64, input: &mut Input<'_>) {
    let (thread, context) = (places.threads + number, places.contexts + number);
    let space = input.pick(&[fixed::INIT_VSPACE, places.rest]);
    let spaces = [ROOT_GUARD, 0, 0x100_0000];
    let caps = [fixed::INIT_CNODE, space, places.buffers + number];
    world.call(thread, Label::TcbConfigure, &spaces, &caps);
    let period = input.pick(&[1000, 5000, 20_000]);
    let budget = input.pick(&[period, period / 4, 30]);
    let rate = [budget, period, input.below(6) as u64, number, input.below(2) as u64];
    world.call(fixed::FIRST_FREE, Label::SchedControlConfigureFlags, &rate, &[context]);
    let handler = input.pick(&[0, places.endpoints, places.badged]);
    let lowest = if number < SERVERS { 2 } else { 0 };
    let params = [255, input.below(4).max(lowest) as u64];
    world.call(thread, Label::TcbSetSchedParams, &params, &[fixed::INIT_TCB, context, handler]);
    if input.one_in(3) {
        world.call(thread, Label::TcbSetTimeoutEndpoint, &[], &[places.badged + 1]);
    }
    if input.one_in(4) {
        world.call(thread, Label::TcbBindNotification, &[], &[places.notifications + 1]);
    }
}
