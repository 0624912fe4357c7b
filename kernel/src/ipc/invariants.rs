// SPDX-License-Identifier: MIT OR Apache-2.0
//! QUEUED, READY and BOUND as far as threads and their messages are concerned.

use arch::{Machine, PhysAddr};

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::notification::{Notification, NotificationState};
use crate::object::reply::Above;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, ThreadState};
use crate::sched::Queue;

impl<M: Machine> Kernel<M> {
    /// Checks that a thread is queued, holds a reply object and is bound exactly as its state says.
    pub(crate) fn check_thread_ipc(&self, tcb: ObjRef<Tcb>) {
        let thread = &self.objs[tcb];
        let blocked_on = PhysAddr(thread.blocked_on);
        match thread.state() {
            ThreadState::BlockedOnSend => self.check_queued(tcb, blocked_on, EndpointState::Sending),
            ThreadState::BlockedOnReceive => self.check_queued(tcb, blocked_on, EndpointState::Receiving),
            ThreadState::BlockedOnNotification => {
                let notification: &Notification = &self.objs[ObjRef::on_host(blocked_on)];
                assert_eq!(notification.state(), NotificationState::Waiting);
                self.check_queue(Queue { head: notification.head, tail: notification.tail }, tcb);
            }
            ThreadState::BlockedOnReply => assert!(thread.reply.is_some(), "{tcb:?} waits for nobody"),
            _ => {}
        }
        let may_have_reply =
            matches!(thread.state(), ThreadState::BlockedOnReceive | ThreadState::BlockedOnReply);
        assert!(may_have_reply || thread.reply.is_none(), "{tcb:?} keeps a reply object");
        assert!(thread.state().is_blocked() || (thread.ipc_next, thread.ipc_prev) == (None, None));
        assert!(thread.reply.is_none_or(|reply| self.objs[reply].tcb == Some(tcb)), "REPLY of {tcb:?}");
        let bound = thread.bound_notification;
        assert!(bound.is_none_or(|notification| self.objs[notification].bound_tcb == Some(tcb)));
        assert!(thread.sched_context.is_none_or(|sc| self.objs[sc].tcb == Some(tcb)), "BOUND of {tcb:?}");
    }

    fn check_queued(&self, tcb: ObjRef<Tcb>, endpoint: PhysAddr, state: EndpointState) {
        let endpoint: &Endpoint = &self.objs[ObjRef::on_host(endpoint)];
        assert_eq!(endpoint.state(), state);
        self.check_queue(endpoint.queue(), tcb);
    }

    /// Checks that `queue` contains `tcb` once, by descending priority, with links that agree.
    fn check_queue(&self, queue: Queue, tcb: ObjRef<Tcb>) {
        let (mut next, mut before, mut found) = (queue.head, None, 0);
        while let Some(member) = next {
            let thread = &self.objs[member];
            assert_eq!(thread.ipc_prev, before);
            assert!(before.is_none_or(|other: ObjRef<Tcb>| self.objs[other].priority >= thread.priority));
            found += usize::from(member == tcb);
            (before, next) = (next, thread.ipc_next);
        }
        assert_eq!((queue.tail, found), (before, 1), "QUEUED of {tcb:?}");
    }

    /// Checks the call chain of a scheduling context: links agree, and everybody below waits for a reply.
    pub(crate) fn check_call_chain(&self, sc: ObjRef<SchedContext>) {
        assert!(self.objs[sc].tcb.is_none_or(|tcb| self.objs[tcb].sched_context == Some(sc)));
        let (mut above, mut next) = (Above::SchedContext(sc), self.objs[sc].reply);
        while let Some(reply) = next {
            assert_eq!(self.objs[reply].above(), above);
            let caller = self.objs[reply].tcb.expect("a reply object in a chain holds a caller");
            assert_eq!(self.objs[caller].state(), ThreadState::BlockedOnReply);
            (above, next) = (Above::Reply(reply), self.objs[reply].below);
        }
    }

    /// Checks that a thread that can run is current or in a ready queue, and no other is.
    pub(crate) fn check_thread_ready(&self, tcb: ObjRef<Tcb>) {
        let is_current = self.sched.current == tcb;
        let is_ready = self.objs[tcb].in_ready_queue != 0;
        assert_eq!(self.is_schedulable(tcb), is_current || is_ready, "READY of {tcb:?}");
        assert!(!(is_current && is_ready), "{tcb:?} is current and queued");
    }
}
