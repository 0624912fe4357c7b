// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system calls, typed.
//!
//! A call sends message registers 0 to 3 in CPU registers; the rest and the capabilities travel in the caller's IPC
//! buffer ([`crate::IpcBuffer`]). The instruction itself is in the machine's `stub.rs`; on a workstation a stand-in takes
//! its place, so that tests see what a program would send.

#[cfg(target_os = "none")]
use crate::machine::stub;

#[cfg(not(target_os = "none"))]
#[path = "syscall/stand_in.rs"]
mod stub;

#[cfg(test)]
pub(crate) use stub::{Entry, answer_with, record};

use crate::capability::CPtr;
use abi::{CapTag, MessageInfo, Syscall};

/// Message registers 0 to 3.
pub type Words = [u64; abi::ipc_buffer::REGISTER_MESSAGES];

/// What a call that receives returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// The badge of the sender, the word of a notification, or 0 in a reply.
    pub badge: u64,
    /// The message's label and lengths. Signals leave it as it was.
    pub info: MessageInfo,
    /// Message registers 0 to 3; those beyond the length are as they were.
    pub words: Words,
}

/// Sends, blocking until a receiver comes.
#[inline]
pub fn send(dest: CPtr, info: MessageInfo, words: Words) {
    stub::send(Syscall::Send, dest.0, info, words);
}

/// Sends only if a receiver waits.
#[inline]
pub fn nb_send(dest: CPtr, info: MessageInfo, words: Words) {
    stub::send(Syscall::NBSend, dest.0, info, words);
}

/// Signals a notification or a line.
#[inline]
pub fn signal(dest: CPtr) {
    // The length is what other runtimes send; the kernel ignores it.
    stub::signal(Syscall::Send, dest.0, MessageInfo::new(0, 0, 0, 1));
}

/// Sends and waits for the reply.
#[inline]
pub fn call(dest: CPtr, info: MessageInfo, words: Words) -> Received {
    stub::call(Syscall::Call, dest.0, info, words)
}

/// Receives from an endpoint with a reply object, or from a notification.
#[inline]
pub fn recv(source: CPtr, reply: CPtr) -> Received {
    stub::receive(Syscall::Recv, source.0, reply.0)
}

/// Receives like [`recv`] if a message or signal is there; else the badge is 0.
#[inline]
pub fn nb_recv(source: CPtr, reply: CPtr) -> Received {
    stub::receive(Syscall::NBRecv, source.0, reply.0)
}

/// Receives without a reply object: a caller received that way becomes inactive.
#[inline]
pub fn wait(source: CPtr) -> Received {
    stub::receive(Syscall::Wait, source.0, 0)
}

/// Receives like [`wait`] if a message or signal is there; else the badge is 0.
#[inline]
#[doc(alias = "seL4_Poll")]
pub fn nb_wait(source: CPtr) -> Received {
    stub::receive(Syscall::NBWait, source.0, 0)
}

/// Replies through a reply object, then receives with it.
#[inline]
pub fn reply_recv(source: CPtr, info: MessageInfo, words: Words, reply: CPtr) -> Received {
    stub::send_receive(Syscall::ReplyRecv, source.0, info, words, [reply.0, 0])
}

/// Sends without blocking, then receives with a reply object.
#[inline]
pub fn nb_send_recv(dest: CPtr, info: MessageInfo, words: Words, source: CPtr, reply: CPtr) -> Received {
    stub::send_receive(Syscall::NBSendRecv, source.0, info, words, [reply.0, dest.0])
}

/// Sends without blocking, then receives without a reply object.
#[inline]
pub fn nb_send_wait(dest: CPtr, info: MessageInfo, words: Words, source: CPtr) -> Received {
    stub::send_receive(Syscall::NBSendWait, source.0, info, words, [dest.0, 0])
}

/// Gives up the rest of the current refill.
#[inline]
#[doc(alias = "seL4_Yield")]
pub fn yield_now() {
    stub::plain(Syscall::Yield, 0);
}

/// Sets the thread pointer of the caller.
#[inline]
pub fn set_tls_base(address: u64) {
    stub::plain(Syscall::SetTLSBase, address);
}

/// Writes one character to the debug console.
#[inline]
pub fn debug_put_char(character: u8) {
    stub::plain(Syscall::DebugPutChar, u64::from(character));
}

/// Prints the threads.
pub fn debug_dump_scheduler() {
    stub::plain(Syscall::DebugDumpScheduler, 0);
}

/// Halts this instance.
pub fn debug_halt() {
    stub::plain(Syscall::DebugHalt, 0);
}

/// What kind of capability is at an address; nothing if the kernel gives a tag that does not exist.
pub fn debug_cap_identify(cptr: CPtr) -> Option<CapTag> {
    CapTag::from_word(stub::plain(Syscall::DebugCapIdentify, cptr.0))
}

/// Prints the capabilities.
pub fn debug_snapshot() {
    stub::plain(Syscall::DebugSnapshot, 0);
}

/// Gives a thread the name in the caller's message registers, which a zero byte ends.
pub fn debug_name_thread(tcb: CPtr) {
    stub::plain(Syscall::DebugNameThread, tcb.0);
}

/// Enters the kernel and returns.
#[inline]
pub fn benchmark_null() {
    stub::plain(Syscall::BenchmarkNullSyscall, 0);
}

/// Any call with one argument and one result, both in the first register.
#[inline]
pub fn plain(number: Syscall, argument: u64) -> u64 {
    stub::plain(number, argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: MessageInfo = MessageInfo::new(5, 0, 0, 4);
    const WORDS: Words = [10, 11, 12, 13];

    fn entry(number: Syscall, dest: u64, r12: u64, r13: u64) -> Entry {
        Entry { number, dest, info: INFO, words: WORDS, r12, r13 }
    }

    fn receiving(number: Syscall, source: u64, r12: u64) -> Entry {
        Entry { number, dest: source, r12, ..Entry::default() }
    }

    #[test]
    fn each_call_puts_its_capabilities_where_the_interface_wants_them() {
        let [dest, source, reply] = [1, 2, 3].map(CPtr);
        let entries = record(|| {
            send(dest, INFO, WORDS);
            nb_send(dest, INFO, WORDS);
            call(dest, INFO, WORDS);
            recv(source, reply);
            nb_recv(source, reply);
            wait(source);
            nb_wait(source);
            reply_recv(source, INFO, WORDS, reply);
            nb_send_recv(dest, INFO, WORDS, source, reply);
            nb_send_wait(dest, INFO, WORDS, source);
        });
        let expected = [
            entry(Syscall::Send, 1, 0, 0),
            entry(Syscall::NBSend, 1, 0, 0),
            entry(Syscall::Call, 1, 0, 0),
            receiving(Syscall::Recv, 2, 3),
            receiving(Syscall::NBRecv, 2, 3),
            receiving(Syscall::Wait, 2, 0),
            receiving(Syscall::NBWait, 2, 0),
            entry(Syscall::ReplyRecv, 2, 3, 0),
            entry(Syscall::NBSendRecv, 2, 3, 1),
            entry(Syscall::NBSendWait, 2, 1, 0),
        ];
        assert_eq!(entries, expected);
    }

    #[test]
    fn a_signal_is_a_send_of_length_one() {
        let entries = record(|| signal(CPtr(9)));
        assert_eq!((entries[0].number, entries[0].dest, entries[0].info.word()), (Syscall::Send, 9, 1));
    }
}
