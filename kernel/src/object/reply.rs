// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reply objects and the chain of donations.
//!
//! ```text
//! scheduling context --reply--> top --down--> … --down--> first donation
//!        ^---------------------- up (bit 0 set) up: the reply object above
//! ```
//!
//! A reply object is idle, attached to a receiver, or holds one caller. It is in a chain exactly while it holds a
//! caller whose scheduling context went to the callee. Whoever leaves the middle of a chain cuts it on both sides.

use arch::{Machine, PhysAddr};

use super::sched_context::SchedContext;
use super::tcb::{Tcb, ThreadState};
use crate::Kernel;
use crate::error::Fault;
use crate::ipc::transfer::Transfer;
use crate::memory::objects::{ObjRef, kernel_object};

/// What lies above a reply object in a call chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Above {
    /// It is in no chain.
    Nothing,
    /// It is the top: the scheduling context itself.
    SchedContext(ObjRef<SchedContext>),
    /// A later donation.
    Reply(ObjRef<Reply>),
}

/// A reply object, 32 bytes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub struct Reply {
    /// The receiver that brought it, or the caller that waits on it.
    pub tcb: Option<ObjRef<Tcb>>,
    /// The earlier donation below it.
    pub below: Option<ObjRef<Reply>>,
    above: u64,
    reserved: u64,
}

const _: () = assert!(size_of::<Reply>() == 1 << abi::sizes::REPLY_BITS);

kernel_object!(Reply);

impl Reply {
    const TOP: u64 = 1;

    /// What lies above.
    #[inline]
    pub const fn above(&self) -> Above {
        match self.above & !Self::TOP {
            0 => Above::Nothing,
            reply if self.above & Self::TOP == 0 => Above::Reply(Self::link(reply)),
            top => Above::SchedContext(Self::link(top)),
        }
    }

    #[allow(unsafe_code)]
    #[inline]
    const fn link<T>(address: u64) -> ObjRef<T> {
        // SAFETY: TYPED: `above_word` writes a reference of the kind that its lowest bit says.
        unsafe { ObjRef::at(PhysAddr(address)) }
    }

    const fn above_word(above: Above) -> u64 {
        match above {
            Above::Nothing => 0,
            Above::SchedContext(sc) => sc.paddr().0 | Self::TOP,
            Above::Reply(reply) => reply.paddr().0,
        }
    }

    /// Whether it is the top of the chain of `sc`.
    #[inline(always)]
    pub(crate) const fn is_top_of(&self, sc: ObjRef<SchedContext>) -> bool {
        self.above == Self::above_word(Above::SchedContext(sc))
    }

    /// Changes what lies above.
    #[inline]
    pub(crate) fn set_above(&mut self, above: Above) {
        self.above = Self::above_word(above);
    }
}

impl<M: Machine> Kernel<M> {
    /// Makes `caller` wait for `callee` on `reply`, lending its scheduling context where the callee has none.
    #[doc(alias = "reply_push")]
    pub(crate) fn push_reply(
        &mut self,
        caller: ObjRef<Tcb>,
        callee: ObjRef<Tcb>,
        reply: ObjRef<Reply>,
        can_donate: bool,
    ) {
        self.objs[reply].tcb = Some(caller);
        self.objs[caller].reply = Some(reply);
        self.set_thread_state(caller, ThreadState::BlockedOnReply);
        if can_donate
            && self.objs[callee].sched_context.is_none()
            && let Some(sc) = self.objs[caller].sched_context
        {
            let below = self.objs[sc].reply.replace(reply);
            if let Some(below) = below {
                self.objs[below].set_above(Above::Reply(reply));
            }
            self.objs[reply].below = below;
            self.objs[reply].set_above(Above::SchedContext(sc));
            self.donate(sc, callee);
        }
    }

    /// Frees the caller of `reply`, leaving it Inactive; the latest donation goes back to it.
    #[doc(alias = "reply_remove")]
    pub(crate) fn remove_reply(&mut self, reply: ObjRef<Reply>) {
        let Reply { tcb: Some(caller), below, .. } = self.objs[reply] else { return };
        let Above::SchedContext(sc) = self.objs[reply].above() else { return self.remove_reply_of(caller) };
        self.objs[reply] = Reply::default();
        self.objs[sc].reply = below;
        if let Some(below) = below {
            self.objs[below].set_above(Above::SchedContext(sc));
        }
        self.objs[caller].reply = None;
        self.set_thread_state(caller, ThreadState::Inactive);
        if self.objs[caller].sched_context.is_none() {
            self.donate(sc, caller);
        }
    }

    /// Takes a caller out of its wait, leaving it Inactive; its scheduling context stays where it is.
    #[doc(alias = "reply_remove_tcb")]
    pub(crate) fn remove_reply_of(&mut self, tcb: ObjRef<Tcb>) {
        if let Some(reply) = self.detach_reply(tcb) {
            let below = self.objs[reply].below.take();
            match self.objs[reply].above() {
                Above::SchedContext(sc) => self.objs[sc].reply = None,
                Above::Reply(above) => self.objs[above].below = None,
                Above::Nothing => {}
            }
            if let Some(below) = below {
                self.objs[below].set_above(Above::Nothing);
            }
            self.objs[reply].set_above(Above::Nothing);
        }
        self.set_thread_state(tcb, ThreadState::Inactive);
    }

    /// Dissolves the bond between `tcb` and the reply object it brought or waits on, and names that object.
    #[inline]
    pub(crate) fn detach_reply(&mut self, tcb: ObjRef<Tcb>) -> Option<ObjRef<Reply>> {
        let reply = self.objs[tcb].reply.take()?;
        self.objs[reply].tcb = None;
        Some(reply)
    }

    /// Answers the caller that waits on `reply`, if there is one, with the message of `sender`.
    #[doc(alias = "doReplyTransfer")]
    pub(crate) fn send_reply(&mut self, sender: ObjRef<Tcb>, reply: ObjRef<Reply>, can_grant: bool) {
        let Some(caller) = self.objs[reply].tcb else { return };
        if self.objs[caller].state() != ThreadState::BlockedOnReply {
            return;
        }
        self.remove_reply(reply);
        self.sporadic_unblock(caller);
        let fault = self.objs[caller].fault.get();
        let state = match fault {
            None => {
                self.transfer_message(Transfer {
                    sender,
                    receiver: caller,
                    endpoint: None,
                    badge: 0,
                    can_grant,
                });
                ThreadState::Running
            }
            Some(fault) => self.answer_fault(sender, caller, fault),
        };
        self.set_thread_state(caller, state);
        if state.is_runnable() {
            self.release_answered(caller, fault);
        }
    }

    /// Lets a caller that was answered run, now or when its budget allows.
    #[inline]
    fn release_answered(&mut self, caller: ObjRef<Tcb>, fault: Option<Fault>) {
        let Some(sc) = self.objs[caller].sched_context else { return };
        if self.is_ready(sc) && self.is_sufficient(sc) {
            self.wake_candidate(caller);
        } else if self.is_configured(sc) {
            self.delay_answered(caller, sc, fault);
        }
    }

    #[cold]
    fn delay_answered(&mut self, caller: ObjRef<Tcb>, sc: ObjRef<SchedContext>, fault: Option<Fault>) {
        if self.has_timeout_handler(caller) && !matches!(fault, Some(Fault::Timeout { .. })) {
            self.raise_timeout(caller);
        } else {
            self.postpone(sc);
        }
    }

    /// Frees the thread of a reply object that goes away; it becomes Inactive.
    #[doc(alias = "reply_clear")]
    pub(crate) fn finalise_reply(&mut self, reply: ObjRef<Reply>) {
        let Some(tcb) = self.objs[reply].tcb else { return };
        if self.objs[tcb].state() == ThreadState::BlockedOnReply {
            self.objs[tcb].fault.clear();
            self.remove_reply(reply);
        } else {
            self.cancel_ipc(tcb);
        }
    }
}

#[cfg(test)]
mod tests;
