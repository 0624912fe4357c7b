// SPDX-License-Identifier: MIT OR Apache-2.0
//! Endpoints: a queue of senders or of receivers, never of both.

use super::tcb::Tcb;
use crate::memory::objects::{ObjRef, kernel_object};

/// Who is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointState {
    /// Nobody.
    Idle,
    /// Senders.
    Sending,
    /// Receivers.
    Receiving,
}

/// An endpoint, 16 bytes: head of the queue; its tail with the state in bits 0..1.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub struct Endpoint {
    pub(crate) head: Option<ObjRef<Tcb>>,
    pub(crate) tail_and_state: u64,
}

const _: () = assert!(size_of::<Endpoint>() == 1 << abi::sizes::ENDPOINT_BITS);

kernel_object!(Endpoint);

impl Endpoint {
    const STATE_MASK: u64 = 3;

    /// Who is queued.
    #[inline]
    pub const fn state(&self) -> EndpointState {
        match self.tail_and_state & Self::STATE_MASK {
            1 => EndpointState::Sending,
            2 => EndpointState::Receiving,
            _ => EndpointState::Idle,
        }
    }

    /// The last of the queue.
    #[inline]
    pub const fn tail(&self) -> Option<ObjRef<Tcb>> {
        ObjRef::from_paddr(self.tail_and_state & !Self::STATE_MASK)
    }

    /// Sets the last of the queue and who is queued.
    #[inline]
    pub(crate) fn set_tail(&mut self, tail: Option<ObjRef<Tcb>>, state: EndpointState) {
        self.tail_and_state = tail.map_or(0, |tcb| tcb.paddr().0) | state as u64;
    }
}

use arch::Machine;

use crate::Kernel;

/// How a message is sent.
#[derive(Clone, Copy, Debug)]
pub struct Send {
    /// Queue when nobody receives.
    pub blocking: bool,
    /// The sender may lend its scheduling context.
    pub can_donate: bool,
    /// Badge of the capability.
    pub badge: u64,
    /// Grant, grant-reply, call.
    pub flags: super::tcb::SendFlags,
}

/// How a message is received.
#[derive(Clone, Copy, Debug)]
pub struct Receive {
    /// Queue when nobody sends.
    pub blocking: bool,
    /// Reply object for a caller.
    pub reply: Option<ObjRef<super::reply::Reply>>,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn send_ipc(&mut self, _send: Send, _sender: ObjRef<Tcb>, _endpoint: ObjRef<Endpoint>) {
        unimplemented!()
    }

    pub(crate) fn receive_ipc(
        &mut self,
        _receiver: ObjRef<Tcb>,
        _endpoint: ObjRef<Endpoint>,
        _receive: Receive,
    ) {
        unimplemented!()
    }

    pub(crate) fn cancel_ipc(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn cancel_all_ipc(&mut self, _endpoint: ObjRef<Endpoint>) {
        unimplemented!()
    }

    pub(crate) fn cancel_badged_sends(&mut self, _endpoint: ObjRef<Endpoint>, _badge: u64) {
        unimplemented!()
    }

    pub(crate) fn reorder_ipc_queue(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }
}
