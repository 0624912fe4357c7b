// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capabilities that travel with messages.

use crate::check::{Failure, Outcome, same, tests};
use crate::env::{DEPTH, Env, MIDDLE, kind, leave};
use abi::{CapTag, MessageInfo, Rights};
use userland::syscall::Received;
use userland::{
    CPtr, Capability, Endpoint, INIT_CNODE, IRQ_CONTROL, IpcBuffer, Message, Notification, Reply,
};

tests!(
    transfer_puts_a_capability_into_the_receive_slot,
    transfer_needs_the_grant_right,
    transfer_needs_a_receive_slot_that_is_empty,
    transfer_moves_one_capability_at_most,
    transfer_unwraps_capabilities_to_the_same_endpoint,
    transfer_without_slot_still_unwraps_what_comes_first,
    transfer_stops_at_what_cannot_be_derived,
    transfer_in_a_reply_needs_the_grant_right_of_the_reply_object,
    transfer_of_an_unresolvable_capability_is_a_fault,
    transfer_makes_a_child_of_the_senders_capability,
);

/// A thread that sends these capabilities through `endpoint`.
fn send(env: &mut Env, endpoint: Endpoint, caps: [CPtr; 3], count: usize) -> Result<(), Failure> {
    env.spawn(MIDDLE, move || Message::new(1, &[]).with_caps(&caps[..count]).send(endpoint.0))?;
    env.settle();
    Ok(())
}

/// Receives into `slot`, or without one.
fn receive(env: &Env, endpoint: Endpoint, reply: Reply, slot: CPtr) -> Result<Received, Failure> {
    IpcBuffer::current().set_receive_slot(INIT_CNODE.0, slot.0, DEPTH);
    let received = env.take(endpoint, reply);
    IpcBuffer::current().set_receive_slot(CPtr::NULL, 0, 0);
    received
}

fn counts(received: &Received) -> (usize, u64) {
    (received.info.extra_caps(), received.info.caps_unwrapped())
}

fn transfer_puts_a_capability_into_the_receive_slot(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    send(env, endpoint, [notification.0; 3], 1)?;
    let slot = env.slot()?;
    same(counts(&receive(env, endpoint, reply, slot)?), (1, 0))?;
    same(kind(slot), Some(CapTag::Notification))
}

fn transfer_needs_the_grant_right(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let weak = env.copy(endpoint, Rights(Rights::READ_WRITE.word() | Rights::GRANT_REPLY.word()))?;
    send(env, weak, [endpoint.0; 3], 2)?;
    let slot = env.slot()?;
    same(counts(&receive(env, endpoint, reply, slot)?), (0, 0))?;
    same(kind(slot), Some(CapTag::Null))
}

fn transfer_needs_a_receive_slot_that_is_empty(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    for slot in [notification.0, CPtr(1 << (DEPTH - 4))] {
        send(env, endpoint, [notification.0; 3], 1)?;
        same(counts(&receive(env, endpoint, reply, slot)?), (0, 0))?;
    }
    Ok(())
}

fn transfer_moves_one_capability_at_most(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    send(env, endpoint, [notification.0; 3], 3)?;
    let slot = env.slot()?;
    same(counts(&receive(env, endpoint, reply, slot)?), (1, 0))
}

fn transfer_unwraps_capabilities_to_the_same_endpoint(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let badged = env.badged(endpoint, 0x5a)?;
    send(env, endpoint, [notification.0, badged.0, endpoint.0], 3)?;
    let slot = env.slot()?;
    same(counts(&receive(env, endpoint, reply, slot)?), (3, 0b110))?;
    let buffer = IpcBuffer::current();
    same([buffer.badge(1), buffer.badge(2)], [0x5a, 0])?;
    same(kind(slot), Some(CapTag::Notification))
}

fn transfer_without_slot_still_unwraps_what_comes_first(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let badged = env.badged(endpoint, 0x5a)?;
    send(env, endpoint, [badged.0, notification.0, badged.0], 3)?;
    same(counts(&env.take(endpoint, reply)?), (1, 0b1))?;
    same(IpcBuffer::current().badge(0), 0x5a)?;
    send(env, endpoint, [notification.0, badged.0, endpoint.0], 3)?;
    same(counts(&env.take(endpoint, reply)?), (0, 0))
}

fn transfer_stops_at_what_cannot_be_derived(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let nothing = env.slot()?;
    for cap in [IRQ_CONTROL.0, nothing] {
        send(env, endpoint, [endpoint.0, cap, endpoint.0], 3)?;
        let slot = env.slot()?;
        same(counts(&receive(env, endpoint, reply, slot)?), (1, 0b1))?;
        same(kind(slot), Some(CapTag::Null))?;
    }
    Ok(())
}

/// Answers a call with a capability; returns how many the caller got.
fn reply_with(env: &mut Env, reply: Reply, through: Reply) -> Result<u64, Failure> {
    let endpoint: Endpoint = env.make()?;
    let slot = env.slot()?;
    env.spawn(MIDDLE, move || {
        IpcBuffer::current().set_receive_slot(INIT_CNODE.0, slot.0, DEPTH);
        let answer = userland::syscall::call(endpoint.0, MessageInfo::default(), [0; 4]);
        leave(0, answer.info.word());
    })?;
    env.settle();
    // An empty message cannot be told from none.
    userland::syscall::nb_recv(endpoint.0, reply.0);
    Message::new(1, &[]).with_caps(&[endpoint.0]).send(through.0);
    env.settle();
    let answer = MessageInfo(env.left(0));
    same((answer.label(), answer.caps_unwrapped()), (1, 0))?;
    Ok(answer.extra_caps() as u64)
}

fn transfer_in_a_reply_needs_the_grant_right_of_the_reply_object(env: &mut Env) -> Outcome {
    let reply: Reply = env.make()?;
    let weak = env.copy(reply, Rights::READ_WRITE)?;
    same(reply_with(env, reply, reply)?, 1)?;
    same(reply_with(env, reply, weak)?, 0)
}

fn transfer_of_an_unresolvable_capability_is_a_fault(env: &mut Env) -> Outcome {
    let (endpoint, handler): (Endpoint, Endpoint) = (env.make()?, env.make()?);
    let reply: Reply = env.make()?;
    let bad = CPtr(1 << (DEPTH - 8));
    let tcb = env.spawn(MIDDLE, move || {
        Message::new(1, &[]).with_caps(&[endpoint.0, bad]).nb_send(endpoint.0);
        leave(0, 1);
        Message::new(1, &[]).with_caps(&[endpoint.0, bad]).send(endpoint.0);
    })?;
    let space = userland::object::Space {
        cspace: INIT_CNODE,
        guard: abi::GuardData(0),
        vspace: userland::INIT_VSPACE,
    };
    tcb.set_space(Some(handler), space)?;
    let fault = env.receive(handler, reply)?;
    same((env.left(0), fault.info.label()), (1, abi::FaultKind::CapFault.word()))?;
    same([fault.word(1), fault.word(2)], [bad.0, 0])
}

fn transfer_makes_a_child_of_the_senders_capability(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    send(env, endpoint, [notification.0; 3], 1)?;
    let slot = env.slot()?;
    receive(env, endpoint, reply, slot)?;
    notification.slot().revoke()?;
    same([kind(slot), kind(notification.0)], [Some(CapTag::Null), Some(CapTag::Notification)])
}
