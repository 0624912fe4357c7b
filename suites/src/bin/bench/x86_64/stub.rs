// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lies between two time stamps: the shortest system calls there are, and the stamps themselves.
//!
//! The runtime's calls set and return message registers. These leave them alone, as the stubs of other benchmarks do,
//! so that figures compare. All are written out, so that no compiler puts more instructions into an interval.
#![cfg_attr(target_os = "none", allow(unsafe_code))] // system calls and the time-stamp counter

use abi::{MessageInfo, Syscall};
use userland::CPtr;

#[cfg(target_os = "none")]
use core::arch::asm;

/// A system call with these arguments, in these operands besides the ones all have. Message registers are lost.
#[cfg(target_os = "none")]
macro_rules! syscall {
    ($number:expr, $arguments:expr, $($operand:tt)*) => {
        // SAFETY: the kernel changes what the capabilities allow, and the registers declared here.
        unsafe {
            asm!(
                "mov r14, rsp",
                "syscall",
                "mov rsp, r14",
                in("rdx") $number.word(),
                out("r14") _,
                out("rcx") _,
                out("r8") _,
                out("r9") _,
                out("r10") _,
                out("r11") _,
                out("r15") _,
                $($operand)*
            )
        }
    };
}

#[cfg(not(target_os = "none"))]
macro_rules! syscall {
    ($number:expr, $arguments:expr, $($operand:tt)*) => {
        unreachable!("{}{:?} needs an instance to run on", $number.name(), $arguments)
    };
}

/// The time-stamp counter: four instructions, of which three are behind the reading. The last one puts the stamp where
/// it outlives the path, so that the compiler adds none to some intervals only.
#[inline(always)]
pub(crate) fn stamp() -> u64 {
    #[cfg(target_os = "none")]
    {
        let now: u64;
        // SAFETY: every x86_64 processor has the instruction, and it only reads.
        unsafe {
            asm!(
                "rdtsc",
                "shl rdx, 32",
                "or rax, rdx",
                "mov {now}, rax",
                now = out(reg) now,
                out("rax") _,
                out("rdx") _,
            );
        }
        now
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("a time stamp needs an instance to run on")
}

/// What lies between two stamps, given their difference.
#[inline(always)]
pub(crate) fn elapsed(difference: u64) -> u32 {
    u32::try_from(difference).unwrap_or(u32::MAX)
}

/// Lets the machine's other processors run where they share one host thread.
#[inline(always)]
pub(crate) fn pause() {
    core::hint::spin_loop();
}

/// Calls `dest`.
#[inline(always)]
pub(crate) fn call(dest: CPtr, info: MessageInfo) {
    syscall!(Syscall::Call, (dest, info), inlateout("rdi") dest.0 => _, inlateout("rsi") info.word() => _,);
}

/// Sends to `dest`: a message, or a signal.
#[inline(always)]
pub(crate) fn send(dest: CPtr, info: MessageInfo) {
    syscall!(Syscall::Send, (dest, info), inlateout("rdi") dest.0 => _, inlateout("rsi") info.word() => _,);
}

/// Sends to `dest` if a receiver waits.
#[inline(always)]
pub(crate) fn nb_send(dest: CPtr, info: MessageInfo) {
    syscall!(Syscall::NBSend, (dest, info), inlateout("rdi") dest.0 => _, inlateout("rsi") info.word() => _,);
}

/// Receives from `source` with a reply object.
#[inline(always)]
pub(crate) fn recv(source: CPtr, reply: CPtr) {
    syscall!(Syscall::Recv, (source, reply), inlateout("rdi") source.0 => _, out("rsi") _, in("r12") reply.0,);
}

/// Waits at `source`.
#[inline(always)]
pub(crate) fn wait(source: CPtr) {
    syscall!(Syscall::Wait, source, inlateout("rdi") source.0 => _, out("rsi") _,);
}

/// Looks whether something waits at `source`.
#[inline(always)]
pub(crate) fn nb_wait(source: CPtr) {
    syscall!(Syscall::NBWait, source, inlateout("rdi") source.0 => _, out("rsi") _,);
}

/// Replies and receives.
#[inline(always)]
pub(crate) fn reply_recv(source: CPtr, info: MessageInfo, reply: CPtr) {
    syscall!(
        Syscall::ReplyRecv,
        (source, info, reply),
        inlateout("rdi") source.0 => _,
        inlateout("rsi") info.word() => _,
        in("r12") reply.0,
    );
}

/// Replies to a fault with the address to go on at, and receives; returns the address of the next fault.
#[inline(always)]
pub(crate) fn fault_reply_recv(source: CPtr, info: MessageInfo, resume_at: u64, reply: CPtr) -> u64 {
    #[cfg(target_os = "none")]
    {
        let faulted_at: u64;
        // SAFETY: as for the other calls.
        unsafe {
            asm!(
                "mov r14, rsp",
                "syscall",
                "mov rsp, r14",
                in("rdx") Syscall::ReplyRecv.word(),
                inlateout("rdi") source.0 => _,
                inlateout("rsi") info.word() => _,
                inlateout("r10") resume_at => faulted_at,
                in("r12") reply.0,
                out("r14") _, out("rcx") _, out("r8") _, out("r9") _, out("r11") _, out("r15") _,
            );
        }
        faulted_at
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("{source:?}, {info:?}, {resume_at}, {reply:?} need an instance")
}

/// Bytes of the instruction that [`fault`] faults at.
pub(crate) const FAULT_LENGTH: u64 = 2;

/// Faults: an instruction that does not exist. The handler must step over it.
#[inline(always)]
pub(crate) fn fault() {
    #[cfg(target_os = "none")]
    // SAFETY: the handler of this thread resumes it behind the instruction, with its registers unchanged.
    unsafe {
        asm!("ud2");
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("a fault needs an instance to run on")
}

/// A call without capabilities.
#[inline(always)]
pub(crate) fn plain(number: Syscall) {
    syscall!(number, (), inlateout("rdi") 0u64 => _, out("rsi") _,);
}
