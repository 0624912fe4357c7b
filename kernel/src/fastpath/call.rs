// SPDX-License-Identifier: MIT OR Apache-2.0
//! Call: message and scheduling context to a receiver that waits. On frames, see `page.rs`.

use arch::Machine;

use super::{Arrival, CAPS_MASK, Length, Progress};
use crate::Kernel;
use crate::cap::raw::{RawCap, Tag};
use crate::cap::slot::SlotRef;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::reply::{Above, Reply};
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};

/// The invocations that have a path of their own, by the object.
#[inline(always)]
fn invocation(slot: SlotRef, cap: RawCap) -> Option<Progress> {
    if cap.is_small_frame() {
        Some(Progress::Page { slot, cap })
    } else if cap.has_tag(Tag::IrqHandler) {
        Some(Progress::Acknowledge { slot, cap })
    } else if cap.has_tag(Tag::Untyped) {
        Some(Progress::Retype { slot, cap })
    } else {
        None
    }
}

impl<M: Machine> Kernel<M> {
    /// Call: hands message and scheduling context to a receiver that waits, or maps and unmaps a page.
    #[inline(always)]
    pub(super) fn fast_call(&mut self, cptr: u64, info: u64, length: Length) -> Option<Progress> {
        let caller = self.sched.current;
        let thread = &self.objs[caller];
        let slot = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(cptr)?;
        let cap = self.objs[slot].cap;
        let Some(endpoint) = cap.callable_endpoint() else {
            return invocation(slot, cap);
        };
        let callee = self.objs[endpoint].first_receiver()?;
        let partner = &self.objs[callee];
        let reply = partner.reply?;
        if partner.sched_context.is_some() || partner.priority < thread.priority {
            return Some(Progress::Call { endpoint, badge: cap.word1 });
        }
        let root = self.fast_root(callee)?;
        let words = self.pass_words(caller, callee, info, length)?;

        self.pop_receiver(endpoint, callee);
        self.lend_on_reply(reply, caller, callee);
        self.fast_switch(caller, callee, root);
        Some(Progress::Arrived(Arrival { thread: callee, badge: cap.word1, info: info & !CAPS_MASK, words }))
    }

    /// Makes `caller` wait on `reply` for `callee`, which runs on the current scheduling context from now on.
    #[inline(always)]
    pub(super) fn lend_on_reply(&mut self, reply: ObjRef<Reply>, caller: ObjRef<Tcb>, callee: ObjRef<Tcb>) {
        let sc = self.sched.current_sc;
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
    }

    /// Takes `receiver`, the first of the queue, out of it.
    #[inline(always)]
    pub(super) fn pop_receiver(&mut self, endpoint: ObjRef<Endpoint>, receiver: ObjRef<Tcb>) {
        let next = self.objs[receiver].ipc_next.take();
        match next {
            None => self.objs[endpoint] = Endpoint::default(),
            Some(next) => {
                self.objs[next].ipc_prev = None;
                self.objs[endpoint].set_head(next, EndpointState::Receiving);
            }
        }
    }
}
