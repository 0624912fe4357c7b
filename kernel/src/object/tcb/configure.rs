// SPDX-License-Identifier: MIT OR Apache-2.0
//! The capabilities in a TCB: CSpace, VSpace, IPC buffer, fault and timeout handlers.
//!
//! An installed capability is a copy in the derivation tree, so revoking its source strips the thread. What was
//! installed before is deleted first; decode has made sure that this is never a long operation.

use abi::ipc_buffer;
use arch::Machine;

use super::{Invocation, Tcb, TcbSlot};
use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::derive::DataRule;
use crate::cap::raw::RawCap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::memory::objects::ObjRef;

/// The thread being changed, and the slot of the capability that was invoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub(super) tcb: ObjRef<Tcb>,
    pub(super) invoked: SlotRef,
}

/// A capability to install and the slot it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Install {
    cap: RawCap,
    source: SlotRef,
}

/// New roots of a thread's CSpace and VSpace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spaces {
    cspace: Install,
    vspace: Install,
}

/// A new IPC buffer, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BufferChange {
    address: u64,
    frame: Option<Install>,
}

impl<M: Machine> Kernel<M> {
    pub(super) fn decode_configure(&self, place: Place, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(3, 3)?;
        let mut words = args.words();
        let (cspace_data, _vspace_data, address) = (words.take(), words.take(), words.take());
        let buffer = self.decode_buffer(address, args.cap(2)?)?;
        let spaces = self.decode_spaces(place.tcb, cspace_data, args.cap(0)?, args.cap(1)?)?;
        Ok(Invocation::Configure(place, spaces, buffer))
    }

    pub(super) fn decode_space(&self, place: Place, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(2, 3)?;
        let spaces = self.decode_spaces(place.tcb, args.word(0), args.cap(1)?, args.cap(2)?)?;
        let handler = self.decode_handler(args.cap(0)?, 1)?;
        Ok(Invocation::SetSpace(place, spaces, handler))
    }

    pub(super) fn decode_ipc_buffer(
        &self,
        place: Place,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(1, 1)?;
        let buffer = self.decode_buffer(args.word(0), args.cap(0)?)?;
        Ok(Invocation::SetIpcBuffer(place, buffer))
    }

    pub(super) fn decode_timeout_endpoint(
        &self,
        place: Place,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(0, 1)?;
        let handler = self.decode_handler(args.cap(0)?, 1)?;
        Ok(Invocation::SetTimeoutEndpoint(place, handler))
    }

    fn decode_buffer(&self, address: u64, source: SlotRef) -> Result<BufferChange, SyscallError> {
        if address == 0 {
            return Ok(BufferChange { address, frame: None });
        }
        let cap = self.derive_cap(source, self.objs[source].cap.unpack())?;
        if !matches!(cap, Cap::Frame { is_device: false, .. }) {
            return Err(SyscallError::IllegalOperation);
        }
        if !address.is_multiple_of(ipc_buffer::SIZE as u64) {
            return Err(SyscallError::AlignmentError);
        }
        Ok(BufferChange { address, frame: Some(Install { cap: cap.pack(), source }) })
    }

    /// Checks new roots. The data word of the VSpace has no meaning on this architecture.
    fn decode_spaces(
        &self,
        tcb: ObjRef<Tcb>,
        cspace_data: u64,
        cspace: SlotRef,
        vspace: SlotRef,
    ) -> Result<Spaces, SyscallError> {
        if self.is_long_delete(tcb.slot(TcbSlot::CSpace)) || self.is_long_delete(tcb.slot(TcbSlot::VSpace)) {
            return Err(SyscallError::IllegalOperation);
        }
        let mut root = self.objs[cspace].cap.unpack();
        if cspace_data != 0 {
            root = root.update_data(cspace_data, DataRule::Mint);
        }
        let root = self.derive_cap(cspace, root)?;
        if !matches!(root, Cap::CNode { .. }) {
            return Err(SyscallError::IllegalOperation);
        }
        let space = self.derive_cap(vspace, self.objs[vspace].cap.unpack())?;
        if !matches!(space, Cap::VSpace { asid: Some(_), .. }) {
            return Err(SyscallError::IllegalOperation);
        }
        Ok(Spaces {
            cspace: Install { cap: root.pack(), source: cspace },
            vspace: Install { cap: space.pack(), source: vspace },
        })
    }

    /// Checks a fault or timeout handler, which is extra capability `number` counted from 1; null is none.
    pub(super) fn decode_handler(
        &self,
        source: SlotRef,
        number: u64,
    ) -> Result<Option<Install>, SyscallError> {
        let cap = self.objs[source].cap;
        match cap.unpack() {
            Cap::Null => Ok(None),
            Cap::Endpoint { rights, .. }
                if rights.can_write() && (rights.can_grant() || rights.can_grant_reply()) =>
            {
                Ok(Some(Install { cap, source }))
            }
            _ => Err(SyscallError::InvalidCapability(number)),
        }
    }

    /// Replaces a capability of a thread. The new one is left out if it, or the invoked one, went with the old.
    pub(super) fn install(
        &mut self,
        place: Place,
        slot: TcbSlot,
        new: Option<Install>,
    ) -> Result<(), Preempted> {
        let dest = place.tcb.slot(slot);
        self.delete_cap(dest)?;
        if let Some(new) = new
            && !self.objs[new.source].is_empty()
            && !self.objs[place.invoked].is_empty()
        {
            self.insert_cap(new.cap.unpack(), new.source, dest);
        }
        Ok(())
    }

    pub(super) fn install_spaces(&mut self, place: Place, spaces: Spaces) -> Result<(), Preempted> {
        self.install(place, TcbSlot::CSpace, Some(spaces.cspace))?;
        self.install(place, TcbSlot::VSpace, Some(spaces.vspace))?;
        if place.tcb == self.current() {
            self.leave_thread_context(place.tcb);
            self.activate_thread_context(place.tcb);
        }
        Ok(())
    }

    pub(super) fn install_buffer(&mut self, place: Place, buffer: BufferChange) -> Result<(), Preempted> {
        self.install(place, TcbSlot::Buffer, None)?;
        self.objs[place.tcb].buffer = buffer.address;
        self.install(place, TcbSlot::Buffer, buffer.frame)
    }
}

#[cfg(test)]
mod tests;
