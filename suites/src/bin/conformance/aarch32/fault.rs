// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that programs may not use, system calls that do not exist, and what a call does to registers.

use crate::check::{Outcome, same, tests};
use crate::code;
use crate::env::Env;
use crate::machine::UNDEFINED;
use crate::tests::fault::{Faulter, is_exception, is_fault};
use abi::fault::{unknown_syscall, user_exception, vm_fault};
use abi::{FaultKind, INITIAL_FLAGS, Register, Syscall, widen};
use userland::object::Flow;

tests!(
    fault_exceptions_tell_their_number,
    fault_exception_reply_sets_ip_sp_and_flags,
    fault_of_the_floating_point_unit_is_told_without_it,
    fault_breakpoint_is_told_with_its_own_address,
    fault_asynchronous_is_not_masked,
    syscall_unknown_numbers_are_told_with_all_registers,
    syscall_unknown_reply_sets_registers_and_continues,
    syscall_preserves_registers,
);

fn fault_exceptions_tell_their_number(env: &mut Env) -> Outcome {
    for code in [code::undefined(), code::privileged()] {
        let (faulter, fault) = Faulter::run(env, code, 0)?;
        is_exception(&fault, code.address(), UNDEFINED, 0)?;
        same(fault.word(user_exception::SP), faulter.register(Register::STACK)?)?;
    }
    Ok(())
}

fn fault_exception_reply_sets_ip_sp_and_flags(env: &mut Env) -> Outcome {
    const NEGATIVE: u64 = 1 << 31;
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    let fault = faulter.reply(env, 0, &[code::read_at().address(), 0x1230, NEGATIVE | 0x13])?;
    is_exception(&fault, code::read_at().address(), UNDEFINED, 0)?;
    // The mode is not a program's to choose.
    let words = [user_exception::SP, user_exception::FLAGS].map(|index| fault.word(index));
    same(words, [0x1230, NEGATIVE | INITIAL_FLAGS])?;
    // What the reply is too short for stays.
    let fault = faulter.reply(env, 0, &[code::undefined().address()])?;
    is_exception(&fault, code::undefined().address(), UNDEFINED, 0)?;
    same(fault.word(user_exception::SP), 0x1230)
}

fn fault_of_the_floating_point_unit_is_told_without_it(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::undefined(), 0)?;
    faulter.tcb.set_flags(0, abi::flags::TCB_FPU_DISABLED)?;
    let fault = faulter.reply(env, 0, &[code::float().address()])?;
    is_exception(&fault, code::float().address(), UNDEFINED, 0)?;
    faulter.tcb.set_flags(abi::flags::TCB_FPU_DISABLED, 0)?;
    let fault = faulter.reply(env, 0, &[code::float().address()])?;
    is_exception(&fault, code::float().address() + 4, UNDEFINED, 0)
}

/// IFAR is not known for a breakpoint; the fault tells the address of the instruction.
fn fault_breakpoint_is_told_with_its_own_address(env: &mut Env) -> Outcome {
    const DEBUG_EVENT: u64 = 0b10_0010;
    const THUMB: u64 = 1 << 5;
    // Another fetch that fails, so that IFAR has an address.
    let (faulter, fault) = Faulter::run(env, code::jump(), crate::machine::ADDRESS)?;
    same(fault.word(vm_fault::ADDRESS), crate::machine::ADDRESS)?;
    for (code, flags) in [(code::breakpoint(), 0), (code::thumb_breakpoint(), THUMB)] {
        let mut registers = [0; Register::COUNT];
        registers[Register::Pc.index()] = code.address();
        registers[Register::Cpsr.index()] = flags;
        faulter.tcb.write_registers(Flow::Change, &registers)?;
        let fault = faulter.next(env)?;
        is_fault(&fault, FaultKind::VmFault, vm_fault::LENGTH)?;
        let words = [vm_fault::IP, vm_fault::ADDRESS, vm_fault::IS_FETCH].map(|index| fault.word(index));
        same(words, [code.address(), code.address(), 1])?;
        same(fault.word(vm_fault::CODE) & 0x3f, DEBUG_EVENT)?;
    }
    Ok(())
}

/// CPSR.A: an abort that a device raises is taken when it comes, by the kernel, which fails.
fn fault_asynchronous_is_not_masked(env: &mut Env) -> Outcome {
    const MASKED: u64 = 1 << 8;
    let (faulter, fault) = Faulter::run(env, code::undefined(), 0)?;
    same(fault.word(user_exception::FLAGS) & MASKED, 0)?;
    let fault = faulter.reply(env, 0, &[code::undefined().address(), 0, MASKED])?;
    same(fault.word(user_exception::FLAGS) & MASKED, 0)
}

/// Numbers that no build has.
const UNKNOWN: [u64; 6] = [
    0,
    1,
    -34i64 as u64,
    Syscall::DebugSendIpi.word(),
    Syscall::X86DangerousRdmsr.word(),
    Syscall::VmEnter.word(),
];

/// What [`code::unknown`] puts into R0 to R7 for the call `number`.
fn unknown_words(number: u64) -> [u64; 8] {
    let mut words = core::array::from_fn(|index| 0x100 + index as u64);
    words[7] = word(number);
    words
}

/// What a register holds of a number.
fn word(number: u64) -> u64 {
    widen(abi::cut(number))
}

fn syscall_unknown_numbers_are_told_with_all_registers(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, code::unknown(), UNKNOWN[0])?;
    for number in UNKNOWN {
        let mut again = [0; unknown_syscall::IP + 1];
        again[0] = number;
        again[unknown_syscall::IP] = code::unknown().address();
        let fault = faulter.reply(env, 0, &again)?;
        is_fault(&fault, FaultKind::UnknownSyscall, unknown_syscall::LENGTH)?;
        let words: [u64; 8] = core::array::from_fn(|index| fault.word(index));
        same(words, unknown_words(number))?;
        let words = [unknown_syscall::IP, unknown_syscall::LR, unknown_syscall::NUMBER];
        let words = words.map(|index| fault.word(index));
        same(words, [code::unknown_at().address(), 0x10e, word(number)])?;
    }
    Ok(())
}

fn syscall_unknown_reply_sets_registers_and_continues(env: &mut Env) -> Outcome {
    let (faulter, fault) = Faulter::run(env, code::unknown(), 0)?;
    let mut words: [u64; unknown_syscall::NUMBER] = core::array::from_fn(|index| fault.word(index));
    words[0] = 0xaaaa;
    words[unknown_syscall::LR] = 0xbbbb;
    words[unknown_syscall::IP] = code::unknown_after().address();
    words[unknown_syscall::FLAGS] = INITIAL_FLAGS;
    let fault = faulter.reply(env, 0, &words)?;
    is_exception(&fault, code::unknown_after().address(), UNDEFINED, 0)?;
    let registers =
        [Register::R0, Register::R14, Register::R5].map(|register| faulter.register(register).ok());
    same(registers, [Some(0xaaaa), Some(0xbbbb), Some(0x105)])
}

fn syscall_preserves_registers(env: &mut Env) -> Outcome {
    let (faulter, fault) = Faulter::run(env, code::preserve(), 0)?;
    is_exception(&fault, code::preserve_at().address(), UNDEFINED, 0)?;
    let mut registers = [0; Register::COUNT];
    faulter.tcb.read_registers(Flow::Keep, &mut registers)?;
    for (register, value) in [
        (Register::R0, 0x100),
        (Register::R1, 0x101),
        (Register::R2, 0x102),
        (Register::R3, 0x103),
        (Register::R4, 0x104),
        (Register::R5, 0x105),
        (Register::R6, 0x106),
        (Register::R7, word(Syscall::Yield.word())),
        (Register::R8, 0x108),
        (Register::R9, 0x109),
        (Register::R10, 0x10a),
        (Register::R11, 0x10b),
        (Register::R12, 0x10c),
        (Register::R14, 0x10e),
    ] {
        same((register, registers[register.index()]), (register, value))?;
    }
    Ok(())
}
