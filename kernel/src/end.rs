// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of an instance that nobody has asked for: no thread can run, and nothing can make one run.
//!
//! An idle instance goes on when time releases a thread, or when an interrupt or a line signals a notification. Without a
//! thread in the release queue and without a connected source neither happens, ever: no thread is left that could
//! connect one. The kernel then says so once, and waits on, because another instance may start this one anew.

use core::fmt::{self, Display, Write};

use abi::WORD_BITS;
use arch::Machine;

use crate::Kernel;
use crate::debug::{Console, name_of};
use crate::error::Fault;
use crate::memory::objects::ObjRef;
use crate::object::irq::VECTORS;
use crate::object::tcb::Tcb;

/// A thread that stopped because nobody handles its fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// The thread.
    pub(crate) thread: ObjRef<Tcb>,
    /// Its fault.
    pub(crate) fault: Fault,
}

/// A fault as people read it.
pub(crate) struct Described(pub(crate) Fault);

impl Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::VmFault { address, code } => write!(f, "page fault at {address:#x}, code {code:#x}"),
            Fault::UnknownSyscall { number } => write!(f, "UnknownSyscall {}", signed(number)),
            fault => write!(f, "{fault:x?}"),
        }
    }
}

/// A word of a program as the number that programs mean: those of system calls are negative.
const fn signed(word: u64) -> i64 {
    const UNUSED_BITS: u32 = u64::BITS - WORD_BITS;
    (word << UNUSED_BITS) as i64 >> UNUSED_BITS
}

/// Why nothing can run any more.
struct End<'k> {
    stop: Option<(&'k Tcb, Fault)>,
}

impl Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing can run any more: ")?;
        match self.stop {
            Some((thread, fault)) => {
                let ip = thread.context.fault_ip();
                write!(f, "thread \"{}\" stopped at {ip:#x} by {}", name_of(thread), Described(fault))
            }
            None => write!(f, "no thread is ready, and none waits for time, an interrupt or a line"),
        }
    }
}

/// Writes what stands between the quotes of a JSON text.
struct Quoted<'a, W>(&'a mut W);

impl<W: Write> Write for Quoted<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                self.0.write_char('\\')?;
            }
            self.0.write_char(character)?;
        }
        Ok(())
    }
}

impl<M: Machine> Kernel<M> {
    /// Tells the reader and the runner, once, if an instance that is about to wait without a time to wait for stays so for
    /// ever. It is asked where the timer is turned off, which an instance without end gets to sooner or later, so that other
    /// waits do not pay for it.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_for_end(&mut self) {
        if self.has_told_end || !self.objs[self.waker].cap.is_null() || self.find_waker() {
            return;
        }
        self.has_told_end = true;
        self.end_line();
        let end = End { stop: self.last_stop.map(|stop| (&self.objs[stop.thread], stop.fault)) };
        let mut console = Console(&mut self.machine);
        // Without a fault it is what programs do when they have finished: the runner knows whether they have.
        let has_fault = end.stop.is_some();
        if has_fault && self.config.profile.printing {
            console.line(format_args!("{end}"));
        }
        if !self.config.profile.has_runner {
            return;
        }
        // Writing to a console cannot fail.
        let _ = write!(console, "!skerry {{\"stuck\":{{\"fault\":{has_fault},\"reason\":\"");
        let _ = write!(Quoted(&mut console), "{end}");
        console.line(format_args!("\"}}}}"));
    }

    /// Looks for what can wake a thread; a connected source is remembered, so that the next look is a short one.
    fn find_waker(&mut self) -> bool {
        if self.sched.release.head.is_some() {
            return true;
        }
        let sources = VECTORS + self.config.incoming_lines as usize;
        let slots = (0..sources).map(|index| self.irq_slots.element(index));
        match slots.into_iter().find(|&slot| !self.objs[slot].cap.is_null()) {
            Some(slot) => {
                self.waker = slot;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
