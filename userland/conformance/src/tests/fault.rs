// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults: which events cause which fault, the layout of the messages, and what replies do.

use crate::check::{Failure, Outcome, holds, same, tests};
use crate::code::{self, Code};
use crate::env::{Env, SLICE, leave};
use crate::window::{ADDRESS, FAR_ADDRESS, map};
use abi::fault::{cap_fault, unknown_syscall, user_exception, vm_fault};
use abi::{ErrorCode, FaultKind, INITIAL_FLAGS, LookupFailureKind, MessageInfo, Register, Rights, Syscall};
use userland::object::{Flow, SchedParameters};
use userland::syscall::{self, Received};
use userland::{
    CPtr, Capability, Endpoint, INIT_VSPACE, Message, Notification, Options, Reply, SmallPage, Tcb,
};

tests!(
    fault_page_read_is_told_with_its_address,
    fault_page_write_is_told_with_its_address,
    fault_page_fetch_is_told_with_its_address,
    fault_page_write_to_a_read_only_page_says_that_it_is_present,
    fault_page_reply_restarts_the_instruction,
    fault_exceptions_tell_vector_and_code,
    fault_breakpoint_points_behind_the_instruction,
    fault_int_255_is_ignored,
    fault_int_above_the_timer_is_an_unknown_system_call,
    fault_exception_reply_sets_ip_sp_and_flags,
    fault_exception_reply_makes_addresses_safe,
    fault_exception_reply_with_a_label_stops_the_thread,
    fault_jump_out_of_the_canonical_addresses_is_an_exception,
    syscall_unknown_numbers_are_told_with_all_registers,
    syscall_unknown_reply_sets_registers_and_continues,
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
    syscall_entry_hides_flags_from_the_kernel_and_gives_them_back,
    syscall_entry_with_the_trap_flag_traps_after_the_call,
    syscall_preserves_registers,
);

/// A thread that faults, the endpoint its faults go to, and a reply object.
struct Faulter {
    tcb: Tcb,
    endpoint: Endpoint,
    reply: Reply,
}

impl Faulter {
    /// Runs a piece of code until it faults, and returns the message.
    fn run(env: &mut Env, code: Code, argument: u64) -> Result<(Self, Received), Failure> {
        let (endpoint, reply) = (env.make()?, env.make()?);
        let tcb = env.spawn_at(code, argument, Some(endpoint))?;
        let fault = env.receive(endpoint, reply)?;
        Ok((Self { tcb, endpoint, reply }, fault))
    }

    /// Replies, lets the thread go on, and returns its next fault.
    fn reply(&self, env: &Env, label: u64, words: &[u64]) -> Result<Received, Failure> {
        Message::new(label, words).send(self.reply.0);
        env.receive(self.endpoint, self.reply)
    }

    /// Has the thread stopped, so that it does not fault again?
    fn is_silent(&self, env: &Env) -> bool {
        env.settle();
        syscall::nb_recv(self.endpoint.0, self.reply.0) == Received::default()
    }

    fn register(&self, register: Register) -> Result<u64, userland::Error> {
        let mut registers = [0; Register::COUNT];
        self.tcb.read_registers(Flow::Keep, &mut registers)?;
        Ok(registers[register.index()])
    }
}

/// The fault and the number of words of a message.
#[track_caller]
fn is_fault(fault: &Received, kind: FaultKind, length: usize) -> Outcome {
    same((fault.info.label(), fault.info.length(), fault.info.extra_caps()), (kind.word(), length, 0))
}

#[track_caller]
fn is_exception(fault: &Received, ip: u64, vector: u64, code: u64) -> Outcome {
    is_fault(fault, FaultKind::UserException, user_exception::LENGTH)?;
    let words =
        [user_exception::IP, user_exception::NUMBER, user_exception::CODE].map(|index| fault.word(index));
    same(words, [ip, vector, code])
}

/// Checks a page fault but for the bit that tells a fetch, which depends on the CPU.
#[track_caller]
pub(super) fn is_page_fault(fault: &Received, ip: u64, address: u64, code: u64) -> Outcome {
    const FETCH: u64 = 1 << 4;
    is_fault(fault, FaultKind::VmFault, vm_fault::LENGTH)?;
    same([fault.word(vm_fault::IP), fault.word(vm_fault::ADDRESS)], [ip, address])?;
    let found = fault.word(vm_fault::CODE);
    same((found & !FETCH, fault.word(vm_fault::IS_FETCH)), (code, found >> 4 & 1))
}

fn fault_page_read_is_told_with_its_address(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::read(), ADDRESS + 5)?;
    is_page_fault(&fault, code::read().address(), ADDRESS + 5, 0b100)
}

fn fault_page_write_is_told_with_its_address(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::write(), FAR_ADDRESS)?;
    is_page_fault(&fault, code::write().address(), FAR_ADDRESS, 0b110)
}

fn fault_page_fetch_is_told_with_its_address(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::jump(), ADDRESS)?;
    is_page_fault(&fault, ADDRESS, ADDRESS, 0b100)
}

fn fault_page_write_to_a_read_only_page_says_that_it_is_present(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    map(env, INIT_VSPACE, page, ADDRESS, Rights::READ)?;
    let (_, fault) = Faulter::run(env, code::write(), ADDRESS)?;
    is_page_fault(&fault, code::write().address(), ADDRESS, 0b111)
}

fn fault_page_reply_restarts_the_instruction(env: &mut Env) -> Outcome {
    let (faulter, first) = Faulter::run(env, code::read(), ADDRESS)?;
    is_page_fault(&first, code::read().address(), ADDRESS, 0b100)?;
    // A label changes nothing for a page fault.
    let second = faulter.reply(env, 7, &[0])?;
    is_page_fault(&second, code::read().address(), ADDRESS, 0b100)?;
    let page: SmallPage = env.make()?;
    map(env, INIT_VSPACE, page, ADDRESS, Rights::READ)?;
    let third = faulter.reply(env, 0, &[])?;
    is_exception(&third, code::read_at().address(), 6, 0)
}

fn fault_exceptions_tell_vector_and_code(env: &mut Env) -> Outcome {
    let selector = |vector: u64| 8 * vector + 2;
    for (code, at, vector, error) in [
        (code::undefined(), code::undefined(), 6, 0),
        (code::divide(), code::divide_at(), 0, 0),
        (code::halt(), code::halt(), 13, 0),
        (code::port(), code::port(), 13, 0),
        (code::int_0(), code::int_0(), 13, selector(0)),
        (code::int_48(), code::int_48(), 13, selector(48)),
    ] {
        let (faulter, fault) = Faulter::run(env, code, 0)?;
        is_exception(&fault, at.address(), vector, error)?;
        same(fault.word(user_exception::SP), faulter.register(Register::Rsp)?)?;
    }
    Ok(())
}

fn fault_breakpoint_points_behind_the_instruction(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::breakpoint(), 0)?;
    is_exception(&fault, code::breakpoint().address() + 1, 3, 0)?;
    let (_, timer) = Faulter::run(env, code::int_157(), 0)?;
    is_exception(&timer, code::int_157().address(), 13, 8 * 157 + 2)
}

fn fault_int_255_is_ignored(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::int_255(), 0)?;
    is_exception(&fault, code::int_255_at().address(), 6, 0)
}

fn fault_int_above_the_timer_is_an_unknown_system_call(env: &mut Env) -> Outcome {
    let rax = 0x1234_5678_9abc_def0;
    for (code, at, vector) in
        [(code::int_158(), code::int_158_at(), 158), (code::int_254(), code::int_254_at(), 254)]
    {
        let (_, fault) = Faulter::run(env, code, rax)?;
        is_fault(&fault, FaultKind::UnknownSyscall, unknown_syscall::LENGTH)?;
        let number = abi::vector::interrupt_syscall_number(vector, rax);
        same(
            [fault.word(0), fault.word(unknown_syscall::IP), fault.word(unknown_syscall::NUMBER)],
            [rax, at.address(), number],
        )?;
    }
    Ok(())
}

fn fault_exception_reply_sets_ip_sp_and_flags(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    let fault = faulter.reply(env, 0, &[code::divide().address(), 0x1230, 0xcd5])?;
    is_exception(&fault, code::divide_at().address(), 0, 0)?;
    same(fault.word(user_exception::SP), 0x1230)?;
    // The direction flag stays; the division's own flags are not looked at.
    same(fault.word(user_exception::FLAGS) & 0x400, 0x400)?;
    // What the reply is too short for stays.
    let fault = faulter.reply(env, 0, &[code::halt().address()])?;
    is_exception(&fault, code::halt().address(), 13, 0)?;
    same(fault.word(user_exception::SP), 0x1230)
}

fn fault_exception_reply_makes_addresses_safe(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    let fault = faulter.reply(env, 0, &[0x8000_0000_0000, 0, u64::MAX])?;
    is_page_fault(&fault, 0, 0, 0b100)?;
    same(faulter.register(Register::Rflags)? & !0x1_0000, 0xed7)
}

fn fault_exception_reply_with_a_label_stops_the_thread(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    Message::new(1, &[code::divide().address()]).send(faulter.reply.0);
    holds(faulter.is_silent(env), "the thread is inactive")?;
    faulter.tcb.resume()?;
    let fault = env.receive(faulter.endpoint, faulter.reply)?;
    is_exception(&fault, code::divide_at().address(), 0, 0)
}

fn fault_jump_out_of_the_canonical_addresses_is_an_exception(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::jump(), 0x8000_0000_0000)?;
    is_fault(&fault, FaultKind::UserException, user_exception::LENGTH)?;
    same(fault.word(user_exception::NUMBER), 13)
}

/// What [`code::unknown`] puts into the registers, for the call `number`: in the order of the message.
fn unknown_words(number: u64) -> [u64; 15] {
    let mut words = core::array::from_fn(|index| 0x100 + index as u64);
    words[3] = number;
    words
}

/// Places in the message of RCX and R11, which the instruction overwrites.
const OVERWRITTEN: [usize; 2] = [2, 10];

/// Numbers that no build has: beyond the table, not sign-extended, or of calls that are absent.
const UNKNOWN: [u64; 12] = [
    0,
    1,
    0xffff_ffff,
    u64::MAX << 32,
    -34i64 as u64,
    Syscall::DebugSendIpi.word(),
    Syscall::DebugGetThreadAffinity.word(),
    Syscall::DebugRun.word(),
    Syscall::BenchmarkSetLogBuffer.word(),
    Syscall::X86DangerousWrmsr.word(),
    Syscall::X86DangerousRdmsr.word(),
    Syscall::VmEnter.word(),
];

fn syscall_unknown_numbers_are_told_with_all_registers(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::unknown(), UNKNOWN[0])?;
    for number in UNKNOWN {
        let mut again = [0; 16];
        again[5] = number;
        again[unknown_syscall::IP] = code::unknown().address();
        let fault = faulter.reply(env, 0, &again)?;
        is_fault(&fault, FaultKind::UnknownSyscall, unknown_syscall::LENGTH)?;
        let expected = unknown_words(number);
        for index in (0..expected.len()).filter(|index| !OVERWRITTEN.contains(index)) {
            same((index, fault.word(index)), (index, expected[index]))?;
        }
        let words = [fault.word(unknown_syscall::IP), fault.word(unknown_syscall::NUMBER)];
        same(words, [code::unknown_at().address(), number])?;
    }
    Ok(())
}

fn syscall_unknown_reply_sets_registers_and_continues(env: &mut Env) -> Outcome {
    let (faulter, fault) = Faulter::run(env, code::unknown(), 0)?;
    let mut words = [0; 18];
    for (index, word) in words.iter_mut().enumerate() {
        *word = fault.word(index);
    }
    words[0] = 0xaaaa;
    words[14] = 0xbbbb;
    words[unknown_syscall::IP] = code::unknown_after().address();
    words[unknown_syscall::FLAGS] = INITIAL_FLAGS;
    let fault = faulter.reply(env, 0, &words)?;
    is_exception(&fault, code::unknown_after().address(), 6, 0)?;
    let registers =
        [Register::Rax, Register::R15, Register::Rdi].map(|register| faulter.register(register).ok());
    same(registers, [Some(0xaaaa), Some(0xbbbb), Some(0x105)])
}

fn syscall_unknown_reply_with_a_label_stops_the_thread(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::unknown(), 0)?;
    Message::new(9, &[0x55]).send(faulter.reply.0);
    holds(faulter.is_silent(env), "the thread is inactive")?;
    same(faulter.register(Register::Rax)?, 0x55)
}

fn fault_capability_in_the_send_phase(env: &mut Env) -> Outcome {
    let address = 1 << 20;
    let (_, fault) = Faulter::run(env, code::send(), address)?;
    is_fault(&fault, FaultKind::CapFault, cap_fault::length(LookupFailureKind::GuardMismatch))?;
    let guard_bits = 64 - env.boot.info().init_cnode_size_bits;
    let words: [u64; 7] = core::array::from_fn(|index| fault.word(index));
    same(words, [code::send_at().address(), address, 0, 4, 64, 0, guard_bits])
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
    is_exception(&fault, code::recv_at().address() + 2, 6, 0)
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
    is_exception(&syscall::nb_wait(endpoint.0), code::undefined().address(), 6, 0)?;
    env.settle();
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())?;
    tcb.resume()?;
    is_exception(&env.receive(endpoint, reply)?, code::undefined().address(), 6, 0)
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
    holds(fault.word(abi::fault::timeout::CONSUMED) >= 900, "a budget of 1000 microseconds was consumed")
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
    let time = SchedParameters { data: 9, ..SchedParameters::periodic(1_000, 20_000) };
    let context = env.sched_context(time)?;
    let thread = env.thread(Options::new(crate::env::MIDDLE, Some(context)))?;
    let client = thread.tcb;
    thread.start(move || {
        leave(0, syscall::call(calls.0, MessageInfo::new(0, 0, 0, 0), [0; 4]).info.label());
    })?;
    let fault = env.receive(faults, reply)?;
    is_fault(&fault, FaultKind::Timeout, abi::fault::timeout::LENGTH)?;
    same((fault.badge, fault.word(abi::fault::timeout::DATA)), (3, 9))?;
    Message::new(5, &[]).send(owed.0);
    // The client has its context back, and waits for the next period.
    context.unbind_object(client)?;
    env.sched_context(SLICE)?.bind(client)?;
    env.settle();
    same(env.left(0), 5)
}

fn syscall_entry_hides_flags_from_the_kernel_and_gives_them_back(env: &mut Env) -> Outcome {
    const DIRECTION_NESTED_ALIGNMENT: u64 = 0x4_4400;
    let (faulter, fault) = Faulter::run(env, code::flags(), 0)?;
    is_exception(&fault, code::flags_at().address(), 6, 0)?;
    same(faulter.register(Register::Rax)? & DIRECTION_NESTED_ALIGNMENT, DIRECTION_NESTED_ALIGNMENT)
}

fn syscall_entry_with_the_trap_flag_traps_after_the_call(env: &mut Env) -> Outcome {
    let (_, fault) = Faulter::run(env, code::trap(), 0)?;
    is_fault(&fault, FaultKind::UserException, user_exception::LENGTH)?;
    same(fault.word(user_exception::NUMBER), 1)
}

fn syscall_preserves_registers(env: &mut Env) -> Outcome {
    let (faulter, fault) = Faulter::run(env, code::preserve(), 0)?;
    is_exception(&fault, code::preserve_at().address(), 6, 0)?;
    let mut registers = [0; Register::COUNT];
    faulter.tcb.read_registers(Flow::Keep, &mut registers)?;
    for (register, value) in [
        (Register::Rax, 0x100),
        (Register::Rbx, 0x101),
        (Register::Rsi, 0x104),
        (Register::Rdi, 0x105),
        (Register::Rbp, 0x106),
        (Register::R8, 0x107),
        (Register::R9, 0x108),
        (Register::R10, 0x109),
        (Register::R12, 0x10b),
        (Register::R13, 0x10c),
        (Register::R14, 0x10d),
        (Register::R15, 0x10e),
    ] {
        same((register, registers[register.index()]), (register, value))?;
    }
    same(CPtr(registers[Register::Rdx.index()]), CPtr(abi::Syscall::Yield.word()))
}
