// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lies between two time stamps: the shortest system calls there are, and the stamps themselves.
//!
//! The runtime's calls set and return message registers. These leave them alone, as the stubs of other benchmarks do,
//! so that figures compare. All are written out, so that no compiler puts more instructions into an interval.
//! Inline assembly may not name R6, which holds the reply object: it is saved in LR, as in the runtime.
#![cfg_attr(target_os = "none", allow(unsafe_code))] // system calls and the cycle counter

use abi::{MessageInfo, Syscall};
use userland::CPtr;

#[cfg(target_os = "none")]
use abi::{cut, widen};
#[cfg(target_os = "none")]
use core::arch::asm;

/// A system call with these arguments, in these operands besides the ones all have. Message registers are lost.
#[cfg(target_os = "none")]
macro_rules! syscall {
    ($number:expr, $arguments:expr, reply = $reply:expr, $($operand:tt)*) => {
        // SAFETY: the kernel changes what the capabilities allow, and the registers declared here; R6 is put back.
        unsafe {
            asm!(
                "mov lr, r6",
                "mov r6, {reply}",
                "svc #0",
                "mov r6, lr",
                reply = in(reg) cut($reply.0),
                in("r7") cut($number.word()),
                out("r2") _, out("r3") _, out("r4") _, out("r5") _, out("lr") _,
                $($operand)*
            )
        }
    };
    ($number:expr, $arguments:expr, $($operand:tt)*) => {
        // SAFETY: as above.
        unsafe {
            asm!(
                "svc #0",
                in("r7") cut($number.word()),
                out("r2") _, out("r3") _, out("r4") _, out("r5") _,
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

/// The cycle counter, which has 32 bits: one instruction.
#[inline(always)]
pub(crate) fn stamp() -> u64 {
    #[cfg(target_os = "none")]
    {
        let now: u32;
        // SAFETY: the kernel lets programs read the counter, which changes nothing.
        unsafe { asm!("mrc p15, 0, {now}, c9, c13, 0", now = out(reg) now) };
        now.into()
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("a time stamp needs an instance to run on")
}

/// What lies between two stamps, given their difference: the counter may have begun anew in between.
#[inline(always)]
pub(crate) fn elapsed(difference: u64) -> u32 {
    difference as u32
}

/// Lets the machine's other processors run where they share one host thread.
#[inline(always)]
pub(crate) fn pause() {
    core::hint::spin_loop();
}

/// Calls `dest`.
#[inline(always)]
pub(crate) fn call(dest: CPtr, info: MessageInfo) {
    syscall!(
        Syscall::Call,
        (dest, info),
        inlateout("r0") cut(dest.0) => _,
        inlateout("r1") cut(info.word()) => _,
    );
}

/// Sends to `dest`: a message, or a signal.
#[inline(always)]
pub(crate) fn send(dest: CPtr, info: MessageInfo) {
    syscall!(
        Syscall::Send,
        (dest, info),
        inlateout("r0") cut(dest.0) => _,
        inlateout("r1") cut(info.word()) => _,
    );
}

/// Sends to `dest` if a receiver waits.
#[inline(always)]
pub(crate) fn nb_send(dest: CPtr, info: MessageInfo) {
    syscall!(
        Syscall::NBSend,
        (dest, info),
        inlateout("r0") cut(dest.0) => _,
        inlateout("r1") cut(info.word()) => _,
    );
}

/// Receives from `source` with a reply object.
#[inline(always)]
pub(crate) fn recv(source: CPtr, reply: CPtr) {
    syscall!(
        Syscall::Recv,
        (source, reply),
        reply = reply,
        inlateout("r0") cut(source.0) => _,
        out("r1") _,
    );
}

/// Waits at `source`.
#[inline(always)]
pub(crate) fn wait(source: CPtr) {
    syscall!(Syscall::Wait, source, inlateout("r0") cut(source.0) => _, out("r1") _,);
}

/// Looks whether something waits at `source`.
#[inline(always)]
pub(crate) fn nb_wait(source: CPtr) {
    syscall!(Syscall::NBWait, source, inlateout("r0") cut(source.0) => _, out("r1") _,);
}

/// Replies and receives.
#[inline(always)]
pub(crate) fn reply_recv(source: CPtr, info: MessageInfo, reply: CPtr) {
    syscall!(
        Syscall::ReplyRecv,
        (source, info, reply),
        reply = reply,
        inlateout("r0") cut(source.0) => _,
        inlateout("r1") cut(info.word()) => _,
    );
}

/// Replies to a fault with the address to go on at, and receives; returns the address of the next fault.
#[inline(always)]
pub(crate) fn fault_reply_recv(source: CPtr, info: MessageInfo, resume_at: u64, reply: CPtr) -> u64 {
    #[cfg(target_os = "none")]
    {
        let faulted_at: u32;
        // SAFETY: as for the other calls.
        unsafe {
            asm!(
                "mov lr, r6",
                "mov r6, {reply}",
                "svc #0",
                "mov r6, lr",
                reply = in(reg) cut(reply.0),
                in("r7") cut(Syscall::ReplyRecv.word()),
                inlateout("r0") cut(source.0) => _,
                inlateout("r1") cut(info.word()) => _,
                inlateout("r2") cut(resume_at) => faulted_at,
                out("r3") _, out("r4") _, out("r5") _, out("lr") _,
            );
        }
        widen(faulted_at)
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("{source:?}, {info:?}, {resume_at}, {reply:?} need an instance")
}

/// Bytes of the instruction that [`fault`] faults at.
pub(crate) const FAULT_LENGTH: u64 = 4;

/// Faults: an instruction that does not exist. The handler must step over it.
#[inline(always)]
pub(crate) fn fault() {
    #[cfg(target_os = "none")]
    // SAFETY: the handler of this thread resumes it behind the instruction, with its registers unchanged.
    unsafe {
        asm!("udf #0");
    }
    #[cfg(not(target_os = "none"))]
    unreachable!("a fault needs an instance to run on")
}

/// A call without capabilities.
#[inline(always)]
pub(crate) fn plain(number: Syscall) {
    syscall!(number, (), inlateout("r0") 0u32 => _, out("r1") _,);
}
