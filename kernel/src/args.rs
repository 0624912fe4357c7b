// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments of an invocation, read by name in interface order.
//!
//! Decoding first states how many words and capabilities it needs ([`Args::require`]), then takes them from the
//! cursor ([`Args::words`]). Nothing is copied ahead: words beyond the registers are read from the buffer when asked.

use abi::ipc_buffer::{MAX_EXTRA_CAPS, REGISTER_MESSAGES, message_offset};
use abi::{Label, MessageInfo, TIME_WORDS, WORD_BITS};

use crate::cap::slot::SlotRef;
use crate::error::SyscallError;
use crate::memory::objects::{ObjRef, Objects};
use crate::memory::user::UserFrame;
use crate::object::tcb::Tcb;

/// The message of an invocation: where its words are, and the slots of its extra capabilities.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Who invokes.
    pub sender: ObjRef<Tcb>,
    /// Label, and length as it counts (120 at most, 4 without a buffer).
    pub info: MessageInfo,
    /// What the label stands for.
    pub label: Option<Label>,
    /// Words available.
    pub length: usize,
    /// The sender's IPC buffer.
    pub buffer: Option<UserFrame>,
    /// Slots of the extra capabilities, resolved; `None` past the last.
    pub caps: [Option<SlotRef>; MAX_EXTRA_CAPS],
}

/// Arguments as decode sees them.
#[derive(Clone, Copy)]
pub struct Args<'k> {
    objs: &'k Objects,
    message: &'k Message,
}

impl<'k> Args<'k> {
    /// The arguments in `message`.
    #[inline]
    pub const fn new(objs: &'k Objects, message: &'k Message) -> Self {
        Self { objs, message }
    }

    /// The label as the message has it.
    #[inline]
    pub const fn label_word(&self) -> u64 {
        self.message.info.label()
    }

    /// The operation asked for; `None` where the label is no operation's.
    #[inline]
    pub const fn label(&self) -> Option<Label> {
        self.message.label
    }

    /// Words given.
    #[inline]
    pub const fn length(&self) -> usize {
        self.message.length
    }

    /// Refuses a message with fewer than `words` words or `caps` extra capabilities.
    #[inline]
    pub fn require(&self, words: usize, caps: usize) -> Result<(), SyscallError> {
        let has_caps = caps == 0 || self.message.caps[caps - 1].is_some();
        if self.message.length >= words && has_caps { Ok(()) } else { Err(SyscallError::TruncatedMessage) }
    }

    /// Word `index`; below the length given, else 0.
    pub fn word(&self, index: usize) -> u64 {
        self.source().word(self.objs, index)
    }

    /// Where the words are, for an operation that reads many of them while it is executed.
    #[inline]
    pub const fn source(&self) -> WordSource {
        WordSource { sender: self.message.sender, buffer: self.message.buffer }
    }

    /// A cursor that takes words in order from the first.
    #[inline]
    pub const fn words(&self) -> Words<'k> {
        Words { args: *self, index: 0 }
    }

    /// Slot of extra capability `index`, which [`Args::require`] has shown to be there.
    #[inline]
    pub fn cap(&self, index: usize) -> Result<SlotRef, SyscallError> {
        self.message.caps[index].ok_or(SyscallError::TruncatedMessage)
    }
}

/// Where the words of a message are: registers of the sender, then its buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WordSource {
    sender: ObjRef<Tcb>,
    buffer: Option<UserFrame>,
}

impl WordSource {
    /// Word `index`; 0 past the registers without a buffer.
    pub fn word(self, objs: &Objects, index: usize) -> u64 {
        if index < REGISTER_MESSAGES {
            return objs[self.sender].context.message_register(index);
        }
        self.buffer.map_or(0, |buffer| buffer.read(objs, message_offset(index)))
    }
}

/// Takes words one by one.
pub struct Words<'k> {
    args: Args<'k>,
    index: usize,
}

impl Words<'_> {
    /// The next word.
    #[inline]
    pub fn take(&mut self) -> u64 {
        let word = self.args.word(self.index);
        self.index += 1;
        word
    }

    /// The next time, the low word first.
    #[inline]
    pub fn take_time(&mut self) -> u64 {
        (0..TIME_WORDS as u32).fold(0, |time, index| time | self.take() << (index * WORD_BITS))
    }
}
