// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notifications: a word of signals, or a queue of threads that wait for one.
//!
//! ```text
//!           signal              signal: word |= badge
//!   Idle ------------> Active --.
//!    | ^    <----------   ^-----'
//!    | |     wait, receive
//!    | '--------- Waiting --.
//!    '----------->    ^-----'     wait: queue; signal: wake the first
//!         wait
//! ```

use arch::{Machine, PhysAddr};

use super::sched_context::SchedContext;
use super::tcb::{Tcb, ThreadState};
use crate::Kernel;
use crate::memory::objects::{ObjRef, kernel_object};
use crate::sched::Queue;

/// What a notification holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum NotificationState {
    /// Nothing.
    Idle,
    /// Threads wait.
    Waiting,
    /// A word waits.
    Active,
}

/// A notification, 64 bytes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Notification {
    state: u64,
    /// The word, while active.
    pub word: u64,
    /// First of the waiting threads.
    pub head: Option<ObjRef<Tcb>>,
    /// Last of them.
    pub tail: Option<ObjRef<Tcb>>,
    /// The thread that gets signals while it receives elsewhere.
    pub bound_tcb: Option<ObjRef<Tcb>>,
    /// The scheduling context lent to who is woken.
    pub sched_context: Option<ObjRef<SchedContext>>,
}

const _: () = assert!(size_of::<Notification>() == 1 << abi::sizes::NOTIFICATION_BITS);

kernel_object!(Notification);

impl Notification {
    /// What it holds.
    #[inline]
    pub const fn state(&self) -> NotificationState {
        match self.state {
            1 => NotificationState::Waiting,
            2 => NotificationState::Active,
            _ => NotificationState::Idle,
        }
    }

    /// Changes what it holds.
    #[inline]
    pub(crate) fn set_state(&mut self, state: NotificationState) {
        self.state = state as u64;
    }

    /// Whether a word waits.
    #[inline]
    pub(crate) const fn is_active(&self) -> bool {
        self.state == NotificationState::Active as u64
    }

    #[inline]
    const fn queue(&self) -> Queue {
        Queue { head: self.head, tail: self.tail }
    }

    #[inline]
    fn set_queue(&mut self, queue: Queue) {
        self.head = queue.head;
        self.tail = queue.tail;
        self.set_state(if queue.head.is_none() {
            NotificationState::Idle
        } else {
            NotificationState::Waiting
        });
    }
}

impl<M: Machine> Kernel<M> {
    /// Signals with `badge`: wakes the first waiting thread or the bound one, else keeps the bits.
    #[doc(alias = "sendSignal")]
    pub(crate) fn send_signal(&mut self, notification: ObjRef<Notification>, badge: u64) {
        let Notification { head, bound_tcb, .. } = self.objs[notification];
        match (self.objs[notification].state(), head, bound_tcb) {
            (NotificationState::Active, ..) => self.objs[notification].word |= badge,
            (NotificationState::Waiting, Some(tcb), _) => {
                self.leave_notification(tcb, notification);
                self.wake_with_signal(tcb, notification, badge);
            }
            (NotificationState::Idle, _, Some(tcb))
                if self.objs[tcb].state() == ThreadState::BlockedOnReceive =>
            {
                self.cancel_ipc(tcb);
                self.wake_with_signal(tcb, notification, badge);
            }
            _ => {
                self.objs[notification].word = badge;
                self.objs[notification].set_state(NotificationState::Active);
            }
        }
    }

    fn wake_with_signal(&mut self, tcb: ObjRef<Tcb>, notification: ObjRef<Notification>, word: u64) {
        self.objs[tcb].context.set_badge(word);
        self.set_thread_state(tcb, ThreadState::Running);
        self.lend_from_notification(notification, tcb);
        self.sporadic_unblock(tcb);
        self.wake_candidate(tcb);
    }

    /// Gives `receiver` the pending word, or queues it.
    #[doc(alias = "receiveSignal")]
    pub(crate) fn receive_signal(
        &mut self,
        receiver: ObjRef<Tcb>,
        notification: ObjRef<Notification>,
        blocking: bool,
    ) {
        if self.objs[notification].is_active() {
            return self.take_signal(receiver, notification);
        }
        if !blocking {
            return self.objs[receiver].context.set_badge(0);
        }
        self.objs[receiver].blocked_on = notification.paddr().0;
        self.set_thread_state(receiver, ThreadState::BlockedOnNotification);
        self.return_to_notification(receiver, notification);
        self.enter_notification(receiver, notification);
    }

    /// Gives `receiver`, which runs, the word of an active notification.
    #[doc(alias = "completeSignal")]
    pub(crate) fn take_signal(&mut self, receiver: ObjRef<Tcb>, notification: ObjRef<Notification>) {
        let word = core::mem::take(&mut self.objs[notification].word);
        self.objs[notification].set_state(NotificationState::Idle);
        self.objs[receiver].context.set_badge(word);
        self.lend_from_notification(notification, receiver);
        self.sporadic_unblock(receiver);
    }

    /// Sends all waiting threads back to repeat their call.
    #[doc(alias = "cancelAllSignals")]
    pub(crate) fn cancel_all_signals(&mut self, notification: ObjRef<Notification>) {
        if self.objs[notification].state() != NotificationState::Waiting {
            return;
        }
        while let Some(tcb) = self.objs[notification].head {
            self.leave_notification(tcb, notification);
            self.set_thread_state(tcb, ThreadState::Restart);
            self.sporadic_unblock(tcb);
            self.wake_candidate(tcb);
        }
        self.reschedule_required();
    }

    /// Ends the wait of `tcb`, which is BlockedOnNotification; it is Inactive afterwards.
    #[doc(alias = "cancelSignal")]
    pub(crate) fn cancel_signal(&mut self, tcb: ObjRef<Tcb>) {
        self.leave_notification(tcb, self.notification_of(tcb));
        self.set_thread_state(tcb, ThreadState::Inactive);
    }

    /// Lets `tcb` get signals while it receives on endpoints.
    pub(crate) fn bind_notification(&mut self, tcb: ObjRef<Tcb>, notification: ObjRef<Notification>) {
        self.objs[notification].bound_tcb = Some(tcb);
        self.objs[tcb].bound_notification = Some(notification);
    }

    /// Dissolves the bond of `tcb` with its notification, if there is one.
    pub(crate) fn unbind_notification(&mut self, tcb: ObjRef<Tcb>) {
        if let Some(notification) = self.objs[tcb].bound_notification.take() {
            self.objs[notification].bound_tcb = None;
        }
    }

    /// Dissolves all bonds of a notification that goes away, and restarts its waiting threads.
    pub(crate) fn finalise_notification(&mut self, notification: ObjRef<Notification>) {
        if let Some(sc) = self.objs[notification].sched_context.take() {
            self.objs[sc].notification = None;
        }
        if let Some(tcb) = self.objs[notification].bound_tcb {
            self.unbind_notification(tcb);
        }
        self.cancel_all_signals(notification);
    }

    pub(super) fn reorder_in_notification(&mut self, tcb: ObjRef<Tcb>) {
        let notification = self.notification_of(tcb);
        self.leave_notification(tcb, notification);
        self.enter_notification(tcb, notification);
    }

    /// The notification that `tcb`, which is BlockedOnNotification, is queued on.
    #[allow(unsafe_code)]
    fn notification_of(&self, tcb: ObjRef<Tcb>) -> ObjRef<Notification> {
        // SAFETY: TYPED, QUEUED: in this state the thread names the notification that it is queued on.
        unsafe { ObjRef::at(PhysAddr(self.objs[tcb].blocked_on)) }
    }

    fn enter_notification(&mut self, tcb: ObjRef<Tcb>, notification: ObjRef<Notification>) {
        let queue = self.queue_by_priority(self.objs[notification].queue(), tcb);
        self.objs[notification].set_queue(queue);
    }

    fn leave_notification(&mut self, tcb: ObjRef<Tcb>, notification: ObjRef<Notification>) {
        let queue = self.unqueue(self.objs[notification].queue(), tcb);
        self.objs[notification].set_queue(queue);
    }
}

#[cfg(test)]
mod tests;
