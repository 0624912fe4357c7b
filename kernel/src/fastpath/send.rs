// SPDX-License-Identifier: MIT OR Apache-2.0
//! Send and NBSend: signals, and messages to a receiver that takes the processor.

use arch::Machine;

use super::{SHAPE_MASK, SHORT};
use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::Endpoint;
use crate::object::notification::{Notification, NotificationState};
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};

/// How far a fast send has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// To its end; the sender goes on.
    Done,
    /// A signal for a thread that waits: [`Kernel::fast_signal`] goes on.
    Signal {
        /// What is signalled.
        notification: ObjRef<Notification>,
        /// Who gets the signal.
        waiter: ObjRef<Tcb>,
        /// Bits of the signal.
        badge: u64,
    },
    /// A message to an endpoint: [`Kernel::fast_message`] goes on.
    Message {
        /// Where it goes.
        endpoint: ObjRef<Endpoint>,
        /// Badge of the capability.
        badge: u64,
    },
}

impl<M: Machine> Kernel<M> {
    /// Send and NBSend: to a notification, to an endpoint, or to a line of another instance.
    ///
    /// What wakes somebody is left to a second function, so that what does not pays nothing for it.
    #[inline(always)]
    pub fn fast_send(&mut self) -> Option<Sent> {
        let thread = &self.objs[self.sched.current];
        if thread.context.info_register() & SHAPE_MASK > SHORT {
            return None;
        }
        let slot = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(thread.context.cap_register())?;
        let cap = self.objs[slot].cap;
        if let Some(notification) = cap.signallable_notification() {
            return self.keep_signal(notification, cap.word1);
        }
        if let Some(endpoint) = cap.sendable_endpoint() {
            return Some(Sent::Message { endpoint, badge: cap.word1 });
        }
        let (to, line) = cap.line_signal()?;
        self.send_line_signal(to, line);
        Some(Sent::Done)
    }

    /// A signal that nobody waits for is kept.
    #[inline(always)]
    pub(super) fn keep_signal(&mut self, notification: ObjRef<Notification>, badge: u64) -> Option<Sent> {
        let object = &self.objs[notification];
        let word = match (object.state(), object.bound_tcb) {
            (NotificationState::Active, _) => object.word | badge,
            (NotificationState::Waiting, _) => {
                return Some(Sent::Signal { notification, waiter: object.head?, badge });
            }
            (NotificationState::Idle, Some(waiter))
                if self.objs[waiter].state() == ThreadState::BlockedOnReceive =>
            {
                return Some(Sent::Signal { notification, waiter, badge });
            }
            (NotificationState::Idle, _) => badge,
        };
        let object = &mut self.objs[notification];
        object.word = word;
        object.set_state(NotificationState::Active);
        Some(Sent::Done)
    }

    /// Wakes the waiting or bound thread with the signal, if it takes the processor at once.
    #[inline(always)]
    pub fn fast_signal(
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
    pub fn fast_message(&mut self, endpoint: ObjRef<Endpoint>, badge: u64) -> Option<ObjRef<Tcb>> {
        let info = self.objs[self.sched.current].context.info_register();
        let wake = self.fast_wake(self.objs[endpoint].first_receiver()?)?;
        self.pop_receiver(endpoint, wake.thread);
        self.detach_reply(wake.thread);
        self.pass_message(self.sched.current, wake.thread, badge, info);
        Some(self.take_processor(wake))
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
