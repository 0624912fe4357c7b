// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending faults to their handlers, and what a reply does.

use arch::Machine;

use crate::Kernel;
use crate::error::Fault;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;

impl<M: Machine> Kernel<M> {
    pub(crate) fn raise_fault(&mut self, _tcb: ObjRef<Tcb>, _fault: Fault) {
        unimplemented!()
    }

    pub(crate) fn raise_timeout(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }
}
