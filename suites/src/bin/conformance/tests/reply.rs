// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reply objects, and the time that callers lend.

use crate::check::{Failure, Outcome, same, tests};
use crate::env::{Env, HIGH, MIDDLE, SLICE, append, leave};
use abi::{MessageInfo, Rights};
use userland::syscall;
use userland::{Capability, Endpoint, Message, Options, Reply, Tcb};

tests!(
    reply_to_nobody_does_nothing,
    reply_may_come_from_any_thread_and_through_a_copy,
    reply_object_is_free_after_the_reply,
    reply_object_deleted_stops_the_caller,
    reply_object_deleted_cancels_a_receive,
    reply_object_taken_by_another_receive_stops_its_caller,
    reply_suspended_caller_leaves_the_reply_object,
    reply_donation_lets_a_passive_server_run,
    reply_donation_nests,
    reply_donation_goes_down_a_long_chain_and_back,
    reply_donation_returns_when_the_reply_object_is_deleted,
    reply_donation_stays_with_the_server_when_the_caller_is_suspended,
    reply_donation_does_not_happen_by_send,
    reply_donation_out_of_order_leaves_the_first_caller_without_time,
);

const EMPTY: MessageInfo = MessageInfo::new(0, 0, 0, 0);

/// A thread that calls `endpoint` and leaves the label of the answer at `index`.
fn client(env: &mut Env, endpoint: Endpoint, index: usize) -> Result<Tcb, Failure> {
    env.spawn(MIDDLE, move || {
        leave(index, syscall::call(endpoint.0, MessageInfo::new(1, 0, 0, 0), [0; 4]).info.label());
    })
}

/// A thread without time that runs `work` up to its first receive, then has none.
pub(super) fn passive(env: &mut Env, work: impl FnOnce() + Send + 'static) -> Result<Tcb, Failure> {
    let context = env.sched_context(SLICE)?;
    let thread = env.thread(Options::new(HIGH, Some(context)))?;
    let tcb = thread.tcb;
    thread.start(work)?;
    env.settle();
    context.unbind()?;
    Ok(tcb)
}

/// A passive server that answers with `label`.
fn server(env: &mut Env, endpoint: Endpoint, reply: Reply, label: u64) -> Result<Tcb, Failure> {
    passive(env, move || {
        syscall::recv(endpoint.0, reply.0);
        loop {
            syscall::reply_recv(endpoint.0, MessageInfo::new(label, 0, 0, 0), [0; 4], reply.0);
        }
    })
}

fn reply_to_nobody_does_nothing(env: &mut Env) -> Outcome {
    let reply: Reply = env.make()?;
    let answer = Message::new(5, &[1]).call(reply.0);
    same((answer.badge, answer.info), (0, EMPTY))?;
    Message::new(5, &[1]).send(reply.0);
    Ok(())
}

fn reply_may_come_from_any_thread_and_through_a_copy(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let copy = env.copy(reply, Rights::NONE)?;
    client(env, endpoint, 0)?;
    env.receive(endpoint, reply)?;
    env.spawn(MIDDLE, move || Message::new(6, &[]).send(copy.0))?;
    env.settle();
    same(env.left(0), 6)
}

fn reply_object_is_free_after_the_reply(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    for index in 0..3 {
        client(env, endpoint, index)?;
        env.receive(endpoint, reply)?;
        Message::new(index as u64 + 2, &[]).send(reply.0);
        Message::new(9, &[]).send(reply.0);
    }
    env.settle();
    same([env.left(0), env.left(1), env.left(2)], [2, 3, 4])
}

fn reply_object_deleted_stops_the_caller(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = client(env, endpoint, 0)?;
    env.receive(endpoint, reply)?;
    let copy = env.copy(reply, Rights::ALL)?;
    reply.slot().delete()?;
    Message::new(2, &[]).send(copy.0);
    env.settle();
    // The copy kept the object alive.
    same(env.left(0), 2)?;
    let second: Reply = env.make()?;
    client(env, endpoint, 1)?;
    env.receive(endpoint, second)?;
    second.slot().delete()?;
    env.settle();
    same(env.left(1), 0)?;
    tcb.suspend()?;
    Ok(())
}

fn reply_object_deleted_cancels_a_receive(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    env.spawn(MIDDLE, move || {
        syscall::recv(endpoint.0, reply.0);
        leave(0, 1);
    })?;
    env.settle();
    reply.slot().delete()?;
    syscall::nb_send(endpoint.0, EMPTY, [0; 4]);
    env.settle();
    same(env.left(0), 0)
}

fn reply_object_taken_by_another_receive_stops_its_caller(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    client(env, endpoint, 0)?;
    env.receive(endpoint, reply)?;
    client(env, endpoint, 1)?;
    env.receive(endpoint, reply)?;
    Message::new(3, &[]).send(reply.0);
    env.settle();
    same([env.left(0), env.left(1)], [0, 3])
}

fn reply_suspended_caller_leaves_the_reply_object(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = client(env, endpoint, 0)?;
    env.receive(endpoint, reply)?;
    tcb.suspend()?;
    Message::new(3, &[]).send(reply.0);
    env.settle();
    same(env.left(0), 0)?;
    // Resumed, it calls again.
    tcb.resume()?;
    env.receive(endpoint, reply)?;
    Message::new(4, &[]).send(reply.0);
    env.settle();
    same(env.left(0), 4)
}

fn reply_donation_lets_a_passive_server_run(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    server(env, endpoint, reply, 5)?;
    client(env, endpoint, 0)?;
    client(env, endpoint, 1)?;
    env.settle();
    same([env.left(0), env.left(1)], [5, 5])
}

fn reply_donation_nests(env: &mut Env) -> Outcome {
    let [outer, inner]: [Endpoint; 2] = [env.make()?, env.make()?];
    let [outer_reply, inner_reply]: [Reply; 2] = [env.make()?, env.make()?];
    server(env, inner, inner_reply, 5)?;
    passive(env, move || {
        syscall::recv(outer.0, outer_reply.0);
        loop {
            let label = syscall::call(inner.0, EMPTY, [0; 4]).info.label() + 1;
            syscall::reply_recv(outer.0, MessageInfo::new(label, 0, 0, 0), [0; 4], outer_reply.0);
        }
    })?;
    for index in 0..3 {
        client(env, outer, index)?;
        env.settle();
    }
    same([env.left(0), env.left(1), env.left(2)], [6, 6, 6])
}

fn reply_donation_goes_down_a_long_chain_and_back(env: &mut Env) -> Outcome {
    const SERVERS: u64 = 12;
    let (mut endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    server(env, endpoint, reply, 1)?;
    for _ in 1..SERVERS {
        let inner = endpoint;
        endpoint = env.make()?;
        let (outer, reply): (Endpoint, Reply) = (endpoint, env.make()?);
        passive(env, move || {
            syscall::recv(outer.0, reply.0);
            loop {
                let label = syscall::call(inner.0, EMPTY, [0; 4]).info.label() + 1;
                syscall::reply_recv(outer.0, MessageInfo::new(label, 0, 0, 0), [0; 4], reply.0);
            }
        })?;
    }
    for index in 0..3 {
        client(env, endpoint, index)?;
        env.settle();
    }
    same([env.left(0), env.left(1), env.left(2)], [SERVERS; 3])
}

fn reply_donation_returns_when_the_reply_object_is_deleted(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let never: userland::Notification = env.make()?;
    passive(env, move || {
        syscall::recv(endpoint.0, reply.0);
        syscall::wait(never.0);
        leave(1, 1);
    })?;
    let tcb = client(env, endpoint, 0)?;
    env.settle();
    reply.slot().delete()?;
    // The caller has its time back, and is inactive; the server has none.
    syscall::signal(never.0);
    env.settle();
    same([env.left(0), env.left(1)], [0, 0])?;
    let other = env.sched_context(SLICE)?;
    crate::check::refused(other.bind(tcb), userland::Error::IllegalOperation)
}

fn reply_donation_stays_with_the_server_when_the_caller_is_suspended(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let go: userland::Notification = env.make()?;
    passive(env, move || {
        syscall::recv(endpoint.0, reply.0);
        syscall::wait(go.0);
        leave(1, 1);
    })?;
    let tcb = client(env, endpoint, 0)?;
    env.settle();
    tcb.suspend()?;
    syscall::signal(go.0);
    env.settle();
    same(env.left(1), 1)?;
    // The caller lost its time: it can get another.
    env.sched_context(SLICE)?.bind(tcb)?;
    Ok(())
}

fn reply_donation_does_not_happen_by_send(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = passive(env, move || {
        syscall::recv(endpoint.0, reply.0);
        leave(0, 1);
    })?;
    env.spawn(MIDDLE, move || {
        syscall::send(endpoint.0, EMPTY, [0; 4]);
        leave(1, 1);
    })?;
    env.settle();
    same([env.left(0), env.left(1)], [0, 1])?;
    env.sched_context(SLICE)?.bind(tcb)?;
    env.settle();
    same(env.left(0), 1)
}

fn reply_donation_out_of_order_leaves_the_first_caller_without_time(env: &mut Env) -> Outcome {
    let [outer, inner]: [Endpoint; 2] = [env.make()?, env.make()?];
    let [outer_reply, inner_reply]: [Reply; 2] = [env.make()?, env.make()?];
    let go: userland::Notification = env.make()?;
    // The inner server keeps the time and waits with it.
    passive(env, move || {
        syscall::recv(inner.0, inner_reply.0);
        syscall::wait(go.0);
        append(2, 1);
        syscall::reply_recv(inner.0, MessageInfo::new(5, 0, 0, 0), [0; 4], inner_reply.0);
    })?;
    passive(env, move || {
        syscall::recv(outer.0, outer_reply.0);
        syscall::call(inner.0, EMPTY, [0; 4]);
        append(2, 2);
    })?;
    let tcb = client(env, outer, 0)?;
    env.settle();
    // Answered before the inner call ended: the client can run but has no time.
    Message::new(7, &[]).send(outer_reply.0);
    env.settle();
    same([env.left(0), env.left(2)], [0, 0])?;
    syscall::signal(go.0);
    env.settle();
    same([env.left(0), env.left(2)], [0, 0x12])?;
    env.sched_context(SLICE)?.bind(tcb)?;
    env.settle();
    same(env.left(0), 7)
}
