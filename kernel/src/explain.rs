// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an invocation was refused, for people: one line for each, in profiles that print and when asked for (the word
//! `explain` on the kernel's command line, `./x run --explain`).
//!
//! ```text
//! refused: thread "rootserver" at 0x401a2c: UntypedRetype of slot 0x90 (Untyped): argument 5 is 0x0, expected 0x1..=0x100
//! ```
//!
//! The checks know only their error. Which argument it is about is found out by decoding once more with another value
//! in its place: decoding changes nothing, and the argument whose change changes the answer is the one. So an invocation
//! that is not refused, and a kernel that is not asked, pay nothing.

use core::fmt::{self, Display};

use abi::ipc_buffer::{MAX_EXTRA_CAPS, MAX_LENGTH, REGISTER_MESSAGES, message_offset};
use abi::{CapTag, Label};
use arch::Machine;

use crate::Kernel;
use crate::args::{Args, Message, WordSource};
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{LookupFailure, SyscallError};
use crate::invocation::Invocation;

/// More words than any invocation needs.
const MOST_WORDS: usize = 24;

/// What an error is about, as far as it can be found out.
enum Reason {
    /// A word: its index, its value, the least and the greatest value allowed.
    OutOfRange(Option<(usize, u64)>, u64, u64),
    /// A word that is no multiple of this.
    Unaligned(Option<(usize, u64)>, Option<u64>),
    /// A word.
    Argument(u64, Option<u64>),
    /// A capability: which one, what it is, what this invocation takes there.
    Capability(u64, CapTag, &'static str),
    /// Words and capabilities given and needed.
    Truncated((usize, usize), Option<(usize, usize)>),
    /// The object or an argument; where it may be the first capability, what that is and what this invocation takes.
    Illegal(Option<(CapTag, &'static str)>),
    /// Everything else.
    Other(SyscallError),
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfRange(Some((index, word)), min, max) => {
                write!(f, "argument {index} is {word:#x}, expected {min:#x}..={max:#x}")
            }
            Self::OutOfRange(None, min, max) => {
                write!(f, "an argument or the state of the object is outside {min:#x}..={max:#x}")
            }
            Self::Unaligned(Some((index, word)), Some(multiple)) => {
                write!(f, "argument {index} is {word:#x}, expected a multiple of {multiple:#x}")
            }
            Self::Unaligned(..) => write!(f, "an address is not aligned"),
            Self::Argument(number, Some(word)) => {
                write!(f, "argument {number} is {word:#x}, expected a value that this invocation takes")
            }
            Self::Argument(number, None) => write!(f, "argument {number} is none that this invocation takes"),
            Self::Capability(0, tag, expected) => {
                write!(f, "the capability invoked or given first is {tag:?}, expected {expected}")
            }
            Self::Capability(number, tag, expected) => {
                write!(f, "capability {number} is {tag:?}, expected {expected}")
            }
            Self::Truncated((words, caps), Some((needed, needed_caps))) => write!(
                f,
                "{words} arguments and {caps} capabilities given, expected {needed} and {needed_caps}"
            ),
            Self::Truncated((words, caps), None) => {
                write!(f, "{words} arguments and {caps} capabilities given, expected more")
            }
            Self::Illegal(given) => {
                write!(f, "the capability has no such invocation, or its object does not allow it now")?;
                match given {
                    Some((tag, expected)) => write!(f, "; capability 1 is {tag:?}, expected {expected}"),
                    None => Ok(()),
                }
            }
            Self::Other(error) => write!(f, "{}", Text(error)),
        }
    }
}

/// What errors without an argument say.
struct Text(SyscallError);

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SyscallError::FailedLookup(side, failure) => {
                write!(f, "the lookup of the {side:?} slot or table ends at {failure:?}, expected a place")
            }
            SyscallError::DeleteFirst => write!(f, "the destination is in use, expected an empty one"),
            SyscallError::RevokeFirst => {
                write!(f, "the object has descendants or another user, expected none")
            }
            SyscallError::NotEnoughMemory(free) => {
                write!(f, "{free:#x} bytes are left in the untyped, expected enough for all objects")
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// The name of an invocation.
struct Name(Option<Label>, u64);

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(label) => write!(f, "{label:?}"),
            None => write!(f, "label {:#x}, which is none,", self.1),
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Says why an invocation of `cap` in `slot` was refused with `error`.
    #[cold]
    #[inline(never)]
    pub(crate) fn explain(&mut self, slot: SlotRef, cap: Cap, message: &Message, error: SyscallError) {
        let reason = self.reason(slot, cap, message, error);
        let cptr = self.objs[message.sender].context.cap_register();
        let (name, tag) = (Name(message.label, message.info.label()), cap.tag());
        self.say_refused(message.sender, format_args!("{name} of slot {cptr:#x} ({tag:?}): {reason}"));
    }

    /// Says that a system call names a slot that leads nowhere.
    #[cold]
    #[inline(never)]
    pub(crate) fn explain_cptr(&mut self, cptr: u64, failure: LookupFailure) {
        let caller = self.sched.current;
        let what = format_args!("slot {cptr:#x}: {failure:?}, expected a capability for this system call");
        self.say_refused(caller, what);
    }

    fn reason(&mut self, slot: SlotRef, cap: Cap, message: &Message, error: SyscallError) -> Reason {
        match error {
            SyscallError::RangeError { min, max } => {
                let bad = max.checked_add(2).or(min.checked_sub(1));
                let values = |word: u64| bad.filter(|_| !(min..=max).contains(&word)).map(|bad| (min, bad));
                let culprit = self.find_word(slot, cap, message, error, values);
                Reason::OutOfRange(culprit, min, max)
            }
            SyscallError::AlignmentError => self.unaligned(slot, cap, message),
            SyscallError::InvalidArgument(number) => {
                let index = number as usize;
                let given = (index < message.length).then(|| self.word_of(message, index));
                Reason::Argument(number, given)
            }
            SyscallError::InvalidCapability(number) => {
                let given = match number.checked_sub(1) {
                    Some(index) => message.caps.get(index as usize).copied().flatten(),
                    None => Some(slot),
                };
                let tag = given.map_or(CapTag::Null, |slot| self.objs[slot].cap.unpack().tag());
                let label = message.label;
                Reason::Capability(
                    number,
                    tag,
                    known_cap(label, number).unwrap_or("another kind, or other rights"),
                )
            }
            SyscallError::TruncatedMessage => {
                let caps = message.caps.iter().flatten().count();
                Reason::Truncated((message.length, caps), self.needed(slot, cap, message))
            }
            SyscallError::IllegalOperation => {
                let label = message.label;
                let tag = message.caps[0].map(|slot| self.objs[slot].cap.unpack().tag());
                Reason::Illegal(tag.zip(known_cap(label, 1)))
            }
            other => Reason::Other(other),
        }
    }

    fn word_of(&self, message: &Message, index: usize) -> u64 {
        Args::new(&self.objs, message).word(index)
    }

    fn decode(&self, slot: SlotRef, cap: Cap, message: &Message) -> Result<Invocation, SyscallError> {
        self.decode_invocation(slot, cap, &Args::new(&self.objs, message))
    }

    /// Whether the answer is another one with `word` as argument `index`. The argument is put back.
    fn matters(
        &mut self,
        (slot, cap): (SlotRef, Cap),
        message: &Message,
        error: SyscallError,
        (index, word): (usize, u64),
    ) -> bool {
        let source = Args::new(&self.objs, message).source();
        let old = self.replace_word(source, message, index, word);
        let answer = self.decode(slot, cap, message);
        self.replace_word(source, message, index, old);
        !matches!(answer, Err(other) if other == error)
    }

    fn replace_word(&mut self, source: WordSource, message: &Message, index: usize, word: u64) -> u64 {
        let old = source.word(&self.objs, index);
        if index < REGISTER_MESSAGES {
            self.objs[message.sender].context.set_message_register(index, word);
        } else if let Some(buffer) = message.buffer {
            buffer.write(&mut self.objs, message_offset(index), word);
        }
        old
    }

    /// The argument that the error is about: with a good value in its place the answer is another one, with another bad value
    /// it is the same. `values` gives both, for words that are bad. Failing that, the first bad one.
    fn find_word(
        &mut self,
        slot: SlotRef,
        cap: Cap,
        message: &Message,
        error: SyscallError,
        values: impl Fn(u64) -> Option<(u64, u64)>,
    ) -> Option<(usize, u64)> {
        let mut first = None;
        for index in 0..message.length {
            let word = self.word_of(message, index);
            let Some((good, bad)) = values(word) else { continue };
            if self.matters((slot, cap), message, error, (index, good))
                && !self.matters((slot, cap), message, error, (index, bad))
            {
                return Some((index, word));
            }
            first = first.or(Some((index, word)));
        }
        first
    }

    fn unaligned(&mut self, slot: SlotRef, cap: Cap, message: &Message) -> Reason {
        let error = SyscallError::AlignmentError;
        let values = |word: u64| (word != 0).then_some((0, word | 1));
        let culprit = self.find_word(slot, cap, message, error, values);
        let multiple = culprit.and_then(|(index, word)| {
            let mut multiples = (1..u64::BITS).map(|bits| 1 << bits);
            multiples.find(|multiple| {
                let rounded = word & !(multiple - 1);
                self.matters((slot, cap), message, error, (index, rounded))
            })
        });
        Reason::Unaligned(culprit, multiple)
    }

    /// How many arguments and capabilities the invocation needs: the least with which something else is wrong, or nothing.
    fn needed(&self, slot: SlotRef, cap: Cap, message: &Message) -> Option<(usize, usize)> {
        let given = message.caps.iter().flatten().count();
        let most = MOST_WORDS.max(message.length).min(MAX_LENGTH);
        let mut counts =
            (given..=MAX_EXTRA_CAPS).flat_map(|caps| (message.length..=most).map(move |words| (words, caps)));
        counts.find(|&(length, caps)| {
            let mut longer = Message { length, ..*message };
            longer.caps.iter_mut().take(caps).for_each(|place| *place = place.or(Some(slot)));
            self.decode(slot, cap, &longer)
                .map_or_else(|error| error != SyscallError::TruncatedMessage, |_| true)
        })
    }
}

/// What an invocation takes as its extra capability of this number, counted from 1, where that can be said; 0 is the
/// capability invoked.
fn known_cap(label: Option<Label>, number: u64) -> Option<&'static str> {
    Some(match (label?, number) {
        (Label::IrqHandlerSetNotification, 0) => "a notification with the right to send",
        (_, 0) => "one that has this invocation",
        (Label::TcbConfigure | Label::TcbSetSpace, 1) => {
            "a CNode, and the frame or endpoint that goes with it"
        }
        (Label::TcbConfigure | Label::TcbSetSpace, 2) => "a VSpace that has an ASID",
        (Label::TcbConfigure, 3) => "a frame of ordinary memory for the IPC buffer",
        (Label::TcbSetIpcBuffer, 1) => "a frame of ordinary memory",
        (Label::TcbSetPriority | Label::TcbSetMcPriority | Label::TcbSetSchedParams, 1) => "a thread",
        (Label::TcbSetSchedParams, 2) => "a scheduling context that is free, or nothing",
        (Label::TcbSetSchedParams, 3) | (Label::TcbSetTimeoutEndpoint, 1) => {
            "an endpoint with the rights to send and to grant, or nothing"
        }
        (Label::TcbBindNotification, 1) => "a notification with the right to receive that is free",
        (Label::PageMap | Label::PageTableMap | Label::PageDirectoryMap | Label::PdptMap, 1) => {
            "a VSpace that has an ASID, the one of an earlier mapping"
        }
        (Label::SchedContextBind | Label::SchedContextUnbindObject, 1) => {
            "a thread or a notification that fits"
        }
        (Label::SchedControlConfigureFlags, 1) => "a scheduling context",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
