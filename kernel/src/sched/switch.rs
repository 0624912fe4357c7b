// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a thread the one that runs: address space, segment bases, floating point.

use arch::Machine;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;

impl<M: Machine> Kernel<M> {
    pub(crate) fn activate_thread_context(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn leave_thread_context(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn release_fpu(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn apply_fpu_access(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }
}
