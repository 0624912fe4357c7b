// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entering the kernel with everything user code can set: flags, addresses, missing pages, instructions.
//!
//! A [`Hostile`] thread runs bytes. After each of them a fault has told what happened, with the flags the thread had, and
//! another thread has answered as before.

use super::hostile::{ALIGNMENT, DIRECTION, Hostile, NESTED, PLAIN, START, TRAP, UD2};
use crate::check::{Failure, Outcome, holds, same, tests};
use crate::env::Env;
use abi::fault::{unknown_syscall, user_exception};
use abi::{FaultKind, Register, Syscall};
use userland::syscall::{self, Received};
use userland::{CPtr, Endpoint, Message, Notification, Reply};

tests!(
    entry_by_every_system_call_gives_the_flags_back,
    entry_by_every_system_call_with_the_trap_flag_traps_behind_it,
    entry_by_fast_paths_gives_the_flags_back,
    entry_by_unknown_system_calls_tells_the_flags,
    entry_by_every_exception_tells_the_flags,
    entry_by_every_interrupt_number_is_answered_as_documented,
    entry_by_instructions_of_the_kernel_is_an_exception,
    entry_by_other_segments_is_an_exception,
    entry_by_floating_point_exceptions_is_told,
    entry_by_unaligned_access_is_no_business_of_the_kernel,
);

/// Flags that the processor would act upon in the kernel, each alone and all together.
const FLAGS: [u64; 5] = [0, DIRECTION, NESTED, ALIGNMENT, DIRECTION | NESTED | ALIGNMENT];
/// All of them.
const ALL_FLAGS: u64 = DIRECTION | NESTED | ALIGNMENT;
/// The resume flag, which the processor sets in what it reports of some faults.
const RESUME: u64 = 1 << 16;
/// The flags that instructions of the tests change by computing.
const STATUS: u64 = 0x8d5;

/// `syscall; mov rsp, r14; pushfq; pop rax`: the flags behind a system call in RAX.
const CALL_AND_LOOK: &[u8] = &[0x0f, 0x05, 0x4c, 0x89, 0xf4, 0x9c, 0x58];
/// Length of `syscall`.
const SYSCALL: u64 = 2;

/// Checks an exception at `ip`.
#[track_caller]
fn is_exception(fault: &Received, ip: u64, vector: u64) -> Outcome {
    let expected = (FaultKind::UserException.word(), ip, vector);
    let number = fault.word(user_exception::NUMBER);
    same((fault.info.label(), fault.word(user_exception::IP), number), expected)
}

/// The flags a message of an exception tells, but for those that do not matter here.
fn flags_of(fault: &Received) -> u64 {
    fault.word(user_exception::FLAGS) & !(RESUME | STATUS)
}

/// What a system call needs to complete at once.
struct Completing {
    notification: Notification,
    reply: Reply,
}

impl Completing {
    fn new(env: &mut Env) -> Result<Self, Failure> {
        Ok(Self { notification: env.make()?, reply: env.make()? })
    }

    /// Registers with which `call` completes: there is a signal to receive, and sending never blocks.
    fn registers(&self, call: Syscall) -> [(Register, u64); 7] {
        syscall::signal(self.notification.0);
        let CPtr(target) = self.notification.0;
        let second = if call == Syscall::NBSendWait { target } else { self.reply.0.0 };
        [
            (Register::Rdx, call.word()),
            (Register::Rdi, target),
            (Register::Rsi, 0),
            (Register::R12, second),
            (Register::R13, target),
            (Register::R14, super::hostile::STACK),
            (Register::Rax, 0),
        ]
    }
}

/// The calls about messages, and another.
fn calls() -> impl Iterator<Item = Syscall> {
    Syscall::ALL.iter().copied().filter(|call| call.is_api() || *call == Syscall::SetTLSBase)
}

fn entry_by_every_system_call_gives_the_flags_back(env: &mut Env) -> Outcome {
    let (thread, completing) = (Hostile::new(env)?, Completing::new(env)?);
    let mut count = 0;
    for call in calls() {
        for flags in FLAGS {
            let fault = thread.run(env, CALL_AND_LOOK, flags, &completing.registers(call))?;
            is_exception(&fault, START + CALL_AND_LOOK.len() as u64, 6)?;
            same((call, thread.register(Register::Rax)?), (call, flags | PLAIN))?;
            count += 1;
        }
    }
    same(count, 12 * FLAGS.len())
}

fn entry_by_every_system_call_with_the_trap_flag_traps_behind_it(env: &mut Env) -> Outcome {
    let (thread, completing) = (Hostile::new(env)?, Completing::new(env)?);
    for call in calls() {
        let flags = TRAP | ALL_FLAGS;
        let fault = thread.run(env, CALL_AND_LOOK, flags, &completing.registers(call))?;
        same((fault.info.label(), fault.word(user_exception::NUMBER)), (FaultKind::UserException.word(), 1))?;
        let ip = fault.word(user_exception::IP);
        holds((START + SYSCALL..=START + SYSCALL + 3).contains(&ip), "the trap is behind the call")?;
        same((call, flags_of(&fault)), (call, flags | PLAIN))?;
        // Once it is off the thread runs to its end.
        let fault = thread.reply(env, &[ip, super::hostile::STACK, PLAIN])?;
        is_exception(&fault, START + CALL_AND_LOOK.len() as u64, 6)?;
    }
    Ok(())
}

fn entry_by_fast_paths_gives_the_flags_back(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    env.spawn(crate::env::HIGH, move || {
        let mut request = syscall::recv(endpoint.0, reply.0);
        loop {
            request = Message::new(0, &[request.word(0) + 1]).reply_recv(endpoint.0, reply.0);
        }
    })?;
    env.settle();
    for flags in FLAGS {
        let registers = [
            (Register::Rdx, Syscall::Call.word()),
            (Register::Rdi, endpoint.0.0),
            (Register::Rsi, 1),
            (Register::R10, 41),
            (Register::R14, super::hostile::STACK),
        ];
        let fault = thread.run(env, CALL_AND_LOOK, flags, &registers)?;
        is_exception(&fault, START + CALL_AND_LOOK.len() as u64, 6)?;
        let registers = thread.registers()?;
        same(
            [Register::Rax, Register::R10].map(|register| registers[register.index()]),
            [flags | PLAIN, 42],
        )?;
    }
    Ok(())
}

fn entry_by_unknown_system_calls_tells_the_flags(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for flags in FLAGS.into_iter().chain([TRAP]) {
        for number in [0, 1, u64::MAX - 100, 0xffff_ffff, 1 << 63] {
            let fault = thread.run(env, &[0x0f, 0x05], flags, &[(Register::Rdx, number)])?;
            let words = [unknown_syscall::IP, unknown_syscall::NUMBER].map(|index| fault.word(index));
            same((fault.info.label(), words), (FaultKind::UnknownSyscall.word(), [START, number]))?;
            let register = fault.word(unknown_syscall::FLAGS);
            same((number, register), (number, flags | PLAIN))?;
        }
    }
    Ok(())
}

/// Exceptions: the bytes, how far in they are raised, and the vector.
const EXCEPTIONS: &[(&[u8], u64, u64)] = &[
    (UD2, 0, 6),
    (&[0xf0, 0x90], 0, 6),                                          // lock nop
    (&[0xcc], 1, 3),                                                // int3
    (&[0xcd, 3], 2, 3),                                             // int 3
    (&[0x31, 0xc9, 0xf7, 0xf1], 2, 0),                              // xor ecx, ecx; div ecx
    (&[0xf4], 0, 13),                                               // hlt
    (&[0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x8a, 0x00], 10, 13), // mov rax, 1 << 47; mov al, [rax]
    (&[0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0xff, 0xe0], 10, 13), // mov rax, 1 << 47; jmp rax
    (&[0xdb, 0xe3, 0x48, 0xcf], 2, 13), // fninit; iretq, with a null selector for CS
];

fn entry_by_every_exception_tells_the_flags(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for &(bytes, at, vector) in EXCEPTIONS {
        for flags in FLAGS {
            let fault = thread.run(env, bytes, flags, &[])?;
            let number = fault.word(user_exception::NUMBER);
            same((bytes, number), (bytes, vector))?;
            let ip = fault.word(user_exception::IP);
            // A jump may be told where it goes, if the CPU looks at the address only there.
            same((bytes, if ip == 1 << 47 { START + at } else { ip }), (bytes, START + at))?;
            same((bytes, flags_of(&fault)), (bytes, flags | PLAIN))?;
        }
    }
    // A trap flag is told by whatever comes first, and a single step by itself, `icebp` too.
    let fault = thread.run(env, UD2, TRAP | ALL_FLAGS, &[])?;
    is_exception(&fault, START, 6)?;
    same(flags_of(&fault), TRAP | ALL_FLAGS | PLAIN)?;
    let fault = thread.run(env, &[0x90, 0x90], TRAP, &[])?;
    is_exception(&fault, START + 1, 1)?;
    let fault = thread.run(env, &[0xf1], ALL_FLAGS, &[])?;
    is_exception(&fault, START + 1, 1)?;
    same(flags_of(&fault), ALL_FLAGS | PLAIN)
}

fn entry_by_every_interrupt_number_is_answered_as_documented(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for number in 0..=255_u8 {
        let vector = u64::from(number);
        let fault = thread.run(env, &[0xcd, number], ALL_FLAGS, &[(Register::Rax, 0x77)])?;
        match number {
            3 => is_exception(&fault, START + 2, 3)?,
            abi::vector::SPURIOUS => is_exception(&fault, START + 2, 6)?,
            abi::vector::FIRST_SYSCALL.. => {
                let expected = abi::vector::interrupt_syscall_number(number, 0x77);
                let found = (fault.info.label(), fault.word(unknown_syscall::NUMBER));
                same(found, (FaultKind::UnknownSyscall.word(), expected))?;
                // A thread that was interrupted just before goes on with the resume flag.
                same(fault.word(unknown_syscall::FLAGS) & !RESUME, ALL_FLAGS | PLAIN)?;
            }
            _ => {
                is_exception(&fault, START, 13)?;
                same(fault.word(user_exception::CODE), 8 * vector + 2)?;
            }
        }
    }
    Ok(())
}

/// Instructions that are the kernel's, or of extensions it leaves off. (INVD and WBINVD do nothing in QEMU's translator.)
const REFUSED: &[(&str, &[u8])] = &[
    ("cli", &[0xfa]),
    ("sti", &[0xfb]),
    ("in al, dx", &[0xec]),
    ("out dx, eax", &[0xef]),
    ("rep outsb", &[0xf3, 0x6e]),
    ("mov rax, cr0", &[0x0f, 0x20, 0xc0]),
    ("mov cr3, rax", &[0x0f, 0x22, 0xd8]),
    ("mov cr8, rax", &[0x44, 0x0f, 0x22, 0xc0]),
    ("mov rax, dr7", &[0x0f, 0x21, 0xf8]),
    ("mov dr7, rax", &[0x0f, 0x23, 0xf8]),
    ("clts", &[0x0f, 0x06]),
    ("lmsw ax", &[0x0f, 0x01, 0xf0]),
    ("invlpg [rsp]", &[0x0f, 0x01, 0x3c, 0x24]),
    ("lgdt [rsp]", &[0x0f, 0x01, 0x14, 0x24]),
    ("lidt [rsp]", &[0x0f, 0x01, 0x1c, 0x24]),
    ("lldt ax", &[0x0f, 0x00, 0xd0]),
    ("ltr ax", &[0x0f, 0x00, 0xd8]),
    ("rdmsr", &[0x0f, 0x32]),
    ("wrmsr", &[0x0f, 0x30]),
    ("swapgs", &[0x0f, 0x01, 0xf8]),
    ("sysretq", &[0x48, 0x0f, 0x07]),
    ("sysenter", &[0x0f, 0x34]),
    ("sysexit", &[0x0f, 0x35]),
    ("xsetbv", &[0x0f, 0x01, 0xd1]),
    ("monitor", &[0x0f, 0x01, 0xc8]),
    ("mwait", &[0x0f, 0x01, 0xc9]),
    ("clac", &[0x0f, 0x01, 0xca]),
    ("stac", &[0x0f, 0x01, 0xcb]),
    ("vmcall", &[0x0f, 0x01, 0xc1]),
    ("vmrun", &[0x0f, 0x01, 0xd8]),
    ("vmmcall", &[0x0f, 0x01, 0xd9]),
    ("stgi", &[0x0f, 0x01, 0xdc]),
    ("skinit", &[0x0f, 0x01, 0xde]),
    ("rsm", &[0x0f, 0xaa]),
    ("wrpkru", &[0x0f, 0x01, 0xef]),
];

fn entry_by_instructions_of_the_kernel_is_an_exception(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for &(name, bytes) in REFUSED {
        let zero = [Register::Rax, Register::Rcx, Register::Rdx].map(|register| (register, 0));
        let fault = thread.run(env, bytes, ALL_FLAGS, &zero)?;
        same((name, fault.info.label()), (name, FaultKind::UserException.word()))?;
        same((name, fault.word(user_exception::IP)), (name, START))?;
        holds(matches!(fault.word(user_exception::NUMBER), 6 | 13), name)?;
    }
    Ok(())
}

fn entry_by_other_segments_is_an_exception(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    // `push rcx; push rdx; retfq` to the code behind it, in another code segment.
    let far_return = [0x51, 0x52, 0x48, 0xcb];
    let next = START + far_return.len() as u64;
    for selector in 0..0x80_u64 {
        let registers = [(Register::Rcx, selector), (Register::Rdx, next)];
        let fault = thread.run(env, &far_return, 0, &registers)?;
        // The two user code segments are alike; everything else is refused where it is asked for.
        let (ip, vector) = if matches!(selector, 0x2b | 0x3b) { (next, 6) } else { (next - 2, 13) };
        is_exception(&fault, ip, vector)?;
    }
    // `mov ds, ecx` and so on: whatever is loaded, nobody else notices.
    for selector in 0..0x80_u64 {
        for load in [0xd9, 0xc1, 0xe1, 0xe9] {
            let bytes = [0x8e, load, 0x0f, 0x05];
            let registers = [(Register::Rcx, selector), (Register::Rdx, Syscall::Yield.word())];
            let fault = thread.run(env, &bytes, 0, &registers)?;
            let found = (fault.info.label(), fault.word(user_exception::NUMBER));
            let is_told = found.0 == FaultKind::UserException.word() && matches!(found.1, 6 | 13);
            holds(is_told, "a segment is loaded, or refused")?;
        }
    }
    Ok(())
}

fn entry_by_floating_point_exceptions_is_told(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    // push 0; fldcw [rsp]; fldz; fld1; fdivrp; fwait
    let x87 = [0x6a, 0x00, 0xd9, 0x2c, 0x24, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x9b];
    let fault = thread.run(env, &x87, ALL_FLAGS, &[])?;
    same(fault.word(user_exception::NUMBER), 16)?;
    same(flags_of(&fault), ALL_FLAGS | PLAIN)?;
    // The exception is still pending when the thread uses the unit again; clearing it ends that.
    let fault = thread.run(env, &[0x9b], 0, &[])?;
    is_exception(&fault, START, 16)?;
    let fault = thread.run(env, &[0xdb, 0xe3, 0x9b], 0, &[])?;
    is_exception(&fault, START + 3, 6)?;
    // push 0; ldmxcsr [rsp]; xorps xmm0, xmm0; divss xmm0, xmm0; an emulator may ignore that it is to be told.
    let sse = [0x6a, 0x00, 0x0f, 0xae, 0x14, 0x24, 0x0f, 0x57, 0xc0, 0xf3, 0x0f, 0x5e, 0xc0];
    let fault = thread.run(env, &sse, ALL_FLAGS, &[])?;
    holds(matches!(fault.word(user_exception::NUMBER), 6 | 19), "divided, or told")
}

fn entry_by_unaligned_access_is_no_business_of_the_kernel(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    // mov rax, [rsp + 1]: the checks are off, whatever the flag says.
    let fault = thread.run(env, &[0x48, 0x8b, 0x44, 0x24, 0x01], ALIGNMENT, &[])?;
    is_exception(&fault, START + 5, 6)?;
    // movaps xmm0, [rsp + 1] has a check of its own.
    let fault = thread.run(env, &[0x0f, 0x28, 0x44, 0x24, 0x01], ALIGNMENT, &[])?;
    is_exception(&fault, START, 13)
}
