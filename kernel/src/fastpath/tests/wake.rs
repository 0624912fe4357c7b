// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sends that wake a thread of higher priority.

use abi::{MessageInfo, Syscall};
use arch::Ticks;

use super::twins::{Taken, Twins};
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::asid::{Asid, AsidPool};
use crate::object::endpoint::Receive;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::refill::Rate;

const ENDPOINT: usize = 1;
const NOTIFICATION: usize = 2;
const REPLY: usize = 3;
const BUDGET: Ticks = Ticks(1_000_000);

/// What the other thread waits for.
#[derive(Clone, Copy)]
enum Waits {
    /// A signal.
    Signal,
    /// A message, or a signal of its bound notification.
    Message,
}

/// Objects, and two threads in address spaces of their own: one that sends, and a better one that waits.
fn build(world: &mut World, waits: Waits) -> [ObjRef<Tcb>; 2] {
    let pool: ObjRef<AsidPool> = world.object(12);
    world.kernel.asids[0] = Some(pool);
    let threads = [1, 2].map(|number| {
        let tcb = world.thread(number);
        let root = world.memory(12);
        world.kernel.objs[pool].roots[usize::from(number)] = root.0;
        let vspace = Cap::VSpace { root, asid: Some(Asid(number.into())) };
        world.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = vspace.pack();
        tcb
    });
    let [sender, waiter] = threads;
    let endpoint = world.endpoint(ENDPOINT);
    let notification = world.notification(NOTIFICATION);
    let reply = world.reply(REPLY);
    world.run(waiter);
    match waits {
        Waits::Signal => world.kernel.receive_signal(waiter, notification, true),
        Waits::Message => {
            world.kernel.bind_notification(waiter, notification);
            world.kernel.receive_ipc(waiter, endpoint, Receive { blocking: true, reply: Some(reply) });
        }
    }
    // A sender has no say in the bits of capabilities unwrapped.
    world.kernel.objs[sender].context.set_info(MessageInfo::new(7, 0b101, 0, 3).word());
    world.kernel.sched.current_sc = world.sc(sender).expect("an active thread");
    threads
}

/// Twins whose worlds `change` has changed; time has passed since the sender was last charged.
fn twins(waits: Waits, change: impl Fn(&mut World, [ObjRef<Tcb>; 2])) -> Twins {
    Twins::new(|world| {
        let threads = build(world, waits);
        change(world, threads);
        world.kernel.machine.time += Ticks(1000);
        threads[0]
    })
}

fn signal(waits: Waits, change: impl Fn(&mut World, [ObjRef<Tcb>; 2])) -> Taken {
    twins(waits, change).syscall(Syscall::Send, NOTIFICATION as u64)
}

fn message(change: impl Fn(&mut World, [ObjRef<Tcb>; 2])) -> Taken {
    twins(Waits::Message, change).syscall(Syscall::NBSend, ENDPOINT as u64)
}

#[test]
fn a_signal_wakes_the_better_thread_that_waits_for_it() {
    assert_eq!(signal(Waits::Signal, |_, _| {}), Taken::Fast);
}

#[test]
fn a_signal_wakes_the_better_thread_bound_to_it_and_frees_its_reply_object() {
    assert_eq!(signal(Waits::Message, |_, _| {}), Taken::Fast);
}

#[test]
fn a_message_goes_to_the_better_thread_that_waits_for_it() {
    assert_eq!(message(|_, _| {}), Taken::Fast);
}

#[test]
fn others_stay_in_the_queue() {
    let queue = |world: &mut World, _: [ObjRef<Tcb>; 2]| {
        let other = world.thread(1);
        let Cap::Notification { notification, .. } = world.cap(NOTIFICATION) else { return };
        world.run(other);
        world.kernel.receive_signal(other, notification, true);
    };
    assert_eq!(signal(Waits::Signal, queue), Taken::Fast);
}

#[test]
fn a_thread_that_is_no_better_becomes_ready_by_a_signal_and_is_left_to_the_slow_path_by_a_message() {
    for priority in [2, 3] {
        let no_better = |world: &mut World, [sender, _]: [ObjRef<Tcb>; 2]| {
            world.kernel.objs[sender].priority = priority;
        };
        let mut twins = twins(Waits::Signal, no_better);
        // Who goes on is charged later: with time standing still there is nothing to charge.
        twins.both(|world| world.kernel.machine.time = world.kernel.sched.now);
        assert_eq!(twins.syscall(Syscall::Send, NOTIFICATION as u64), Taken::Fast);
        assert_eq!(message(no_better), Taken::Slow);
    }
}

#[test]
fn a_thread_with_a_sporadic_context_that_is_no_better_is_left_to_the_slow_path() {
    let sporadic = |world: &mut World, [sender, waiter]: [ObjRef<Tcb>; 2]| {
        world.kernel.objs[sender].priority = 2;
        let sc = world.sc(waiter).expect("an active thread");
        world.kernel.objs[sc].sporadic = 1;
    };
    assert_eq!(signal(Waits::Signal, sporadic), Taken::Slow);
}

#[test]
fn a_thread_without_scheduling_context_is_left_to_the_slow_path() {
    let passive = |world: &mut World, [_, waiter]: [ObjRef<Tcb>; 2]| {
        let sc = world.sc(waiter).expect("an active thread");
        world.kernel.unbind_sched_context(sc);
    };
    assert_eq!(signal(Waits::Signal, passive), Taken::Slow);
    assert_eq!(message(passive), Taken::Slow);
}

#[test]
fn an_exhausted_budget_is_left_to_the_slow_path() {
    let exhaust = |world: &mut World, _: [ObjRef<Tcb>; 2]| {
        let sc = world.kernel.sched.current_sc;
        let left = world.kernel.min_budget() + Ticks(999);
        let all = world.kernel.objs[sc].budget;
        world.kernel.charge_slice(sc, all.saturating_sub(left));
    };
    assert_eq!(signal(Waits::Signal, exhaust), Taken::Slow);
}

#[test]
fn a_thread_whose_release_is_due_is_left_to_the_slow_path() {
    let release_at = |time: u64| {
        move |world: &mut World, _: [ObjRef<Tcb>; 2]| {
            let other = world.thread(3);
            let sc = world.sc(other).expect("an active thread");
            world.kernel.set_refills(sc, Rate { budget: BUDGET, period: BUDGET + BUDGET, max_refills: 2 });
            world.kernel.head_mut(sc).time = world.kernel.machine.time + Ticks(time);
            world.kernel.set_thread_state(other, ThreadState::Running);
            world.kernel.enqueue_release(other);
            world.kernel.sched.reprogram = false;
        }
    };
    assert_eq!(signal(Waits::Signal, release_at(1000)), Taken::Slow);
    assert_eq!(signal(Waits::Signal, release_at(1001)), Taken::Fast);
}

#[test]
fn contexts_with_a_period_are_charged_and_unblocked_as_on_the_slow_path() {
    for sporadic in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let set_rates = |world: &mut World, threads: [ObjRef<Tcb>; 2]| {
            for (tcb, sporadic) in threads.into_iter().zip(sporadic) {
                let sc = world.sc(tcb).expect("an active thread");
                world
                    .kernel
                    .set_refills(sc, Rate { budget: BUDGET, period: BUDGET + BUDGET, max_refills: 2 });
                world.kernel.objs[sc].sporadic = sporadic;
            }
        };
        assert_eq!(signal(Waits::Signal, set_rates), Taken::Fast);
    }
}
