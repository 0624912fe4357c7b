// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page faults and exceptions: to a handler that waits.
//!
//! A fault is a Call that the processor makes: the same checks, the same way of the scheduling context, another
//! message. The handler's ReplyRecv is the way back.

use abi::fault::vm_fault;
use abi::ipc_buffer::{REGISTER_MESSAGES, message_offset};
use abi::{FaultKind, MessageInfo};
use arch::{FETCH_SHIFT, Machine};

use crate::error::Fault;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::tcb::{Tcb, TcbSlot};
use crate::{Event, Kernel};

/// A fault message: what it is, its words, and how many of them count.
type FaultMessage = (FaultKind, [u64; 5], usize);

/// The fault that an event is.
#[inline(always)]
fn fault_of(event: Event) -> Option<Fault> {
    match event {
        Event::PageFault { address, code } => Some(Fault::VmFault { address, code }),
        Event::Exception { vector, code } => Some(Fault::UserException { vector: vector.into(), code }),
        _ => None,
    }
}

impl<M: Machine> Kernel<M> {
    /// A fault of the current thread: hands message and scheduling context to its handler.
    #[inline(always)]
    pub fn fast_fault(&mut self, event: Event) -> Option<ObjRef<Tcb>> {
        let fault = fault_of(event)?;
        let faulter = self.sched.current;
        let thread = &self.objs[faulter];
        let cap = thread.slots[TcbSlot::FaultHandler as usize].cap;
        let endpoint = cap.callable_endpoint()?;
        let handler = self.objs[endpoint].first_receiver()?;
        let partner = &self.objs[handler];
        let reply = partner.reply?;
        if partner.sched_context.is_some() || partner.priority < thread.priority {
            return None;
        }
        let root = self.fast_root(handler)?;
        let (kind, words, length) = self.fault_message(faulter, fault)?;
        let buffer = if length > REGISTER_MESSAGES { Some(self.fast_buffer(handler)?) } else { None };

        self.objs[faulter].fault.set(fault);
        self.pop_receiver(endpoint, handler);
        self.lend_on_reply(reply, faulter, handler);
        self.write_fault(handler, cap.word1, (kind, words, length), buffer);
        self.fast_switch(faulter, handler, root);
        Some(handler)
    }

    /// The same for a handler that runs on its own time or is of lower priority; tried when [`Kernel::fast_fault`] gives
    /// up, so that the common case pays nothing for it.
    #[inline(never)]
    pub fn fast_fault_apart(&mut self, event: Event) -> Option<ObjRef<Tcb>> {
        let fault = fault_of(event)?;
        let faulter = self.sched.current;
        let cap = self.objs[faulter].slots[TcbSlot::FaultHandler as usize].cap;
        let endpoint = cap.callable_endpoint()?;
        let handler = self.objs[endpoint].first_receiver()?;
        let reply = self.objs[handler].reply?;
        let message = self.fault_message(faulter, fault)?;
        let buffer = if message.2 > REGISTER_MESSAGES { Some(self.fast_buffer(handler)?) } else { None };
        let turn = self.turn_of_receiver(handler)?;

        self.objs[faulter].fault.set(fault);
        self.give_turn(turn, endpoint, reply, handler);
        self.write_fault(handler, cap.word1, message, buffer);
        Some(self.take_turn_over(turn, handler))
    }

    /// Writes the message of a fault where its handler finds it.
    #[inline(always)]
    fn write_fault(
        &mut self,
        handler: ObjRef<Tcb>,
        badge: u64,
        (kind, words, length): FaultMessage,
        buffer: Option<UserFrame>,
    ) {
        let context = &mut self.objs[handler].context;
        context.set_badge(badge);
        context.set_info(MessageInfo::new(kind.word(), 0, 0, length).word());
        for (index, &word) in words[..REGISTER_MESSAGES].iter().enumerate() {
            context.set_message_register(index, word);
        }
        if let Some(buffer) = buffer {
            buffer.write(&mut self.objs, message_offset(REGISTER_MESSAGES), words[REGISTER_MESSAGES]);
        }
    }

    /// The message of a fault that the processor found.
    #[inline(always)]
    fn fault_message(&self, faulter: ObjRef<Tcb>, fault: Fault) -> Option<FaultMessage> {
        let context = &self.objs[faulter].context;
        let ip = context.fault_ip();
        match fault {
            Fault::VmFault { address, code } => {
                let is_fetch = code >> FETCH_SHIFT & 1;
                Some((FaultKind::VmFault, [ip, address, is_fetch, code & vm_fault::CODE_MASK, 0], 4))
            }
            Fault::UserException { vector, code } => Some((
                FaultKind::UserException,
                [ip, context.stack_pointer(), context.flags(), vector, code],
                5,
            )),
            _ => None,
        }
    }
}
