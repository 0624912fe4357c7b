// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and faults of the programs, served one after the other.

use abi::ipc_buffer::MAX_LENGTH;
use abi::start::{MAX_LINE, Request};
use abi::{ErrorCode, MessageInfo, Rights, WORD_BYTES, cut};
use alloc::string::ToString;
use core::fmt;
use skerry_system::{OnTimeout, Program};
use userland::object::Flow;
use userland::{
    AllocError, Capability, Endpoint, Error, Reply, RootTask, Slot, println, report_row, syscall, time,
};

use crate::Why;
use crate::fault::{Fault, REGISTERS_WITH_IP, What};
use crate::policy::{self, Action, State};
use crate::row;
use crate::supplies::Supplies;
use crate::task::Task;
use crate::timeouts;

/// Bit of a badge: the message is a fault. The bits above count the programs from 1.
const FAULT: u64 = 1;

/// The badge of the requests of the program at a position.
fn badge(position: usize) -> u64 {
    timeouts::number_of(position) << 1
}

/// The endpoint that all programs talk to.
pub(crate) struct Server {
    endpoint: Endpoint,
    reply: Reply,
}

/// A program's ways to the server.
pub(crate) struct Endpoints {
    endpoint: Endpoint,
    position: usize,
    /// Where the kernel sends its faults.
    pub(crate) faults: Endpoint,
}

impl Endpoints {
    /// Lets a program send requests through a slot of its own.
    pub(crate) fn give_service(&self, slot: Slot) -> Result<(), Error> {
        let rights = Rights(Rights::WRITE.0 | Rights::GRANT_REPLY.0);
        slot.mint_from(self.endpoint.slot(), rights, badge(self.position))
    }

    /// Where the kernel sends the timeouts of the program, if anywhere.
    pub(crate) fn timeouts(
        &self,
        root: &mut RootTask,
        supplies: &Supplies,
        program: &'static Program,
    ) -> Result<Option<Endpoint>, Why> {
        Ok(match program.on_timeout {
            OnTimeout::Wait => None,
            OnTimeout::Report | OnTimeout::Fault => Some(self.faults),
            OnTimeout::Handler(handler) => {
                let nobody = Why::NotHere { what: "handler of timeouts of", name: &program.name };
                Some(supplies.timeouts(handler).ok_or(nobody)?.of(root, self.position)?)
            }
        })
    }
}

/// What the sender of a message is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Empty,
    /// What it asked for is above this.
    Above(u64),
    None,
}

impl Server {
    pub(crate) fn new(root: &mut RootTask) -> Result<Self, AllocError> {
        Ok(Self { endpoint: root.make()?, reply: root.make()? })
    }

    /// The ways of the program with this position.
    pub(crate) fn endpoints(&self, root: &mut RootTask, position: usize) -> Result<Endpoints, AllocError> {
        let slot = root.slots.take()?;
        slot.slot().mint_from(self.endpoint.slot(), Rights::ALL, badge(position) | FAULT)?;
        Ok(Endpoints { endpoint: self.endpoint, position, faults: Endpoint(slot) })
    }

    /// Serves the programs until the instance has nothing to wait for; returns its exit code.
    pub(crate) fn serve(&mut self, root: &mut RootTask, tasks: &mut [Task]) -> i32 {
        let (endpoint, reply) = (self.endpoint.cptr(), self.reply.cptr());
        let mut answer = Answer::None;
        loop {
            let received = match answer {
                Answer::Empty => syscall::reply_recv(endpoint, MessageInfo::default(), [0; 4], reply),
                Answer::Above(highest) => {
                    let info = MessageInfo::new(ErrorCode::RangeError.word(), 0, 0, 2);
                    syscall::reply_recv(endpoint, info, [0, highest, 0, 0], reply)
                }
                Answer::None => syscall::recv(endpoint, reply),
            };
            let mut words = [0; MAX_LENGTH];
            for (register, word) in words.iter_mut().enumerate().take(received.info.length()) {
                *word = received.word(register);
            }
            let sender =
                timeouts::position_of(received.badge >> 1).filter(|&position| position < tasks.len());
            let Some(sender) = sender else {
                answer = Answer::None;
                continue;
            };
            let label = received.info.label();
            answer = match received.badge & FAULT {
                0 => request(root, tasks, sender, (label, &words)),
                _ => fault(root, tasks, sender, Fault::decode(label, |register| words[register])),
            };
            let states = tasks.iter().map(|task| (task.state, task.program.background));
            if let Some(code) = policy::verdict(states) {
                tasks.iter().for_each(stop);
                return code;
            }
        }
    }
}

/// Serves a request of a program. What it does not know it answers, so that nobody waits for ever.
fn request(
    root: &mut RootTask,
    tasks: &mut [Task],
    sender: usize,
    (label, words): (u64, &[u64; MAX_LENGTH]),
) -> Answer {
    let task = &mut tasks[sender];
    match Request::from_word(label) {
        Some(Request::Print) => println!("{}: {}", task.program.name, Line(words)),
        Some(Request::Row) => {
            let line = Line(words).to_string();
            if !row::is_row(&line) {
                return refuse_row(root, tasks, sender, &line);
            }
            report_row(line);
        }
        Some(Request::Exit) => {
            let code = words[0] as i32;
            if code != 0 {
                println!("{} ended with {code}", task.program.name);
            }
            end(tasks, sender, State::Exited(code));
            return Answer::None;
        }
        Some(Request::GiveUp) => give_up(root, tasks, sender, words),
        Some(Request::SetPriority) => {
            if let Err(highest) = task.set_priority(words[0]) {
                return Answer::Above(highest);
            }
        }
        None => {}
    }
    Answer::Empty
}

/// Treats a program whose row is none like one that faults: what it wrote is shown and becomes no result.
fn refuse_row(root: &mut RootTask, tasks: &mut [Task], sender: usize, line: &str) -> Answer {
    let task = &tasks[sender];
    println!("{}: {line}", task.program.name);
    let fault = Fault { ip: ip_of(task), what: What::Row };
    let action = policy::after_fault(task.program, task.starts);
    act(root, tasks, sender, (fault, action));
    Answer::None
}

/// Treats a program like one that faults, because the handler of its timeouts says so. Others cannot.
fn give_up(root: &mut RootTask, tasks: &mut [Task], handler: usize, words: &[u64; MAX_LENGTH]) {
    let by = OnTimeout::Handler(tasks[handler].index);
    let position = timeouts::position_of(words[0]);
    let is_handled = |task: &Task| task.program.on_timeout == by && task.state == State::Running;
    let Some(position) = position.filter(|&position| tasks.get(position).is_some_and(is_handled)) else {
        return;
    };
    let consumed_us = time(|index| words[1 + index]);
    let fault = Fault { ip: ip_of(&tasks[position]), what: What::Budget { consumed_us } };
    let action = policy::after_fault(tasks[position].program, tasks[position].starts);
    act(root, tasks, position, (fault, action));
}

fn fault(root: &mut RootTask, tasks: &mut [Task], sender: usize, mut fault: Fault) -> Answer {
    let task = &tasks[sender];
    if fault.is_timeout() {
        fault.ip = ip_of(task);
    }
    let action = policy::action(task.program, task.starts, fault.is_timeout());
    act(root, tasks, sender, (fault, action));
    if action == Action::Continue { Answer::Empty } else { Answer::None }
}

/// Says what happened to a program, and does what is to be done about it.
fn act(root: &mut RootTask, tasks: &mut [Task], position: usize, (fault, action): (Fault, Action)) {
    let task = &mut tasks[position];
    tell(task, &fault, action);
    match action {
        Action::Continue => {}
        Action::Stop => end(tasks, position, State::Stopped),
        Action::Restart(_) => {
            stop(task);
            if let Some(timeouts) = task.handles {
                // What it has not received yet waits for its next life.
                timeouts.answer();
            }
            if let Err(error) = task.start(root) {
                println!("{} cannot be restarted: {error}", task.program.name);
                end(tasks, position, State::Stopped);
            }
        }
    }
}

/// Ends a program for good. Those whose timeouts it handled go on without a handler.
fn end(tasks: &mut [Task], position: usize, state: State) {
    let task = &mut tasks[position];
    task.state = state;
    stop(task);
    let Some(timeouts) = task.handles else { return };
    let handler = OnTimeout::Handler(task.index);
    tasks.iter_mut().filter(|task| task.program.on_timeout == handler).for_each(Task::lose_handler);
    timeouts.answer_all();
}

/// Where a program is; 0 for what is no thread.
fn ip_of(task: &Task) -> u64 {
    let mut registers = [0; REGISTERS_WITH_IP];
    // Refused only for what is no thread.
    let _ = task.tcb.read_registers(Flow::Keep, &mut registers);
    registers[REGISTERS_WITH_IP - 1]
}

/// Says what happened and what becomes of it, to people and to the runner.
fn tell(task: &Task, fault: &Fault, action: Action) {
    let name = &task.program.name;
    let (text, word) = match action {
        Action::Continue => ("goes on", "continue"),
        Action::Restart(_) => ("restarted", "restart"),
        Action::Stop => ("stopped", "stop"),
    };
    match action {
        Action::Restart(count) => println!("{name} faulted: {fault}; {text}, {}", Times(count)),
        Action::Continue => println!("{name} overran: {fault}; {text}"),
        Action::Stop => println!("{name} faulted: {fault}; {text}"),
    }
    println!("!skerry {{\"fault\":{{\"program\":\"{name}\",{},\"action\":\"{word}\"}}}}", fault.json());
}

/// Ends what a program is doing; it is no longer waiting for an answer afterwards.
fn stop(task: &Task) {
    // Refused only for what is no thread.
    let _ = task.tcb.suspend();
}

/// "once so far", "2 times so far" and so on.
struct Times(u32);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => write!(f, "once so far"),
            count => write!(f, "{count} times so far"),
        }
    }
}

/// The text in the words of a message, without what would end the line or is no text.
struct Line<'a>(&'a [u64; MAX_LENGTH]);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0[0].min(MAX_LINE as u64) as usize;
        let mut bytes = [0; MAX_LINE];
        for (place, &word) in bytes.chunks_mut(WORD_BYTES).zip(&self.0[1..]) {
            place.copy_from_slice(&cut(word).to_le_bytes());
        }
        for part in bytes[..length].utf8_chunks() {
            let printable = |c: char| if c.is_control() { '.' } else { c };
            part.valid().chars().try_for_each(|c| fmt::Write::write_char(f, printable(c)))?;
            if !part.invalid().is_empty() {
                f.write_str(".")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: u64, bytes: &[u8]) -> String {
        let mut words = [0; MAX_LENGTH];
        words[0] = length;
        for (word, part) in words[1..].iter_mut().zip(bytes.chunks(WORD_BYTES)) {
            let mut padded = [0; 8];
            padded[..part.len()].copy_from_slice(part);
            *word = u64::from_le_bytes(padded);
        }
        Line(&words).to_string()
    }

    #[test]
    fn a_line_is_as_long_as_its_message_says_and_never_longer_than_one() {
        assert_eq!(line(5, b"hello, world"), "hello");
        assert_eq!(line(u64::MAX, b"x").len(), MAX_LINE);
        assert_eq!(line(0, b"x"), "");
    }

    #[test]
    fn a_program_cannot_write_a_second_line_or_what_is_no_text() {
        assert_eq!(line(10, b"a\n!skerry {"), "a.!skerry ");
        assert_eq!(line(4, b"a\xffb\0"), "a.b.");
        assert_eq!(line(7, "für\u{7}x".as_bytes()), "für.x\u{0}".replace('\u{0}', "."));
    }
}
