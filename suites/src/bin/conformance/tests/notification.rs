// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notifications: signals that merge, waiters in order, bound threads and scheduling contexts.

use crate::check::{Outcome, refused, same, tests};
use crate::code;
use crate::env::{Env, HIGH, LOW, MIDDLE, SLICE, append, leave};
use abi::{FaultKind, MessageInfo, Rights};
use userland::syscall::{self, Received};
use userland::{Capability, Endpoint, Error, Message, Notification, Options, Reply};

tests!(
    notification_signals_merge_by_or,
    notification_of_badge_zero_wakes_with_zero,
    notification_serves_waiters_by_priority_and_then_in_order,
    notification_signal_without_send_right_is_refused,
    notification_ignores_what_a_message_carries,
    notification_bound_reaches_its_thread_while_it_receives,
    notification_bound_pending_word_is_taken_by_the_next_receive,
    notification_bound_does_not_disturb_a_call,
    notification_bound_lets_only_its_thread_wait,
    notification_deleted_restarts_its_waiters,
    notification_lends_its_scheduling_context,
    notification_lends_its_scheduling_context_between_calls,
    notification_does_not_touch_message_registers,
);

const EMPTY: MessageInfo = MessageInfo::new(0, 0, 0, 0);

fn notification_signals_merge_by_or(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    for badge in [0b001, 0b100, 0b101] {
        let badged = env.badged(notification, badge)?;
        syscall::signal(badged.0);
    }
    same(env.poll(notification), 0b101)?;
    same(env.poll(notification), 0)
}

fn notification_of_badge_zero_wakes_with_zero(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    env.spawn(MIDDLE, move || leave(0, syscall::wait(notification.0).badge + 1))?;
    env.settle();
    same(env.left(0), 0)?;
    syscall::signal(notification.0);
    env.settle();
    same(env.left(0), 1)
}

fn notification_serves_waiters_by_priority_and_then_in_order(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    for (priority, mark) in [(LOW, 1), (MIDDLE, 2), (HIGH, 3), (MIDDLE, 4)] {
        env.spawn(priority, move || {
            syscall::wait(notification.0);
            append(0, mark);
        })?;
        env.settle();
    }
    for _ in 0..4 {
        syscall::signal(notification.0);
        env.settle();
    }
    same(env.left(0), 0x3241)
}

fn notification_signal_without_send_right_is_refused(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let mute = env.copy(notification, Rights::READ)?;
    refused(Message::new(0, &[]).invoke(mute.0), Error::InvalidCapability(0))?;
    syscall::signal(mute.0);
    same(env.poll(notification), 0)
}

fn notification_ignores_what_a_message_carries(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 6)?;
    let reply = Message::new(abi::Label::TcbSuspend.word(), &[1, 2, 3, 4, 5]).invoke(badged.0)?;
    same((reply.badge, reply.info), (0, EMPTY))?;
    same(env.poll(notification), 6)
}

fn notification_bound_reaches_its_thread_while_it_receives(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 9)?;
    let tcb = env.spawn(MIDDLE, move || {
        leave(0, syscall::recv(endpoint.0, reply.0).badge);
        leave(1, syscall::wait(notification.0).badge);
    })?;
    tcb.bind_notification(notification)?;
    env.settle();
    syscall::signal(badged.0);
    env.settle();
    same([env.left(0), env.left(1)], [9, 0])?;
    // The reply object is free again, and the bound thread may wait directly.
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())?;
    syscall::signal(badged.0);
    env.settle();
    same(env.left(1), 9)
}

fn notification_bound_pending_word_is_taken_by_the_next_receive(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 9)?;
    env.spawn(HIGH, move || syscall::send(endpoint.0, MessageInfo::new(5, 0, 0, 0), [0; 4]))?;
    env.settle();
    syscall::signal(badged.0);
    let tcb = env.spawn(MIDDLE, move || {
        leave(0, syscall::recv(endpoint.0, reply.0).badge);
        leave(1, syscall::recv(endpoint.0, reply.0).info.label());
    })?;
    tcb.bind_notification(notification)?;
    env.settle();
    same([env.left(0), env.left(1)], [9, 5])
}

fn notification_bound_does_not_disturb_a_call(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 9)?;
    let tcb = env.spawn(MIDDLE, move || {
        leave(0, syscall::call(endpoint.0, EMPTY, [0; 4]).info.label());
        leave(1, syscall::nb_wait(notification.0).badge);
    })?;
    tcb.bind_notification(notification)?;
    env.settle();
    syscall::signal(badged.0);
    env.settle();
    same(env.left(0), 0)?;
    syscall::nb_recv(endpoint.0, reply.0);
    Message::new(7, &[]).send(reply.0);
    env.settle();
    same([env.left(0), env.left(1)], [7, 9])
}

fn notification_bound_lets_only_its_thread_wait(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let bound: userland::Tcb = env.make()?;
    bound.bind_notification(notification)?;
    env.spawn_at(code::recv(), notification.0.0, Some(endpoint))?;
    let fault = env.receive(endpoint, reply)?;
    let words: [u64; 5] = core::array::from_fn(|index| fault.word(index));
    same(fault.info.label(), FaultKind::CapFault.word())?;
    same(words, [code::recv_at().address(), notification.0.0, 1, 2, 0])
}

fn notification_deleted_restarts_its_waiters(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    env.spawn_at(code::recv(), notification.0.0, Some(endpoint))?;
    env.settle();
    notification.slot().delete()?;
    // Its call is made again and does not find the capability.
    let fault = env.receive(endpoint, reply)?;
    same(fault.info.label(), FaultKind::CapFault.word())?;
    same(fault.word(1), notification.0.0)
}

fn notification_lends_its_scheduling_context(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let context = env.sched_context(SLICE)?;
    let thread = env.thread(Options::new(MIDDLE, Some(context)))?;
    let tcb = thread.tcb;
    thread.start(move || {
        for round in 1.. {
            syscall::wait(notification.0);
            leave(0, round);
        }
    })?;
    env.settle();
    context.unbind_object(tcb)?;
    syscall::signal(notification.0);
    env.settle();
    // Nobody's time: the thread was woken and does not run.
    same(env.left(0), 0)?;
    context.bind(tcb)?;
    env.settle();
    same(env.left(0), 1)?;
    context.unbind_object(tcb)?;
    context.bind(notification)?;
    for round in 2..5 {
        syscall::signal(notification.0);
        env.settle();
        same(env.left(0), round)?;
    }
    // The context is given back while the thread waits.
    let other: userland::Tcb = env.make()?;
    context.bind(other)?;
    Ok(())
}

fn notification_lends_its_scheduling_context_between_calls(env: &mut Env) -> Outcome {
    const SIGNAL: u64 = 5;
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, SIGNAL)?;
    let server = super::reply::passive(env, move || {
        let mut received = syscall::recv(endpoint.0, reply.0);
        loop {
            if received.badge == SIGNAL {
                append(0, 1);
                received = syscall::recv(endpoint.0, reply.0);
            } else {
                append(0, 2);
                syscall::signal(badged.0);
                received = syscall::reply_recv(endpoint.0, MessageInfo::new(7, 0, 0, 0), [0; 4], reply.0);
            }
        }
    })?;
    server.bind_notification(notification)?;
    let context = env.sched_context(SLICE)?;
    context.bind(notification)?;
    syscall::signal(badged.0);
    env.settle();
    same(env.left(0), 1)?;
    // It has been given back: another thread can have it.
    let other: userland::Tcb = env.make()?;
    context.bind(other)?;
    context.unbind_object(other)?;
    env.spawn(MIDDLE, move || leave(1, syscall::call(endpoint.0, EMPTY, [0; 4]).info.label()))?;
    env.settle();
    same((env.left(0), env.left(1)), (0x121, 7))?;
    context.bind(other)?;
    Ok(())
}

fn notification_does_not_touch_message_registers(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 1)?;
    Message::new(9, &[1, 2, 3, 4]).nb_send(badged.0);
    same(syscall::nb_wait(notification.0), Received { badge: 1, ..Received::default() })
}
