// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timeouts of other programs, which this one handles.
//!
//! ```ignore
//! let mut timeouts = program.timeouts();
//! let control = timeouts.of("control")?;
//! loop {
//!     let timeout = timeouts.wait();
//!     if timeout.is_of(control) {
//!         println!("{} used up its budget: {} us", timeout.program(), timeout.consumed_us());
//!     }
//!     timeout.resume();
//! }
//! ```
//!
//! A program whose budget is used up waits until its timeout was handled, and then for its next period.

use super::events::{self, Events};
use super::{Missing, missing};
use crate::capability::CPtr;
use crate::message::{Message, time};
use crate::syscall::{self, Received};
use abi::chunk::skerry::Name;
use abi::start::{Request, SERVICE_SLOT, StartInfo};
use abi::{FaultKind, MessageInfo, TIME_WORDS, WORD_BITS, fault};

/// What a handler's name is sought under.
pub(super) const KEY: &str = "timeout-handler";

/// The timeouts of all programs that this one handles. There is one timeout at a time. A program that handles none has
/// nothing to wait on, and faults when it tries.
#[derive(Debug)]
pub struct Timeouts {
    info: StartInfo<'static>,
}

/// A program whose timeouts this one handles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handled {
    number: u64,
}

/// A program that has used up its budget. It goes on when this value is gone, unless it was given up.
#[derive(Debug)]
#[must_use = "the program goes on when this is dropped"]
pub struct Timeout<'a> {
    timeouts: &'a mut Timeouts,
    number: u64,
    consumed_us: u64,
}

/// What a handler of timeouts was woken by.
#[derive(Debug)]
pub enum Woken<'a> {
    /// A program used up its budget.
    Timeout(Timeout<'a>),
    /// Lines or interrupts came.
    Events(Events),
}

impl Timeouts {
    pub(super) fn new(info: StartInfo<'static>) -> Self {
        Self { info }
    }

    /// A program by its name: `timeout-handler` in the description of that program.
    pub fn of(&self, name: &str) -> Result<Handled, Missing> {
        let found = self.info.timeouts().find(|timeout| timeout.name.as_str() == name);
        found.map(|timeout| Handled { number: timeout.number }).ok_or(missing(KEY, name))
    }

    /// Waits until a program uses up its budget. Lines and interrupts that come meanwhile are kept.
    pub fn wait(&mut self) -> Timeout<'_> {
        loop {
            let received = syscall::recv(self.endpoint(), self.reply());
            if is_timeout(&received) {
                return self.timeout(&received);
            }
            events::keep(received.badge);
        }
    }

    /// Waits for a timeout, a line or an interrupt.
    pub fn wait_any(&mut self) -> Woken<'_> {
        let kept = events::take_kept(u64::MAX);
        if !kept.is_empty() {
            return Woken::Events(kept);
        }
        let received = syscall::recv(self.endpoint(), self.reply());
        if is_timeout(&received) {
            return Woken::Timeout(self.timeout(&received));
        }
        events::keep(received.badge);
        Woken::Events(events::take_kept(u64::MAX))
    }

    /// A program that has used up its budget already, if there is one. Lines and interrupts that have come are kept.
    pub fn poll(&mut self) -> Option<Timeout<'_>> {
        loop {
            let received = syscall::nb_recv(self.endpoint(), self.reply());
            if is_timeout(&received) {
                return Some(self.timeout(&received));
            }
            if received.badge == 0 {
                return None;
            }
            // Events are received before a timeout that came earlier.
            events::keep(received.badge);
        }
    }

    fn timeout(&mut self, received: &Received) -> Timeout<'_> {
        let consumed_us = time(|index| received.word(fault::timeout::CONSUMED + index));
        Timeout { timeouts: self, number: received.badge, consumed_us }
    }

    fn endpoint(&self) -> CPtr {
        CPtr(self.info.head.timeout_endpoint)
    }

    fn reply(&self) -> CPtr {
        CPtr(self.info.head.timeout_reply)
    }
}

impl Timeout<'_> {
    /// The name of the program.
    pub fn program(&self) -> Name {
        let mut timeouts = self.timeouts.info.timeouts();
        timeouts.find(|timeout| timeout.number == self.number).map(|timeout| timeout.name).unwrap_or_default()
    }

    /// Whether it is this program.
    pub fn is_of(&self, program: Handled) -> bool {
        program.number == self.number
    }

    /// Microseconds that it ran since its last timeout.
    pub fn consumed_us(&self) -> u64 {
        self.consumed_us
    }

    /// Lets the program go on when its next period begins.
    pub fn resume(self) {}

    /// Treats the program like one that faults: init restarts or stops it, as its `restart` says.
    pub fn give_up(self) {
        let mut words = [0; 1 + TIME_WORDS];
        words[0] = self.number;
        for (index, word) in words[1..].iter_mut().enumerate() {
            *word = self.consumed_us >> (index as u32 * WORD_BITS);
        }
        Message::new(Request::GiveUp.word(), &words).call(CPtr(SERVICE_SLOT));
        // Nobody waits for an answer any more.
        core::mem::forget(self);
    }
}

impl Drop for Timeout<'_> {
    fn drop(&mut self) {
        syscall::send(self.timeouts.reply(), MessageInfo::default(), [0; 4]);
    }
}

/// Whether this is the message of a timeout; else it is what the program's notification collected, if anything.
fn is_timeout(received: &Received) -> bool {
    received.info.label() == FaultKind::Timeout.word()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscall::{answer_with, record};
    use abi::Syscall;
    use abi::start::{Contents, Head, Timeout as Entry};

    fn timeouts() -> Timeouts {
        let name = |text| Name::new(text).expect("short");
        let entries =
            [("control", 3), ("logger", 5)].map(|(text, number)| Entry { name: name(text), number });
        let contents = Contents {
            head: Head { timeout_endpoint: 7, timeout_reply: 8, ..Head::EMPTY },
            arguments: "",
            regions: &[],
            channels: &[],
            interrupts: &[],
            ports: &[],
            registers: &[],
            timeouts: &entries,
        };
        let mut bytes = vec![0; 4096];
        contents.encode(&mut bytes).expect("it fits");
        Timeouts::new(StartInfo::parse(bytes.leak()).expect("it is an info"))
    }

    fn received(badge: u64) -> Received {
        Received { badge, info: MessageInfo::new(FaultKind::Timeout.word(), 0, 0, 2), words: [0, 1200, 0, 0] }
    }

    #[test]
    fn a_timeout_says_whose_it_is_and_what_was_consumed() {
        let mut timeouts = timeouts();
        let (control, logger) = (timeouts.of("control"), timeouts.of("logger"));
        let timeout = timeouts.timeout(&received(5));
        assert_eq!((timeout.program().as_str(), timeout.consumed_us()), ("logger", 1200));
        assert_eq!(logger.map(|logger| timeout.is_of(logger)), Ok(true));
        assert_eq!(control.map(|control| timeout.is_of(control)), Ok(false));
    }

    #[test]
    fn a_timeout_is_found_behind_events_and_those_are_kept() {
        const EVENT: u64 = 1 << 63;
        let mut timeouts = timeouts();
        answer_with([Received { badge: EVENT, ..Received::default() }, received(3)]);
        assert_eq!(timeouts.poll().map(|timeout| timeout.number), Some(3));
        assert!(!events::take_kept(EVENT).is_empty());
        assert!(timeouts.poll().is_none());
    }

    #[test]
    fn a_program_goes_on_once_whether_it_is_resumed_or_forgotten() {
        let mut timeouts = timeouts();
        let resumed = record(|| timeouts.timeout(&received(3)).resume());
        let dropped = record(|| drop(timeouts.timeout(&received(3))));
        for entries in [resumed, dropped] {
            let sent: Vec<_> = entries.iter().map(|entry| (entry.number, entry.dest, entry.info)).collect();
            assert_eq!(sent, [(Syscall::Send, 8, MessageInfo::default())]);
        }
    }

    #[test]
    fn a_program_that_is_given_up_gets_no_answer() {
        let mut timeouts = timeouts();
        let entries = record(|| timeouts.timeout(&received(3)).give_up());
        let info = MessageInfo::new(Request::GiveUp.word(), 0, 0, 1 + TIME_WORDS);
        let sent: Vec<_> = entries.iter().map(|entry| (entry.number, entry.dest, entry.info)).collect();
        assert_eq!(sent, [(Syscall::Call, SERVICE_SLOT, info)]);
        assert_eq!(entries[0].words[..2], [3, 1200]);
    }

    #[test]
    fn a_program_that_is_not_handled_is_named_with_the_key_to_set() {
        let text = timeouts().of("other").expect_err("it is not handled").to_string();
        let expected =
            "this program does not handle the timeouts of `other`: name it as `timeout-handler` there";
        assert_eq!(text, expected);
    }
}
