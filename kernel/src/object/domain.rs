// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains and their schedule.
//!
//! One domain is configured, so the schedule can be written and read but nothing ever switches.

use abi::limits::{DOMAIN_SCHEDULES, DOMAINS, MAX_DOMAIN_DURATION};
use abi::{Label, TIME_WORDS};
use arch::{Machine, Ticks};

use super::tcb::Tcb;
use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::ObjRef;
use crate::sched::DomainSlot;

/// A decoded invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// Moves a thread to a domain.
    Set(ObjRef<Tcb>, u8),
    /// Writes an entry of the schedule.
    Configure {
        /// Which.
        index: usize,
        /// Its domain.
        domain: u8,
        /// Its duration; 0 for an end marker.
        duration: Ticks,
    },
    /// Starts the schedule over from an entry.
    SetStart(usize),
}

/// Refuses `value` unless it is less than `end`.
fn check_below(value: u64, end: u64) -> Result<(), SyscallError> {
    if value < end { Ok(()) } else { Err(SyscallError::RangeError { min: 0, max: end - 1 }) }
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_domain(&self, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        match args.label() {
            Some(Label::DomainSetSet) => self.decode_set_domain(args),
            Some(Label::DomainScheduleConfigure) => self.decode_configure_schedule(args),
            Some(Label::DomainScheduleSetStart) => self.decode_set_start(args),
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    fn decode_set_domain(&self, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(1, 0)?;
        let domain = args.word(0);
        if domain >= DOMAINS {
            return Err(SyscallError::InvalidArgument(0));
        }
        args.require(1, 1)?;
        match self.objs[args.cap(0)?].cap.unpack() {
            Cap::Thread(tcb) => Ok(Invocation::Set(tcb, domain as u8)),
            _ => Err(SyscallError::InvalidArgument(1)),
        }
    }

    fn decode_configure_schedule(&self, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(2 + TIME_WORDS, 0)?;
        let mut words = args.words();
        let (index, domain, duration) = (words.take(), words.take(), words.take_time());
        check_below(index, DOMAIN_SCHEDULES - 1)?;
        check_below(domain, DOMAINS)?;
        if duration > MAX_DOMAIN_DURATION {
            return Err(SyscallError::InvalidArgument(2));
        }
        if duration == 0 && domain != 0 {
            return Err(SyscallError::InvalidArgument(1));
        }
        let index = index as usize;
        if duration == 0 && index == self.sched.domain_start {
            return Err(SyscallError::InvalidArgument(2));
        }
        Ok(Invocation::Configure { index, domain: domain as u8, duration: Ticks(duration) })
    }

    fn decode_set_start(&self, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(1, 0)?;
        let index = args.word(0);
        check_below(index, DOMAIN_SCHEDULES)?;
        let index = index as usize;
        if self.sched.domain_schedule[index].duration == Ticks::ZERO {
            return Err(SyscallError::InvalidArgument(0));
        }
        Ok(Invocation::SetStart(index))
    }

    pub(crate) fn execute_domain(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::Set(tcb, domain) => self.set_domain(tcb, domain),
            Invocation::Configure { index, domain, duration } => {
                self.sched.domain_schedule[index] = DomainSlot { domain, duration };
            }
            Invocation::SetStart(index) => {
                self.sched.domain_start = index;
                self.sched.domain_index = index;
            }
        }
        Ok(Reply::Done)
    }

    fn set_domain(&mut self, tcb: ObjRef<Tcb>, domain: u8) {
        let is_ready = self.objs[tcb].in_ready_queue != 0;
        self.dequeue(tcb);
        self.objs[tcb].domain = domain;
        if is_ready {
            self.enqueue_head(tcb);
        }
        if tcb == self.current() {
            self.reschedule_required();
        }
    }
}

#[cfg(test)]
mod tests;
