// SPDX-License-Identifier: MIT OR Apache-2.0
//! Send and NBSend: signals, and messages to a receiver that takes the processor.

use abi::Syscall;
use arch::Machine;

use super::{Arrival, CAPS_MASK, Progress, SHAPE_MASK, SHORT};
use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::Endpoint;
use crate::object::notification::{Notification, NotificationState};
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};

impl<M: Machine> Kernel<M> {
    /// Send and NBSend: to a notification, to an endpoint, or to a line of another instance.
    ///
    /// What wakes somebody is left to a second function, so that what does not pays nothing for it.
    #[inline(always)]
    pub(super) fn fast_send(&mut self, cptr: u64, info: u64) -> Option<Progress> {
        if info & SHAPE_MASK > SHORT {
            return None;
        }
        let slot = self.objs[self.sched.current].slots[TcbSlot::CSpace as usize].cap.plain_slot(cptr)?;
        let cap = self.objs[slot].cap;
        if let Some(notification) = cap.signallable_notification() {
            return self.keep_signal(notification, cap.word1);
        }
        if let Some(endpoint) = cap.sendable_endpoint() {
            return Some(Progress::Message { endpoint, badge: cap.word1, info });
        }
        let (to, line) = cap.line_signal()?;
        self.send_line_signal(to, line);
        Some(Progress::Done)
    }

    /// A signal that nobody waits for is kept.
    #[inline(always)]
    pub(super) fn keep_signal(&mut self, notification: ObjRef<Notification>, badge: u64) -> Option<Progress> {
        let object = &self.objs[notification];
        let word = match (object.state(), object.bound_tcb) {
            (NotificationState::Active, _) => object.word | badge,
            (NotificationState::Waiting, _) => {
                return Some(Progress::Signal { notification, waiter: object.head?, badge });
            }
            (NotificationState::Idle, Some(waiter))
                if self.objs[waiter].state() == ThreadState::BlockedOnReceive =>
            {
                return Some(Progress::Signal { notification, waiter, badge });
            }
            (NotificationState::Idle, _) => badge,
        };
        let object = &mut self.objs[notification];
        object.word = word;
        object.set_state(NotificationState::Active);
        Some(Progress::Done)
    }

    /// Wakes the waiting or bound thread with the signal, if it takes the processor at once.
    #[inline(always)]
    pub(super) fn fast_signal(
        &mut self,
        notification: ObjRef<Notification>,
        waiter: ObjRef<Tcb>,
        badge: u64,
    ) -> Option<ObjRef<Tcb>> {
        let wake = self.fast_wake(waiter)?;
        self.give_signal(notification, waiter, badge);
        Some(self.take_processor(wake))
    }

    /// The same where the thread only becomes ready, tried when [`Kernel::fast_signal`] gives up. The current one goes
    /// on, and its time is charged later.
    #[inline(always)]
    pub(super) fn fast_ready(&mut self) -> Option<ObjRef<Tcb>> {
        let current = &self.objs[self.sched.current];
        let slot = current.slots[TcbSlot::CSpace as usize].cap.plain_slot(current.context.cap_register())?;
        let cap = self.objs[slot].cap;
        let notification = cap.signallable_notification()?;
        let Some(Progress::Signal { waiter, badge, .. }) = self.keep_signal(notification, cap.word1) else {
            return None;
        };
        if !self.can_be_ready(waiter) {
            return None;
        }
        self.give_signal(notification, waiter, badge);
        self.objs[waiter].set_state_raw(ThreadState::Running);
        self.enqueue_ready(waiter);
        Some(self.sched.current)
    }

    /// Whether a blocked thread only has to be queued when it becomes ready: the current one is not below it, and its
    /// scheduling context, which it has, does not look at the clock.
    #[inline(always)]
    pub(super) fn can_be_ready(&self, thread: ObjRef<Tcb>) -> bool {
        let woken = &self.objs[thread];
        woken.priority <= self.objs[self.sched.current].priority
            && woken.in_release_queue == 0
            && woken.sched_context.is_some_and(|sc| self.is_configured(sc) && self.objs[sc].sporadic == 0)
    }

    /// A message without reply to a receiver that runs at once; an NBSend to nobody.
    #[inline(always)]
    pub(super) fn fast_message(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        badge: u64,
        info: u64,
    ) -> Option<Arrival> {
        let Some(receiver) = self.objs[endpoint].first_receiver() else {
            return self.send_to_nobody();
        };
        let wake = self.fast_wake(receiver)?;
        let words = self.pass_few_words(self.sched.current, wake.thread, info & SHAPE_MASK);
        self.pop_receiver(endpoint, wake.thread);
        self.detach_reply(wake.thread);
        let thread = self.take_processor(wake);
        Some(Arrival { thread, badge, info: info & !CAPS_MASK, words })
    }

    /// An NBSend that nobody waits for changes nothing.
    #[inline(always)]
    fn send_to_nobody(&self) -> Option<Arrival> {
        let thread = self.sched.current;
        let context = &self.objs[thread].context;
        let (badge, info) = (context.cap_register(), context.info_register());
        (context.syscall_number() == Syscall::NBSend.word()).then_some(Arrival {
            thread,
            badge,
            info,
            words: thread,
        })
    }

    /// Ends the wait of `waiter`, the first in the queue or the bound thread, with the signal.
    #[inline(always)]
    pub(super) fn give_signal(
        &mut self,
        notification: ObjRef<Notification>,
        waiter: ObjRef<Tcb>,
        badge: u64,
    ) {
        if self.objs[waiter].state() == ThreadState::BlockedOnNotification {
            self.pop_waiter(notification, waiter);
        } else {
            self.cancel_ipc(waiter);
        }
        self.objs[waiter].context.set_badge(badge);
    }

    /// Takes `waiter`, the first of the queue, out of it.
    #[inline(always)]
    fn pop_waiter(&mut self, notification: ObjRef<Notification>, waiter: ObjRef<Tcb>) {
        let next = self.objs[waiter].ipc_next.take();
        let object = &mut self.objs[notification];
        object.head = next;
        match next {
            None => {
                object.tail = None;
                object.set_state(NotificationState::Idle);
            }
            Some(next) => self.objs[next].ipc_prev = None,
        }
    }
}
