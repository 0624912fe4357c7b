// SPDX-License-Identifier: MIT OR Apache-2.0
//! Takes the place of the system-call instruction on a workstation: tests record what would be sent.

use super::{Received, Words};
use abi::{MessageInfo, Syscall};

/// The registers of one system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) number: Syscall,
    pub(crate) dest: u64,
    pub(crate) info: MessageInfo,
    pub(crate) words: Words,
    pub(crate) r12: u64,
    pub(crate) r13: u64,
}

impl Default for Entry {
    fn default() -> Self {
        let info = MessageInfo::default();
        Self { number: Syscall::Yield, dest: 0, info, words: [0; 4], r12: 0, r13: 0 }
    }
}

pub(super) fn send(number: Syscall, dest: u64, info: MessageInfo, words: Words) {
    enter(Entry { number, dest, info, words, ..Entry::default() });
}

pub(super) fn signal(number: Syscall, dest: u64, info: MessageInfo) {
    enter(Entry { number, dest, info, ..Entry::default() });
}

pub(super) fn call(number: Syscall, dest: u64, info: MessageInfo, words: Words) -> Received {
    enter(Entry { number, dest, info, words, ..Entry::default() })
}

pub(super) fn receive(number: Syscall, source: u64, reply: u64) -> Received {
    enter(Entry { number, dest: source, r12: reply, ..Entry::default() })
}

pub(super) fn send_receive(
    number: Syscall,
    source: u64,
    info: MessageInfo,
    words: Words,
    [r12, r13]: [u64; 2],
) -> Received {
    enter(Entry { number, dest: source, info, words, r12, r13 })
}

pub(super) fn plain(number: Syscall, argument: u64) -> u64 {
    enter(Entry { number, dest: argument, ..Entry::default() }).badge
}

#[cfg(not(test))]
fn enter(_: Entry) -> Received {
    unreachable!("a system call needs an instance to run on");
}

#[cfg(test)]
use recorder::enter;
#[cfg(test)]
pub(crate) use recorder::{answer_with, record};

#[cfg(test)]
mod recorder {
    use super::{Entry, Received};
    use std::cell::RefCell;
    use std::collections::VecDeque;

    std::thread_local! {
        static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
        static ANSWERS: RefCell<VecDeque<Received>> = const { RefCell::new(VecDeque::new()) };
    }

    /// What the next calls of this thread return, one after the other; those after them return an empty success.
    pub(crate) fn answer_with(answers: impl IntoIterator<Item = Received>) {
        ANSWERS.with_borrow_mut(|queue| queue.extend(answers));
    }

    /// The calls made by `work`.
    pub(crate) fn record(work: impl FnOnce()) -> Vec<Entry> {
        ENTRIES.take();
        work();
        ENTRIES.take()
    }

    pub(super) fn enter(entry: Entry) -> Received {
        ENTRIES.with_borrow_mut(|entries| entries.push(entry));
        ANSWERS.with_borrow_mut(VecDeque::pop_front).unwrap_or_default()
    }
}
