// SPDX-License-Identifier: MIT OR Apache-2.0
//! Call, ReplyRecv and faults between partners that the shortest paths leave out: one that has a scheduling context of
//! its own, or one of lower priority that nevertheless runs next.
//!
//! A partner with its own scheduling context runs on that, so the clock is read and the time so far is charged, as in
//! `wake.rs`; its caller keeps its own and waits on the reply object, which is in no chain then.

use arch::{Machine, PhysAddr};

use super::wake::Wake;
use super::{Arrival, CAPS_MASK, Progress, SHAPE_MASK, SHORT};
use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::endpoint::Endpoint;
use crate::object::reply::{Above, Reply};
use crate::object::tcb::{Tcb, ThreadState};

/// On whose time the partner goes on.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    /// The time of the current thread, in the address space with this root.
    Lent(PhysAddr),
    /// Its own.
    Own(Wake),
}

/// Words to be handed over, and where they are.
#[derive(Clone, Copy)]
struct Words {
    shape: u64,
    buffers: Option<(UserFrame, UserFrame)>,
}

impl<M: Machine> Kernel<M> {
    /// Call to a receiver that is active or of lower priority.
    #[inline(always)]
    pub(super) fn fast_call_apart(&mut self, endpoint: ObjRef<Endpoint>, badge: u64) -> Option<Arrival> {
        let caller = self.sched.current;
        let info = self.objs[caller].context.info_register();
        let callee = self.objs[endpoint].first_receiver()?;
        let reply = self.objs[callee].reply?;
        let words = self.find_words(caller, callee, info)?;
        let turn = self.turn_of_receiver(callee)?;

        let words = self.hand_over(caller, callee, words);
        self.give_turn(turn, endpoint, reply, callee);
        let thread = self.take_turn_over(turn, callee);
        Some(Arrival { thread, badge, info: info & !CAPS_MASK, words })
    }

    /// ReplyRecv to a caller that kept its scheduling context or is of lower priority, or has a fault.
    #[inline(always)]
    pub(super) fn fast_reply_apart(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
    ) -> Option<Progress> {
        let (server, object) = (self.sched.current, self.objs[reply]);
        let info = self.objs[server].context.info_register();
        let caller = object.tcb?;
        let partner = &self.objs[caller];
        if partner.state() != ThreadState::BlockedOnReply {
            return None;
        }
        if partner.fault.is_some() {
            return self.fast_answer_apart(endpoint, reply, info).map(Progress::Switched);
        }
        let words = self.find_words(server, caller, info)?;
        let turn = self.turn_of_caller(reply, caller)?;

        let words = self.hand_over(server, caller, words);
        self.return_turn(turn, endpoint, reply, caller);
        let thread = self.take_turn_over(turn, caller);
        Some(Progress::Arrived(Arrival { thread, badge: 0, info: info & !CAPS_MASK, words }))
    }

    /// The same where the caller has a fault, and goes on with the registers that the answer gives it.
    #[inline(always)]
    fn fast_answer_apart(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
        info: u64,
    ) -> Option<ObjRef<Tcb>> {
        let (server, faulter) = (self.sched.current, self.objs[reply].tcb?);
        let fault = self.fault_to_answer(faulter, info)?;
        let turn = self.turn_of_caller(reply, faulter)?;

        self.return_turn(turn, endpoint, reply, faulter);
        self.answer_fault(server, faulter, fault);
        self.objs[faulter].context.restart();
        Some(self.take_turn_over(turn, faulter))
    }

    /// How a receiver goes on with a call or a fault of the current thread. On its own time: then it must.
    #[inline(always)]
    pub(super) fn turn_of_receiver(&mut self, receiver: ObjRef<Tcb>) -> Option<Turn> {
        match self.objs[receiver].sched_context {
            Some(_) => self.fast_follow(receiver).map(Turn::Own),
            None if self.may_follow(receiver) => self.fast_root(receiver).map(Turn::Lent),
            None => None,
        }
    }

    /// How the caller that waits on `reply` goes on with the answer. On its own time: then it must.
    #[inline(always)]
    fn turn_of_caller(&mut self, reply: ObjRef<Reply>, caller: ObjRef<Tcb>) -> Option<Turn> {
        let object = &self.objs[reply];
        match self.objs[caller].sched_context {
            Some(sc)
                if object.above() == Above::Nothing
                    && object.below.is_none()
                    && self.is_released(sc)
                    && self.is_sufficient(sc) =>
            {
                self.fast_follow(caller).map(Turn::Own)
            }
            None if object.is_top_of(self.sched.current_sc) && self.may_follow(caller) => {
                self.fast_root(caller).map(Turn::Lent)
            }
            _ => None,
        }
    }

    /// Blocks the current thread on `reply`, and takes the receiver out of its queue.
    #[inline(always)]
    pub(super) fn give_turn(
        &mut self,
        turn: Turn,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
        receiver: ObjRef<Tcb>,
    ) {
        let caller = self.sched.current;
        self.pop_receiver(endpoint, receiver);
        if let Turn::Lent(_) = turn {
            return self.lend_on_reply(reply, caller, receiver);
        }
        self.objs[receiver].reply = None;
        self.objs[reply].tcb = Some(caller);
        let thread = &mut self.objs[caller];
        thread.reply = Some(reply);
        thread.set_state_raw(ThreadState::BlockedOnReply);
    }

    /// Frees the caller, and lets the current thread wait for the next.
    #[inline(always)]
    fn return_turn(
        &mut self,
        turn: Turn,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
        caller: ObjRef<Tcb>,
    ) {
        match turn {
            Turn::Lent(_) => {
                self.return_sched_context(self.sched.current, reply, caller);
                self.change_places(self.sched.current, endpoint, reply, caller);
            }
            Turn::Own(_) => {
                self.objs[reply].tcb = Some(self.sched.current);
                self.change_places(self.sched.current, endpoint, reply, caller);
            }
        }
    }

    /// Makes the switch to the partner.
    #[inline(always)]
    pub(super) fn take_turn_over(&mut self, turn: Turn, partner: ObjRef<Tcb>) -> ObjRef<Tcb> {
        match turn {
            Turn::Own(wake) => self.get_processor(wake),
            Turn::Lent(root) => {
                self.fast_switch(self.sched.current, partner, root);
                partner
            }
        }
    }

    /// Finds the buffers of a message, if it needs some.
    #[inline(always)]
    fn find_words(&self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, info: u64) -> Option<Words> {
        let shape = info & SHAPE_MASK;
        let buffers = match shape {
            0..=SHORT => None,
            _ if shape > abi::ipc_buffer::MAX_LENGTH as u64 => return None,
            _ => Some((self.fast_buffer(from)?, self.fast_buffer(to)?)),
        };
        Some(Words { shape, buffers })
    }

    /// Hands over the words; answers whose message registers are the receiver's then.
    #[inline(always)]
    fn hand_over(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, words: Words) -> ObjRef<Tcb> {
        match words.buffers {
            None => self.pass_few_words(from, to, words.shape),
            Some((source, target)) => {
                self.pass_buffer(source, target, words.shape as usize);
                self.pass_all_registers(from, to)
            }
        }
    }
}
