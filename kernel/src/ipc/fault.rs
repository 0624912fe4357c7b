// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending faults to their handlers, and what a reply does.
//!
//! A fault is a send, as if the thread had called its handler: the fault is kept in the TCB, its message is built
//! when it is delivered, and the handler's reply decides whether and where the thread goes on.

use abi::fault::{cap_fault, timeout, unknown_syscall, user_exception, vm_fault};
use abi::ipc_buffer::{REGISTER_MESSAGES, message_offset};
use abi::{
    EXCEPTION_ORDER, FaultKind, MessageInfo, Register, TIMEOUT_REPLY_ORDER, UNKNOWN_SYSCALL_ORDER, time_word,
};
use arch::{FETCH_SHIFT, Machine};

use super::transfer::BufferAccess;
use crate::Kernel;
use crate::cap::raw::RawCap;
use crate::error::{Fault, LookupFailure, Phase};
use crate::memory::objects::{ObjRef, Objects};
use crate::object::endpoint::{Endpoint, Send};
use crate::object::tcb::{SendFlags, Tcb, TcbSlot, ThreadState};

impl<M: Machine> Kernel<M> {
    /// Sends `fault` to the fault handler of `tcb`, or stops the thread when it has none.
    #[doc(alias = "handleFault")]
    pub(crate) fn raise_fault(&mut self, tcb: ObjRef<Tcb>, fault: Fault) {
        let handler = self.objs[tcb.slot(TcbSlot::FaultHandler)].cap;
        match handler.endpoint() {
            Some(endpoint) => self.send_fault(tcb, fault, (endpoint, handler)),
            None => {
                self.report_unhandled(tcb, fault);
                self.set_thread_state(tcb, ThreadState::Inactive);
            }
        }
    }

    /// Sends a Timeout fault to the timeout handler that `tcb`, which has a scheduling context, is known to have.
    #[doc(alias = "handleTimeout")]
    #[cold]
    pub(crate) fn raise_timeout(&mut self, tcb: ObjRef<Tcb>) {
        let data = self.objs[tcb].sched_context.map_or(0, |sc| self.objs[sc].data);
        let handler = self.objs[tcb.slot(TcbSlot::TimeoutHandler)].cap;
        if let Some(endpoint) = handler.endpoint() {
            self.send_fault(tcb, Fault::Timeout { data }, (endpoint, handler));
        }
    }

    /// Whether somebody wants the Timeout faults of `tcb`.
    #[inline]
    pub(crate) fn has_timeout_handler(&self, tcb: ObjRef<Tcb>) -> bool {
        self.objs[tcb.slot(TcbSlot::TimeoutHandler)].cap.endpoint().is_some()
    }

    fn send_fault(
        &mut self,
        tcb: ObjRef<Tcb>,
        fault: Fault,
        (endpoint, handler): (ObjRef<Endpoint>, RawCap),
    ) {
        let can_donate = !matches!(fault, Fault::Timeout { .. });
        self.objs[tcb].fault.set(fault);
        let flags = SendFlags::granted_by(handler.rights());
        self.send_ipc(Send { blocking: true, can_donate, badge: handler.word1, flags }, tcb, endpoint);
    }

    /// Writes the message of the fault of `sender` into `receiver`.
    #[doc(alias = "doFaultTransfer")]
    pub(super) fn transfer_fault(&mut self, sender: ObjRef<Tcb>, receiver: ObjRef<Tcb>, badge: u64) {
        let Some(fault) = self.objs[sender].fault.get() else { return };
        let ip = self.objs[sender].context.fault_ip();
        let (kind, length) = match fault {
            Fault::CapFault { address, phase, failure } => {
                (FaultKind::CapFault, self.put_cap_fault(receiver, ip, (address, phase, failure)))
            }
            Fault::UnknownSyscall { number } => {
                let words = |objs: &Objects, index| match index {
                    unknown_syscall::NUMBER => number,
                    _ => objs[sender].context.get(UNKNOWN_SYSCALL_ORDER[index]),
                };
                (FaultKind::UnknownSyscall, self.put_words(receiver, unknown_syscall::LENGTH, words))
            }
            Fault::UserException { vector, code } => {
                let words = |objs: &Objects, index| match index {
                    user_exception::NUMBER => vector,
                    user_exception::CODE => code,
                    _ => objs[sender].context.get(EXCEPTION_ORDER[index]),
                };
                (FaultKind::UserException, self.put_words(receiver, user_exception::LENGTH, words))
            }
            Fault::Timeout { data } => (FaultKind::Timeout, self.put_timeout(receiver, sender, data)),
            Fault::VmFault { address, code } => {
                let words = |_: &Objects, index| match index {
                    vm_fault::IP => ip,
                    vm_fault::ADDRESS => address,
                    vm_fault::IS_FETCH => code >> FETCH_SHIFT & 1,
                    _ => code & vm_fault::CODE_MASK,
                };
                (FaultKind::VmFault, self.put_words(receiver, vm_fault::LENGTH, words))
            }
        };
        self.finish_message(receiver, badge, MessageInfo::new(kind.word(), 0, 0, length));
    }

    fn put_cap_fault(
        &mut self,
        receiver: ObjRef<Tcb>,
        ip: u64,
        (address, phase, failure): (u64, Phase, LookupFailure),
    ) -> usize {
        let (lookup, lookup_words) = failure.encode();
        self.put_words(receiver, cap_fault::LOOKUP + lookup_words, |_, index| match index {
            cap_fault::IP => ip,
            cap_fault::ADDRESS => address,
            cap_fault::IN_RECEIVE_PHASE => matches!(phase, Phase::Receive).into(),
            _ => lookup[index - cap_fault::LOOKUP],
        })
    }

    /// The time consumed is that at delivery; a thread that lost its scheduling context reports none.
    fn put_timeout(&mut self, receiver: ObjRef<Tcb>, sender: ObjRef<Tcb>, data: u64) -> usize {
        let (length, consumed) = match self.objs[sender].sched_context {
            Some(sc) => (timeout::LENGTH, self.take_consumed_us(sc)),
            None => (timeout::LENGTH_WITHOUT_CONTEXT, 0),
        };
        self.put_words(receiver, length, |_, index| match index {
            timeout::DATA => data,
            _ => time_word(consumed, index - timeout::CONSUMED),
        })
    }

    /// Clears the fault of `faulter` and does what the reply of `sender` asks for; says what the thread becomes.
    #[doc(alias = "handleFaultReply")]
    pub(crate) fn answer_fault(
        &mut self,
        sender: ObjRef<Tcb>,
        faulter: ObjRef<Tcb>,
        fault: Fault,
    ) -> ThreadState {
        self.objs[faulter].fault.clear();
        let order: &[Register] = match fault {
            Fault::CapFault { .. } | Fault::VmFault { .. } => return ThreadState::Restart,
            Fault::UnknownSyscall { .. } => &UNKNOWN_SYSCALL_ORDER,
            Fault::UserException { .. } => &EXCEPTION_ORDER,
            Fault::Timeout { .. } => &TIMEOUT_REPLY_ORDER,
        };
        let info = MessageInfo(self.objs[sender].context.info_register());
        self.set_registers(sender, faulter, &order[..order.len().min(info.length())]);
        if info.label() == 0 { ThreadState::Restart } else { ThreadState::Inactive }
    }

    /// Sets the registers of `target` in this order from the message registers of `sender`, as far as it has them.
    fn set_registers(&mut self, sender: ObjRef<Tcb>, target: ObjRef<Tcb>, order: &[Register]) {
        let buffer = self.buffer_of(sender, BufferAccess::Read);
        for (index, &register) in order.iter().enumerate() {
            let word = if index < REGISTER_MESSAGES {
                self.objs[sender].context.message_register(index)
            } else if let Some(buffer) = buffer {
                buffer.read(&self.objs, message_offset(index))
            } else {
                return;
            };
            self.objs[target].context.set(register, word);
        }
    }
}

#[cfg(test)]
mod tests;
