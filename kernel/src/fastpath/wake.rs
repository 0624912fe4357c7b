// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waking: a blocked thread of higher priority takes the processor, on the scheduling context it has.
//!
//! Here the scheduling context changes, so the clock is read and the one before is charged, as the slow path does it.
//! The thread that is preempted goes to the head of its ready queue. Nothing else happens only if no thread in the
//! release queue is due and the budget so far is left.

use arch::{Machine, PhysAddr, Ticks};

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, ThreadState};

/// A switch from the current thread to a blocked one, and what was looked up for it.
#[derive(Clone, Copy)]
pub(super) struct Wake {
    /// Who takes the processor.
    pub(super) thread: ObjRef<Tcb>,
    sc: ObjRef<SchedContext>,
    root: PhysAddr,
}

impl<M: Machine> Kernel<M> {
    /// The switch to `thread`, which is blocked, if it may take the processor at once. If so, the time of the thread
    /// that runs is charged, and the switch must be made.
    #[inline(always)]
    pub(super) fn fast_wake(&mut self, thread: ObjRef<Tcb>) -> Option<Wake> {
        let (current, woken) = (&self.objs[self.sched.current], &self.objs[thread]);
        let sc = woken.sched_context?;
        if woken.priority <= current.priority || woken.in_release_queue != 0 || !self.is_configured(sc) {
            return None;
        }
        let root = self.fast_root(thread)?;
        self.fast_charge()?;
        Some(Wake { thread, sc, root })
    }

    /// The switch to `thread`, which is blocked, if it may run once the current thread is blocked. If so, the time of
    /// that one is charged, and it must be blocked and the switch made.
    #[inline(always)]
    pub(super) fn fast_follow(&mut self, thread: ObjRef<Tcb>) -> Option<Wake> {
        let woken = &self.objs[thread];
        let sc = woken.sched_context?;
        if !self.may_follow(thread) || woken.in_release_queue != 0 || !self.is_configured(sc) {
            return None;
        }
        let root = self.fast_root(thread)?;
        self.fast_charge()?;
        Some(Wake { thread, sc, root })
    }

    /// Whether `thread` is the one to run once the current thread is blocked.
    #[inline(always)]
    pub(super) fn may_follow(&self, thread: ObjRef<Tcb>) -> bool {
        let priority = self.objs[thread].priority;
        priority >= self.objs[self.sched.current].priority
            || self.sched.highest_ready().is_none_or(|ready| priority >= ready)
    }

    /// The switch to the thread that is first among the ready ones, for when the current thread blocks. If there is one,
    /// the time of the current thread is charged, and the switch must be made.
    #[inline(always)]
    pub(super) fn fast_next(&mut self) -> Option<Wake> {
        let priority = self.sched.highest_ready()?;
        let thread = self.sched.ready[usize::from(priority)].head?;
        let next = &self.objs[thread];
        if next.state() != ThreadState::Running || next.yield_to.is_some() {
            return None;
        }
        let sc = next.sched_context?;
        let root = self.fast_root(thread)?;
        self.fast_charge()?;
        Some(Wake { thread, sc, root })
    }

    /// Reads the clock and charges the current scheduling context, if its budget is left and nobody's release is due.
    #[inline(always)]
    pub(super) fn fast_charge(&mut self) -> Option<()> {
        let now = self.machine.now();
        if self.is_release_due(now) {
            return None;
        }
        let used = self.sched.consumed + now.saturating_sub(self.sched.now);
        let left = self.head_refill(self.sched.current_sc).amount.saturating_sub(used);
        if left < self.min_budget() {
            return None;
        }

        self.sched.now = now;
        self.charge_part(used, left);
        Some(())
    }

    /// Makes the switch. The thread woken is in no queue any more.
    #[inline(always)]
    pub(super) fn take_processor(&mut self, wake: Wake) -> ObjRef<Tcb> {
        let Wake { thread, sc, root } = wake;
        let preempted = self.sched.current;
        self.objs[thread].set_state_raw(ThreadState::Running);
        self.sched.current_sc = sc;
        self.enqueue_preempted(preempted);
        self.fast_switch(preempted, thread, root);
        self.begin_slice(sc);
        thread
    }

    /// Makes the switch from a thread that is blocked by now. The thread woken is in no queue any more.
    #[inline(always)]
    pub(super) fn get_processor(&mut self, wake: Wake) -> ObjRef<Tcb> {
        self.objs[wake.thread].set_state_raw(ThreadState::Running);
        self.sched.current_sc = wake.sc;
        self.fast_switch(self.sched.current, wake.thread, wake.root);
        self.begin_slice(wake.sc);
        wake.thread
    }

    /// Makes the switch to a ready thread from one that is blocked, or queued, by now.
    #[inline(always)]
    pub(super) fn run_next(&mut self, next: Wake) -> ObjRef<Tcb> {
        self.dequeue(next.thread);
        self.sched.current_sc = next.sc;
        self.fast_switch(self.sched.current, next.thread, next.root);
        // Of a sporadic context that was done when its thread became ready.
        if self.objs[next.sc].is_round_robin() || self.objs[next.sc].sporadic == 0 {
            self.begin_slice(next.sc);
        } else {
            self.set_timer();
        }
        next.thread
    }

    /// Sees to it that the timer fires in time for a scheduling context whose thread was blocked.
    #[inline(always)]
    fn begin_slice(&mut self, sc: ObjRef<SchedContext>) {
        if self.objs[sc].is_round_robin() {
            let now = self.sched.now;
            let end = now.saturating_add(self.objs[sc.remaining()].amount);
            if now >= self.sched.alarm || self.sched.alarm > end {
                self.program_timer();
            }
        } else {
            self.unblock_check(sc);
            self.set_timer();
        }
    }

    /// Charges time to the current scheduling context, of whose head refill so much is `left`.
    #[inline(always)]
    fn charge_part(&mut self, used: Ticks, left: Ticks) {
        let sc = self.sched.current_sc;
        if !self.objs[sc].is_round_robin() {
            self.sched.consumed = used;
            return self.commit_time();
        }
        self.sched.consumed = Ticks::ZERO;
        self.objs[sc.remaining()].amount = left;
        self.objs[sc.used()].amount += used;
        self.objs[sc].consumed += used;
    }
}
