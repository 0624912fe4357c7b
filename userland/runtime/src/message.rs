// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages and invocations: words and capabilities laid out for a system call, and the reply read back.

use crate::capability::CPtr;
use crate::error::{self, Error};
use crate::ipc_buffer::IpcBuffer;
use crate::syscall::{self, Received, Words};
use abi::ipc_buffer::{MAX_EXTRA_CAPS, MAX_LENGTH, REGISTER_MESSAGES};
use abi::{ErrorCode, Label, MessageInfo, TIME_WORDS, WORD_BITS};

/// A message to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The invocation, or what the two sides agreed on.
    pub label: u64,
    /// Message registers; those above 120 are not sent.
    pub words: &'a [u64],
    /// Capabilities; those above three are not sent.
    pub caps: &'a [CPtr],
}

impl<'a> Message<'a> {
    /// A message of words without capabilities.
    pub const fn new(label: u64, words: &'a [u64]) -> Self {
        Self { label, words, caps: &[] }
    }

    /// The same message with capabilities.
    pub const fn with_caps(self, caps: &'a [CPtr]) -> Self {
        Self { caps, ..self }
    }

    /// Puts what does not fit in registers into the IPC buffer; returns the rest.
    ///
    /// A message of four words without capabilities does not touch the buffer.
    #[inline(always)]
    pub fn load(&self) -> (MessageInfo, Words) {
        let length = self.words.len().min(MAX_LENGTH);
        let extra_caps = self.caps.len().min(MAX_EXTRA_CAPS);
        if length > REGISTER_MESSAGES || extra_caps > 0 {
            let buffer = IpcBuffer::current();
            let beyond = self.words.get(REGISTER_MESSAGES..length).unwrap_or_default();
            for (register, &word) in (REGISTER_MESSAGES..).zip(beyond) {
                buffer.set_word(register, word);
            }
            for (index, &cap) in self.caps.iter().enumerate().take(extra_caps) {
                buffer.set_cap(index, cap);
            }
        }
        let mut words = [0; REGISTER_MESSAGES];
        for (register, &word) in words.iter_mut().zip(self.words) {
            *register = word;
        }
        (MessageInfo::new(self.label, 0, extra_caps, length), words)
    }

    /// Calls: sends, and waits for the reply.
    #[inline(always)]
    pub fn call(&self, dest: CPtr) -> Received {
        let (info, words) = self.load();
        syscall::call(dest, info, words)
    }

    /// Sends, blocking until a receiver comes.
    #[inline(always)]
    pub fn send(&self, dest: CPtr) {
        let (info, words) = self.load();
        syscall::send(dest, info, words);
    }

    /// Sends only if a receiver waits.
    #[inline(always)]
    pub fn nb_send(&self, dest: CPtr) {
        let (info, words) = self.load();
        syscall::nb_send(dest, info, words);
    }

    /// Replies with this message, then receives.
    #[inline(always)]
    pub fn reply_recv(&self, source: CPtr, reply: CPtr) -> Received {
        let (info, words) = self.load();
        syscall::reply_recv(source, info, words, reply)
    }

    /// Invokes a kernel object.
    #[inline(always)]
    pub fn invoke(&self, dest: CPtr) -> Result<Received, Error> {
        let reply = self.call(dest);
        if reply.info.label() == ErrorCode::NoError.word() { Ok(reply) } else { Err(refused(reply)) }
    }
}

impl Received {
    /// Message register `register` of the message just received.
    pub fn word(&self, register: usize) -> u64 {
        match self.words.get(register) {
            Some(&word) => word,
            None => IpcBuffer::current().word(register),
        }
    }
}

/// Reads a time out of a message; `word` reads a message register, counted from the first one of the time.
#[inline(always)]
pub fn time(word: impl Fn(usize) -> u64) -> u64 {
    (0..TIME_WORDS).fold(0, |time, index| time | word(index) << (index as u32 * WORD_BITS))
}

#[cold]
fn refused(reply: Received) -> Error {
    let mut words = [0; error::MAX_WORDS];
    let length = reply.info.length().min(words.len());
    for (register, word) in words.iter_mut().enumerate().take(length) {
        *word = reply.word(register);
    }
    Error::decode(reply.info, &words[..length])
}

/// Invokes `dest` with words and capabilities, both of known number.
#[inline(always)]
pub(crate) fn invoke<const W: usize, const C: usize>(
    dest: CPtr,
    label: Label,
    words: [u64; W],
    caps: [CPtr; C],
) -> Result<Received, Error> {
    Message { label: label.word(), words: &words, caps: &caps }.invoke(dest)
}

/// Does the same for an invocation without results.
#[inline(always)]
pub(crate) fn invoke_unit<const W: usize, const C: usize>(
    dest: CPtr,
    label: Label,
    words: [u64; W],
    caps: [CPtr; C],
) -> Result<(), Error> {
    invoke(dest, label, words, caps).map(|_| ())
}

/// Does the same for an invocation whose result is message register 0.
#[inline(always)]
pub(crate) fn invoke_word<const W: usize, const C: usize>(
    dest: CPtr,
    label: Label,
    words: [u64; W],
    caps: [CPtr; C],
) -> Result<u64, Error> {
    invoke(dest, label, words, caps).map(|reply| reply.words[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscall::record;

    #[test]
    fn four_words_travel_in_registers_and_the_rest_in_the_buffer() {
        let words: [u64; 6] = [1, 2, 3, 4, 5, 6];
        let entries = record(|| {
            Message::new(9, &words).with_caps(&[CPtr(70), CPtr(71)]).call(CPtr(5));
        });
        assert_eq!(entries[0].info, MessageInfo::new(9, 0, 2, 6));
        assert_eq!(entries[0].words, [1, 2, 3, 4]);
        let buffer = IpcBuffer::current();
        assert_eq!([buffer.word(4), buffer.word(5), buffer.badge(0), buffer.badge(1)], [5, 6, 70, 71]);
    }

    #[test]
    fn what_exceeds_a_message_is_not_sent() {
        let entries = record(|| Message::new(0, &[7; 130]).with_caps(&[CPtr(1); 4]).send(CPtr(5)));
        assert_eq!((entries[0].info.length(), entries[0].info.extra_caps()), (120, 3));
    }

    #[test]
    fn a_refusal_becomes_an_error_with_its_words() {
        let info = MessageInfo::new(ErrorCode::FailedLookup.word(), 0, 0, 5);
        IpcBuffer::current().set_word(4, 51);
        let error = refused(Received { badge: 0, info, words: [0, 4, 64, 5] });
        assert_eq!(error.code(), Some(ErrorCode::FailedLookup));
        assert!(!matches!(error, Error::Malformed(_)));
    }
}
