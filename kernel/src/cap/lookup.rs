// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a CPtr to a slot.

use arch::Machine;

use super::Cap;
use super::slot::SlotRef;
use crate::Kernel;
use crate::error::{LookupFailure, LookupSide, SyscallError};
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;

impl<M: Machine> Kernel<M> {
    pub(crate) fn lookup_slot(&self, _tcb: ObjRef<Tcb>, _cptr: u64) -> Result<SlotRef, LookupFailure> {
        unimplemented!()
    }

    pub(crate) fn lookup_target(
        &self,
        _root: Cap,
        _index: u64,
        _depth: u64,
        _side: LookupSide,
    ) -> Result<SlotRef, SyscallError> {
        unimplemented!()
    }
}
