// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults to a handler without a scheduling context of its own, and its answers.

use abi::{Register, Rights, Syscall};

use super::twins::{Taken, Twins};
use crate::Event;
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::asid::{Asid, AsidPool};
use crate::object::endpoint::Receive;
use crate::object::tcb::{Tcb, TcbSlot};
use crate::testing::set_registers;

const ENDPOINT: usize = 1;
const REPLY: usize = 2;
const PAGE_FAULT: Event = Event::PageFault { address: 0x1234, code: 0x16 };
const EXCEPTION: Event = Event::Exception { vector: 6, code: 0 };

/// A thread that runs, and a handler in another address space that waits for its faults.
fn build(world: &mut World) -> [ObjRef<Tcb>; 2] {
    let pool: ObjRef<AsidPool> = world.object(12);
    world.kernel.asids[0] = Some(pool);
    let [faulter, handler] = [world.thread(3), world.passive(3)];
    for (number, tcb) in [(1, faulter), (2, handler)] {
        let root = world.memory(12);
        world.kernel.objs[pool].roots[number] = root.0;
        let vspace = Cap::VSpace { root, asid: Some(Asid(number as u16)) };
        world.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = vspace.pack();
    }
    let endpoint = world.endpoint(ENDPOINT);
    let reply = world.reply(REPLY);
    let cap = Cap::Endpoint { endpoint, badge: 77, rights: Rights::ALL };
    world.kernel.objs[faulter.slot(TcbSlot::FaultHandler)].cap = cap.pack();
    world.run(handler);
    world.kernel.receive_ipc(handler, endpoint, Receive { blocking: true, reply: Some(reply) });
    let context = &mut world.kernel.objs[faulter].context;
    set_registers(context, &[(Register::IP, 0x40_0000), (Register::STACK, 0x7000)]);
    world.kernel.sched.current_sc = world.sc(faulter).expect("an active thread");
    [faulter, handler]
}

fn fault(event: Event, change: impl Fn(&mut World, [ObjRef<Tcb>; 2])) -> Taken {
    let mut twins = Twins::new(|world| {
        let threads = build(world);
        change(world, threads);
        threads[0]
    });
    twins.event(event)
}

/// A fault, and the handler's answer with a label and words.
fn answer(event: Event, label: u64, words: &[u64]) -> Taken {
    let mut handler = None;
    let mut twins = Twins::new(|world| {
        let threads = build(world);
        handler = Some(threads[1]);
        threads[0]
    });
    assert_eq!(twins.event(event), Taken::Fast);
    let handler = handler.expect("the worlds are built");
    twins.tcb = handler;
    twins.both(|world| {
        world.write_message(handler, label, words, &[]);
        set_registers(&mut world.kernel.objs[handler].context, &[(Register::REPLY, REPLY as u64)]);
    });
    twins.syscall(Syscall::ReplyRecv, ENDPOINT as u64)
}

#[test]
fn faults_go_straight_to_a_handler_that_waits() {
    assert_eq!(fault(PAGE_FAULT, |_, _| {}), Taken::Fast);
    assert_eq!(fault(EXCEPTION, |_, _| {}), Taken::Fast);
}

#[test]
fn a_handler_with_a_context_of_its_own_runs_on_that() {
    let active = |world: &mut World, [_, handler]: [ObjRef<Tcb>; 2]| {
        let other = world.thread(1);
        let sc = world.sc(other).expect("an active thread");
        world.kernel.unbind_sched_context(sc);
        world.kernel.donate(sc, handler);
    };
    assert_eq!(fault(PAGE_FAULT, active), Taken::Fast);
    assert_eq!(fault(EXCEPTION, active), Taken::Fast);
}

#[test]
fn a_handler_without_reply_object_or_buffer_is_left_to_the_slow_path() {
    let no_reply = |world: &mut World, [_, handler]: [ObjRef<Tcb>; 2]| {
        _ = world.kernel.detach_reply(handler);
    };
    let no_buffer = |world: &mut World, [_, handler]: [ObjRef<Tcb>; 2]| world.drop_buffer(handler);
    assert_eq!(fault(PAGE_FAULT, no_reply), Taken::Slow);
    assert_eq!(fault(EXCEPTION, no_buffer), Taken::Slow);
    assert_eq!(fault(PAGE_FAULT, no_buffer), Taken::Fast);
}

#[test]
fn a_thread_without_handler_is_left_to_the_slow_path() {
    let alone = |world: &mut World, [faulter, _]: [ObjRef<Tcb>; 2]| {
        world.kernel.objs[faulter.slot(TcbSlot::FaultHandler)].cap = Cap::Null.pack();
    };
    assert_eq!(fault(PAGE_FAULT, alone), Taken::Slow);
}

#[test]
fn a_lesser_handler_runs_unless_a_better_thread_is_ready() {
    let lesser = |world: &mut World, [_, handler]: [ObjRef<Tcb>; 2]| world.kernel.objs[handler].priority = 2;
    assert_eq!(fault(PAGE_FAULT, lesser), Taken::Fast);
    for (priority, taken) in [(1, Taken::Fast), (2, Taken::Fast), (3, Taken::Slow)] {
        let with_another = |world: &mut World, threads: [ObjRef<Tcb>; 2]| {
            lesser(world, threads);
            let other = world.thread(priority);
            world.ready(other);
        };
        assert_eq!(fault(PAGE_FAULT, with_another), taken, "priority {priority}");
    }
}

#[test]
fn an_answer_resumes_the_faulter_with_the_registers_it_carries() {
    assert_eq!(answer(PAGE_FAULT, 0, &[]), Taken::Fast);
    assert_eq!(answer(PAGE_FAULT, 5, &[1, 2, 3, 4]), Taken::Fast);
    assert_eq!(answer(EXCEPTION, 0, &[]), Taken::Fast);
    assert_eq!(answer(EXCEPTION, 0, &[0x40_0002]), Taken::Fast);
    assert_eq!(answer(EXCEPTION, 0, &[0x40_0002, 0x8000, 0x246, 9, 9]), Taken::Fast);
}

#[test]
fn an_answer_that_leaves_the_faulter_stopped_is_left_to_the_slow_path() {
    assert_eq!(answer(EXCEPTION, 1, &[0x40_0002]), Taken::Slow);
}
