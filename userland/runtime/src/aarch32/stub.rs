// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `svc` instruction.
//!
//! The number is in R7, capabilities in R0 and R8, the reply object in R6, the message in R1 to R5. Inline assembly may
//! not name R6, which the compiler keeps for itself: the stubs that need it save it in LR, and put it back. In Thumb
//! state the same goes for R7; programs are compiled for ARM state. Registers hold the low halves of the
//! values; what the kernel returns is a word, and whatever is not output is preserved.
#![allow(unsafe_code)] // the system-call instruction

use crate::syscall::{Received, Words};
use abi::{MessageInfo, Syscall, Word, cut, widen};
use core::arch::asm;

/// A system call with these operands besides the ones all stubs have.
macro_rules! syscall {
    ($number:expr, reply = $reply:expr, $($operand:tt)*) => {
        // SAFETY: the kernel changes what the caller's capabilities allow, the registers declared here, and the
        // caller's IPC buffer, which programs access by volatile operations only. R6 is the compiler's again afterwards.
        unsafe {
            asm!(
                "mov lr, r6",
                "mov r6, {reply}",
                "svc #0",
                "mov r6, lr",
                reply = in(reg) cut($reply),
                in("r7") cut($number.word()),
                out("lr") _,
                $($operand)*
            )
        }
    };
    ($number:expr, $($operand:tt)*) => {
        // SAFETY: as above.
        unsafe { asm!("svc #0", in("r7") cut($number.word()), $($operand)*) }
    };
}

/// What a call that receives left in the registers.
fn received(badge: Word, info: Word, words: [Word; 4]) -> Received {
    Received { badge: widen(badge), info: MessageInfo(widen(info)), words: words.map(widen) }
}

#[inline(always)]
pub(crate) fn send(number: Syscall, dest: u64, info: MessageInfo, words: Words) {
    syscall!(
        number,
        in("r0") cut(dest),
        in("r1") cut(info.word()),
        in("r2") cut(words[0]),
        in("r3") cut(words[1]),
        in("r4") cut(words[2]),
        in("r5") cut(words[3]),
    );
}

#[inline(always)]
pub(crate) fn signal(number: Syscall, dest: u64, info: MessageInfo) {
    syscall!(number, in("r0") cut(dest), in("r1") cut(info.word()),);
}

#[inline(always)]
pub(crate) fn call(number: Syscall, dest: u64, info: MessageInfo, words: Words) -> Received {
    let [mut mr0, mut mr1, mut mr2, mut mr3] = words.map(cut);
    let (badge, info_word): (Word, Word);
    syscall!(
        number,
        inlateout("r0") cut(dest) => badge,
        inlateout("r1") cut(info.word()) => info_word,
        inlateout("r2") mr0,
        inlateout("r3") mr1,
        inlateout("r4") mr2,
        inlateout("r5") mr3,
    );
    received(badge, info_word, [mr0, mr1, mr2, mr3])
}

#[inline(always)]
pub(crate) fn receive(number: Syscall, source: u64, reply: u64) -> Received {
    // The kernel writes only what a message has; the rest stays zero.
    let [mut info, mut mr0, mut mr1, mut mr2, mut mr3]: [Word; 5] = [0; 5];
    let badge: Word;
    syscall!(
        number,
        reply = reply,
        inlateout("r0") cut(source) => badge,
        inlateout("r1") info,
        inlateout("r2") mr0,
        inlateout("r3") mr1,
        inlateout("r4") mr2,
        inlateout("r5") mr3,
    );
    received(badge, info, [mr0, mr1, mr2, mr3])
}

#[inline(always)]
pub(crate) fn send_receive(
    number: Syscall,
    source: u64,
    info: MessageInfo,
    words: Words,
    [reply_or_dest, dest]: [u64; 2],
) -> Received {
    let [mut mr0, mut mr1, mut mr2, mut mr3] = words.map(cut);
    let (badge, info_word): (Word, Word);
    syscall!(
        number,
        reply = reply_or_dest,
        inlateout("r0") cut(source) => badge,
        inlateout("r1") cut(info.word()) => info_word,
        inlateout("r2") mr0,
        inlateout("r3") mr1,
        inlateout("r4") mr2,
        inlateout("r5") mr3,
        in("r8") cut(dest),
    );
    received(badge, info_word, [mr0, mr1, mr2, mr3])
}

#[inline(always)]
pub(crate) fn plain(number: Syscall, argument: u64) -> u64 {
    let result: Word;
    syscall!(number, inlateout("r0") cut(argument) => result,);
    widen(result)
}
