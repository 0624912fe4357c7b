// SPDX-License-Identifier: MIT OR Apache-2.0
//! The dispatcher of the fast paths: which path an event takes, which function does the rest, and the way out.

use abi::{Syscall, Word, cut, widen};
use arch::Machine;

use super::{Arrival, Length, Progress, SHAPE_MASK, SHORT};
use crate::cap::raw::RawCap;
use crate::cap::slot::SlotRef;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::Endpoint;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::tcb::Tcb;
use crate::{Event, Kernel, Resume};

/// The way out of a fast path.
///
/// On metal a function that leaves never returns: it jumps to user code. On a host it returns what the core would do.
pub trait Exit<M: Machine> {
    /// What a path that returns tells the caller.
    type Answer;

    /// The path has changed nothing; [`Kernel::handle`] does the work.
    fn refuse() -> Self::Answer;

    /// The same, from a tail.
    fn refuse_in_tail() -> Self::Answer;

    /// The current thread goes on with the registers it came with.
    fn go_on(kernel: &mut Kernel<M>) -> Self::Answer;

    /// `thread`, now the current one, goes on with the registers in its context.
    fn leave(kernel: &mut Kernel<M>, thread: ObjRef<Tcb>) -> Self::Answer;

    /// A thread, now the current one, goes on with a message.
    fn leave_with(kernel: &mut Kernel<M>, arrival: Arrival) -> Self::Answer;

    /// Whatever comes next.
    fn resume(kernel: &mut Kernel<M>, resume: Resume) -> Self::Answer;
}

/// The way out on a host: returns what the core does next, or nothing for a path that has changed nothing.
#[derive(Clone, Copy, Debug)]
pub struct Return;

impl<M: Machine> Exit<M> for Return {
    type Answer = Option<Resume>;

    fn refuse() -> Self::Answer {
        None
    }

    fn refuse_in_tail() -> Self::Answer {
        None
    }

    fn go_on(kernel: &mut Kernel<M>) -> Self::Answer {
        Some(Resume::Thread(kernel.current()))
    }

    fn leave(_kernel: &mut Kernel<M>, thread: ObjRef<Tcb>) -> Self::Answer {
        Some(Resume::Thread(thread))
    }

    fn leave_with(kernel: &mut Kernel<M>, arrival: Arrival) -> Self::Answer {
        Some(Resume::Thread(kernel.deliver(arrival)))
    }

    fn resume(_kernel: &mut Kernel<M>, resume: Resume) -> Self::Answer {
        Some(resume)
    }
}

/// Whether a message fits in registers. Longer messages take a copy of the same path, for the reason given at
/// [`Progress`].
#[inline(always)]
const fn is_short(info: Word) -> bool {
    widen(info) & SHAPE_MASK <= SHORT
}

/// The dispatcher: which path an event takes, and which function does the rest.
impl<M: Machine> Kernel<M> {
    /// The fast path of `event`, as the entries try it before [`Kernel::handle`]; `None`: nothing has changed.
    #[inline(always)]
    pub fn fast_path(&mut self, event: Event) -> Option<Resume> {
        match event {
            Event::Syscall => self.fast_syscall(),
            Event::PageFault { .. } | Event::Exception { .. } => {
                self.fast_fault(event).or_else(|| self.fast_fault_apart(event)).map(Resume::Thread)
            }
            Event::Interrupt(abi::vector::DOORBELL) => self.fast_doorbell(),
            Event::Interrupt(_) | Event::UnknownSyscall { .. } => None,
        }
    }

    /// The choice that the entry stub makes on metal, by the number of the system call.
    fn fast_syscall(&mut self) -> Option<Resume> {
        let context = &self.objs[self.sched.current].context;
        let (cptr, info) = (cut(context.cap_register()), cut(context.info_register()));
        match Syscall::from_word(context.syscall_number())? {
            Syscall::Call => self.try_call::<Return>(cptr, info),
            Syscall::ReplyRecv => self.try_reply_recv::<Return>(cptr, info),
            Syscall::Send | Syscall::NBSend => self.try_send::<Return>(cptr, info),
            _ => self.try_other::<Return>(cptr),
        }
    }

    /// Call.
    #[inline(always)]
    pub fn try_call<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        if !is_short(info) {
            return self.call_with_buffers::<E>(cptr, info);
        }
        let progress = self.fast_call(widen(cptr), widen(info), Length::Short);
        self.leave_or_continue::<E>(progress)
    }

    #[inline(never)]
    fn call_with_buffers<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        let progress = self.fast_call(widen(cptr), widen(info), Length::Long);
        self.leave_or_continue::<E>(progress)
    }

    /// ReplyRecv.
    #[inline(always)]
    pub fn try_reply_recv<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        if !is_short(info) {
            return self.reply_recv_with_buffers::<E>(cptr, info);
        }
        let progress = self.fast_reply_recv(widen(cptr), widen(info), Length::Short);
        self.leave_or_continue::<E>(progress)
    }

    #[inline(never)]
    fn reply_recv_with_buffers<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        let progress = self.fast_reply_recv(widen(cptr), widen(info), Length::Long);
        self.leave_or_continue::<E>(progress)
    }

    /// Send and NBSend.
    #[inline(always)]
    pub fn try_send<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        let progress = self.fast_send(widen(cptr), widen(info));
        self.leave_or_continue::<E>(progress)
    }

    /// All other calls.
    #[inline(always)]
    pub fn try_other<E: Exit<M>>(&mut self, cptr: Word) -> E::Answer {
        let progress = self.fast_other(widen(cptr));
        self.leave_or_continue::<E>(progress)
    }

    /// Leaves, or calls the tail that does the rest. A tail is the last call of its entry point.
    #[inline(always)]
    fn leave_or_continue<E: Exit<M>>(&mut self, progress: Option<Progress>) -> E::Answer {
        match progress {
            None => E::refuse(),
            Some(Progress::Done) => E::go_on(self),
            Some(Progress::Arrived(arrival)) => E::leave_with(self, arrival),
            Some(Progress::Switched(thread)) => E::leave(self, thread),
            Some(Progress::Call { endpoint, badge }) => self.call_apart::<E>(endpoint, badge),
            Some(Progress::Reply { endpoint, reply }) => self.reply_apart::<E>(endpoint, reply),
            Some(Progress::Wait { notification }) => self.block_on::<E>(notification),
            Some(Progress::Receive { cptr }) => self.receive::<E>(cptr),
            Some(Progress::Yield) => self.give_way::<E>(),
            Some(Progress::Acknowledge { slot, cap }) => self.acknowledge_line::<E>(slot, cap),
            Some(Progress::Retype { slot, cap }) => self.make_object::<E>(slot, cap),
            Some(Progress::Page { slot, cap }) => self.change_page::<E>(slot, cap),
            Some(Progress::Answer { endpoint, reply, info }) => {
                self.resume_faulter::<E>(endpoint, reply, info)
            }
            Some(Progress::Signal { notification, waiter, badge }) => {
                self.wake_by_signal::<E>(notification, waiter, badge)
            }
            Some(Progress::Message { endpoint, badge, info }) => {
                self.wake_by_message::<E>(endpoint, badge, info)
            }
        }
    }

    #[inline(never)]
    fn call_apart<E: Exit<M>>(&mut self, endpoint: ObjRef<Endpoint>, badge: u64) -> E::Answer {
        match self.fast_call_apart(endpoint, badge) {
            Some(arrival) => E::leave_with(self, arrival),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn reply_apart<E: Exit<M>>(&mut self, endpoint: ObjRef<Endpoint>, reply: ObjRef<Reply>) -> E::Answer {
        match self.fast_reply_apart(endpoint, reply) {
            Some(Progress::Arrived(arrival)) => E::leave_with(self, arrival),
            Some(Progress::Switched(thread)) => E::leave(self, thread),
            _ => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn block_on<E: Exit<M>>(&mut self, notification: ObjRef<Notification>) -> E::Answer {
        match self.fast_block(notification) {
            Some(resume) => E::resume(self, resume),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn receive<E: Exit<M>>(&mut self, cptr: u64) -> E::Answer {
        match self.fast_recv(cptr) {
            Some(arrival) => E::leave_with(self, arrival),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn give_way<E: Exit<M>>(&mut self) -> E::Answer {
        match self.fast_yield() {
            Some(next) => E::leave(self, next),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn acknowledge_line<E: Exit<M>>(&mut self, _: SlotRef, cap: RawCap) -> E::Answer {
        match self.fast_acknowledge(cap) {
            Some(resume) => E::resume(self, resume),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn make_object<E: Exit<M>>(&mut self, slot: SlotRef, cap: RawCap) -> E::Answer {
        match self.fast_retype(slot, cap) {
            Some(arrival) => E::leave_with(self, arrival),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn change_page<E: Exit<M>>(&mut self, slot: SlotRef, cap: RawCap) -> E::Answer {
        match self.fast_page(slot, cap) {
            Some(arrival) => E::leave_with(self, arrival),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn resume_faulter<E: Exit<M>>(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        reply: ObjRef<Reply>,
        info: u64,
    ) -> E::Answer {
        match self.fast_answer(endpoint, reply, info) {
            Some(faulter) => E::leave(self, faulter),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn wake_by_signal<E: Exit<M>>(
        &mut self,
        notification: ObjRef<Notification>,
        waiter: ObjRef<Tcb>,
        badge: u64,
    ) -> E::Answer {
        match self.fast_signal(notification, waiter, badge) {
            Some(waiter) => E::leave(self, waiter),
            None => self.make_ready::<E>(),
        }
    }

    #[inline(never)]
    fn make_ready<E: Exit<M>>(&mut self) -> E::Answer {
        match self.fast_ready() {
            Some(current) => E::leave(self, current),
            None => E::refuse_in_tail(),
        }
    }

    #[inline(never)]
    fn wake_by_message<E: Exit<M>>(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        badge: u64,
        info: u64,
    ) -> E::Answer {
        match self.fast_message(endpoint, badge, info) {
            Some(arrival) => E::leave_with(self, arrival),
            None => E::refuse_in_tail(),
        }
    }
}
