// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ready queues, the release queue, and the choice of the next thread.
//!
//! ```text
//! bitmap_top   0 0 0 1      bit w: some priority of word w is occupied
//! bitmap[0]    …00100010    bit p: ready[p] is not empty
//! ready[5]     head -> a <-> b <- tail      same priority, next to run first
//! release      head -> c <-> d <- tail      earliest release time first, equal times first-come
//! ```
//!
//! A thread uses the same links for either queue and is in at most one of them (RELEASED). The current thread is in
//! none (READY): it is put back at the head of its queue only when another thread is chosen. Whether it can go on is
//! looked at once, at the end of the event, so nothing here needs to be told when it blocks or loses its
//! scheduling context.
//!
//! While the action is not to choose anew, no ready thread has a higher priority than the current one. This is why
//! a candidate can be compared with the current thread alone.

use arch::Machine;

use super::{Action, BITMAP_WORDS, Queue, Scheduler};
use crate::Kernel;
use crate::memory::objects::{ObjRef, Objects};
use crate::object::tcb::Tcb;

impl Queue {
    #[inline]
    fn push_front(&mut self, objs: &mut Objects, tcb: ObjRef<Tcb>) {
        let old = self.head.replace(tcb);
        let thread = &mut objs[tcb];
        thread.sched_prev = None;
        thread.sched_next = old;
        match old {
            Some(old) => objs[old].sched_prev = Some(tcb),
            None => self.tail = Some(tcb),
        }
    }

    fn push_back(&mut self, objs: &mut Objects, tcb: ObjRef<Tcb>) {
        match self.tail {
            Some(last) => self.insert_after(objs, last, tcb),
            None => self.push_front(objs, tcb),
        }
    }

    fn insert_after(&mut self, objs: &mut Objects, before: ObjRef<Tcb>, tcb: ObjRef<Tcb>) {
        let after = objs[before].sched_next.replace(tcb);
        let thread = &mut objs[tcb];
        thread.sched_prev = Some(before);
        thread.sched_next = after;
        match after {
            Some(after) => objs[after].sched_prev = Some(tcb),
            None => self.tail = Some(tcb),
        }
    }

    fn unlink(&mut self, objs: &mut Objects, tcb: ObjRef<Tcb>) {
        let thread = &mut objs[tcb];
        let (before, after) = (thread.sched_prev.take(), thread.sched_next.take());
        match before {
            Some(before) => objs[before].sched_next = after,
            None => self.head = after,
        }
        match after {
            Some(after) => objs[after].sched_prev = before,
            None => self.tail = before,
        }
    }
}

impl Scheduler {
    #[inline]
    fn mark_occupied(&mut self, priority: u8) {
        let word = usize::from(priority / 64);
        self.bitmap_top |= 1 << word;
        self.bitmap[word] |= 1 << (priority % 64);
    }

    #[inline]
    fn mark_empty(&mut self, priority: u8) {
        let word = usize::from(priority / 64);
        self.bitmap[word] &= !(1 << (priority % 64));
        if self.bitmap[word] == 0 {
            self.bitmap_top &= !(1 << word);
        }
    }

    /// The highest priority with a ready thread.
    #[inline]
    pub(crate) fn highest_ready(&self) -> Option<u8> {
        let word = self.bitmap_top.checked_ilog2()? as usize % BITMAP_WORDS;
        let bit = self.bitmap[word].checked_ilog2()?;
        Some((word as u32 * 64 + bit) as u8)
    }
}

impl<M: Machine> Kernel<M> {
    /// Puts a thread at the head of its ready queue, unless it is in it.
    pub(crate) fn enqueue_head(&mut self, tcb: ObjRef<Tcb>) {
        if let Some(priority) = self.begin_enqueue(tcb) {
            self.sched.ready[usize::from(priority)].push_front(&mut self.objs, tcb);
        }
    }

    /// Puts the current thread, which is in no queue (READY), at the head of its ready queue.
    #[inline(always)]
    pub(crate) fn enqueue_preempted(&mut self, tcb: ObjRef<Tcb>) {
        let thread = &mut self.objs[tcb];
        thread.in_ready_queue = 1;
        let priority = thread.priority;
        self.sched.mark_occupied(priority);
        self.sched.ready[usize::from(priority)].push_front(&mut self.objs, tcb);
    }

    /// Queues a thread that became ready where its priority wants it: it is not above that of the current thread.
    #[inline(always)]
    pub(crate) fn enqueue_ready(&mut self, tcb: ObjRef<Tcb>) {
        if self.objs[tcb].priority == self.objs[self.sched.current].priority {
            self.enqueue_tail(tcb);
        } else {
            self.enqueue_head(tcb);
        }
    }

    /// Puts a thread at the tail of its ready queue, unless it is in it.
    pub(crate) fn enqueue_tail(&mut self, tcb: ObjRef<Tcb>) {
        if let Some(priority) = self.begin_enqueue(tcb) {
            self.sched.ready[usize::from(priority)].push_back(&mut self.objs, tcb);
        }
    }

    /// Marks a thread as ready; its priority, if it was not.
    #[inline]
    fn begin_enqueue(&mut self, tcb: ObjRef<Tcb>) -> Option<u8> {
        let thread = &mut self.objs[tcb];
        debug_assert!(thread.in_release_queue == 0, "{tcb:?} waits for its budget");
        if thread.in_ready_queue != 0 {
            return None;
        }
        thread.in_ready_queue = 1;
        let priority = thread.priority;
        self.sched.mark_occupied(priority);
        Some(priority)
    }

    /// Takes a thread out of its ready queue, if it is in it.
    #[inline]
    pub(crate) fn dequeue(&mut self, tcb: ObjRef<Tcb>) {
        if self.objs[tcb].in_ready_queue != 0 {
            self.unlink_ready(tcb);
        }
    }

    fn unlink_ready(&mut self, tcb: ObjRef<Tcb>) {
        let thread = &mut self.objs[tcb];
        thread.in_ready_queue = 0;
        let priority = thread.priority;
        let queue = &mut self.sched.ready[usize::from(priority)];
        queue.unlink(&mut self.objs, tcb);
        if queue.head.is_none() {
            self.sched.mark_empty(priority);
        }
    }

    /// Puts a thread that is in no queue into the release queue, ordered by the time of its head refill.
    pub(crate) fn enqueue_release(&mut self, tcb: ObjRef<Tcb>) {
        let Some(sc) = self.objs[tcb].sched_context else { return };
        if self.objs[tcb].in_release_queue != 0 {
            return;
        }
        self.objs[tcb].in_release_queue = 1;
        let time = self.head_refill(sc).time;
        let mut place = self.sched.release.tail;
        while let Some(before) = place
            && self.release_time(before) > time
        {
            place = self.objs[before].sched_prev;
        }
        match place {
            Some(before) => self.sched.release.insert_after(&mut self.objs, before, tcb),
            None => {
                self.sched.release.push_front(&mut self.objs, tcb);
                self.sched.reprogram = true;
            }
        }
    }

    /// Takes a thread out of the release queue, if it is in it.
    #[inline]
    pub(crate) fn dequeue_release(&mut self, tcb: ObjRef<Tcb>) {
        if self.objs[tcb].in_release_queue != 0 {
            self.unlink_release(tcb);
        }
    }

    fn unlink_release(&mut self, tcb: ObjRef<Tcb>) {
        self.objs[tcb].in_release_queue = 0;
        if self.sched.release.head == Some(tcb) {
            self.sched.reprogram = true;
        }
        self.sched.release.unlink(&mut self.objs, tcb);
    }

    /// Takes a thread out of whatever scheduling queue it is in.
    #[inline]
    pub(crate) fn leave_queues(&mut self, tcb: ObjRef<Tcb>) {
        self.dequeue(tcb);
        self.dequeue_release(tcb);
    }

    /// Whether a thread could run now: runnable, with a configured scheduling context, not waiting for its budget.
    #[doc(alias = "isSchedulable")]
    #[inline]
    pub(crate) fn is_schedulable(&self, tcb: ObjRef<Tcb>) -> bool {
        let thread = &self.objs[tcb];
        thread.state().is_runnable()
            && thread.in_release_queue == 0
            && thread.sched_context.is_some_and(|sc| self.is_configured(sc))
    }

    /// Proposes a thread that has become runnable; its state is set already.
    ///
    /// One candidate in an event is compared with the current thread alone. With a second one both go to the heads
    /// of their queues, and the choice is made among all.
    #[doc(alias = "possibleSwitchTo")]
    #[inline]
    pub(crate) fn wake_candidate(&mut self, tcb: ObjRef<Tcb>) {
        if tcb == self.sched.current || !self.is_schedulable(tcb) {
            return;
        }
        if self.sched.action == Action::ResumeCurrent {
            self.sched.action = Action::SwitchTo(tcb);
        } else {
            self.reschedule_required();
            self.enqueue_head(tcb);
        }
    }

    /// Makes the end of the event choose among all threads; a candidate goes to the head of its queue.
    #[doc(alias = "rescheduleRequired")]
    pub(crate) fn reschedule_required(&mut self) {
        if let Action::SwitchTo(candidate) = self.sched.action
            && self.is_schedulable(candidate)
        {
            self.enqueue_head(candidate);
        }
        self.sched.action = Action::ChooseNew;
    }

    /// Decides which thread is current when the event ends; it is in no queue then.
    #[inline(always)]
    pub(crate) fn schedule(&mut self) -> ObjRef<Tcb> {
        match self.sched.action {
            Action::ResumeCurrent if self.is_schedulable(self.sched.current) => self.sched.current,
            Action::SwitchTo(candidate) if self.is_schedulable(candidate) => self.consider(candidate),
            Action::ResumeCurrent | Action::SwitchTo(_) | Action::ChooseNew => self.choose_thread(),
        }
    }

    /// Lets a candidate run, or queues it where its priority wants it.
    #[inline(always)]
    fn consider(&mut self, candidate: ObjRef<Tcb>) -> ObjRef<Tcb> {
        self.sched.action = Action::ResumeCurrent;
        let current = self.sched.current;
        let (priority, best) = (self.objs[candidate].priority, self.objs[current].priority);
        if self.is_schedulable(current) {
            if priority > best {
                self.enqueue_head(current);
                self.dequeue(candidate);
                return candidate;
            }
            if priority == best {
                self.enqueue_tail(candidate);
            } else {
                self.enqueue_head(candidate);
            }
            current
        } else if priority >= best && current != self.sched.idle
            || self.sched.highest_ready().is_none_or(|ready| priority >= ready)
        {
            self.dequeue(candidate);
            candidate
        } else {
            self.enqueue_head(candidate);
            self.choose_thread()
        }
    }

    /// Takes the head of the highest ready queue; the idle thread if all are empty.
    fn choose_thread(&mut self) -> ObjRef<Tcb> {
        self.sched.action = Action::ResumeCurrent;
        if self.is_schedulable(self.sched.current) {
            self.enqueue_head(self.sched.current);
        }
        let first = self.sched.highest_ready().and_then(|p| self.sched.ready[usize::from(p)].head);
        let chosen = first.unwrap_or(self.sched.idle);
        self.dequeue(chosen);
        chosen
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// READY and RELEASED, between events.
    pub(crate) fn check_queues(&self) {
        for (priority, queue) in self.sched.ready.iter().enumerate() {
            let word = self.sched.bitmap[priority / 64];
            assert_eq!(word >> (priority % 64) & 1 != 0, queue.head.is_some(), "bit of priority {priority}");
            assert_eq!(self.sched.bitmap_top >> (priority / 64) & 1 != 0, word != 0, "bit of its word");
            self.check_links(queue, |tcb| {
                let thread = &self.objs[tcb];
                assert_eq!(usize::from(thread.priority), priority);
                assert!(thread.in_ready_queue != 0 && self.is_schedulable(tcb), "READY: {tcb:?}");
                assert_ne!(tcb, self.sched.current, "READY: the current thread is queued");
            });
        }
        let mut last = arch::Ticks::ZERO;
        self.check_links(&self.sched.release, |tcb| {
            let thread = &self.objs[tcb];
            assert!(thread.in_release_queue != 0 && thread.in_ready_queue == 0, "RELEASED: {tcb:?}");
            assert!(thread.state().is_runnable(), "RELEASED: {tcb:?}");
            let time = self.release_time(tcb);
            assert!(time >= core::mem::replace(&mut last, time), "RELEASED: order");
        });
    }

    fn check_links(&self, queue: &Queue, mut check: impl FnMut(ObjRef<Tcb>)) {
        let (mut before, mut next) = (None, queue.head);
        while let Some(tcb) = next {
            assert_eq!(self.objs[tcb].sched_prev, before);
            check(tcb);
            before = next;
            next = self.objs[tcb].sched_next;
        }
        assert_eq!(queue.tail, before);
    }
}

#[cfg(test)]
mod tests;
