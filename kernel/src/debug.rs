// SPDX-License-Identifier: MIT OR Apache-2.0
//! System calls for debugging and measuring.
//!
//! They leave every register but their results alone, cost no budget and do not reschedule. Which of them exist is
//! a property of the build that boots the kernel ([`Profile`]); what a program gets wrong is reported on the
//! console and otherwise ignored. A thread that they were taken away from (ForbidDebug) finds a kernel without them: it
//! cannot end its instance, write to its console or read what others are called.

use core::fmt::{self, Display, Write};
use core::slice::EscapeAscii;

use abi::Syscall;
use abi::ipc_buffer::{MSG_OFFSET, NAME_SIZE};
use arch::{Machine, StopReason};

use crate::cap::Cap;
use crate::end::{Described, Stop};
use crate::error::Fault;
use crate::ipc::transfer::BufferAccess;
use crate::memory::objects::{ObjRef, Objects};
use crate::memory::user::UserFrame;
use crate::object::tcb::{NAME_LENGTH, Tcb, TcbSlot, ThreadState};
use crate::{Kernel, Profile};

/// Whether a number was one of the calls of this file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DebugCall {
    /// Yes, and the call is complete.
    Done,
    /// No, or not in this profile.
    Unknown,
}

/// The debug console as a place to format into.
pub(crate) struct Console<'m, M>(pub(crate) &'m mut M);

impl<M: Machine> Console<'_, M> {
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing characters cannot fail, and neither do the `Display` implementations used here.
        let _ = self.write_fmt(text);
        self.0.put_char(b'\n');
    }
}

impl<M: Machine> Write for Console<'_, M> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.0.put_char(byte));
        Ok(())
    }
}

/// Width of the column of names in the table of threads.
const NAME_WIDTH: usize = 20;
/// The core of every thread: an instance has one.
const CORE: u8 = 0;
/// What a thread has done that invoked a frame by the label of Map in builds that number invocations otherwise.
const ODD_LABEL: &str = "has invoked GetAddress of a frame with the arguments of Map";

/// Debug name of a thread, up to its end mark.
pub(crate) fn name_of(tcb: &Tcb) -> impl Display + '_ {
    shown_bytes(tcb)
}

/// The same as bytes of its escaped form.
fn shown_bytes(tcb: &Tcb) -> EscapeAscii<'_> {
    let end = tcb.name.iter().position(|&byte| byte == 0).unwrap_or(NAME_LENGTH);
    tcb.name[..end].escape_ascii()
}

impl<M: Machine> Kernel<M> {
    /// Carries out `call` if it is a debug or benchmark call of the profile.
    pub(crate) fn handle_debug_call(&mut self, call: Syscall) -> DebugCall {
        let Profile { printing, debug_calls, benchmarks, .. } = self.config.profile;
        let caller = self.sched.current;
        match call {
            Syscall::BenchmarkFinalizeLog | Syscall::BenchmarkNullSyscall if benchmarks => {}
            _ if self.objs[caller].debug_forbidden != 0 => return DebugCall::Unknown,
            Syscall::DebugPutChar if printing => {
                let byte = self.objs[caller].context.cap_register() as u8;
                self.is_mid_line = byte != b'\n';
                self.machine.put_char(byte);
            }
            Syscall::DebugDumpScheduler if printing && debug_calls => self.dump_scheduler(),
            Syscall::DebugDumpScheduler if printing => {}
            Syscall::DebugHalt if debug_calls => self.halt(caller),
            Syscall::DebugCapIdentify if debug_calls => self.identify_cap(caller),
            Syscall::DebugSnapshot if debug_calls => self.dump_caps(caller),
            Syscall::DebugNameThread if debug_calls => self.name_thread(caller),
            Syscall::BenchmarkFlushCaches if benchmarks => self.machine.flush_caches(),
            Syscall::BenchmarkResetLog if benchmarks => self.objs[caller].context.set_badge(0),
            _ => return DebugCall::Unknown,
        }
        DebugCall::Done
    }

    /// Prints a line, in profiles that print.
    fn print(&mut self, line: impl FnOnce(&Objects, &mut Console<'_, M>)) {
        if self.config.profile.printing {
            self.end_line();
            line(&self.objs, &mut Console(&mut self.machine));
        }
    }

    /// Ends a line that a program has begun, so that what the kernel says stands on a line of its own.
    pub fn end_line(&mut self) {
        if core::mem::take(&mut self.is_mid_line) {
            self.machine.put_char(b'\n');
        }
    }

    /// Tells the developer about a fault that nobody handles.
    #[cold]
    pub(crate) fn report_unhandled(&mut self, tcb: ObjRef<Tcb>, fault: Fault) {
        let has_odd_label = self.has_odd_label;
        self.print(|objs, console| {
            let thread = &objs[tcb];
            let (name, ip) = (name_of(thread), thread.context.fault_ip());
            console.line(format_args!("thread \"{name}\" stopped at {ip:#x}: {}", Described(fault)));
            if has_odd_label {
                console.line(format_args!("thread \"{name}\" {ODD_LABEL}"));
            }
        });
        if self.config.profile.debug_calls {
            self.last_stop = Some(Stop { thread: tcb, fault });
        }
    }

    /// Tells the developer why something was refused.
    pub(crate) fn say_refused(&mut self, tcb: ObjRef<Tcb>, what: fmt::Arguments<'_>) {
        self.print(|objs, console| {
            let (name, ip) = (name_of(&objs[tcb]), objs[tcb].context.fault_ip());
            console.line(format_args!("refused: thread \"{name}\" at {ip:#x}: {what}"));
        });
    }

    fn halt(&mut self, caller: ObjRef<Tcb>) {
        self.print(|objs, console| {
            console.line(format_args!("thread \"{}\" halted the instance", name_of(&objs[caller])));
        });
        self.stopped = Some(StopReason::Halted);
        self.machine.stop_self(StopReason::Halted);
    }

    fn identify_cap(&mut self, caller: ObjRef<Tcb>) {
        let cptr = self.objs[caller].context.cap_register();
        let cap = self.lookup_slot(caller, cptr).map_or(Cap::Null, |slot| self.objs[slot].cap.unpack());
        self.objs[caller].context.set_badge(cap.tag().word());
    }

    /// Names the thread of the capability in the first register with the text in the caller's message registers.
    fn name_thread(&mut self, caller: ObjRef<Tcb>) {
        let cptr = self.objs[caller].context.cap_register();
        let cap = self.lookup_slot(caller, cptr).map_or(Cap::Null, |slot| self.objs[slot].cap.unpack());
        let Cap::Thread(tcb) = cap else {
            return self.print(|_, console| console.line(format_args!("DebugNameThread: not a thread")));
        };
        let name = self
            .buffer_of(caller, BufferAccess::Read)
            .and_then(|buffer| Some((buffer, name_length(&self.objs, buffer)?)));
        let Some((buffer, length)) = name else {
            return self.print(|_, console| console.line(format_args!("DebugNameThread: no name")));
        };
        let mut name = [0; NAME_LENGTH + 1];
        for (index, byte) in name.iter_mut().enumerate().take(length.min(NAME_LENGTH)) {
            *byte = buffer.read_byte(&self.objs, MSG_OFFSET + index);
        }
        self.objs[tcb].name = name;
    }

    /// Puts a new thread into the list of all threads.
    #[inline(never)]
    pub(crate) fn list_thread(&mut self, tcb: ObjRef<Tcb>) {
        let old = self.threads.replace(tcb);
        self.objs[tcb].list_prev = None;
        self.objs[tcb].list_next = old;
        if let Some(old) = old {
            self.objs[old].list_prev = Some(tcb);
        }
    }

    /// Takes a thread that ends out of what debugging knows.
    #[inline(never)]
    pub(crate) fn forget_thread(&mut self, tcb: ObjRef<Tcb>) {
        let (before, after) = (self.objs[tcb].list_prev.take(), self.objs[tcb].list_next.take());
        match before {
            Some(before) => self.objs[before].list_next = after,
            None if self.threads == Some(tcb) => self.threads = after,
            None => {}
        }
        if let Some(after) = after {
            self.objs[after].list_prev = before;
        }
        self.last_stop = self.last_stop.filter(|stop| stop.thread != tcb);
    }

    /// Prints all threads, the newest first. Then how much of the kernel's stack was ever used.
    fn dump_scheduler(&mut self) {
        let first = self.threads;
        self.print(|objs, console| {
            console.line(format_args!(
                "{:NAME_WIDTH$} {:16} {:18} {:>4} {:>4}",
                "name", "state", "ip", "prio", "core"
            ));
            let mut next = first;
            while let Some(tcb) = next {
                dump_thread(objs, console, tcb);
                next = objs[tcb].list_next;
            }
        });
        let stack = self.publish_stack();
        self.print(|_, console| console.line(format_args!("kernel stack: {stack} bytes used at most")));
    }

    /// Prints the occupied slots of the caller's root CNode.
    fn dump_caps(&mut self, caller: ObjRef<Tcb>) {
        self.print(|objs, console| {
            let root = objs[caller.slot(TcbSlot::CSpace)].cap.unpack();
            let Cap::CNode { slots, radix, .. } = root else { return };
            for index in 0..1 << radix {
                let cap = objs[slots.element(index)].cap.unpack();
                if !cap.is_null() {
                    console.line(format_args!("slot {index:#x}: {cap:x?}"));
                }
            }
        });
    }
}

/// Length of the text at the first message register, if it ends within the message.
fn name_length(objs: &Objects, buffer: UserFrame) -> Option<usize> {
    (0..NAME_SIZE).find(|&index| buffer.read_byte(objs, MSG_OFFSET + index) == 0)
}

fn dump_thread<M: Machine>(objs: &Objects, console: &mut Console<'_, M>, tcb: ObjRef<Tcb>) {
    let thread = &objs[tcb];
    let padding = NAME_WIDTH.saturating_sub(shown_bytes(thread).count());
    console.line(format_args!(
        "{}{:padding$} {:<16} {:<#18x} {:>4} {CORE:>4}",
        name_of(thread),
        "",
        state_name(thread.state()),
        thread.context.fault_ip(),
        thread.priority,
    ));
}

/// What upstream calls the states of threads.
const fn state_name(state: ThreadState) -> &'static str {
    match state {
        ThreadState::Inactive => "inactive",
        ThreadState::Running => "running",
        ThreadState::Restart => "restart",
        ThreadState::BlockedOnReceive => "blocked on recv",
        ThreadState::BlockedOnSend => "blocked on send",
        ThreadState::BlockedOnReply => "blocked on reply",
        ThreadState::BlockedOnNotification => "blocked on ntfn",
        ThreadState::Idle => "idle",
    }
}

#[cfg(test)]
mod tests;
