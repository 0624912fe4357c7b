// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accounting: reading the clock, charging, the timer, the end of an event.
//!
//! ```text
//! entry:  update_time   consumed += now - last reading
//!         check_budget  head refill - consumed < least budget: charge, the operation is restarted later
//! …       the operation
//! exit:   finish_event  wake released threads, schedule, charge what was consumed if the timer must be programmed
//! ```
//!
//! The idle thread has an unconfigured scheduling context: its time is not limited and charged to nobody. One domain
//! is configured, so no domain slice ends.

use arch::{Machine, Ticks};

use crate::Kernel;
use crate::cap::raw::Tag;
use crate::memory::objects::ObjRef;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::Action;

/// Outcome of the budget check on kernel entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// The operation may go on.
    Left,
    /// Time was charged; the operation is to be restarted later.
    Exhausted,
}

/// Why a thread's slice ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SliceEnd {
    /// The budget is used up, which its timeout handler wants to know.
    Exhausted,
    /// The rest was given up.
    Yielded,
}

/// How long before a deadline the timer is set to fire.
const TIMER_PRECISION_US: u64 = 1;

impl<M: Machine> Kernel<M> {
    /// Reads the clock; the time since the last reading counts as consumed.
    #[doc(alias = "updateTimestamp")]
    #[inline]
    pub(crate) fn update_time(&mut self) {
        let now = self.machine.now();
        self.sched.consumed += now.saturating_sub(self.sched.now);
        self.sched.now = now;
    }

    /// Whether the current scheduling context could still pay for the time consumed and a least budget.
    #[inline]
    pub(crate) fn has_budget(&self) -> bool {
        let sc = self.sched.current_sc;
        !self.is_configured(sc)
            || self.head_refill(sc).amount.saturating_sub(self.sched.consumed) >= self.min_budget()
    }

    /// Checks the budget of the current thread on kernel entry, after [`Kernel::update_time`].
    ///
    /// An exhausted one is charged, and its thread waits, or queues again, or is blocked on its timeout handler.
    #[inline]
    pub(crate) fn check_budget(&mut self) -> Budget {
        if self.has_budget() {
            return Budget::Left;
        }
        self.charge(self.sched.consumed, SliceEnd::Exhausted);
        Budget::Exhausted
    }

    /// Charges the time of an operation that stopped at a preemption point.
    ///
    /// The operation may have deleted the current thread, its scheduling context, or both.
    #[doc(alias = "mcsPreemptionPoint")]
    pub(crate) fn charge_preempted(&mut self) {
        if !self.is_schedulable(self.sched.current) {
            self.charge(self.sched.consumed, SliceEnd::Yielded);
        } else if !self.has_budget() {
            self.charge(self.sched.consumed, SliceEnd::Exhausted);
        }
    }

    /// Gives up the rest of the head refill; only time really used is reported. A slice that is renewed ends later than
    /// before, so the timer is left as it is.
    pub(crate) fn yield_current(&mut self) {
        let sc = self.sched.current_sc;
        let reported = self.objs[sc].consumed + self.sched.consumed;
        if self.objs[sc].is_round_robin() && self.is_configured(sc) {
            self.renew_slice(sc);
            self.sched.consumed = Ticks::ZERO;
            self.objs[sc].consumed = reported;
            self.end_slice(SliceEnd::Yielded);
            return self.reschedule_required();
        }
        self.charge(self.head_refill(sc).amount, SliceEnd::Yielded);
        self.objs[sc].consumed = reported;
    }

    #[doc(alias = "chargeBudget")]
    fn charge(&mut self, used: Ticks, end: SliceEnd) {
        let sc = self.sched.current_sc;
        self.sched.consumed = Ticks::ZERO;
        self.sched.reprogram = true;
        if self.is_configured(sc) {
            if self.objs[sc].is_round_robin() {
                self.renew_slice(sc);
            } else {
                self.charge_refills(sc, used);
            }
            self.objs[sc].consumed += used;
        }
        if self.is_schedulable(self.sched.current) {
            self.end_slice(end);
            self.reschedule_required();
        }
    }

    #[doc(alias = "endTimeslice")]
    fn end_slice(&mut self, end: SliceEnd) {
        let (current, sc) = (self.sched.current, self.sched.current_sc);
        let handler = current.slot(TcbSlot::TimeoutHandler);
        let has_handler = self.objs[handler].cap.has_tag(Tag::Endpoint);
        if end == SliceEnd::Exhausted && has_handler && !self.objs[sc].is_round_robin() {
            self.raise_timeout(current);
        } else if self.is_ready(sc) && self.is_sufficient(sc) {
            self.enqueue_tail(current);
        } else {
            self.postpone(sc);
        }
    }

    /// Makes the thread of a scheduling context wait for its head refill.
    pub(crate) fn postpone(&mut self, sc: ObjRef<SchedContext>) {
        if let Some(tcb) = self.objs[sc].tcb {
            self.dequeue(tcb);
            self.enqueue_release(tcb);
        }
    }

    /// Postpones the thread of a scheduling context if it could run but for its budget.
    #[doc(alias = "schedContext_resume")]
    pub(crate) fn postpone_unless_available(&mut self, sc: ObjRef<SchedContext>) {
        if self.objs[sc].tcb.is_some_and(|tcb| self.is_schedulable(tcb))
            && !(self.is_ready(sc) && self.is_sufficient(sc))
        {
            self.postpone(sc);
        }
    }

    /// When a thread in the release queue may run again.
    #[inline]
    pub(crate) fn release_time(&self, tcb: ObjRef<Tcb>) -> Ticks {
        self.objs[tcb].sched_context.map_or(Ticks::ZERO, |sc| self.head_refill(sc).time)
    }

    /// Whether a thread may be released by `now`.
    #[inline(always)]
    pub(crate) fn is_release_due(&self, now: Ticks) -> bool {
        self.sched.release.head.is_some_and(|first| self.release_time(first) <= now)
    }

    /// Wakes the threads whose release time has come, as candidates.
    #[doc(alias = "awaken")]
    #[inline(always)]
    pub(crate) fn wake_released(&mut self) {
        if self.sched.release.head.is_some() {
            self.wake_due();
        }
    }

    fn wake_due(&mut self) {
        while let Some(first) = self.sched.release.head
            && self.release_time(first) <= self.sched.now
        {
            self.dequeue_release(first);
            self.wake_candidate(first);
        }
    }

    /// Applies the sporadic server's unblock rule to a thread that becomes runnable.
    ///
    /// The current scheduling context is left alone: it is running already.
    #[inline]
    pub(crate) fn sporadic_unblock(&mut self, tcb: ObjRef<Tcb>) {
        if let Some(sc) = self.objs[tcb].sched_context
            && sc != self.sched.current_sc
            && self.objs[sc].sporadic != 0
        {
            self.unblock_check(sc);
        }
    }

    /// Charges the time consumed so far to the current scheduling context, which can pay for it.
    #[doc(alias = "commitTime")]
    #[inline(always)]
    pub(crate) fn commit_time(&mut self) {
        let sc = self.sched.current_sc;
        let used = core::mem::replace(&mut self.sched.consumed, Ticks::ZERO);
        if used == Ticks::ZERO || !self.is_configured(sc) {
            return;
        }
        if self.objs[sc].is_round_robin() {
            self.charge_slice(sc, used);
        } else {
            self.charge_refills(sc, used);
        }
        self.objs[sc].consumed += used;
    }

    /// Whether the current thread goes on as it is, on its scheduling context: then the end of the event has nothing to do.
    #[inline(always)]
    pub(crate) fn changes_nothing(&self) -> bool {
        let (sched, thread) = (&self.sched, &self.objs[self.sched.current]);
        sched.action == Action::ResumeCurrent
            && !sched.reprogram
            && sched.release.head.is_none()
            && thread.state() == ThreadState::Running
            && thread.in_release_queue == 0
            && thread.sched_context == Some(sched.current_sc)
            && thread.yield_to.is_none()
    }

    /// Ends an event: decides who runs, on which scheduling context, and until when.
    #[inline(always)]
    pub(crate) fn finish_event(&mut self) {
        self.wake_released();
        let next = self.schedule();
        self.switch_to(next);
        let current = self.sched.current;
        if let Some(sc) = self.objs[current].sched_context
            && (sc != self.sched.current_sc || self.sched.reprogram)
        {
            self.switch_sched_context(sc);
        }
        if self.objs[current].yield_to.is_some() {
            self.complete_yield_to(current);
        }
    }

    #[doc(alias = "switchSchedContext")]
    #[inline(always)]
    fn switch_sched_context(&mut self, sc: ObjRef<SchedContext>) {
        if sc != self.sched.current_sc && self.objs[sc].sporadic == 0 {
            self.unblock_check(sc);
        }
        self.commit_time();
        self.sched.current_sc = sc;
        self.set_timer();
    }

    /// Sets the timer for the current scheduling context, or leaves it as it is.
    ///
    /// A timer that fires earlier than it must does no harm: it is set again then. So a switch to a context that may
    /// run for longer than the one before writes nothing to the timer, and threads that switch back and forth write
    /// to it once in the time that one of them may run. The alarm is never after the first release, because a new
    /// first one asks for the timer to be programmed.
    #[inline(always)]
    pub(crate) fn set_timer(&mut self) {
        let must_program = core::mem::take(&mut self.sched.reprogram);
        let is_early_enough = self.sched.now < self.sched.alarm
            && self.sched.alarm <= self.end_of_budget(self.sched.current_sc);
        if must_program || !is_early_enough {
            self.program_timer();
        }
    }

    /// Until when a scheduling context may run from now on.
    #[inline(always)]
    fn end_of_budget(&self, sc: ObjRef<SchedContext>) -> Ticks {
        if self.is_configured(sc) {
            self.sched.now.saturating_add(self.head_refill(sc).amount)
        } else {
            Ticks::MAX
        }
    }

    /// Sets the timer anew when it has fired, on kernel entry.
    ///
    /// It may have been left as it was for another scheduling context. Then nothing is due, and nothing is charged
    /// either: a charge splits the head refill, which a later Yield or a full ring would show.
    pub(crate) fn rearm_timer(&mut self) {
        if self.is_release_due(self.sched.now) || self.sched.reprogram {
            self.sched.reprogram = true;
            return;
        }
        let end = match self.end_of_budget(self.sched.current_sc) {
            Ticks::MAX => {
                self.look_for_end();
                Ticks::MAX
            }
            end => end.saturating_sub(self.sched.consumed),
        };
        self.program_timer_until(end);
    }

    /// Sets the timer to the end of the head refill or to the first release, whichever is earlier. All time has been
    /// charged.
    #[inline(never)]
    pub(crate) fn program_timer(&mut self) {
        let end = self.end_of_budget(self.sched.current_sc);
        if end == Ticks::MAX {
            self.look_for_end();
        }
        self.program_timer_until(end);
    }

    /// Sets the timer to the end of the budget or to the first release, whichever is earlier.
    ///
    /// It fires a little early, so that the kernel is there in time; what is nearer than that is not awaited by
    /// firing again and again.
    #[inline(always)]
    fn program_timer_until(&mut self, end: Ticks) {
        let release = self.sched.release.head.map_or(Ticks::MAX, |first| self.release_time(first));
        let first = end.min(release);
        self.sched.alarm = first;
        let early = first.saturating_sub(self.us_to_ticks(TIMER_PRECISION_US));
        self.machine.set_deadline(if early > self.sched.now { early } else { first });
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// TIMER, between events.
    pub(crate) fn check_timer(&self) {
        let sched = &self.sched;
        if sched.reprogram || sched.current_sc == ObjRef::UNSET {
            return;
        }
        let begun = Ticks(sched.now.0.wrapping_sub(sched.consumed.0));
        if self.is_configured(sched.current_sc) {
            let end = begun.saturating_add(self.head_refill(sched.current_sc).amount);
            assert!(sched.alarm <= end, "TIMER: {:?} is after the end of the budget, {end:?}", sched.alarm);
        }
        if let Some(first) = sched.release.head {
            assert!(sched.alarm <= self.release_time(first), "TIMER: {:?} is after a release", sched.alarm);
        }
    }
}

#[cfg(test)]
mod jumps;
#[cfg(test)]
mod tests;
