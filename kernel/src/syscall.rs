// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system calls: which halves they have, and what becomes of the caller.
//!
//! ```text
//! event -> time and budget -> send half -> receive half -> schedule -> resume
//!             exhausted: restart the call later  ^
//!                    preempted: skip it, restart the call later
//! ```
//!
//! An invocation that may be preempted runs with its caller in Restart; whoever is still in Restart afterwards has
//! been served and is set Running. Sends, signals and replies cannot be preempted and skip that.

use abi::ipc_buffer::{MAX_EXTRA_CAPS, REGISTER_MESSAGES};
use abi::{ErrorCode, MessageInfo, Register, Syscall, TIME_WORDS, time_word};
use arch::Machine;

use crate::args::{Args, Message};
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::debug::DebugCall;
use crate::error::{Fault, LookupFailure, Phase, Preempted, SyscallError};
use crate::invocation::Reply as Answer;
use crate::ipc::transfer::{BufferAccess, ExtraCaps};
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Receive, Send};
use crate::object::reply::Reply;
use crate::object::tcb::{SendFlags, Tcb, ThreadState};
use crate::sched::time::Budget;
use crate::{Event, Kernel, Resume};

/// How a send half behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SendHalf {
    /// Send.
    Send,
    /// NBSend.
    NBSend,
    /// Call.
    Call,
    /// The first half of ReplyRecv, NBSendRecv and NBSendWait.
    Combined,
}

impl SendHalf {
    /// Whether the sender waits for a receiver, and faults when it names nothing.
    #[inline]
    const fn is_blocking(self) -> bool {
        matches!(self, Self::Send | Self::Call)
    }

    #[inline]
    const fn can_donate(self) -> bool {
        matches!(self, Self::Call | Self::Combined)
    }
}

/// How a receive half behaves when there is nothing to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ReceiveHalf {
    Blocking,
    NonBlocking,
}

/// Where a receive half gets its reply object from.
#[derive(Clone, Copy, Debug)]
enum ReplySource {
    /// It uses none.
    Nowhere,
    /// From the CPtr in the reply register.
    Register,
    /// The send half has found it there.
    Found(ObjRef<Reply>),
}

impl<M: Machine> Kernel<M> {
    /// Handles one event and says what the core does next.
    ///
    /// Inlined, so that an entry stub that knows its event gets straight to it.
    #[inline(always)]
    pub fn handle(&mut self, event: Event) -> Resume {
        match event {
            Event::Syscall => self.handle_syscall(),
            Event::Interrupt(vector) => self.take_interrupt(vector),
            Event::PageFault { address, code } => self.handle_fault(Fault::VmFault { address, code }),
            Event::Exception { vector, code } => {
                self.handle_fault(Fault::UserException { vector: vector.into(), code })
            }
            Event::UnknownSyscall { number } => self.handle_fault(Fault::UnknownSyscall { number }),
        }
    }

    #[inline]
    fn handle_syscall(&mut self) -> Resume {
        let number = self.objs[self.sched.current].context.syscall_number();
        match Syscall::from_word(number) {
            Some(call) if call.is_api() => {
                if self.account_entry() == Budget::Left && self.run_api_call(call) == Err(Preempted) {
                    self.charge_preempted();
                }
                self.finish()
            }
            call => self.handle_other_call(number, call),
        }
    }

    /// The timer only has to be set anew: what it fired for is found here, or when the event ends.
    #[inline(always)]
    fn take_interrupt(&mut self, vector: u8) -> Resume {
        self.update_time();
        self.check_budget();
        if vector == abi::vector::TIMER {
            self.rearm_timer();
            self.machine.end_of_interrupt();
        } else {
            self.handle_interrupt(vector);
        }
        self.finish()
    }

    /// Reads the clock; a current thread without budget will repeat what it was about to do.
    #[inline]
    fn account_entry(&mut self) -> Budget {
        self.update_time();
        let budget = self.check_budget();
        if budget == Budget::Exhausted && self.objs[self.sched.current].state().is_runnable() {
            self.set_thread_state(self.sched.current, ThreadState::Restart);
        }
        budget
    }

    fn handle_fault(&mut self, fault: Fault) -> Resume {
        if self.account_entry() == Budget::Left {
            self.raise_fault(self.sched.current, fault);
        }
        self.finish()
    }

    fn run_api_call(&mut self, call: Syscall) -> Result<(), Preempted> {
        let context = &self.objs[self.sched.current].context;
        let (target, reply, send) =
            (context.cap_register(), context.reply_register(), context.send_register());
        match call {
            Syscall::Call => {
                self.send_half(target, SendHalf::Call)?;
            }
            Syscall::Send => {
                self.send_half(target, SendHalf::Send)?;
            }
            Syscall::NBSend => {
                self.send_half(target, SendHalf::NBSend)?;
            }
            Syscall::ReplyRecv => {
                let found = self.send_half(reply, SendHalf::Combined)?;
                let source = found.map_or(ReplySource::Register, ReplySource::Found);
                self.receive_half(target, ReceiveHalf::Blocking, source);
            }
            Syscall::NBSendRecv => {
                self.send_half(send, SendHalf::Combined)?;
                self.receive_half(target, ReceiveHalf::Blocking, ReplySource::Register);
            }
            Syscall::NBSendWait => {
                self.send_half(reply, SendHalf::Combined)?;
                self.receive_half(target, ReceiveHalf::Blocking, ReplySource::Nowhere);
            }
            Syscall::Recv => self.receive_half(target, ReceiveHalf::Blocking, ReplySource::Register),
            Syscall::NBRecv => self.receive_half(target, ReceiveHalf::NonBlocking, ReplySource::Register),
            Syscall::Wait => self.receive_half(target, ReceiveHalf::Blocking, ReplySource::Nowhere),
            Syscall::NBWait => self.receive_half(target, ReceiveHalf::NonBlocking, ReplySource::Nowhere),
            _ => self.yield_current(),
        }
        Ok(())
    }

    /// Sends to, signals or invokes what `cptr` names; answers the reply object if it was one.
    #[doc(alias = "handleInvocation")]
    fn send_half(&mut self, cptr: u64, half: SendHalf) -> Result<Option<ObjRef<Reply>>, Preempted> {
        let caller = self.sched.current;
        let slot = match self.lookup_slot(caller, cptr) {
            Ok(slot) => slot,
            Err(failure) => {
                self.refuse_cptr(cptr, failure, half);
                return Ok(None);
            }
        };
        let info = MessageInfo(self.objs[caller].context.info_register());
        let mut caps = [None; MAX_EXTRA_CAPS];
        if info.extra_caps() > 0 {
            match self.lookup_message_caps(caller, info) {
                Ok(found) => caps = found,
                Err((cptr, failure)) => {
                    self.refuse_cptr(cptr, failure, half);
                    return Ok(None);
                }
            }
        }
        let raw = self.objs[slot].cap;
        if let Some(endpoint) = raw.sendable_endpoint() {
            let call = if half == SendHalf::Call { SendFlags::CALL } else { 0 };
            let flags = SendFlags(SendFlags::granted_by(raw.rights()).0 | call);
            let (blocking, can_donate) = (half.is_blocking(), half.can_donate());
            self.send_ipc(Send { blocking, can_donate, badge: raw.word1, flags }, caller, endpoint);
            return Ok(None);
        }
        if let Some(reply) = raw.reply_object() {
            self.send_reply(caller, reply, raw.rights().can_grant());
            self.answer_call(half, Answer::Done);
            return Ok(Some(reply));
        }
        if let Some(notification) = raw.signallable_notification() {
            self.send_signal(notification, raw.word1);
            self.answer_call(half, Answer::Done);
            return Ok(None);
        }
        match raw.unpack() {
            Cap::LineSignal { to, line } => {
                self.send_line_signal(to, line);
                self.answer_call(half, Answer::Done);
            }
            cap => self.invoke(slot, cap, half, (info, caps))?,
        }
        Ok(None)
    }

    /// The extra capabilities of a message; none without a buffer.
    fn lookup_message_caps(
        &self,
        caller: ObjRef<Tcb>,
        info: MessageInfo,
    ) -> Result<ExtraCaps, (u64, LookupFailure)> {
        match self.buffer_of(caller, BufferAccess::Read) {
            Some(buffer) => self.lookup_extra_caps(caller, info.extra_caps(), buffer),
            None => Ok([None; MAX_EXTRA_CAPS]),
        }
    }

    /// Decodes and executes an invocation of the caller.
    #[inline(never)]
    fn invoke(
        &mut self,
        slot: SlotRef,
        cap: Cap,
        half: SendHalf,
        (info, caps): (MessageInfo, ExtraCaps),
    ) -> Result<(), Preempted> {
        let sender = self.sched.current;
        let mut length = info.length();
        let mut buffer = None;
        if length > REGISTER_MESSAGES {
            buffer = self.buffer_of(sender, BufferAccess::Read);
            if buffer.is_none() {
                length = REGISTER_MESSAGES;
            }
        }
        let label = self.config.numbering.label(info.label());
        let message = Message { sender, info, label, length, buffer, caps };
        let decoded = if half == SendHalf::Combined && is_refused_in_combined_calls(cap) {
            Err(SyscallError::InvalidCapability(0))
        } else {
            self.decode_invocation(slot, cap, &Args::new(&self.objs, &message))
        };
        let invocation = match decoded {
            Ok(invocation) => invocation,
            Err(error) => {
                if self.config.profile.explains {
                    self.explain(slot, cap, &message, error);
                }
                self.refuse_call(half, error);
                return Ok(());
            }
        };
        self.set_thread_state(sender, ThreadState::Restart);
        let answer = self.execute_invocation(invocation)?;
        if self.objs[sender].state() == ThreadState::Restart {
            self.set_thread_state(sender, ThreadState::Running);
            self.answer_call(half, answer);
        }
        Ok(())
    }

    /// Gives the caller of a Call what its invocation answers; others get nothing.
    #[doc(alias = "replyFromKernel_success_empty")]
    #[inline]
    fn answer_call(&mut self, half: SendHalf, answer: Answer) {
        if half == SendHalf::Call {
            self.write_answer(answer);
        }
    }

    fn write_answer(&mut self, answer: Answer) {
        let caller = self.sched.current;
        let length = match answer {
            Answer::Done => 0,
            Answer::Word(word) => self.put_words(caller, 1, |_, _| word),
            Answer::Time(time) => self.put_words(caller, TIME_WORDS, |_, index| time_word(time, index)),
            Answer::Registers { source, count } => {
                self.put_words(caller, count, |objs, index| objs[source].context.get(Register::ALL[index]))
            }
            Answer::Later => return,
        };
        self.finish_message(caller, 0, MessageInfo::new(ErrorCode::NoError.word(), 0, 0, length));
    }

    /// Tells the caller of a Call why its invocation is refused; others are not told.
    #[doc(alias = "replyFromKernel_error")]
    #[cold]
    fn refuse_call(&mut self, half: SendHalf, error: SyscallError) {
        if half != SendHalf::Call {
            return;
        }
        let caller = self.sched.current;
        let error = error.encode();
        let length = self.put_words(caller, error.length, |_, index| error.words[index]);
        self.finish_message(caller, 0, MessageInfo::new(error.code.word(), 0, 0, length));
    }

    /// A CPtr of the send half leads nowhere: a fault in the calls that block, nothing in the others.
    #[cold]
    fn refuse_cptr(&mut self, address: u64, failure: LookupFailure, half: SendHalf) {
        if self.config.profile.explains {
            self.explain_cptr(address, failure);
        }
        if half.is_blocking() {
            let fault = Fault::CapFault { address, phase: Phase::Send, failure };
            self.raise_fault(self.sched.current, fault);
        }
    }

    /// Receives from what `cptr` names.
    #[doc(alias = "handleRecv")]
    fn receive_half(&mut self, cptr: u64, half: ReceiveHalf, source: ReplySource) {
        let caller = self.sched.current;
        let blocking = half == ReceiveHalf::Blocking;
        let slot = match self.lookup_slot(caller, cptr) {
            Ok(slot) => slot,
            Err(failure) => return self.fail_receive(cptr, failure),
        };
        let raw = self.objs[slot].cap;
        if let Some(endpoint) = raw.receivable_endpoint() {
            let reply = match source {
                ReplySource::Nowhere => None,
                ReplySource::Found(reply) => Some(reply),
                ReplySource::Register => {
                    let cptr = self.objs[caller].context.reply_register();
                    match self.lookup_reply(caller, cptr) {
                        Ok(reply) => Some(reply),
                        Err(failure) => return self.fail_receive(cptr, failure),
                    }
                }
            };
            return self.receive_ipc(caller, endpoint, Receive { blocking, reply });
        }
        match raw.unpack() {
            Cap::Notification { notification, rights, .. }
                if rights.can_read()
                    && self.objs[notification].bound_tcb.is_none_or(|bound| bound == caller) =>
            {
                self.receive_signal(caller, notification, blocking);
            }
            _ => self.fail_receive(cptr, LookupFailure::MissingCapability { bits_left: 0 }),
        }
    }

    fn lookup_reply(&self, caller: ObjRef<Tcb>, cptr: u64) -> Result<ObjRef<Reply>, LookupFailure> {
        let slot = self.lookup_slot(caller, cptr)?;
        self.objs[slot].cap.reply_object().ok_or(LookupFailure::MissingCapability { bits_left: 0 })
    }

    /// A CPtr of the receive half leads nowhere, or to something that cannot be received from.
    #[cold]
    fn fail_receive(&mut self, address: u64, failure: LookupFailure) {
        if self.config.profile.explains {
            self.explain_cptr(address, failure);
        }
        let fault = Fault::CapFault { address, phase: Phase::Receive, failure };
        self.raise_fault(self.sched.current, fault);
    }

    /// Handles the numbers that are not among the eleven calls.
    #[cold]
    fn handle_other_call(&mut self, number: u64, call: Option<Syscall>) -> Resume {
        if let Some(call) = call
            && self.handle_debug_call(call) == DebugCall::Done
        {
            return match self.stopped {
                Some(reason) => Resume::Stopped(reason),
                None => Resume::Thread(self.sched.current),
            };
        }
        if call != Some(Syscall::SetTLSBase) || self.config.numbering.variant().fsgsbase {
            return self.handle_fault(Fault::UnknownSyscall { number });
        }
        if self.account_entry() == Budget::Left {
            self.set_own_tls_base();
        }
        self.finish()
    }

    /// SetTLSBase: a base that the processor does not take is ignored.
    fn set_own_tls_base(&mut self) {
        let context = &mut self.objs[self.sched.current].context;
        let base = context.cap_register();
        if Register::TLS.sanitise(base) == base {
            context.set(Register::TLS, base);
            let bases = self.machine.base_registers().with_tls(base);
            self.machine.load_base_registers(bases);
        }
    }

    /// Lets the scheduler choose, and makes the thread chosen ready to leave the kernel.
    #[inline(always)]
    pub(crate) fn finish(&mut self) -> Resume {
        if self.changes_nothing() {
            return Resume::Thread(self.sched.current);
        }
        self.finish_event();
        let current = self.sched.current;
        match self.objs[current].state() {
            ThreadState::Idle => return Resume::Idle,
            ThreadState::Restart => {
                self.objs[current].context.restart();
                self.set_thread_state(current, ThreadState::Running);
            }
            _ => {}
        }
        Resume::Thread(current)
    }
}

/// Whether the combined calls cannot invoke `cap`: it could take the caller itself apart.
const fn is_refused_in_combined_calls(cap: Cap) -> bool {
    matches!(
        cap,
        Cap::Thread(_)
            | Cap::CNode { .. }
            | Cap::Domain
            | Cap::SchedControl { .. }
            | Cap::SchedContext { .. }
    )
}

#[cfg(test)]
mod tests;
