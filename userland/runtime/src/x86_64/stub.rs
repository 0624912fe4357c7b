// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `syscall` instruction.
//!
//! The stack pointer is undefined after it, so each stub parks it. The interface suggests RBX, which inline assembly
//! may not name; R14 is preserved alike and takes its place. RCX and R11 are overwritten by the CPU. All
//! other registers are preserved unless they are outputs.
#![allow(unsafe_code)] // the system-call instruction

use crate::syscall::{Received, Words};
use abi::{MessageInfo, Syscall};
use core::arch::asm;

/// A system call with these operands besides the ones all stubs have.
macro_rules! syscall {
    ($number:expr, $($operand:tt)*) => {
        // SAFETY: the kernel changes what the caller's capabilities allow, the registers declared here, and the
        // caller's IPC buffer, which programs access by volatile operations only.
        unsafe {
            asm!(
                "mov r14, rsp",
                "syscall",
                "mov rsp, r14",
                in("rdx") $number.word(),
                out("r14") _,
                out("rcx") _,
                out("r11") _,
                $($operand)*
            )
        }
    };
}

#[inline(always)]
pub(crate) fn send(number: Syscall, dest: u64, info: MessageInfo, words: Words) {
    syscall!(
        number,
        in("rdi") dest,
        in("rsi") info.word(),
        in("r10") words[0],
        in("r8") words[1],
        in("r9") words[2],
        in("r15") words[3],
    );
}

#[inline(always)]
pub(crate) fn signal(number: Syscall, dest: u64, info: MessageInfo) {
    syscall!(number, in("rdi") dest, in("rsi") info.word(),);
}

#[inline(always)]
pub(crate) fn call(number: Syscall, dest: u64, info: MessageInfo, words: Words) -> Received {
    let [mut mr0, mut mr1, mut mr2, mut mr3] = words;
    let (badge, info_word): (u64, u64);
    syscall!(
        number,
        inlateout("rdi") dest => badge,
        inlateout("rsi") info.word() => info_word,
        inlateout("r10") mr0,
        inlateout("r8") mr1,
        inlateout("r9") mr2,
        inlateout("r15") mr3,
    );
    Received { badge, info: MessageInfo(info_word), words: [mr0, mr1, mr2, mr3] }
}

#[inline(always)]
pub(crate) fn receive(number: Syscall, source: u64, reply: u64) -> Received {
    // The kernel writes only what a message has; the rest stays zero.
    let [mut info, mut mr0, mut mr1, mut mr2, mut mr3] = [0; 5];
    let badge: u64;
    syscall!(
        number,
        inlateout("rdi") source => badge,
        inlateout("rsi") info,
        inlateout("r10") mr0,
        inlateout("r8") mr1,
        inlateout("r9") mr2,
        inlateout("r15") mr3,
        in("r12") reply,
    );
    Received { badge, info: MessageInfo(info), words: [mr0, mr1, mr2, mr3] }
}

#[inline(always)]
pub(crate) fn send_receive(
    number: Syscall,
    source: u64,
    info: MessageInfo,
    words: Words,
    [r12, r13]: [u64; 2],
) -> Received {
    let [mut mr0, mut mr1, mut mr2, mut mr3] = words;
    let (badge, info_word): (u64, u64);
    syscall!(
        number,
        inlateout("rdi") source => badge,
        inlateout("rsi") info.word() => info_word,
        inlateout("r10") mr0,
        inlateout("r8") mr1,
        inlateout("r9") mr2,
        inlateout("r15") mr3,
        in("r12") r12,
        in("r13") r13,
    );
    Received { badge, info: MessageInfo(info_word), words: [mr0, mr1, mr2, mr3] }
}

#[inline(always)]
pub(crate) fn plain(number: Syscall, argument: u64) -> u64 {
    let result: u64;
    syscall!(number, inlateout("rdi") argument => result,);
    result
}
