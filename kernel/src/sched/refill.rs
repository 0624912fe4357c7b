// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refills: when how much of a budget may be used.
//!
//! A scheduling context keeps its refills in a ring of `max_refills` places; there is always at least one.
//!
//! ```text
//! sporadic:     | t0, a0 | t1, a1 | … |     a0 + a1 + … = budget, ti + ai <= t(i+1)       (REFILLS)
//! round robin:  | remaining | used |        remaining + used = budget, the times do not matter
//! ```
//!
//! The ring of a round-robin context never turns: its two refills stay in the first two places.
//!
//! Used time comes back one period after it was used, which bounds what a thread takes in any window of one
//! period, whenever it wakes (docs/abi/ipc-and-scheduling.md, "Sporadic-server rules").

use abi::limits::MIN_BUDGET_US;
use arch::{Machine, Ticks};

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::sched_context::{Refill, SchedContext};

/// Refills every scheduling context has: one to use, one for what was used.
pub const MIN_REFILLS: u64 = 2;

/// Refills from here on are not moved any further into the future; periods are at most an eighth of all time.
const LAST_RELEASE: Ticks = Ticks(u64::MAX - 5 * (u64::MAX / 8));

/// Budget and period of a scheduling context, checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Time per period.
    pub budget: Ticks,
    /// Period; equal to the budget for round robin.
    pub period: Ticks,
    /// Refills in use at most, at least [`MIN_REFILLS`] and at most what the object holds.
    pub max_refills: u64,
}

impl Refill {
    const fn end(self) -> Ticks {
        self.time.saturating_add(self.amount)
    }
}

impl SchedContext {
    /// Whether its whole budget is renewed whenever it is used up.
    #[inline]
    pub const fn is_round_robin(&self) -> bool {
        self.period.0 == 0
    }

    /// The place in the ring after `index`.
    #[inline]
    const fn after(&self, index: u64) -> u64 {
        if index + 1 < self.max_refills { index + 1 } else { 0 }
    }
}

impl ObjRef<SchedContext> {
    /// What is left of the slice of a round-robin context.
    #[inline]
    pub(crate) const fn remaining(self) -> ObjRef<Refill> {
        self.refill(0)
    }

    /// What was used of it.
    #[inline]
    pub(crate) const fn used(self) -> ObjRef<Refill> {
        self.refill(1)
    }
}

impl<M: Machine> Kernel<M> {
    /// The least budget a thread needs to be let run.
    #[inline]
    pub(crate) const fn min_budget(&self) -> Ticks {
        self.us_to_ticks(MIN_BUDGET_US)
    }

    /// Whether a scheduling context has been given a budget.
    #[inline]
    pub(crate) fn is_configured(&self, sc: ObjRef<SchedContext>) -> bool {
        self.objs[sc].max_refills != 0
    }

    /// The earliest refill.
    #[inline]
    pub(crate) fn head_refill(&self, sc: ObjRef<SchedContext>) -> Refill {
        self.objs[sc.refill(self.objs[sc].head)]
    }

    #[inline]
    pub(crate) fn head_mut(&mut self, sc: ObjRef<SchedContext>) -> &mut Refill {
        let head = sc.refill(self.objs[sc].head);
        &mut self.objs[head]
    }

    #[inline]
    pub(crate) fn tail_mut(&mut self, sc: ObjRef<SchedContext>) -> &mut Refill {
        let tail = sc.refill(self.objs[sc].tail);
        &mut self.objs[tail]
    }

    /// Configured, and the time of the head refill has come.
    #[inline]
    pub(crate) fn is_released(&self, sc: ObjRef<SchedContext>) -> bool {
        self.is_configured(sc) && self.is_ready(sc)
    }

    /// Whether the head refill may be used now.
    #[inline]
    pub(crate) fn is_ready(&self, sc: ObjRef<SchedContext>) -> bool {
        self.objs[sc].is_round_robin() || self.head_refill(sc).time <= self.sched.now
    }

    /// Whether the head refill is worth running for.
    #[inline]
    pub(crate) fn is_sufficient(&self, sc: ObjRef<SchedContext>) -> bool {
        self.head_refill(sc).amount >= self.min_budget()
    }

    /// Gives a scheduling context a fresh budget, all of it usable now.
    pub(crate) fn set_refills(&mut self, sc: ObjRef<SchedContext>, rate: Rate) {
        let head = Refill { time: self.sched.now, amount: rate.budget };
        self.restart_ring(sc, rate, head);
        if self.objs[sc].is_round_robin() {
            self.push_refill(sc, Refill { time: self.sched.now, amount: Ticks::ZERO });
        }
    }

    /// Changes the parameters of a scheduling context in use to others with a period, keeping its head refill.
    pub(crate) fn update_refills(&mut self, sc: ObjRef<SchedContext>, rate: Rate) {
        let mut head = self.head_refill(sc);
        if self.is_ready(sc) {
            head.time = self.sched.now;
        }
        head.amount = head.amount.min(rate.budget);
        self.restart_ring(sc, rate, head);
        if head.amount < rate.budget {
            self.push_refill(
                sc,
                Refill { time: head.time.saturating_add(rate.period), amount: rate.budget - head.amount },
            );
        }
    }

    /// Makes `head` the only refill.
    fn restart_ring(&mut self, sc: ObjRef<SchedContext>, rate: Rate, head: Refill) {
        let context = &mut self.objs[sc];
        context.period = if rate.budget == rate.period { Ticks::ZERO } else { rate.period };
        context.budget = rate.budget;
        context.max_refills = rate.max_refills;
        context.head = 0;
        context.tail = 0;
        self.objs[sc.refill(0)] = head;
    }

    /// Appends a refill to a ring that has room.
    fn push_refill(&mut self, sc: ObjRef<SchedContext>, refill: Refill) {
        let context = &mut self.objs[sc];
        context.tail = context.after(context.tail);
        *self.tail_mut(sc) = refill;
    }

    /// Takes the head refill of a ring with several.
    fn pop_refill(&mut self, sc: ObjRef<SchedContext>) -> Refill {
        let refill = self.head_refill(sc);
        let context = &mut self.objs[sc];
        context.head = context.after(context.head);
        refill
    }

    #[inline]
    fn has_single_refill(&self, sc: ObjRef<SchedContext>) -> bool {
        self.objs[sc].head == self.objs[sc].tail
    }

    /// Schedules used time: merges it into the tail where they touch or the ring is full, else appends it.
    fn append_used(&mut self, sc: ObjRef<SchedContext>, used: Refill) {
        let context = &self.objs[sc];
        let is_full = context.after(context.tail) == context.head;
        let tail = self.tail_mut(sc);
        if tail.end() >= used.time {
            tail.amount += used.amount;
        } else if is_full {
            tail.time = used.time.saturating_sub(tail.amount);
            tail.amount += used.amount;
        } else {
            self.push_refill(sc, used);
        }
    }

    /// Charges used time by the sporadic-server rules: it comes back one period after its refill began.
    #[doc(alias = "refill_budget_check")]
    #[inline(never)]
    pub(crate) fn charge_refills(&mut self, sc: ObjRef<SchedContext>, mut used: Ticks) {
        let period = self.objs[sc].period;
        let mut head = self.head_refill(sc);
        while used >= head.amount && head.time < LAST_RELEASE {
            used -= head.amount;
            if self.has_single_refill(sc) {
                self.head_mut(sc).time += period;
            } else {
                let whole = self.pop_refill(sc);
                self.append_used(sc, Refill { time: whole.time + period, amount: whole.amount });
            }
            head = self.head_refill(sc);
        }
        if used > Ticks::ZERO && used < head.amount {
            self.append_used(sc, Refill { time: head.time.saturating_add(period), amount: used });
            let head = self.head_mut(sc);
            head.amount -= used;
            head.time = head.time.saturating_add(used);
        }
        self.merge_insufficient(sc);
    }

    /// Merges the head into the next refill until it is worth running for.
    fn merge_insufficient(&mut self, sc: ObjRef<SchedContext>) {
        while !self.is_sufficient(sc) && !self.has_single_refill(sc) {
            let amount = self.pop_refill(sc).amount;
            let head = self.head_mut(sc);
            head.amount += amount;
            head.time = head.time.saturating_sub(amount);
        }
    }

    /// Charges time to a round-robin context: it moves from the remaining to the used part.
    pub(crate) fn charge_slice(&mut self, sc: ObjRef<SchedContext>, used: Ticks) {
        let used = used.min(self.objs[sc.remaining()].amount);
        self.objs[sc.remaining()].amount -= used;
        self.objs[sc.used()].amount += used;
    }

    /// Makes the whole slice of a round-robin context usable again.
    pub(crate) fn renew_slice(&mut self, sc: ObjRef<SchedContext>) {
        self.objs[sc.remaining()].amount = self.objs[sc].budget;
        self.objs[sc.used()].amount = Ticks::ZERO;
    }

    /// Restarts available refills from now: what was not used while blocked is not saved up.
    #[doc(alias = "refill_unblock_check")]
    #[inline(always)]
    pub(crate) fn unblock_check(&mut self, sc: ObjRef<SchedContext>) {
        if !self.objs[sc].is_round_robin() {
            self.restart_ready_refills(sc);
        }
    }

    #[inline(never)]
    fn restart_ready_refills(&mut self, sc: ObjRef<SchedContext>) {
        if !self.is_ready(sc) {
            return;
        }
        self.sched.reprogram = true;
        self.head_mut(sc).time = self.sched.now;
        while !self.has_single_refill(sc) {
            let head = self.head_refill(sc);
            let next = self.objs[sc.refill(self.objs[sc].after(self.objs[sc].head))];
            if next.time > head.end() {
                break;
            }
            self.pop_refill(sc);
            *self.head_mut(sc) = Refill { time: head.time, amount: head.amount + next.amount };
        }
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// REFILLS: ordered, not overlapping, and summing up to the budget.
    pub(crate) fn check_refills(&self, sc: ObjRef<SchedContext>) {
        if !self.is_configured(sc) {
            return;
        }
        let context = &self.objs[sc];
        if context.is_round_robin() {
            assert_eq!((context.head, context.tail), (0, 1), "{sc:?}: the ring of a slice has turned");
        }
        let mut index = context.head;
        let mut sum = Ticks::ZERO;
        loop {
            assert!(index < context.max_refills, "{sc:?}: refill {index} is outside the ring");
            let refill = self.objs[sc.refill(index)];
            sum += refill.amount;
            if index == context.tail {
                break;
            }
            index = context.after(index);
            let next = self.objs[sc.refill(index)];
            assert!(context.is_round_robin() || refill.end() <= next.time, "{sc:?}: {refill:?} {next:?}");
        }
        assert_eq!(sum, context.budget, "{sc:?}: refills do not sum up to the budget");
    }
}

#[cfg(test)]
mod tests;
