// SPDX-License-Identifier: MIT OR Apache-2.0
//! The common cases of Call, ReplyRecv and Send, and doorbells that end a wait, tried before [`Kernel::handle`].
//!
//! A fast path is one function in a file of its own: it finishes the event and names the thread to resume, or it has
//! changed nothing and answers `None`, or it names the function that goes on ([`Progress`]). It does what the slow path
//! would do for the same state, but for the clock: where the scheduling context stays the current one, the clock is not
//! read, and the time is charged on the next entry that reads it.
//!
//! The cases: no capabilities in the message; a CSpace whose root is one plain CNode; for Call and ReplyRecv, the
//! partner waits, is of at least the caller's priority, and runs on the scheduling context that is passed along, no
//! signal is pending for a receiver, and buffers, if there are more than four words, are in 4 KiB frames; for Send,
//! a signal or a short message, and if it wakes somebody, a thread of higher priority with a scheduling context of its
//! own; for Call on a 4 KiB frame, Map and Unmap that succeed; for a doorbell, nobody runs. docs/performance.md counts
//! what is left.

mod call;
mod doorbell;
mod fault;
mod page;
mod reply_recv;
mod send;
mod wake;

use abi::ipc_buffer::{MAX_LENGTH, REGISTER_MESSAGES, message_offset};
use abi::sizes::SMALL_PAGE_BITS;
use abi::{Syscall, WORD_BYTES, Word, cut, widen};
use arch::{Machine, PhysAddr};

use crate::Kernel;
use crate::cap::raw::RawCap;
use crate::cap::slot::SlotRef;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::endpoint::Endpoint;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot};
use crate::{Event, Resume, error::Fault};

/// Low bits of a message info: extra capabilities and length. Without the former it is a small number.
const SHAPE_MASK: u64 = 0x1ff;
/// Lengths that need no buffer.
const SHORT: u64 = REGISTER_MESSAGES as u64;
/// Capabilities unwrapped, extra capabilities: zero for the receiver.
const CAPS_MASK: u64 = 0xf80;

/// A thread that goes on, and what it gets in registers. None of that is in its context yet: where the processor's exit
/// can, it takes badge and info from here, and the message registers from another thread's context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Who goes on.
    pub thread: ObjRef<Tcb>,
    /// What it finds in the capability register.
    pub badge: u64,
    /// What it finds in the message-info register.
    pub info: u64,
    /// Whose message registers it finds in its own.
    pub words: ObjRef<Tcb>,
}

/// What a fast path has done, and which function does the rest.
///
/// The rest is in functions of their own (the tails): each needs registers, and in one function the short paths would
/// have to save some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// To its end; the same thread goes on with the registers it came with.
    Done,
    /// To its end.
    Arrived(Arrival),
    /// To a frame of 4 KiB: [`Kernel::fast_page`] goes on.
    Page {
        /// The slot of its capability.
        slot: SlotRef,
        /// The capability.
        cap: RawCap,
    },
    /// To the answer to a fault: [`Kernel::fast_answer`] goes on.
    Answer {
        /// Where the handler waits for the next.
        endpoint: ObjRef<Endpoint>,
        /// What the faulter waits on.
        reply: ObjRef<Reply>,
        /// What the answer is.
        info: u64,
    },
    /// To a signal for a thread that waits: [`Kernel::fast_signal`] goes on.
    Signal {
        /// What is signalled.
        notification: ObjRef<Notification>,
        /// Who gets the signal.
        waiter: ObjRef<Tcb>,
        /// Bits of the signal.
        badge: u64,
    },
    /// To a message to an endpoint: [`Kernel::fast_message`] goes on.
    Message {
        /// Where it goes.
        endpoint: ObjRef<Endpoint>,
        /// Badge of the capability.
        badge: u64,
        /// What it is.
        info: u64,
    },
}

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
            Event::PageFault { address, code } => self.fast_fault(Fault::VmFault { address, code }),
            Event::Exception { vector, code } => {
                self.fast_fault(Fault::UserException { vector: vector.into(), code })
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
            _ => None,
        }
    }

    /// Call.
    #[inline(always)]
    pub fn try_call<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        if !is_short(info) {
            return self.call_with_buffers::<E>(cptr, info);
        }
        let progress = self.fast_call(widen(cptr), widen(info));
        self.leave_or_continue::<E>(progress)
    }

    #[inline(never)]
    fn call_with_buffers<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        let progress = self.fast_call(widen(cptr), widen(info));
        self.leave_or_continue::<E>(progress)
    }

    /// ReplyRecv.
    #[inline(always)]
    pub fn try_reply_recv<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        if !is_short(info) {
            return self.reply_recv_with_buffers::<E>(cptr, info);
        }
        let progress = self.fast_reply_recv(widen(cptr), widen(info));
        self.leave_or_continue::<E>(progress)
    }

    #[inline(never)]
    fn reply_recv_with_buffers<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        let progress = self.fast_reply_recv(widen(cptr), widen(info));
        self.leave_or_continue::<E>(progress)
    }

    /// Send and NBSend.
    #[inline(always)]
    pub fn try_send<E: Exit<M>>(&mut self, cptr: Word, info: Word) -> E::Answer {
        let progress = self.fast_send(widen(cptr), widen(info));
        self.leave_or_continue::<E>(progress)
    }

    /// Leaves, or calls the tail that does the rest. A tail is the last call of its entry point.
    #[inline(always)]
    fn leave_or_continue<E: Exit<M>>(&mut self, progress: Option<Progress>) -> E::Answer {
        match progress {
            None => E::refuse(),
            Some(Progress::Done) => E::go_on(self),
            Some(Progress::Arrived(arrival)) => E::leave_with(self, arrival),
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

/// What several paths do.
impl<M: Machine> Kernel<M> {
    #[inline(always)]
    fn fast_buffer(&self, tcb: ObjRef<Tcb>) -> Option<UserFrame> {
        let thread = &self.objs[tcb];
        let page = thread.slots[TcbSlot::Buffer as usize].cap.writable_small_frame()?;
        Some(UserFrame::new(PhysAddr(page.0 + thread.buffer % (1 << SMALL_PAGE_BITS))))
    }

    /// Hands over the words of a message, unless it needs buffers that are not there. Answers whose message registers are
    /// the receiver's then.
    ///
    /// The last check, and the first change.
    #[inline(always)]
    fn pass_words(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, info: u64) -> Option<ObjRef<Tcb>> {
        let shape = info & SHAPE_MASK;
        if shape <= SHORT {
            return Some(self.pass_few_words(from, to, shape));
        }
        if shape > MAX_LENGTH as u64 {
            return None;
        }
        let (source, target) = (self.fast_buffer(from)?, self.fast_buffer(to)?);
        self.pass_buffer(source, target, shape as usize);
        Some(from)
    }

    /// The same for at most four words. Registers beyond the length keep the receiver's values.
    #[inline(always)]
    fn pass_few_words(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, count: u64) -> ObjRef<Tcb> {
        match count {
            0 => to,
            SHORT => from,
            _ => {
                let (from, receiver) = self.objs.pair_mut(from, to);
                receiver.context.copy_message_registers(&from.context, count as usize);
                to
            }
        }
    }

    /// Copies the words beyond the registers.
    #[inline(always)]
    fn pass_buffer(&mut self, source: UserFrame, target: UserFrame, length: usize) {
        let mut offset = message_offset(REGISTER_MESSAGES);
        while offset < message_offset(length) {
            let word = source.read(&self.objs, offset);
            target.write(&mut self.objs, offset, word);
            offset += WORD_BYTES;
        }
    }

    /// The current scheduling context moves from one thread to the other.
    #[inline(always)]
    fn pass_sched_context(&mut self, sc: ObjRef<SchedContext>, from: ObjRef<Tcb>, to: ObjRef<Tcb>) {
        self.objs[sc].tcb = Some(to);
        self.objs[from].sched_context = None;
        self.objs[to].sched_context = Some(sc);
    }

    /// Puts into the context of the thread what it gets, for processors that load nothing from elsewhere.
    #[inline(always)]
    pub fn deliver(&mut self, arrival: Arrival) -> ObjRef<Tcb> {
        let Arrival { thread, badge, info, words } = arrival;
        if words != thread {
            let (from, to) = self.objs.pair_mut(words, thread);
            to.context.copy_message_registers(&from.context, REGISTER_MESSAGES);
        }
        let context = &mut self.objs[thread].context;
        context.set_badge(badge);
        context.set_info(info);
        thread
    }

    /// Makes `to`, with the address space `root`, the thread that runs instead of `from`.
    #[inline(always)]
    fn fast_switch(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, root: PhysAddr) {
        self.exchange_thread_context(from, to, root);
        self.sched.current = to;
    }
}

#[cfg(test)]
mod tests;
