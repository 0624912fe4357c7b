// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notifications: a word of signals, or a queue of threads that wait for one.

use super::sched_context::SchedContext;
use super::tcb::Tcb;
use crate::memory::objects::{ObjRef, kernel_object};

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
}

use arch::Machine;

use crate::Kernel;

impl<M: Machine> Kernel<M> {
    pub(crate) fn send_signal(&mut self, _notification: ObjRef<Notification>, _badge: u64) {
        unimplemented!()
    }

    pub(crate) fn receive_signal(
        &mut self,
        _receiver: ObjRef<Tcb>,
        _notification: ObjRef<Notification>,
        _blocking: bool,
    ) {
        unimplemented!()
    }

    pub(crate) fn cancel_all_signals(&mut self, _notification: ObjRef<Notification>) {
        unimplemented!()
    }

    pub(crate) fn cancel_signal(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn bind_notification(&mut self, _tcb: ObjRef<Tcb>, _notification: ObjRef<Notification>) {
        unimplemented!()
    }

    pub(crate) fn unbind_notification(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn finalise_notification(&mut self, _notification: ObjRef<Notification>) {
        unimplemented!()
    }
}
