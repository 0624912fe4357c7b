// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system calls that send and receive, over endpoints.

use super::reply::passive;
use crate::check::{Outcome, holds, refused, same, tests};
use crate::env::{DEPTH, Env, HIGH, LOW, MIDDLE, append, leave};
use crate::machine::CALL_LENGTH;
use abi::ipc_buffer::MAX_LENGTH;
use abi::{MessageInfo, Register, Rights, Word, widen};
use userland::object::Flow;
use userland::syscall::{self, Received};
use userland::{CPtr, Endpoint, Error, INIT_TCB, IpcBuffer, Local, Message, Notification, Reply, Tcb};

tests!(
    syscall_send_blocks_until_a_receiver_comes,
    syscall_send_serves_senders_by_priority_and_then_in_order,
    syscall_send_moves_with_the_priority_of_the_sender,
    syscall_nb_send_is_dropped_without_receiver,
    syscall_nb_send_reaches_a_receiver_that_waits,
    syscall_nb_send_to_nowhere_is_silent,
    syscall_call_waits_for_the_reply,
    syscall_call_carries_the_badge_and_its_reply_none,
    syscall_call_without_grant_rights_never_ends,
    syscall_call_of_an_empty_slot_is_refused,
    syscall_call_without_send_right_is_refused,
    syscall_call_through_either_grant_right_is_answered,
    syscall_call_reaches_a_receiver_whose_registers_were_written,
    syscall_messages_have_at_most_120_words,
    syscall_messages_of_four_words_need_no_buffer,
    syscall_recv_serves_receivers_by_priority,
    syscall_nb_recv_finds_nothing,
    syscall_reply_recv_answers_and_receives,
    syscall_nb_send_recv_sends_to_another_endpoint,
    syscall_nb_send_recv_receives_when_the_send_half_fails,
    syscall_nb_send_recv_refuses_to_invoke_threads,
    syscall_nb_send_wait_sends_and_waits,
    syscall_wait_on_an_endpoint_leaves_a_caller_inactive,
    syscall_nb_wait_polls,
    syscall_yield_lets_equals_run,
    syscall_set_tls_base_sets_the_callers_own,
);

/// The message info of words under a label.
const fn info(label: u64, length: usize) -> MessageInfo {
    MessageInfo::new(label, 0, 0, length)
}

/// A thread that calls `endpoint` with `word` and leaves the answer at `index`.
fn client(env: &mut Env, endpoint: Endpoint, index: usize, word: u64) -> Result<Tcb, crate::check::Failure> {
    env.spawn(MIDDLE, move || leave(index, syscall::call(endpoint.0, info(1, 1), [word, 0, 0, 0]).words[0]))
}

fn syscall_send_blocks_until_a_receiver_comes(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    env.spawn(MIDDLE, move || {
        syscall::send(endpoint.0, info(5, 4), [1, 2, 3, 4]);
        leave(0, 1);
    })?;
    env.settle();
    same(env.left(0), 0)?;
    same(env.take(endpoint, reply)?, Received { badge: 0, info: info(5, 4), words: [1, 2, 3, 4] })?;
    env.settle();
    same(env.left(0), 1)
}

fn sender(
    env: &mut Env,
    priority: u64,
    endpoint: Endpoint,
    label: u64,
) -> Result<Tcb, crate::check::Failure> {
    env.spawn(priority, move || syscall::send(endpoint.0, info(label, 0), [0; 4]))
}

fn syscall_send_serves_senders_by_priority_and_then_in_order(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    for (priority, label) in [(LOW, 1), (MIDDLE, 2), (HIGH, 3), (MIDDLE, 4)] {
        sender(env, priority, endpoint, label)?;
        env.settle();
    }
    for label in [3, 2, 4, 1] {
        same(env.take(endpoint, reply)?.info.label(), label)?;
    }
    Ok(())
}

fn syscall_send_moves_with_the_priority_of_the_sender(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let first = sender(env, MIDDLE, endpoint, 1)?;
    env.settle();
    let second = sender(env, LOW, endpoint, 2)?;
    env.settle();
    second.set_priority(INIT_TCB, HIGH)?;
    first.set_priority(INIT_TCB, HIGH)?;
    same(env.take(endpoint, reply)?.info.label(), 2)?;
    same(env.take(endpoint, reply)?.info.label(), 1)
}

fn syscall_nb_send_is_dropped_without_receiver(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    syscall::nb_send(endpoint.0, info(5, 0), [0; 4]);
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())
}

fn syscall_nb_send_reaches_a_receiver_that_waits(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let badged = env.badged(endpoint, 0x42)?;
    env.spawn(MIDDLE, move || {
        let received = syscall::recv(endpoint.0, reply.0);
        leave(0, received.badge);
        leave(1, received.info.word());
        leave(2, received.words[3]);
    })?;
    env.settle();
    syscall::nb_send(badged.0, info(5, 4), [1, 2, 3, 4]);
    env.settle();
    same([env.left(0), env.left(1), env.left(2)], [0x42, info(5, 4).word(), 4])
}

fn syscall_nb_send_to_nowhere_is_silent(env: &mut Env) -> Outcome {
    let nothing = env.slot()?;
    syscall::nb_send(nothing, info(0, 0), [0; 4]);
    syscall::nb_send(CPtr(1 << (DEPTH - 8)), info(0, 0), [0; 4]);
    // An invocation without Call says nothing about its error either.
    syscall::send(INIT_TCB.0, info(0, 0), [0; 4]);
    syscall::send(nothing, info(0, 0), [0; 4]);
    Ok(())
}

fn syscall_call_waits_for_the_reply(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    client(env, endpoint, 0, 7)?;
    same(env.receive(endpoint, reply)?.words[0], 7)?;
    env.settle();
    same(env.left(0), 0)?;
    Message::new(0, &[8]).send(reply.0);
    env.settle();
    same(env.left(0), 8)
}

fn syscall_call_carries_the_badge_and_its_reply_none(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let badged = env.badged(endpoint, widen(Word::MAX))?;
    env.spawn(MIDDLE, move || {
        let answer = syscall::call(badged.0, info(1, 0), [0; 4]);
        leave(0, answer.badge + 1);
        leave(1, answer.info.label());
    })?;
    same(env.receive(endpoint, reply)?.badge, widen(Word::MAX))?;
    Message::new(0x77, &[]).send(reply.0);
    env.settle();
    same([env.left(0), env.left(1)], [1, 0x77])
}

fn syscall_call_without_grant_rights_never_ends(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let weak = env.copy(endpoint, Rights::READ_WRITE)?;
    client(env, weak, 0, 7)?;
    same(env.receive(endpoint, reply)?.words[0], 7)?;
    Message::new(0, &[8]).send(reply.0);
    env.settle();
    same(env.left(0), 0)
}

fn syscall_call_of_an_empty_slot_is_refused(env: &mut Env) -> Outcome {
    let nothing = env.slot()?;
    refused(Message::new(1, &[]).invoke(nothing), Error::InvalidCapability(0))
}

fn syscall_call_without_send_right_is_refused(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let mute = env.copy(endpoint, Rights::NO_WRITE)?;
    refused(Message::new(1, &[]).invoke(mute.0), Error::InvalidCapability(0))?;
    // By Send and NBSend nobody hears of it.
    Message::new(1, &[]).send(mute.0);
    Message::new(1, &[]).nb_send(mute.0);
    Ok(())
}

fn syscall_call_through_either_grant_right_is_answered(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    for (index, right) in [Rights::GRANT, Rights::GRANT_REPLY].into_iter().enumerate() {
        let cap = env.copy(endpoint, Rights(right.word() | Rights::WRITE.word()))?;
        client(env, cap, index, 1)?;
        env.receive(endpoint, reply)?;
        Message::new(0, &[9]).send(reply.0);
        env.settle();
        same(env.left(index), 9)?;
    }
    Ok(())
}

fn syscall_call_reaches_a_receiver_whose_registers_were_written(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let badged = env.badged(endpoint, 0x42)?;
    let server = passive(env, move || {
        let mut received = syscall::recv(endpoint.0, reply.0);
        loop {
            leave(0, received.badge);
            received = syscall::reply_recv(endpoint.0, received.info, received.words, reply.0);
        }
    })?;
    for length in [0, 2, 4] {
        let mut registers = [0; Register::COUNT];
        server.read_registers(Flow::Keep, &mut registers)?;
        // It waits, and is to go on behind the instruction that waits.
        registers[0] += CALL_LENGTH;
        server.write_registers(Flow::Keep, &registers)?;
        env.spawn(MIDDLE, move || {
            let (question, words) = (info(3, length), [5, 6, 7, 8]);
            let answer = syscall::call(badged.0, question, words);
            leave(1, u64::from(answer == Received { badge: 0, info: question, words }));
        })?;
        env.settle();
        same([env.left(0), env.left(1)], [0x42, 1])?;
        leave(1, 0);
    }
    Ok(())
}

fn syscall_messages_have_at_most_120_words(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    for length in [5, 120, 127] {
        env.spawn(MIDDLE, move || {
            let buffer = IpcBuffer::current();
            (4..MAX_LENGTH).for_each(|register| buffer.set_word(register, register as u64 * 3));
            syscall::send(endpoint.0, info(0, length), [0, 3, 6, 9]);
        })?;
        let message = env.receive(endpoint, reply)?;
        let copied = length.min(MAX_LENGTH);
        same(message.info.word(), copied as u64)?;
        holds(
            (0..copied).all(|register| message.word(register) == register as u64 * 3),
            "every word arrives",
        )?;
    }
    Ok(())
}

fn syscall_messages_of_four_words_need_no_buffer(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = env.spawn(MIDDLE, move || syscall::send(endpoint.0, info(2, 6), [1, 2, 3, 4]))?;
    tcb.set_ipc_buffer(0, userland::SmallPage(CPtr::NULL))?;
    let message = env.receive(endpoint, reply)?;
    same((message.info, message.words), (info(2, 4), [1, 2, 3, 4]))
}

fn syscall_recv_serves_receivers_by_priority(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    for (priority, mark) in [(LOW, 1), (MIDDLE, 2), (HIGH, 3), (MIDDLE, 4)] {
        let reply: Reply = env.make()?;
        env.spawn(priority, move || {
            syscall::recv(endpoint.0, reply.0);
            append(0, mark);
        })?;
        env.settle();
    }
    for _ in 0..4 {
        syscall::nb_send(endpoint.0, info(0, 0), [0; 4]);
        env.settle();
    }
    same(env.left(0), 0x3241)
}

fn syscall_nb_recv_finds_nothing(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())?;
    let notification: Notification = env.make()?;
    same(syscall::nb_recv(notification.0, CPtr::NULL).badge, 0)
}

fn syscall_reply_recv_answers_and_receives(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    env.spawn(HIGH, move || {
        let mut request = syscall::recv(endpoint.0, reply.0);
        loop {
            request = syscall::reply_recv(endpoint.0, info(0, 1), [request.words[0] * 2, 0, 0, 0], reply.0);
        }
    })?;
    env.settle();
    for index in 0..3 {
        client(env, endpoint, index, index as u64 + 5)?;
    }
    env.settle();
    same([env.left(0), env.left(1), env.left(2)], [10, 12, 14])
}

fn syscall_nb_send_recv_sends_to_another_endpoint(env: &mut Env) -> Outcome {
    let [to, from]: [Endpoint; 2] = [env.make()?, env.make()?];
    let [reply, other_reply]: [Reply; 2] = [env.make()?, env.make()?];
    env.spawn(HIGH, move || leave(0, syscall::recv(to.0, other_reply.0).words[0]))?;
    env.settle();
    env.spawn(MIDDLE, move || {
        leave(1, syscall::nb_send_recv(to.0, info(0, 1), [3, 0, 0, 0], from.0, reply.0).words[0]);
    })?;
    env.settle();
    same([env.left(0), env.left(1)], [3, 0])?;
    syscall::nb_send(from.0, info(0, 1), [4, 0, 0, 0]);
    env.settle();
    same(env.left(1), 4)
}

fn syscall_nb_send_recv_receives_when_the_send_half_fails(env: &mut Env) -> Outcome {
    let (from, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    for bad in [CPtr::NULL, CPtr(1 << (DEPTH - 8)), from.0] {
        env.spawn(MIDDLE, move || {
            leave(0, syscall::nb_send_recv(bad, info(0, 1), [3, 0, 0, 0], from.0, reply.0).words[0]);
        })?;
        env.settle();
        syscall::nb_send(from.0, info(0, 1), [4, 0, 0, 0]);
        env.settle();
        same(env.left(0), 4)?;
        leave(0, 0);
    }
    Ok(())
}

fn syscall_nb_send_recv_refuses_to_invoke_threads(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 3)?;
    let tcb = env.spawn(MIDDLE, move || leave(0, syscall::wait(notification.0).badge))?;
    env.settle();
    let suspend = info(abi::Label::TcbSuspend.word(), 0);
    let other: Notification = env.make()?;
    syscall::signal(other.0);
    syscall::nb_send_wait(tcb.0, suspend, [0; 4], other.0);
    syscall::signal(badged.0);
    env.settle();
    // Still waiting, so it was not suspended.
    same(env.left(0), 3)
}

fn syscall_nb_send_wait_sends_and_waits(env: &mut Env) -> Outcome {
    let [to, from]: [Notification; 2] = [env.make()?, env.make()?];
    let [to_badged, from_badged] = [env.badged(to, 5)?, env.badged(from, 6)?];
    env.spawn(MIDDLE, move || {
        leave(0, syscall::nb_send_wait(to_badged.0, info(0, 0), [0; 4], from.0).badge);
    })?;
    env.settle();
    same([env.poll(to), env.left(0)], [5, 0])?;
    syscall::signal(from_badged.0);
    env.settle();
    same(env.left(0), 6)
}

fn syscall_wait_on_an_endpoint_leaves_a_caller_inactive(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = client(env, endpoint, 0, 7)?;
    env.settle();
    same(syscall::wait(endpoint.0).words[0], 7)?;
    env.settle();
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())?;
    // Resumed, it calls again.
    tcb.resume()?;
    same(env.receive(endpoint, reply)?.words[0], 7)?;
    Message::new(0, &[8]).send(reply.0);
    env.settle();
    same(env.left(0), 8)
}

fn syscall_nb_wait_polls(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    same(syscall::nb_wait(endpoint.0), Received::default())?;
    sender(env, MIDDLE, endpoint, 3)?;
    env.settle();
    same(syscall::nb_wait(endpoint.0).info.label(), 3)
}

fn syscall_yield_lets_equals_run(env: &mut Env) -> Outcome {
    env.spawn(MIDDLE, || append(0, 2))?;
    // A thread that is woken below the current one goes to the head of its queue.
    env.spawn(MIDDLE, || {
        append(0, 1);
        syscall::yield_now();
        append(0, 3);
    })?;
    env.settle();
    same(env.left(0), 0x123)
}

fn syscall_set_tls_base_sets_the_callers_own(env: &mut Env) -> Outcome {
    let never: Notification = env.make()?;
    env.spawn(MIDDLE, move || {
        let other = Local::new(0, Tcb(CPtr(77)));
        syscall::set_tls_base(core::ptr::from_ref(&other) as u64);
        leave(0, userland::current_thread().0.0);
        syscall::wait(never.0);
    })?;
    env.settle();
    same(env.left(0), 77)
}
