// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions of the processor, system calls that do not exist, and what a system call does to registers and flags.

use crate::check::{Outcome, same, tests};
use crate::code;
use crate::env::Env;
use crate::machine::READ_MISSING;
use crate::tests::fault::{Faulter, is_exception, is_fault, is_page_fault};
use abi::fault::{unknown_syscall, user_exception};
use abi::{FaultKind, INITIAL_FLAGS, Register, Syscall};
use userland::CPtr;
use userland::object::Flow;

tests!(
    fault_exceptions_tell_vector_and_code,
    fault_breakpoint_points_behind_the_instruction,
    fault_int_255_is_ignored,
    fault_int_above_the_timer_is_an_unknown_system_call,
    fault_exception_reply_sets_ip_sp_and_flags,
    fault_exception_reply_makes_addresses_safe,
    fault_jump_out_of_the_canonical_addresses_is_an_exception,
    syscall_unknown_numbers_are_told_with_all_registers,
    syscall_unknown_reply_sets_registers_and_continues,
    syscall_entry_hides_flags_from_the_kernel_and_gives_them_back,
    syscall_entry_with_the_trap_flag_traps_after_the_call,
    syscall_preserves_registers,
);

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
    is_page_fault(&fault, 0, 0, READ_MISSING)?;
    same(faulter.register(Register::Rflags)? & !0x1_0000, 0xed7)
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
