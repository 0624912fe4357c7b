// SPDX-License-Identifier: MIT OR Apache-2.0
//! ReplyRecv: the answer and the scheduling context back to the caller, and the wait for the next.

use abi::MessageInfo;
use abi::ipc_buffer::MAX_LENGTH;
use arch::Machine;

use super::{Arrival, CAPS_MASK, Length, Progress, SHAPE_MASK};
use crate::Kernel;
use crate::error::Fault;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::reply::{Above, Reply};
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::Queue;

impl<M: Machine> Kernel<M> {
    /// ReplyRecv: answers the caller on the reply object, gives the scheduling context back, waits for the next.
    #[inline(always)]
    pub(super) fn fast_reply_recv(&mut self, cptr: u64, info: u64, length: Length) -> Option<Progress> {
        let server = self.sched.current;
        let thread = &self.objs[server];
        let cspace = thread.slots[TcbSlot::CSpace as usize].cap;
        let slot = cspace.plain_slot(cptr)?;
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
        let partner = &self.objs[caller];
        if !object.is_top_of(sc) || partner.sched_context.is_some() || partner.priority < thread.priority {
            return Some(Progress::Reply { endpoint, reply });
        }
        if partner.fault.is_some() {
            return Some(Progress::Answer { endpoint, reply, info });
        }
        let root = self.fast_root(caller)?;
        let words = self.pass_words(server, caller, info, length)?;

        self.take_turn(endpoint, reply, caller);
        self.fast_switch(server, caller, root);
        Some(Progress::Arrived(Arrival { thread: caller, badge: 0, info: info & !CAPS_MASK, words }))
    }

    /// Gives the scheduling context back to the caller, which runs, and lets the server wait for the next.
    #[inline(always)]
    fn take_turn(&mut self, endpoint: ObjRef<Endpoint>, reply: ObjRef<Reply>, caller: ObjRef<Tcb>) {
        let server = self.sched.current;
        self.return_sched_context(server, reply, caller);
        self.change_places(server, endpoint, reply, caller);
    }

    /// Gives the scheduling context back to the caller, and the reply object to the server, the current thread.
    #[inline(always)]
    pub(super) fn return_sched_context(
        &mut self,
        server: ObjRef<Tcb>,
        reply: ObjRef<Reply>,
        caller: ObjRef<Tcb>,
    ) {
        let below = self.objs[reply].below;
        let sc = self.sched.current_sc;
        self.objs[sc].reply = below;
        if let Some(below) = below {
            self.objs[below].set_above(Above::SchedContext(sc));
        }
        let object = &mut self.objs[reply];
        object.tcb = Some(server);
        object.below = None;
        object.set_above(Above::Nothing);
        self.pass_sched_context(sc, server, caller);
    }

    /// Lets the caller go on that waited on `reply`, and the server, the current thread, wait for the next.
    #[inline(always)]
    pub(super) fn change_places(
        &mut self,
        server: ObjRef<Tcb>,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
        caller: ObjRef<Tcb>,
    ) {
        let partner = &mut self.objs[caller];
        partner.reply = None;
        partner.set_state_raw(ThreadState::Running);
        let queue = Queue { head: Some(server), tail: Some(server) };
        self.objs[endpoint].set_queue(queue, EndpointState::Receiving);
        let thread = &mut self.objs[server];
        thread.blocked_on = endpoint.paddr().0;
        thread.reply = Some(reply);
        thread.set_state_raw(ThreadState::BlockedOnReceive);
    }

    /// ReplyRecv where the caller is a thread with a fault, which goes on with the registers that the answer gives it.
    #[inline(always)]
    pub(super) fn fast_answer(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
        info: u64,
    ) -> Option<ObjRef<Tcb>> {
        let server = self.sched.current;
        let faulter = self.objs[reply].tcb?;
        let fault = self.fault_to_answer(faulter, info)?;
        let root = self.fast_root(faulter)?;

        self.take_turn(endpoint, reply, faulter);
        self.answer_fault(server, faulter, fault);
        self.objs[faulter].context.restart();
        self.fast_switch(server, faulter, root);
        Some(faulter)
    }

    /// The fault of `faulter`, if the answer is a plain one that lets it go on.
    #[inline(always)]
    pub(super) fn fault_to_answer(&self, faulter: ObjRef<Tcb>, info: u64) -> Option<Fault> {
        let fault = self.objs[faulter].fault.get()?;
        let stays_stopped = !matches!(fault, Fault::VmFault { .. } | Fault::CapFault { .. })
            && MessageInfo(info).label() != 0;
        if info & SHAPE_MASK > MAX_LENGTH as u64 || stays_stopped { None } else { Some(fault) }
    }
}
