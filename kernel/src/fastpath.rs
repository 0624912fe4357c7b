// SPDX-License-Identifier: MIT OR Apache-2.0
//! The common cases of Call, ReplyRecv and Send, tried before [`Kernel::handle`].
//!
//! A fast path is one function: it finishes the event and names the thread to resume, or it has changed nothing and
//! answers `None`. It does what the slow path would do for the same state, but for the clock: it is not read, so the
//! time is charged on the next slow entry, to the scheduling context that has been the current one all along.
//!
//! The cases: no capabilities in the message; a CSpace whose root is one plain CNode; for Call and ReplyRecv, the
//! partner waits, is of at least the caller's priority, and runs on the scheduling context that is passed along, no
//! signal is pending for a receiver, and buffers, if there are more than four words, are in 4 KiB frames; for Send,
//! a signal that wakes nobody here. docs/performance.md counts what is left.

use abi::ipc_buffer::{MAX_LENGTH, REGISTER_MESSAGES, message_offset};
use abi::sizes::SMALL_PAGE_BITS;
use arch::{Machine, PhysAddr};

use crate::Kernel;
use crate::cap::Cap;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::notification::NotificationState;
use crate::object::reply::Above;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::Queue;

/// Low bits of a message info: extra capabilities and length. Without the former it is a small number.
const SHAPE_MASK: u64 = 0x1ff;
/// Lengths that need no buffer.
const SHORT: u64 = REGISTER_MESSAGES as u64;
/// Capabilities unwrapped, extra capabilities: zero for the receiver.
const CAPS_MASK: u64 = 0xf80;

impl<M: Machine> Kernel<M> {
    /// Call: hands message and scheduling context to a receiver that waits.
    #[inline]
    pub fn fast_call(&mut self) -> Option<ObjRef<Tcb>> {
        let caller = self.sched.current;
        let thread = &self.objs[caller];
        let info = thread.context.info_register();
        let slot = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(thread.context.cap_register())?;
        let cap = self.objs[slot].cap;
        let endpoint = cap.callable_endpoint()?;
        let callee = self.objs[endpoint].first_receiver()?;
        let partner = &self.objs[callee];
        let reply = partner.reply?;
        if partner.sched_context.is_some() || partner.priority < thread.priority {
            return None;
        }
        let root = self.fast_root(callee)?;
        let buffers = self.fast_buffers(info, caller, callee)?;
        let sc = self.sched.current_sc;
        let badge = cap.word1;

        self.pop_receiver(endpoint, callee);
        let below = self.objs[sc].reply.replace(reply);
        if let Some(below) = below {
            self.objs[below].set_above(Above::Reply(reply));
        }
        let object = &mut self.objs[reply];
        object.tcb = Some(caller);
        object.below = below;
        object.set_above(Above::SchedContext(sc));
        self.pass_sched_context(sc, caller, callee);
        let thread = &mut self.objs[caller];
        thread.reply = Some(reply);
        thread.set_state_raw(ThreadState::BlockedOnReply);
        let partner = &mut self.objs[callee];
        partner.reply = None;
        partner.set_state_raw(ThreadState::Running);
        self.pass_message(caller, callee, badge, info);
        if let Some(buffers) = buffers {
            self.pass_buffer(buffers, info);
        }
        self.fast_switch(caller, callee, root);
        Some(callee)
    }

    /// ReplyRecv: answers the caller on the reply object, gives the scheduling context back, waits for the next.
    #[inline]
    pub fn fast_reply_recv(&mut self) -> Option<ObjRef<Tcb>> {
        let server = self.sched.current;
        let thread = &self.objs[server];
        let info = thread.context.info_register();
        let cspace = thread.slots[TcbSlot::CSpace as usize].cap;
        let slot = cspace.plain_slot(thread.context.cap_register())?;
        let endpoint = self.objs[slot].cap.receivable_endpoint()?;
        let slot = cspace.plain_slot(thread.context.reply_register())?;
        let reply = self.objs[slot].cap.reply_object()?;
        if let Some(notification) = thread.bound_notification
            && (self.objs[notification].is_active() || self.objs[notification].sched_context.is_some())
        {
            return None;
        }
        if !self.objs[endpoint].is_idle() {
            return None;
        }
        let sc = self.sched.current_sc;
        let object = &self.objs[reply];
        let caller = object.tcb?;
        if object.above() != Above::SchedContext(sc) {
            return None;
        }
        let below = object.below;
        let partner = &self.objs[caller];
        if partner.fault.is_some() || partner.sched_context.is_some() || partner.priority < thread.priority {
            return None;
        }
        let root = self.fast_root(caller)?;
        let buffers = self.fast_buffers(info, server, caller)?;

        self.objs[sc].reply = below;
        if let Some(below) = below {
            self.objs[below].set_above(Above::SchedContext(sc));
        }
        let object = &mut self.objs[reply];
        object.tcb = Some(server);
        object.below = None;
        object.set_above(Above::Nothing);
        self.pass_sched_context(sc, server, caller);
        let partner = &mut self.objs[caller];
        partner.reply = None;
        partner.set_state_raw(ThreadState::Running);
        let queue = Queue { head: Some(server), tail: Some(server) };
        self.objs[endpoint].set_queue(queue, EndpointState::Receiving);
        let thread = &mut self.objs[server];
        thread.blocked_on = endpoint.paddr().0;
        thread.reply = Some(reply);
        thread.set_state_raw(ThreadState::BlockedOnReceive);
        self.pass_message(server, caller, 0, info);
        if let Some(buffers) = buffers {
            self.pass_buffer(buffers, info);
        }
        self.fast_switch(server, caller, root);
        Some(caller)
    }

    /// Send and NBSend: a signal to a notification for which nobody waits, or to a line of another instance.
    #[inline]
    pub fn fast_send(&mut self) -> Option<ObjRef<Tcb>> {
        let sender = self.sched.current;
        let thread = &self.objs[sender];
        if thread.context.info_register() & SHAPE_MASK > SHORT {
            return None;
        }
        let slot = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(thread.context.cap_register())?;
        let cap = self.objs[slot].cap;
        let Some(notification) = cap.signallable_notification() else {
            let Cap::LineSignal { to, line } = cap.unpack() else { return None };
            self.send_line_signal(to, line);
            return Some(sender);
        };
        let object = &mut self.objs[notification];
        match object.state() {
            NotificationState::Active => object.word |= cap.word1,
            NotificationState::Idle if object.bound_tcb.is_none() => {
                object.word = cap.word1;
                object.set_state(NotificationState::Active);
            }
            _ => return None,
        }
        Some(sender)
    }

    /// The buffers a message needs, sender's first; `Some(None)` when it needs none.
    #[inline(always)]
    fn fast_buffers(
        &self,
        info: u64,
        from: ObjRef<Tcb>,
        to: ObjRef<Tcb>,
    ) -> Option<Option<(UserFrame, UserFrame)>> {
        let shape = info & SHAPE_MASK;
        if shape <= SHORT {
            return Some(None);
        }
        if shape > MAX_LENGTH as u64 {
            return None;
        }
        Some(Some((self.fast_buffer(from)?, self.fast_buffer(to)?)))
    }

    #[inline(always)]
    fn fast_buffer(&self, tcb: ObjRef<Tcb>) -> Option<UserFrame> {
        let thread = &self.objs[tcb];
        let page = thread.slots[TcbSlot::Buffer as usize].cap.writable_small_frame()?;
        Some(UserFrame::new(PhysAddr(page.0 + thread.buffer % (1 << SMALL_PAGE_BITS))))
    }

    /// Copies the words beyond the registers.
    #[inline(always)]
    fn pass_buffer(&mut self, (source, target): (UserFrame, UserFrame), info: u64) {
        let end = message_offset((info & SHAPE_MASK) as usize);
        let mut offset = message_offset(REGISTER_MESSAGES);
        while offset < end {
            let word = source.read(&self.objs, offset);
            target.write(&mut self.objs, offset, word);
            offset += 8;
        }
    }

    /// Takes `receiver`, the first of the queue, out of it.
    #[inline(always)]
    fn pop_receiver(&mut self, endpoint: ObjRef<Endpoint>, receiver: ObjRef<Tcb>) {
        let next = self.objs[receiver].ipc_next.take();
        match next {
            None => self.objs[endpoint] = Endpoint::default(),
            Some(next) => {
                self.objs[next].ipc_prev = None;
                self.objs[endpoint].set_head(next, EndpointState::Receiving);
            }
        }
    }

    /// The current scheduling context moves from one thread to the other.
    #[inline(always)]
    fn pass_sched_context(&mut self, sc: ObjRef<SchedContext>, from: ObjRef<Tcb>, to: ObjRef<Tcb>) {
        self.objs[sc].tcb = Some(to);
        self.objs[from].sched_context = None;
        self.objs[to].sched_context = Some(sc);
    }

    /// Hands over what travels in registers; message registers beyond the length keep the receiver's values.
    #[inline(always)]
    fn pass_message(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, badge: u64, info: u64) {
        let (from, to) = self.objs.pair_mut(from, to);
        to.context.set_badge(badge);
        to.context.set_info(info & !CAPS_MASK);
        to.context.copy_message_registers(&from.context, (info & SHAPE_MASK) as usize);
    }

    /// The address space of `tcb`, if it can be switched to without a look at the ASID table.
    #[inline(always)]
    fn fast_root(&self, tcb: ObjRef<Tcb>) -> Option<PhysAddr> {
        let root = self.objs[tcb.slot(TcbSlot::VSpace)].cap.assigned_root()?;
        if self.has_lost_pools { None } else { Some(root) }
    }

    /// Makes `to`, with the address space `root`, the thread that runs instead of `from`.
    #[inline(always)]
    fn fast_switch(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, root: PhysAddr) {
        self.save_bases(from);
        self.enter_thread_context(to, root);
        self.sched.current = to;
    }
}

#[cfg(test)]
mod tests;
