// SPDX-License-Identifier: MIT OR Apache-2.0
//! Endpoints: a queue of senders or of receivers, never of both.
//!
//! A thread that is queued remembers what it needs for its turn: a sender the badge and rights of its capability
//! at the time of the send, a receiver the reply object it brought.

use abi::Rights;
use arch::{Machine, PhysAddr};

use super::reply::Reply;
use super::tcb::{SendFlags, Tcb, ThreadState};
use crate::Kernel;
use crate::error::Fault;
use crate::ipc::transfer::Transfer;
use crate::memory::objects::{ObjRef, kernel_object};
use crate::sched::Queue;

/// Who is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointState {
    /// Nobody.
    Idle,
    /// Senders.
    Sending,
    /// Receivers.
    Receiving,
}

/// An endpoint, 16 bytes: head of the queue, with bit 63 set if it is one of senders; its tail.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub struct Endpoint {
    head_word: u64,
    tail: Option<ObjRef<Tcb>>,
}

const _: () = assert!(size_of::<Endpoint>() == 1 << abi::sizes::ENDPOINT_BITS);

kernel_object!(Endpoint);

impl Endpoint {
    const SENDERS: u64 = 1 << 63;

    const fn head_word(head: ObjRef<Tcb>, state: EndpointState) -> u64 {
        match state {
            EndpointState::Sending => head.paddr().0 | Self::SENDERS,
            EndpointState::Receiving | EndpointState::Idle => head.paddr().0,
        }
    }

    #[allow(unsafe_code)]
    #[inline(always)]
    const fn thread(word: u64) -> Option<ObjRef<Tcb>> {
        // SAFETY: TYPED: the word is written from references to threads, or 0.
        unsafe { ObjRef::from_paddr(word) }
    }

    /// Who is queued.
    #[inline]
    pub const fn state(&self) -> EndpointState {
        match self.head_word {
            0 => EndpointState::Idle,
            word if word & Self::SENDERS != 0 => EndpointState::Sending,
            _ => EndpointState::Receiving,
        }
    }

    /// The first of the queue.
    #[inline]
    pub const fn head(&self) -> Option<ObjRef<Tcb>> {
        Self::thread(self.head_word & !Self::SENDERS)
    }

    /// The first receiver, when receivers are queued: one comparison of the whole word.
    #[inline(always)]
    pub(crate) const fn first_receiver(&self) -> Option<ObjRef<Tcb>> {
        if self.head_word as i64 > 0 { Self::thread(self.head_word) } else { None }
    }

    /// The first sender, when senders are queued.
    #[inline(always)]
    pub(crate) const fn first_sender(&self) -> Option<ObjRef<Tcb>> {
        if (self.head_word as i64) < 0 { self.head() } else { None }
    }

    /// Whether nobody is queued.
    #[inline(always)]
    pub(crate) const fn is_idle(&self) -> bool {
        self.head_word == 0
    }

    /// The threads queued.
    #[inline]
    pub(crate) const fn queue(&self) -> Queue {
        Queue { head: self.head(), tail: self.tail }
    }

    /// Replaces the threads queued, who are in `state` unless there are none.
    #[inline]
    pub(crate) fn set_queue(&mut self, queue: Queue, state: EndpointState) {
        self.head_word = queue.head.map_or(0, |head| Self::head_word(head, state));
        self.tail = queue.tail;
    }

    /// Replaces the first of several threads that wait in `state`.
    #[inline(always)]
    pub(crate) fn set_head(&mut self, head: ObjRef<Tcb>, state: EndpointState) {
        self.head_word = Self::head_word(head, state);
    }
}

impl SendFlags {
    /// What an endpoint capability with `rights` allows.
    #[inline]
    pub(crate) const fn granted_by(rights: Rights) -> Self {
        let grant = if rights.can_grant() { Self::GRANT } else { 0 };
        let grant_reply = if rights.can_grant_reply() { Self::GRANT_REPLY } else { 0 };
        Self(grant | grant_reply)
    }

    /// Whether the receiver may be given the right to answer.
    #[inline]
    pub(crate) const fn may_be_answered(self) -> bool {
        self.0 & (Self::GRANT | Self::GRANT_REPLY) != 0
    }
}

/// How a message is sent.
#[derive(Clone, Copy, Debug)]
pub struct Send {
    /// Queue when nobody receives.
    pub blocking: bool,
    /// The sender may lend its scheduling context.
    pub can_donate: bool,
    /// Badge of the capability.
    pub badge: u64,
    /// Grant, grant-reply, call.
    pub flags: SendFlags,
}

/// How a message is received.
#[derive(Clone, Copy, Debug)]
pub struct Receive {
    /// Queue when nobody sends.
    pub blocking: bool,
    /// Reply object for a caller.
    pub reply: Option<ObjRef<Reply>>,
}

impl<M: Machine> Kernel<M> {
    /// Sends the message or fault of `sender` to the first receiver, or queues it.
    #[doc(alias = "sendIPC")]
    pub(crate) fn send_ipc(&mut self, send: Send, sender: ObjRef<Tcb>, endpoint: ObjRef<Endpoint>) {
        let head = self.objs[endpoint].head();
        match (self.objs[endpoint].state(), head) {
            (EndpointState::Receiving, Some(receiver)) => self.send_to(receiver, send, sender, endpoint),
            _ if send.blocking => self.block_sender(send, sender, endpoint),
            _ => {}
        }
    }

    fn send_to(
        &mut self,
        receiver: ObjRef<Tcb>,
        send: Send,
        sender: ObjRef<Tcb>,
        endpoint: ObjRef<Endpoint>,
    ) {
        self.leave_endpoint(receiver, endpoint, EndpointState::Receiving);
        let can_grant = send.flags.has(SendFlags::GRANT);
        self.transfer_message(Transfer {
            sender,
            receiver,
            endpoint: Some(endpoint),
            badge: send.badge,
            can_grant,
        });
        let reply = self.detach_reply(receiver);
        if send.flags.has(SendFlags::CALL) || self.objs[sender].fault.is_some() {
            self.await_reply(
                sender,
                receiver,
                reply.filter(|_| send.flags.may_be_answered()),
                send.can_donate,
            );
        } else if send.can_donate
            && self.objs[receiver].sched_context.is_none()
            && let Some(sc) = self.objs[sender].sched_context
        {
            self.donate(sc, receiver);
        }
        self.set_thread_state(receiver, ThreadState::Running);
        self.sporadic_unblock(receiver);
        self.wake_candidate(receiver);
    }

    fn block_sender(&mut self, send: Send, sender: ObjRef<Tcb>, endpoint: ObjRef<Endpoint>) {
        let thread = &mut self.objs[sender];
        thread.blocked_on = endpoint.paddr().0;
        thread.badge = send.badge;
        thread.send_flags = send.flags;
        self.set_thread_state(sender, ThreadState::BlockedOnSend);
        self.enter_endpoint(sender, endpoint, EndpointState::Sending);
    }

    /// Receives from the first sender, or queues `receiver`; a pending signal of its bound notification comes first.
    #[doc(alias = "receiveIPC")]
    pub(crate) fn receive_ipc(
        &mut self,
        receiver: ObjRef<Tcb>,
        endpoint: ObjRef<Endpoint>,
        receive: Receive,
    ) {
        if let Some(reply) = receive.reply
            && let Some(other) = self.objs[reply].tcb
        {
            self.cancel_ipc(other);
        }
        if let Some(notification) = self.objs[receiver].bound_notification {
            if self.objs[notification].is_active() {
                return self.take_signal(receiver, notification);
            }
            if receive.blocking {
                self.return_to_notification(receiver, notification);
            }
        }
        let head = self.objs[endpoint].head();
        match (self.objs[endpoint].state(), head) {
            (EndpointState::Sending, Some(sender)) => {
                self.receive_from(sender, receiver, endpoint, receive.reply);
            }
            _ if receive.blocking => self.block_receiver(receiver, endpoint, receive.reply),
            _ => self.objs[receiver].context.set_badge(0),
        }
    }

    fn receive_from(
        &mut self,
        sender: ObjRef<Tcb>,
        receiver: ObjRef<Tcb>,
        endpoint: ObjRef<Endpoint>,
        reply: Option<ObjRef<Reply>>,
    ) {
        self.leave_endpoint(sender, endpoint, EndpointState::Sending);
        let Tcb { badge, send_flags: flags, .. } = self.objs[sender];
        let can_grant = flags.has(SendFlags::GRANT);
        self.transfer_message(Transfer { sender, receiver, endpoint: Some(endpoint), badge, can_grant });
        self.sporadic_unblock(sender);
        let fault = &self.objs[sender].fault;
        if flags.has(SendFlags::CALL) || fault.is_some() {
            let can_donate = !matches!(fault.get(), Some(Fault::Timeout { .. }));
            self.await_reply(sender, receiver, reply.filter(|_| flags.may_be_answered()), can_donate);
        } else {
            self.set_thread_state(sender, ThreadState::Running);
            self.wake_candidate(sender);
        }
    }

    fn block_receiver(
        &mut self,
        receiver: ObjRef<Tcb>,
        endpoint: ObjRef<Endpoint>,
        reply: Option<ObjRef<Reply>>,
    ) {
        self.objs[receiver].blocked_on = endpoint.paddr().0;
        self.objs[receiver].reply = reply;
        if let Some(reply) = reply {
            self.objs[reply].tcb = Some(receiver);
        }
        self.set_thread_state(receiver, ThreadState::BlockedOnReceive);
        self.enter_endpoint(receiver, endpoint, EndpointState::Receiving);
    }

    /// Makes a caller wait for its reply, or stops it when it brought nobody to a place where one can come from.
    fn await_reply(
        &mut self,
        caller: ObjRef<Tcb>,
        callee: ObjRef<Tcb>,
        reply: Option<ObjRef<Reply>>,
        can_donate: bool,
    ) {
        match reply {
            Some(reply) => self.push_reply(caller, callee, reply, can_donate),
            None => {
                self.objs[caller].fault.clear();
                self.set_thread_state(caller, ThreadState::Inactive);
            }
        }
    }

    /// Ends whatever `tcb` waits for and drops its fault; a thread that waited is Inactive afterwards.
    #[doc(alias = "cancelIPC")]
    pub(crate) fn cancel_ipc(&mut self, tcb: ObjRef<Tcb>) {
        self.objs[tcb].fault.clear();
        match self.objs[tcb].state() {
            ThreadState::BlockedOnSend => {
                self.leave_endpoint(tcb, self.endpoint_of(tcb), EndpointState::Sending);
                self.set_thread_state(tcb, ThreadState::Inactive);
            }
            ThreadState::BlockedOnReceive => {
                self.leave_endpoint(tcb, self.endpoint_of(tcb), EndpointState::Receiving);
                self.detach_reply(tcb);
                self.set_thread_state(tcb, ThreadState::Inactive);
            }
            ThreadState::BlockedOnReply => self.remove_reply_of(tcb),
            ThreadState::BlockedOnNotification => self.cancel_signal(tcb),
            ThreadState::Inactive | ThreadState::Running | ThreadState::Restart | ThreadState::Idle => {}
        }
    }

    /// Sends everybody queued back to repeat its call, before the endpoint goes away.
    #[doc(alias = "cancelAllIPC")]
    pub(crate) fn cancel_all_ipc(&mut self, endpoint: ObjRef<Endpoint>) {
        let state = self.objs[endpoint].state();
        if state == EndpointState::Idle {
            return;
        }
        while let Some(tcb) = self.objs[endpoint].head() {
            self.leave_endpoint(tcb, endpoint, state);
            self.detach_reply(tcb);
            self.restart_dequeued(tcb);
        }
        self.reschedule_required();
    }

    /// Sends the queued senders that use exactly `badge` back to repeat their call; badge 0 means nobody.
    #[doc(alias = "cancelBadgedSends")]
    pub(crate) fn cancel_badged_sends(&mut self, endpoint: ObjRef<Endpoint>, badge: u64) {
        if badge == 0 || self.objs[endpoint].state() != EndpointState::Sending {
            return;
        }
        let mut next = self.objs[endpoint].head();
        while let Some(tcb) = next {
            next = self.objs[tcb].ipc_next;
            if self.objs[tcb].badge == badge {
                self.leave_endpoint(tcb, endpoint, EndpointState::Sending);
                self.restart_dequeued(tcb);
            }
        }
        self.reschedule_required();
    }

    /// Restarts a thread that was taken from a queue; one that was sending a fault stops instead.
    fn restart_dequeued(&mut self, tcb: ObjRef<Tcb>) {
        if self.objs[tcb].fault.is_some() {
            self.objs[tcb].fault.clear();
            return self.set_thread_state(tcb, ThreadState::Inactive);
        }
        self.set_thread_state(tcb, ThreadState::Restart);
        self.sporadic_unblock(tcb);
        self.wake_candidate(tcb);
    }

    /// Moves `tcb` to the place that its changed priority gives it in the queue it waits in, if any.
    #[doc(alias = "reorderEP")]
    pub(crate) fn reorder_ipc_queue(&mut self, tcb: ObjRef<Tcb>) {
        match self.objs[tcb].state() {
            ThreadState::BlockedOnSend => self.reorder_in_endpoint(tcb, EndpointState::Sending),
            ThreadState::BlockedOnReceive => self.reorder_in_endpoint(tcb, EndpointState::Receiving),
            ThreadState::BlockedOnNotification => self.reorder_in_notification(tcb),
            ThreadState::BlockedOnReply
            | ThreadState::Inactive
            | ThreadState::Running
            | ThreadState::Restart
            | ThreadState::Idle => {}
        }
    }

    fn reorder_in_endpoint(&mut self, tcb: ObjRef<Tcb>, state: EndpointState) {
        let endpoint = self.endpoint_of(tcb);
        self.leave_endpoint(tcb, endpoint, state);
        self.enter_endpoint(tcb, endpoint, state);
    }

    /// The endpoint that `tcb`, BlockedOnSend or BlockedOnReceive, is queued on.
    #[allow(unsafe_code)]
    fn endpoint_of(&self, tcb: ObjRef<Tcb>) -> ObjRef<Endpoint> {
        // SAFETY: TYPED, QUEUED: in these states the thread names the endpoint that it is queued on.
        unsafe { ObjRef::at(PhysAddr(self.objs[tcb].blocked_on)) }
    }

    fn enter_endpoint(&mut self, tcb: ObjRef<Tcb>, endpoint: ObjRef<Endpoint>, state: EndpointState) {
        let queue = self.queue_by_priority(self.objs[endpoint].queue(), tcb);
        self.objs[endpoint].set_queue(queue, state);
    }

    fn leave_endpoint(&mut self, tcb: ObjRef<Tcb>, endpoint: ObjRef<Endpoint>, state: EndpointState) {
        let queue = self.unqueue(self.objs[endpoint].queue(), tcb);
        self.objs[endpoint].set_queue(queue, state);
    }
}

#[cfg(test)]
mod tests;
