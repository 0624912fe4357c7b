// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reply objects and the chain of donations.
//!
//! ```text
//! scheduling context --reply--> top --down--> … --down--> first donation
//!        ^---------------------- up (bit 0 set) up: the reply object above
//! ```

use super::sched_context::SchedContext;
use super::tcb::Tcb;
use crate::memory::objects::{ObjRef, kernel_object};

/// What lies above a reply object in a call chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Above {
    /// It is in no chain.
    Nothing,
    /// It is the top: the scheduling context itself.
    SchedContext(ObjRef<SchedContext>),
    /// A later donation.
    Reply(ObjRef<Reply>),
}

/// A reply object, 32 bytes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub struct Reply {
    /// The receiver that brought it, or the caller that waits on it.
    pub tcb: Option<ObjRef<Tcb>>,
    /// The earlier donation below it.
    pub below: Option<ObjRef<Reply>>,
    above: u64,
    reserved: u64,
}

const _: () = assert!(size_of::<Reply>() == 1 << abi::sizes::REPLY_BITS);

kernel_object!(Reply);

impl Reply {
    const TOP: u64 = 1;

    /// What lies above.
    #[inline]
    pub const fn above(&self) -> Above {
        match ObjRef::<Self>::from_paddr(self.above & !Self::TOP) {
            None => Above::Nothing,
            Some(reply) if self.above & Self::TOP == 0 => Above::Reply(ObjRef::at(reply.paddr())),
            Some(top) => Above::SchedContext(ObjRef::at(top.paddr())),
        }
    }

    /// Changes what lies above.
    #[inline]
    pub(crate) fn set_above(&mut self, above: Above) {
        self.above = match above {
            Above::Nothing => 0,
            Above::SchedContext(sc) => sc.paddr().0 | Self::TOP,
            Above::Reply(reply) => reply.paddr().0,
        };
    }
}

use arch::Machine;

use crate::Kernel;

impl<M: Machine> Kernel<M> {
    pub(crate) fn push_reply(
        &mut self,
        _caller: ObjRef<Tcb>,
        _callee: ObjRef<Tcb>,
        _reply: ObjRef<Reply>,
        _can_donate: bool,
    ) {
        unimplemented!()
    }

    pub(crate) fn remove_reply(&mut self, _reply: ObjRef<Reply>) {
        unimplemented!()
    }

    pub(crate) fn remove_reply_of(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn send_reply(&mut self, _sender: ObjRef<Tcb>, _reply: ObjRef<Reply>, _can_grant: bool) {
        unimplemented!()
    }

    pub(crate) fn finalise_reply(&mut self, _reply: ObjRef<Reply>) {
        unimplemented!()
    }
}
