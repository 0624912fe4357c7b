// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moving messages and capabilities between threads, and messages the kernel makes to threads.
//!
//! Four words travel in registers, the rest from buffer to buffer. A buffer is reached through the frame
//! capability in the TCB, never through page tables. Failures are silent: less arrives.

use abi::MessageInfo;
use abi::ipc_buffer::{
    MAX_EXTRA_CAPS, RECEIVE_CNODE_OFFSET, RECEIVE_DEPTH_OFFSET, RECEIVE_INDEX_OFFSET, REGISTER_MESSAGES,
    cap_offset, message_offset,
};
use arch::{Machine, PageAccess, PhysAddr};

use crate::Kernel;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{LookupFailure, LookupSide};
use crate::memory::objects::{ObjRef, Objects};
use crate::memory::user::UserFrame;
use crate::object::endpoint::Endpoint;
use crate::object::tcb::{Tcb, TcbSlot};

/// What the kernel wants of an IPC buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BufferAccess {
    /// Read: to send.
    Read,
    /// Read and write: to receive.
    Write,
}

/// A message from one thread to another.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Whose message, or whose fault.
    pub sender: ObjRef<Tcb>,
    /// Who gets it.
    pub receiver: ObjRef<Tcb>,
    /// The endpoint it goes through; none for a reply.
    pub endpoint: Option<ObjRef<Endpoint>>,
    /// What the receiver sees of the capability that was used.
    pub badge: u64,
    /// Whether capabilities come along.
    pub can_grant: bool,
}

/// Slots of the extra capabilities of a message; `None` past the last.
pub type ExtraCaps = [Option<SlotRef>; MAX_EXTRA_CAPS];

/// What arrived of the extra capabilities: a bit for each that became a badge, and how many were handled.
#[derive(Clone, Copy, Default)]
struct Arrived {
    unwrapped: u64,
    count: usize,
}

impl<M: Machine> Kernel<M> {
    /// The IPC buffer of `tcb`, if it has one whose frame allows `access` and is not device memory.
    #[doc(alias = "lookupIPCBuffer")]
    pub(crate) fn buffer_of(&self, tcb: ObjRef<Tcb>, access: BufferAccess) -> Option<UserFrame> {
        let (base, size, granted) = self.objs[tcb.slot(TcbSlot::Buffer)].cap.memory_frame()?;
        let is_allowed = match access {
            BufferAccess::Read => granted != PageAccess::KernelOnly,
            BufferAccess::Write => granted == PageAccess::ReadWrite,
        };
        let offset = self.objs[tcb].buffer & ((1 << size.bits()) - 1);
        is_allowed.then_some(UserFrame::new(PhysAddr(base.0 + offset)))
    }

    /// Moves the message of the sender, or its fault, into the registers and buffer of the receiver.
    #[doc(alias = "doIPCTransfer")]
    #[inline(always)]
    pub(crate) fn transfer_message(&mut self, transfer: Transfer) {
        let Transfer { sender, receiver, badge, .. } = transfer;
        if self.objs[sender].fault.is_some() {
            return self.transfer_fault(sender, receiver, badge);
        }
        let (from, to) = self.objs.pair_mut(sender, receiver);
        let info = MessageInfo(from.context.info_register());
        to.context.copy_message_registers(&from.context, info.length());
        let arrived = if info.length() <= REGISTER_MESSAGES && info.extra_caps() == 0 {
            MessageInfo::new(info.label(), 0, 0, info.length())
        } else {
            self.transfer_by_buffer(&transfer, info)
        };
        self.finish_message(receiver, badge, arrived);
    }

    /// Moves what does not travel in registers, and says what arrived.
    fn transfer_by_buffer(&mut self, transfer: &Transfer, info: MessageInfo) -> MessageInfo {
        let source = self.buffer_of(transfer.sender, BufferAccess::Read);
        let target = self.buffer_of(transfer.receiver, BufferAccess::Write);
        let (Some(source), Some(target)) = (source, target) else {
            return MessageInfo::new(info.label(), 0, 0, info.length().min(REGISTER_MESSAGES));
        };
        for register in REGISTER_MESSAGES..info.length() {
            let word = source.read(&self.objs, message_offset(register));
            target.write(&mut self.objs, message_offset(register), word);
        }
        let caps = if transfer.can_grant && info.extra_caps() > 0 {
            self.transfer_caps(transfer, info.extra_caps(), source, target)
        } else {
            Arrived::default()
        };
        MessageInfo::new(info.label(), caps.unwrapped, caps.count, info.length())
    }

    /// Moves capabilities: at most one into the receive slot, those to the endpoint itself as badges.
    #[doc(alias = "transferCaps")]
    fn transfer_caps(
        &mut self,
        transfer: &Transfer,
        count: usize,
        source: UserFrame,
        target: UserFrame,
    ) -> Arrived {
        let mut arrived = Arrived::default();
        let Ok(caps) = self.lookup_extra_caps(transfer.sender, count, source) else { return arrived };
        let mut receive_slot = self.receive_slot(transfer.receiver, target);
        for (index, slot) in caps.into_iter().flatten().enumerate() {
            let cap = self.objs[slot].cap.unpack();
            match cap {
                Cap::Endpoint { endpoint, badge, .. } if transfer.endpoint == Some(endpoint) => {
                    target.write(&mut self.objs, cap_offset(index), badge);
                    arrived.unwrapped |= 1 << index;
                }
                _ => {
                    let Some(free) = receive_slot.take() else { break };
                    match self.derive_cap(slot, cap) {
                        Ok(derived) if !derived.is_null() => self.insert_cap(derived, slot, free),
                        _ => break,
                    }
                }
            }
            arrived.count = index + 1;
        }
        arrived
    }

    /// Finds the slots of the first `count` extra capabilities, or the CPtr that leads nowhere.
    pub(crate) fn lookup_extra_caps(
        &self,
        sender: ObjRef<Tcb>,
        count: usize,
        buffer: UserFrame,
    ) -> Result<ExtraCaps, (u64, LookupFailure)> {
        let mut caps = [None; MAX_EXTRA_CAPS];
        for (index, cap) in caps.iter_mut().enumerate().take(count) {
            let cptr = buffer.read(&self.objs, cap_offset(index));
            *cap = Some(self.lookup_slot(sender, cptr).map_err(|failure| (cptr, failure))?);
        }
        Ok(caps)
    }

    /// The empty slot that `receiver` named in its buffer for one capability.
    #[doc(alias = "getReceiveSlots")]
    fn receive_slot(&self, receiver: ObjRef<Tcb>, buffer: UserFrame) -> Option<SlotRef> {
        let cptr = buffer.read(&self.objs, RECEIVE_CNODE_OFFSET);
        let index = buffer.read(&self.objs, RECEIVE_INDEX_OFFSET);
        let depth = buffer.read(&self.objs, RECEIVE_DEPTH_OFFSET);
        let root = self.objs[self.lookup_slot(receiver, cptr).ok()?].cap.unpack();
        let slot = self.lookup_target(root, index, depth, LookupSide::Target).ok()?;
        self.objs[slot].is_empty().then_some(slot)
    }

    /// Writes `length` words made by the kernel into the message registers of `receiver`, and says how many fitted.
    #[inline]
    pub(crate) fn put_words(
        &mut self,
        receiver: ObjRef<Tcb>,
        length: usize,
        word: impl Fn(&Objects, usize) -> u64,
    ) -> usize {
        for register in 0..length.min(REGISTER_MESSAGES) {
            let value = word(&self.objs, register);
            self.objs[receiver].context.set_message_register(register, value);
        }
        if length <= REGISTER_MESSAGES {
            return length;
        }
        let Some(buffer) = self.buffer_of(receiver, BufferAccess::Write) else { return REGISTER_MESSAGES };
        for register in REGISTER_MESSAGES..length {
            let value = word(&self.objs, register);
            buffer.write(&mut self.objs, message_offset(register), value);
        }
        length
    }

    /// Completes a message whose words have been written: badge and message info.
    #[inline]
    pub(crate) fn finish_message(&mut self, receiver: ObjRef<Tcb>, badge: u64, info: MessageInfo) {
        let context = &mut self.objs[receiver].context;
        context.set_badge(badge);
        context.set_info(info.word());
    }
}

#[cfg(test)]
mod tests;
