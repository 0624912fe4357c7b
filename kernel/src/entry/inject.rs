// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fault that the instance brings about in itself, to see what becomes of it and of the others.
//!
//! It comes at a time, or behind what the instance itself has done: signals that it sent, rows of results that it printed.
//! A kernel that waits for the latter has another entry for system calls, which is seen here: others pay nothing.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};

use abi::Syscall;
use abi::status::Word as StatusWord;
use arch::{Machine, Ticks};
use kernel::handover::{Handover, InjectEvent};

use super::state::{Instance, enter, give_up};
use super::{after, processor};

/// What fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Panic,
    DoubleFault,
    Nmi,
    MachineCheck,
}

impl Kind {
    fn from_word(word: u64) -> Option<Self> {
        [Self::Panic, Self::DoubleFault, Self::Nmi, Self::MachineCheck]
            .get(word.checked_sub(1)? as usize)
            .copied()
    }
}

/// When it fails.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    At(Ticks),
    /// So many signals were sent.
    Signals(u64),
    /// So many rows are still to be printed.
    Rows(u64),
}

/// A fault to bring about on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Injection {
    kind: Kind,
    trigger: Trigger,
    /// Characters of the line being printed that are those of [`ROW`]; nothing once one was another.
    matched: Option<usize>,
}

/// What a row of results begins with, at the beginning of a line (`userland/runtime/src/report.rs`).
const ROW: &[u8] = b"!skerry {\"row\":";

impl Injection {
    fn from_handover(handover: &Handover, now: Ticks) -> Option<Self> {
        let kind = Kind::from_word(handover.inject_kind)?;
        let trigger = match InjectEvent::from_word(handover.inject_event) {
            InjectEvent::Time => Trigger::At(after(now, handover.inject_at)),
            InjectEvent::Signals => Trigger::Signals(handover.inject_at),
            InjectEvent::Rows => Trigger::Rows(handover.inject_at),
        };
        Some(Self { kind, trigger, matched: Some(0) })
    }

    /// Takes in a printed character.
    fn print(&mut self, byte: u8) {
        let Trigger::Rows(left) = &mut self.trigger else { return };
        self.matched = match self.matched {
            Some(matched) if matched == ROW.len() && byte == b'\n' => {
                *left = left.saturating_sub(1);
                Some(0)
            }
            _ if byte == b'\n' => Some(0),
            Some(matched) if matched == ROW.len() => Some(matched),
            Some(matched) if ROW[matched] == byte => Some(matched + 1),
            _ => None,
        };
    }
}

/// Waits for the fault that was asked for, if any was.
pub(super) fn prepare(instance: &mut Instance, handover: &Handover) {
    let machine = &mut instance.kernel.machine;
    instance.inject = Injection::from_handover(handover, machine.now());
    match instance.inject {
        Some(Injection { trigger: Trigger::At(time), .. }) => machine.extra_deadline = Some(time),
        // SAFETY: the stubs are those of this program.
        Some(_) => unsafe { machine.redirect_syscalls(processor::stubs::watched_entry_stubs()) },
        None => {}
    }
}

/// Looks at a system call before it is handled: what was to happen may have been done by an earlier one.
pub(super) extern "C" fn watch() {
    let instance = enter();
    inject_if_due(instance);
    if let Instance { kernel, inject: Some(injection), .. } = instance {
        let context = &kernel.objs[kernel.current()].context;
        if Syscall::from_word(context.syscall_number()) == Some(Syscall::DebugPutChar) {
            injection.print(context.cap_register() as u8);
        }
    }
    give_up();
}

/// Brings the fault about once what it waits for has happened.
#[cold]
pub(super) fn inject_if_due(instance: &mut Instance) {
    let Some(Injection { kind, trigger, .. }) = instance.inject else { return };
    let is_due = match trigger {
        Trigger::At(time) => time <= instance.kernel.machine.now(),
        Trigger::Signals(count) => count <= instance.kernel.counted(StatusWord::SignalsSent),
        Trigger::Rows(left) => left == 0,
    };
    if !is_due {
        return;
    }
    instance.inject = None;
    HAS_FIRED.store(true, Ordering::Relaxed);
    match kind {
        Kind::Panic => panic!("injected"),
        _ => processor::inject(instance, kind),
    }
}

static HAS_FIRED: AtomicBool = AtomicBool::new(false);

/// Whether the fault that was asked for was brought about.
pub(super) fn has_fired() -> bool {
    HAS_FIRED.load(Ordering::Relaxed)
}
