// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scheduling contexts: a budget per period, kept as a ring of refills.
//!
//! ```text
//! | header, 96 bytes | refill 0 | refill 1 | … | refill capacity-1 |   refill = {time, amount}
//! ```
//!
//! A context has at most one thread (BOUND), which may have it from a Bind, from a caller (donation), or from a
//! notification (lending). What the refills mean is in sched/refill.rs.

use abi::{Label, MessageInfo, Syscall, TIME_WORDS, time_word};
use arch::{EntryKind, Machine, PhysAddr, Ticks};

use super::notification::Notification;
use super::reply::{Above, Reply};
use super::tcb::Tcb;
use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply as Answer;
use crate::memory::objects::{ObjRef, kernel_object};

/// Bytes before the first refill.
pub const HEADER_BYTES: u64 = 96;

/// Header of a scheduling context.
#[repr(C, align(32))]
pub struct SchedContext {
    /// Period; 0 for round robin.
    pub period: Ticks,
    /// Budget per period; 0 while unconfigured.
    pub budget: Ticks,
    /// Time charged since the last report.
    pub consumed: Ticks,
    /// Data word given at configuration (the "badge" of Timeout faults).
    pub data: u64,
    /// The thread that runs on it.
    pub tcb: Option<ObjRef<Tcb>>,
    /// Top of the call chain: the reply object of the latest donation.
    pub reply: Option<ObjRef<Reply>>,
    /// The notification it is bound to.
    pub notification: Option<ObjRef<Notification>>,
    /// The thread that waits in YieldTo for it.
    pub yield_from: Option<ObjRef<Tcb>>,
    /// Refills in use at most; 0 while unconfigured.
    pub max_refills: u64,
    /// Index of the earliest refill.
    pub head: u64,
    /// Index of the latest refill.
    pub tail: u64,
    /// 1 for a sporadic server, 0 for constant bandwidth.
    pub sporadic: u64,
}

const _: () = assert!(size_of::<SchedContext>() as u64 == HEADER_BYTES);

kernel_object!(SchedContext);

/// An amount of time and when it may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Refill {
    /// From when on.
    pub time: Ticks,
    /// How much.
    pub amount: Ticks,
}

kernel_object!(Refill);

impl ObjRef<SchedContext> {
    /// The refill with `index`, which is below the capacity for the object's size.
    #[allow(unsafe_code)]
    #[inline]
    pub(crate) const fn refill(self, index: u64) -> ObjRef<Refill> {
        // SAFETY: TYPED: the rest of the object is an array of refills.
        unsafe { ObjRef::at(PhysAddr(self.paddr().0 + HEADER_BYTES + index * size_of::<Refill>() as u64)) }
    }
}

/// Number of refills in an object of `size_bits`.
#[inline]
pub const fn capacity(size_bits: u8) -> u64 {
    ((1 << size_bits) - HEADER_BYTES) / size_of::<Refill>() as u64
}

/// A decoded invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// Gives the context to a thread.
    BindThread(ObjRef<SchedContext>, ObjRef<Tcb>),
    /// Gives the context to a notification, for the threads it wakes.
    BindNotification(ObjRef<SchedContext>, ObjRef<Notification>),
    /// Takes the context away from everything.
    Unbind(ObjRef<SchedContext>),
    /// Takes the context away from its thread.
    UnbindThread(ObjRef<SchedContext>),
    /// Takes the context away from its notification.
    UnbindNotification(ObjRef<SchedContext>),
    /// Reports the time charged.
    Consumed(ObjRef<SchedContext>),
    /// Lets the context's thread run before the caller.
    YieldTo(ObjRef<SchedContext>),
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_sched_context(
        &self,
        sc: ObjRef<SchedContext>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        match args.label() {
            Some(Label::SchedContextBind) => self.decode_bind(sc, args),
            Some(Label::SchedContextUnbind) => self.decode_unbind(sc),
            Some(Label::SchedContextUnbindObject) => self.decode_unbind_object(sc, args),
            Some(Label::SchedContextConsumed) => Ok(Invocation::Consumed(sc)),
            Some(Label::SchedContextYieldTo) => self.decode_yield_to(sc),
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    fn decode_bind(&self, sc: ObjRef<SchedContext>, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(0, 1)?;
        match self.objs[args.cap(0)?].cap.unpack() {
            Cap::Thread(tcb) => {
                self.check_bindable(sc, tcb)?;
                Ok(Invocation::BindThread(sc, tcb))
            }
            Cap::Notification { notification, .. } => {
                let is_taken =
                    self.objs[sc].notification.is_some() || self.objs[notification].sched_context.is_some();
                if is_taken {
                    return Err(SyscallError::IllegalOperation);
                }
                Ok(Invocation::BindNotification(sc, notification))
            }
            _ => Err(SyscallError::InvalidCapability(1)),
        }
    }

    /// Refuses to bind unless both sides are free, and the thread can wait for the budget if it is blocked.
    pub(crate) fn check_bindable(
        &self,
        sc: ObjRef<SchedContext>,
        tcb: ObjRef<Tcb>,
    ) -> Result<(), SyscallError> {
        if self.objs[sc].tcb.is_some() || self.objs[tcb].sched_context.is_some() {
            return Err(SyscallError::IllegalOperation);
        }
        self.check_released_if_blocked(sc, tcb)
    }

    /// Refuses a context whose time has not come for a thread that is blocked: it could not be postponed.
    pub(crate) fn check_released_if_blocked(
        &self,
        sc: ObjRef<SchedContext>,
        tcb: ObjRef<Tcb>,
    ) -> Result<(), SyscallError> {
        if self.objs[tcb].state().is_blocked() && !self.is_released(sc) {
            return Err(SyscallError::IllegalOperation);
        }
        Ok(())
    }

    fn decode_unbind(&self, sc: ObjRef<SchedContext>) -> Result<Invocation, SyscallError> {
        if self.objs[sc].tcb == Some(self.current()) {
            return Err(SyscallError::IllegalOperation);
        }
        Ok(Invocation::Unbind(sc))
    }

    fn decode_unbind_object(
        &self,
        sc: ObjRef<SchedContext>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(0, 1)?;
        let context = &self.objs[sc];
        match self.objs[args.cap(0)?].cap.unpack() {
            Cap::Thread(tcb) if context.tcb == Some(tcb) && tcb != self.current() => {
                Ok(Invocation::UnbindThread(sc))
            }
            Cap::Notification { notification, .. } if context.notification == Some(notification) => {
                Ok(Invocation::UnbindNotification(sc))
            }
            Cap::Thread(_) | Cap::Notification { .. } => Err(SyscallError::IllegalOperation),
            _ => Err(SyscallError::InvalidCapability(1)),
        }
    }

    fn decode_yield_to(&self, sc: ObjRef<SchedContext>) -> Result<Invocation, SyscallError> {
        match self.objs[sc].tcb {
            Some(target)
                if target != self.current()
                    && self.objs[target].priority <= self.objs[self.current()].mcp =>
            {
                Ok(Invocation::YieldTo(sc))
            }
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    pub(crate) fn execute_sched_context(&mut self, invocation: Invocation) -> Result<Answer, Preempted> {
        match invocation {
            Invocation::BindThread(sc, tcb) => self.bind_sched_context(sc, tcb),
            Invocation::BindNotification(sc, notification) => {
                self.objs[sc].notification = Some(notification);
                self.objs[notification].sched_context = Some(sc);
            }
            Invocation::Unbind(sc) => self.unbind_everything(sc),
            Invocation::UnbindThread(sc) => self.unbind_sched_context(sc),
            Invocation::UnbindNotification(sc) => self.unbind_lender(sc),
            Invocation::Consumed(sc) => return Ok(Answer::Time(self.take_consumed_us(sc))),
            Invocation::YieldTo(sc) => return Ok(self.yield_to(sc)),
        }
        Ok(Answer::Done)
    }

    /// Gives a context to a thread, where neither has the other kind yet.
    #[doc(alias = "schedContext_bindTCB")]
    pub(crate) fn bind_sched_context(&mut self, sc: ObjRef<SchedContext>, tcb: ObjRef<Tcb>) {
        self.objs[tcb].sched_context = Some(sc);
        self.objs[sc].tcb = Some(tcb);
        self.sporadic_unblock(tcb);
        self.postpone_unless_available(sc);
        if self.is_schedulable(tcb) {
            self.enqueue_head(tcb);
            self.reschedule_required();
        }
    }

    /// Takes a context away from its thread, which does not run until it gets another.
    #[doc(alias = "schedContext_unbindTCB")]
    pub(crate) fn unbind_sched_context(&mut self, sc: ObjRef<SchedContext>) {
        if let Some(tcb) = self.objs[sc].tcb.take() {
            self.leave_queues(tcb);
            self.objs[tcb].sched_context = None;
        }
    }

    /// Dissolves the bond with a notification.
    pub(crate) fn unbind_lender(&mut self, sc: ObjRef<SchedContext>) {
        if let Some(notification) = self.objs[sc].notification.take() {
            self.objs[notification].sched_context = None;
        }
    }

    /// Takes a context away from thread and notification, and out of its call chain.
    fn unbind_everything(&mut self, sc: ObjRef<SchedContext>) {
        self.unbind_sched_context(sc);
        self.unbind_lender(sc);
        if let Some(top) = self.objs[sc].reply.take() {
            self.objs[top].set_above(Above::Nothing);
        }
    }

    /// Moves a context to a thread that has none.
    ///
    /// A current thread has none only when it gave its own away in the same event. That asked for a choice, so whoever
    /// was woken meanwhile is not compared with it, but goes to the head of its queue.
    #[doc(alias = "schedContext_donate")]
    #[inline]
    pub(crate) fn donate(&mut self, sc: ObjRef<SchedContext>, to: ObjRef<Tcb>) {
        self.unbind_sched_context(sc);
        self.objs[sc].tcb = Some(to);
        self.objs[to].sched_context = Some(sc);
        if to == self.sched.current {
            self.reschedule_required();
        }
    }

    /// Takes back the context that a notification lent, from a thread about to wait for the notification again.
    #[doc(alias = "maybeReturnSchedContext")]
    #[inline]
    pub(crate) fn return_to_notification(&mut self, tcb: ObjRef<Tcb>, notification: ObjRef<Notification>) {
        let lent = self.objs[notification].sched_context;
        if let Some(sc) = lent
            && self.objs[tcb].sched_context == lent
        {
            self.unbind_sched_context(sc);
        }
    }

    /// Lends the context of a notification to a thread it wakes, if the thread has none and nobody has the context.
    ///
    /// The thread is runnable already; it is postponed if the budget is not available now.
    #[doc(alias = "maybeDonateSchedContext")]
    #[inline(always)]
    pub(crate) fn lend_from_notification(&mut self, notification: ObjRef<Notification>, tcb: ObjRef<Tcb>) {
        if let Some(sc) = self.objs[notification].sched_context {
            self.lend(sc, tcb);
        }
    }

    fn lend(&mut self, sc: ObjRef<SchedContext>, tcb: ObjRef<Tcb>) {
        if self.objs[tcb].sched_context.is_none() && self.objs[sc].tcb.is_none() {
            self.donate(sc, tcb);
            self.sporadic_unblock(tcb);
            self.postpone_unless_available(sc);
        }
    }

    /// Microseconds charged since the last report, which this is.
    pub(crate) fn take_consumed_us(&mut self, sc: ObjRef<SchedContext>) -> u64 {
        let consumed = core::mem::take(&mut self.objs[sc].consumed);
        self.ticks_to_us(consumed)
    }

    /// Lets the thread of `sc` run; the caller is answered now, or when it runs again.
    fn yield_to(&mut self, sc: ObjRef<SchedContext>) -> Answer {
        if let Some(earlier) = self.objs[sc].yield_from {
            self.complete_yield_to(earlier);
        }
        self.postpone_unless_available(sc);
        let caller = self.current();
        let Some(target) = self.objs[sc].tcb.filter(|&tcb| self.is_schedulable(tcb)) else {
            return Answer::Time(self.take_consumed_us(sc));
        };
        self.dequeue(target);
        if self.objs[target].priority < self.objs[caller].priority {
            self.enqueue_head(target);
            return Answer::Time(self.take_consumed_us(sc));
        }
        self.set_thread_state(caller, super::tcb::ThreadState::Running);
        self.objs[caller].yield_to = Some(sc);
        self.objs[sc].yield_from = Some(caller);
        self.enqueue_head(caller);
        self.enqueue_head(target);
        self.reschedule_required();
        Answer::Later
    }

    /// Ends a YieldTo: its caller gets the time consumed, unless its registers have been given another purpose.
    #[doc(alias = "schedContext_completeYieldTo")]
    pub(crate) fn complete_yield_to(&mut self, yielder: ObjRef<Tcb>) {
        let Some(sc) = self.objs[yielder].yield_to.take() else { return };
        self.objs[sc].yield_from = None;
        let consumed = self.take_consumed_us(sc);
        let context = &mut self.objs[yielder].context;
        if context.entry() == EntryKind::Syscall && context.syscall_number() == Syscall::Call.word() {
            context.set_badge(0);
            context.set_info(MessageInfo::new(0, 0, 0, TIME_WORDS).word());
            (0..TIME_WORDS).for_each(|index| context.set_message_register(index, time_word(consumed, index)));
        }
    }

    /// Ends a context whose last capability goes away.
    pub(crate) fn finalise_sched_context(&mut self, sc: ObjRef<SchedContext>) {
        if let Some(yielder) = self.objs[sc].yield_from {
            self.complete_yield_to(yielder);
        }
        self.unbind_everything(sc);
        self.objs[sc].max_refills = 0;
    }
}

#[cfg(test)]
mod tests;
