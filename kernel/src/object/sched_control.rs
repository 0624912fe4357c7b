// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filling scheduling contexts.

use abi::flags::SCHED_CONTEXT_SPORADIC;
use abi::limits::{MIN_BUDGET_US, max_period_us};
use abi::{Label, TIME_WORDS};
use arch::Machine;

use super::sched_context::{SchedContext, capacity};
use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::ObjRef;
use crate::sched::refill::{MIN_REFILLS, Rate};

/// A decoded invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// ConfigureFlags
    Configure {
        /// The context.
        sc: ObjRef<SchedContext>,
        /// Its budget, period and number of refills.
        rate: Rate,
        /// Its data word.
        data: u64,
        /// Whether it is a sporadic server.
        is_sporadic: bool,
    },
}

impl<M: Machine> Kernel<M> {
    /// Decodes an invocation of the control over the time of `node`; there is only node 0.
    pub(crate) fn decode_sched_control(&self, node: u8, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        if node != 0 || args.label() != Some(Label::SchedControlConfigureFlags) {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(3 + 2 * TIME_WORDS, 1)?;
        let mut words = args.words();
        let (budget, period, extra_refills) = (words.take_time(), words.take_time(), words.take());
        let (data, flags) = (words.take(), words.take());
        let longest = max_period_us(self.config.ticks_per_us);
        if budget > longest || period > longest || budget < MIN_BUDGET_US || period < MIN_BUDGET_US {
            return Err(SyscallError::RangeError { min: MIN_BUDGET_US, max: longest });
        }
        if budget > period {
            return Err(SyscallError::RangeError { min: MIN_BUDGET_US, max: period });
        }
        let Cap::SchedContext { sc, size_bits } = self.objs[args.cap(0)?].cap.unpack() else {
            return Err(SyscallError::InvalidCapability(1));
        };
        let most = capacity(size_bits) - MIN_REFILLS;
        if extra_refills > most {
            return Err(SyscallError::RangeError { min: 0, max: most });
        }
        let rate = Rate {
            budget: self.us_to_ticks(budget),
            period: self.us_to_ticks(period),
            max_refills: MIN_REFILLS + extra_refills,
        };
        Ok(Invocation::Configure { sc, rate, data, is_sporadic: flags & SCHED_CONTEXT_SPORADIC != 0 })
    }

    pub(crate) fn execute_sched_control(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        let Invocation::Configure { sc, rate, data, is_sporadic } = invocation;
        self.objs[sc].data = data;
        self.objs[sc].sporadic = u64::from(is_sporadic);
        self.configure_sched_context(sc, rate);
        Ok(Reply::Done)
    }

    /// Gives a context a new rate. One in use keeps what is left of its budget, so that changing the rate again and
    /// again does not yield more than either allows.
    fn configure_sched_context(&mut self, sc: ObjRef<SchedContext>, rate: Rate) {
        let tcb = self.objs[sc].tcb;
        if let Some(tcb) = tcb {
            self.leave_queues(tcb);
        }
        if sc == self.sched.current_sc {
            self.commit_time();
            self.sched.reprogram = true;
        }
        let is_in_use = self.is_configured(sc) && tcb.is_some_and(|tcb| self.objs[tcb].state().is_runnable());
        if rate.budget == rate.period {
            self.set_refills(sc, Rate { max_refills: MIN_REFILLS, ..rate });
        } else if is_in_use {
            self.update_refills(sc, rate);
        } else {
            self.set_refills(sc, rate);
        }
        let Some(tcb) = tcb else { return };
        self.postpone_unless_available(sc);
        if tcb == self.current() {
            self.reschedule_required();
        } else if self.is_schedulable(tcb) {
            self.wake_candidate(tcb);
        }
    }
}

#[cfg(test)]
mod tests;
