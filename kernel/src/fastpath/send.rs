// SPDX-License-Identifier: MIT OR Apache-2.0
//! Send and NBSend: signals, and messages to a receiver that takes the processor.

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

    /// A message without reply to a receiver that runs at once.
    #[inline(always)]
    pub(super) fn fast_message(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        badge: u64,
        info: u64,
    ) -> Option<Arrival> {
        let wake = self.fast_wake(self.objs[endpoint].first_receiver()?)?;
        let words = self.pass_few_words(self.sched.current, wake.thread, info & SHAPE_MASK);
        self.pop_receiver(endpoint, wake.thread);
        self.detach_reply(wake.thread);
        let thread = self.take_processor(wake);
        Some(Arrival { thread, badge, info: info & !CAPS_MASK, words })
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
