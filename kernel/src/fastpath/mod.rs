// SPDX-License-Identifier: MIT OR Apache-2.0
//! The common cases of Call, ReplyRecv and Send, and doorbells that end a wait, tried before [`Kernel::handle`].
//!
//! A fast path is one function in a file of its own: it finishes the event and names the thread to resume, or it has
//! changed nothing and answers `None`, or it names the function that goes on (`Progress`). It does what the slow path
//! would do for the same state, but for the clock: where the scheduling context stays the current one, the clock is not
//! read, and the time is charged on the next entry that reads it.
//!
//! The cases: no capabilities in the message; a CSpace whose root is one plain CNode; for Call and ReplyRecv, the
//! partner waits and is the one to run next, on the scheduling context that is passed along or (`partner.rs`) on its
//! own, no signal is pending for a receiver, and buffers, if there are more than four words, are in 4 KiB frames; for
//! Send, a signal or a short message, and if it wakes somebody, a thread with a scheduling context of its own; Wait and
//! NBWait at a notification, Recv of a short message, Yield of a slice (`receive.rs`); Call on a 4 KiB frame, on
//! untyped memory and on an interrupt handler, for Map, Unmap, Retype of one object and Ack that succeed; a doorbell while
//! nobody runs. docs/performance.md counts what is left.

mod call;
mod dispatch;
mod doorbell;
mod fault;
mod line;
mod page;
mod partner;
mod receive;
mod reply_recv;
mod retype;
mod send;
mod wake;

use abi::WORD_BYTES;
use abi::ipc_buffer::{MAX_LENGTH, REGISTER_MESSAGES, message_offset};
use abi::sizes::SMALL_PAGE_BITS;
use arch::{Context, Machine, PhysAddr};

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

pub use dispatch::{Exit, Return};

/// Low bits of a message info: extra capabilities and length. Without the former it is a small number.
const SHAPE_MASK: u64 = 0x1ff;
/// Lengths that need no buffer.
const SHORT: u64 = REGISTER_MESSAGES as u64;
/// How long a message is, which a copy of a path is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Length {
    /// At most [`SHORT`], and no capabilities.
    Short,
    /// Anything else.
    Long,
}

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
    /// To its end; this thread goes on with the registers in its context.
    Switched(ObjRef<Tcb>),
    /// To a receiver on its own time or of lower priority: [`Kernel::fast_call_apart`] goes on.
    Call {
        /// Where it waits.
        endpoint: ObjRef<Endpoint>,
        /// Badge of the capability.
        badge: u64,
    },
    /// To a caller on its own time or of lower priority: [`Kernel::fast_reply_apart`] goes on.
    Reply {
        /// Where the server waits for the next.
        endpoint: ObjRef<Endpoint>,
        /// What the caller waits on.
        reply: ObjRef<Reply>,
    },
    /// To a Wait that blocks: [`Kernel::fast_block`] goes on.
    Wait {
        /// Where it waits.
        notification: ObjRef<Notification>,
    },
    /// To a Recv: [`Kernel::fast_recv`] goes on.
    Receive {
        /// Where from.
        cptr: u64,
    },
    /// To a Yield: [`Kernel::fast_yield`] goes on.
    Yield,
    /// To an interrupt handler: [`Kernel::fast_acknowledge`] goes on.
    Acknowledge {
        /// The slot of its capability.
        slot: SlotRef,
        /// The capability.
        cap: RawCap,
    },
    /// To untyped memory: [`Kernel::fast_retype`] goes on.
    Retype {
        /// The slot of its capability.
        slot: SlotRef,
        /// The capability.
        cap: RawCap,
    },
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
    fn pass_words(
        &mut self,
        from: ObjRef<Tcb>,
        to: ObjRef<Tcb>,
        info: u64,
        length: Length,
    ) -> Option<ObjRef<Tcb>> {
        let shape = info & SHAPE_MASK;
        if length == Length::Short {
            return Some(self.pass_few_words(from, to, shape));
        }
        // Never short here; but on x86_64 a compiler that does not know it makes a longer loop.
        if cfg!(target_arch = "x86_64") && shape <= SHORT || shape > MAX_LENGTH as u64 {
            return None;
        }
        let (source, target) = (self.fast_buffer(from)?, self.fast_buffer(to)?);
        self.pass_buffer(source, target, shape as usize);
        Some(self.pass_all_registers(from, to))
    }

    /// The same for at most four words. Registers beyond the length keep the receiver's values.
    #[inline(always)]
    fn pass_few_words(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, count: u64) -> ObjRef<Tcb> {
        match count {
            0 => to,
            SHORT => self.pass_all_registers(from, to),
            _ => self.copy_message(from, to, count as usize),
        }
    }

    /// The same for all message registers, which the exit takes from the sender where it can.
    #[inline(always)]
    fn pass_all_registers(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>) -> ObjRef<Tcb> {
        if Context::LOADS_MESSAGE_APART { from } else { self.copy_message(from, to, REGISTER_MESSAGES) }
    }

    #[inline(always)]
    fn copy_message(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, count: usize) -> ObjRef<Tcb> {
        for index in 0..count {
            let word = self.objs[from].context.message_register(index);
            self.objs[to].context.set_message_register(index, word);
        }
        to
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
