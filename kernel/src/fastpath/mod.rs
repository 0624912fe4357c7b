// SPDX-License-Identifier: MIT OR Apache-2.0
//! The common cases of Call, ReplyRecv and Send, and doorbells that end a wait, tried before [`Kernel::handle`].
//!
//! A fast path is one function in a file of its own: it finishes the event and names the thread to resume, or it has
//! changed nothing and answers `None`. It does what the slow path would do for the same state, but for the clock: where
//! the scheduling context stays the current one, the clock is not read, and the time is charged on the next entry that
//! reads it.
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

pub use send::Sent;

use abi::WORD_BYTES;
use abi::ipc_buffer::{MAX_LENGTH, REGISTER_MESSAGES, message_offset};
use abi::sizes::SMALL_PAGE_BITS;
use arch::{Machine, PhysAddr};

#[cfg(not(target_os = "none"))]
use abi::Syscall;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot};
#[cfg(not(target_os = "none"))]
use crate::{Event, Resume, error::Fault};

/// Low bits of a message info: extra capabilities and length. Without the former it is a small number.
const SHAPE_MASK: u64 = 0x1ff;
/// Lengths that need no buffer.
const SHORT: u64 = REGISTER_MESSAGES as u64;
/// Capabilities unwrapped, extra capabilities: zero for the receiver.
const CAPS_MASK: u64 = 0xf80;

impl<M: Machine> Kernel<M> {
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

    /// Hands over what travels in registers; message registers beyond the length keep the receiver's values.
    #[inline(always)]
    fn pass_message(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, badge: u64, info: u64) {
        let (from, to) = self.objs.pair_mut(from, to);
        to.context.set_badge(badge);
        to.context.set_info(info & !CAPS_MASK);
        to.context.copy_message_registers(&from.context, (info & SHAPE_MASK) as usize);
    }

    /// Makes `to`, with the address space `root`, the thread that runs instead of `from`.
    #[inline(always)]
    fn fast_switch(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, root: PhysAddr) {
        self.save_bases(from);
        self.enter_thread_context(to, root);
        self.sched.current = to;
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// All that the entry stubs try for `event` of the current thread before they ask [`Kernel::handle`].
    pub fn fast_path(&mut self, event: Event) -> Option<Resume> {
        let thread = match event {
            Event::Syscall => self.fast_syscall(),
            Event::PageFault { address, code } => self.fast_fault(Fault::VmFault { address, code }),
            Event::Exception { vector, code } => {
                self.fast_fault(Fault::UserException { vector: vector.into(), code })
            }
            Event::Interrupt(abi::vector::DOORBELL) => return self.fast_doorbell(),
            Event::Interrupt(_) | Event::UnknownSyscall { .. } => None,
        };
        thread.map(Resume::Thread)
    }

    fn fast_syscall(&mut self) -> Option<ObjRef<Tcb>> {
        match Syscall::from_word(self.objs[self.sched.current].context.syscall_number())? {
            Syscall::Call => self.fast_call(),
            Syscall::ReplyRecv => self.fast_reply_recv(),
            Syscall::Send | Syscall::NBSend => match self.fast_send()? {
                Sent::Done => Some(self.sched.current),
                Sent::Signal { notification, waiter, badge } => self.fast_signal(notification, waiter, badge),
                Sent::Message { endpoint, badge } => self.fast_message(endpoint, badge),
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
