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
        Some(Wake { thread, sc, root })
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
        thread
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
