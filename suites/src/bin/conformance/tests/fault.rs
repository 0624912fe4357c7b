// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults: which events cause which fault, the layout of the messages, and what replies do.

use crate::check::{Failure, Outcome, holds, same, tests};
use crate::code::{self, Code};
use crate::env::{DEPTH, Env, SLICE, leave};
use crate::machine::{self, READ_MISSING, UNDEFINED, WRITE_MISSING, WRITE_PROTECTED};
use crate::window::{ADDRESS, FAR_ADDRESS, map};
use abi::fault::{cap_fault, user_exception, vm_fault};
use abi::{ErrorCode, FaultKind, LookupFailureKind, MessageInfo, Register, Rights, widen};
use userland::object::{Flow, SchedParameters};
use userland::syscall::{self, Received};
use userland::{
    Capability, Endpoint, INIT_VSPACE, Message, Notification, Options, Reply, SmallPage, Tcb, time,
};

tests!(
    fault_page_read_is_told_with_its_address,
    fault_page_write_is_told_with_its_address,
    fault_page_fetch_is_told_with_its_address,
    fault_page_write_to_a_read_only_page_says_that_it_is_present,
    fault_page_reply_restarts_the_instruction,
    fault_exception_reply_with_a_label_stops_the_thread,
    syscall_unknown_reply_with_a_label_stops_the_thread,
    fault_capability_in_the_send_phase,
    fault_capability_in_the_receive_phase,
    fault_capability_reply_repeats_the_system_call,
    fault_without_handler_stops_the_thread,
    fault_received_without_reply_object_stops_the_thread,
    fault_is_dropped_by_suspend,
    fault_handler_is_deleted_with_its_endpoint,
    fault_timeout_tells_data_and_time,
    fault_timeout_reply_restarts_the_thread,
    fault_timeout_in_a_server_lets_its_handler_answer_the_client,
);

/// A thread that faults, the endpoint its faults go to, and a reply object.
pub(crate) struct Faulter {
    pub(crate) tcb: Tcb,
    endpoint: Endpoint,
    reply: Reply,
}

impl Faulter {
    /// Runs a piece of code until it faults, and returns the message.
    pub(crate) fn run(env: &mut Env, code: Code, argument: u64) -> Result<(Self, Received), Failure> {
        let (endpoint, reply) = (env.make()?, env.make()?);
        let tcb = env.spawn_at(code, argument, Some(endpoint))?;
        let fault = env.receive(endpoint, reply)?;
        Ok((Self { tcb, endpoint, reply }, fault))
    }

    /// Replies, lets the thread go on, and returns its next fault.
    pub(crate) fn reply(&self, env: &Env, label: u64, words: &[u64]) -> Result<Received, Failure> {
        Message::new(label, words).send(self.reply.0);
        env.receive(self.endpoint, self.reply)
    }

    /// The next fault of a thread that was made to go on.
    #[cfg_attr(not(target_arch = "arm"), allow(dead_code))] // another processor needs no registers for it
    pub(crate) fn next(&self, env: &Env) -> Result<Received, Failure> {
        env.receive(self.endpoint, self.reply)
    }

    /// Has the thread stopped, so that it does not fault again?
    fn is_silent(&self, env: &Env) -> bool {
        env.settle();
        syscall::nb_recv(self.endpoint.0, self.reply.0) == Received::default()
    }

    pub(crate) fn register(&self, register: Register) -> Result<u64, userland::Error> {
        let mut registers = [0; Register::COUNT];
        self.tcb.read_registers(Flow::Keep, &mut registers)?;
        Ok(registers[register.index()])
    }
}

/// The fault and the number of words of a message.
#[track_caller]
pub(crate) fn is_fault(fault: &Received, kind: FaultKind, length: usize) -> Outcome {
    same((fault.info.label(), fault.info.length(), fault.info.extra_caps()), (kind.word(), length, 0))
}

#[track_caller]
pub(crate) fn is_exception(fault: &Received, ip: u64, vector: u64, code: u64) -> Outcome {
    is_fault(fault, FaultKind::UserException, user_exception::LENGTH)?;
    let words =
        [user_exception::IP, user_exception::NUMBER, user_exception::CODE].map(|index| fault.word(index));
    same(words, [ip, vector, code])
}

/// Checks a page fault; `access` is one of [`machine`]'s.
#[track_caller]
pub(crate) fn is_page_fault(fault: &Received, ip: u64, address: u64, access: u64) -> Outcome {
    is_fault(fault, FaultKind::VmFault, vm_fault::LENGTH)?;
    same([fault.word(vm_fault::IP), fault.word(vm_fault::ADDRESS)], [ip, address])?;
    same((machine::access(fault), fault.word(vm_fault::IS_FETCH)), (access, machine::told_fetch(fault)))
}

fn fault_page_read_is_told_with_its_address(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::read(), ADDRESS + 5)?;
    is_page_fault(&fault, code::read().address(), ADDRESS + 5, READ_MISSING)
}

fn fault_page_write_is_told_with_its_address(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::write(), FAR_ADDRESS)?;
    is_page_fault(&fault, code::write().address(), FAR_ADDRESS, WRITE_MISSING)
}

fn fault_page_fetch_is_told_with_its_address(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::jump(), ADDRESS)?;
    is_page_fault(&fault, ADDRESS, ADDRESS, READ_MISSING)
}

fn fault_page_write_to_a_read_only_page_says_that_it_is_present(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    map(env, INIT_VSPACE, page, ADDRESS, Rights::READ)?;
    let (_, fault) = Faulter::run(env, code::write(), ADDRESS)?;
    is_page_fault(&fault, code::write().address(), ADDRESS, WRITE_PROTECTED)
}

fn fault_page_reply_restarts_the_instruction(env: &mut Env) -> Outcome {
    let (faulter, first) = Faulter::run(env, code::read(), ADDRESS)?;
    is_page_fault(&first, code::read().address(), ADDRESS, READ_MISSING)?;
    // A label changes nothing for a page fault.
    let second = faulter.reply(env, 7, &[0])?;
    is_page_fault(&second, code::read().address(), ADDRESS, READ_MISSING)?;
    let page: SmallPage = env.make()?;
    map(env, INIT_VSPACE, page, ADDRESS, Rights::READ)?;
    let third = faulter.reply(env, 0, &[])?;
    is_exception(&third, code::read_at().address(), UNDEFINED, 0)
}

fn fault_exception_reply_with_a_label_stops_the_thread(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    Message::new(1, &[code::read_at().address()]).send(faulter.reply.0);
    holds(faulter.is_silent(env), "the thread is inactive")?;
    faulter.tcb.resume()?;
    let fault = env.receive(faulter.endpoint, faulter.reply)?;
    is_exception(&fault, code::read_at().address(), UNDEFINED, 0)
}

fn syscall_unknown_reply_with_a_label_stops_the_thread(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::unknown(), 0)?;
    Message::new(9, &[0x55]).send(faulter.reply.0);
    holds(faulter.is_silent(env), "the thread is inactive")?;
    same(faulter.register(abi::UNKNOWN_SYSCALL_ORDER[0])?, 0x55)
}

fn fault_capability_in_the_send_phase(env: &mut Env) -> Outcome {
    let address = 1 << 20;
    let (_, fault) = Faulter::run(env, code::send(), address)?;
    is_fault(&fault, FaultKind::CapFault, cap_fault::length(LookupFailureKind::GuardMismatch))?;
    let guard_bits = DEPTH - widen(env.boot.info().init_cnode_size_bits);
    let words: [u64; 7] = core::array::from_fn(|index| fault.word(index));
    same(words, [code::send_at().address(), address, 0, 4, DEPTH, 0, guard_bits])
}

fn fault_capability_in_the_receive_phase(env: &mut Env) -> Outcome {
    let nothing = env.slot()?.0;
    let tcb = userland::INIT_TCB.0.0;
    for address in [nothing, tcb] {
        let (_, fault) = Faulter::run(env, code::recv(), address)?;
        is_fault(&fault, FaultKind::CapFault, cap_fault::length(LookupFailureKind::MissingCapability))?;
        let words: [u64; 5] = core::array::from_fn(|index| fault.word(index));
        same(words, [code::recv_at().address(), address, 1, 2, 0])?;
    }
    // Of an endpoint the reply object is looked up next, and told.
    let endpoint: Endpoint = env.make()?;
    let (_, fault) = Faulter::run(env, code::recv(), endpoint.0.0)?;
    let words: [u64; 5] = core::array::from_fn(|index| fault.word(index));
    same(words, [code::recv_at().address(), 0, 1, 2, 0])?;
    // A right that is missing comes before the reply object.
    let deaf = env.copy(endpoint, Rights::NO_READ)?;
    let (_, fault) = Faulter::run(env, code::recv(), deaf.0.0)?;
    same(fault.word(cap_fault::ADDRESS), deaf.0.0)?;
    let notification: Notification = env.make()?;
    let deaf = env.copy(notification, Rights::WRITE)?;
    let (_, fault) = Faulter::run(env, code::recv(), deaf.0.0)?;
    same(fault.word(cap_fault::ADDRESS), deaf.0.0)
}

fn fault_capability_reply_repeats_the_system_call(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    let (faulter, _) = Faulter::run(env, code::recv(), slot.0)?;
    let notification: Notification = env.make()?;
    syscall::signal(notification.0);
    slot.slot().copy_from(notification.slot(), Rights::ALL)?;
    let fault = faulter.reply(env, 0, &[])?;
    is_exception(&fault, code::recv_at().address() + machine::CALL_LENGTH, UNDEFINED, 0)
}

fn fault_without_handler_stops_the_thread(env: &mut Env) -> Outcome {
    let tcb = env.spawn_at(code::undefined(), 0, None)?;
    env.settle();
    let mut registers = [0; 1];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    same(registers, [code::undefined().address()])
}

fn fault_received_without_reply_object_stops_the_thread(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let reply: Reply = env.make()?;
    let tcb = env.spawn_at(code::undefined(), 0, Some(endpoint))?;
    env.settle();
    is_exception(&syscall::nb_wait(endpoint.0), code::undefined().address(), UNDEFINED, 0)?;
    env.settle();
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())?;
    tcb.resume()?;
    is_exception(&env.receive(endpoint, reply)?, code::undefined().address(), UNDEFINED, 0)
}

fn fault_is_dropped_by_suspend(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let reply: Reply = env.make()?;
    let tcb = env.spawn_at(code::undefined(), 0, Some(endpoint))?;
    env.settle();
    tcb.suspend()?;
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())
}

fn fault_handler_is_deleted_with_its_endpoint(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    faulter.endpoint.slot().revoke()?;
    Message::new(0, &[]).send(faulter.reply.0);
    holds(faulter.is_silent(env), "a thread whose handler was revoked has none")
}

/// A thread that uses up a budget of a millisecond and tells `endpoint`.
fn exhausted(env: &mut Env, endpoint: Endpoint, data: u64) -> Result<Tcb, Failure> {
    let time = SchedParameters { data, ..SchedParameters::periodic(1_000, 20_000) };
    let context = env.sched_context(time)?;
    let thread = env.thread(Options::new(crate::env::MIDDLE, Some(context)))?;
    thread.start_at(code::spin().address(), 0)?;
    let tcb = thread.tcb;
    tcb.set_timeout_endpoint(Some(endpoint))?;
    Ok(tcb)
}

fn fault_timeout_tells_data_and_time(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    exhausted(env, endpoint, 0x77)?;
    let fault = env.receive(endpoint, reply)?;
    is_fault(&fault, FaultKind::Timeout, abi::fault::timeout::LENGTH)?;
    same(fault.word(abi::fault::timeout::DATA), 0x77)?;
    let consumed = time(|index| fault.word(abi::fault::timeout::CONSUMED + index));
    holds(consumed >= 900, "a budget of 1000 microseconds was consumed")
}

fn fault_timeout_reply_restarts_the_thread(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = exhausted(env, endpoint, 0)?;
    env.receive(endpoint, reply)?;
    env.sched_context(SLICE)?;
    Message::new(ErrorCode::NoError.word(), &[code::undefined().address()]).send(reply.0);
    let mut registers = [0; 1];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    same(registers, [code::undefined().address()])
}

fn fault_timeout_in_a_server_lets_its_handler_answer_the_client(env: &mut Env) -> Outcome {
    let [calls, faults]: [Endpoint; 2] = [env.make()?, env.make()?];
    let [owed, reply]: [Reply; 2] = [env.make()?, env.make()?];
    let server = super::reply::passive(env, move || {
        syscall::recv(calls.0, owed.0);
        loop {
            core::hint::spin_loop();
        }
    })?;
    server.set_timeout_endpoint(Some(env.badged(faults, 3)?))?;
    let time = SchedParameters { data: 9, ..SchedParameters::periodic(1_000, 2_000) };
    let context = env.sched_context(time)?;
    let thread = env.thread(Options::new(crate::env::MIDDLE, Some(context)))?;
    let client = thread.tcb;
    thread.start(move || {
        leave(0, syscall::call(calls.0, MessageInfo::new(0, 0, 0, 0), [0; 4]).info.label());
    })?;
    let fault = env.receive_within(10_000_000, faults, reply)?;
    is_fault(&fault, FaultKind::Timeout, abi::fault::timeout::LENGTH)?;
    same((fault.badge, fault.word(abi::fault::timeout::DATA)), (3, 9))?;
    Message::new(5, &[]).send(owed.0);
    // The client has its context back, and waits for the next period.
    context.unbind_object(client)?;
    env.sched_context(SLICE)?.bind(client)?;
    env.settle();
    same(env.left(0), 5)
}
