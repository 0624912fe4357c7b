// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refills: the sporadic server and round robin.

use arch::Machine;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::sched_context::SchedContext;

impl<M: Machine> Kernel<M> {
    pub(crate) fn is_released(&self, _sc: ObjRef<SchedContext>) -> bool {
        unimplemented!()
    }

    pub(crate) fn is_ready(&self, _sc: ObjRef<SchedContext>) -> bool {
        unimplemented!()
    }

    pub(crate) fn is_sufficient(&self, _sc: ObjRef<SchedContext>) -> bool {
        unimplemented!()
    }

    pub(crate) fn unblock_check(&mut self, _sc: ObjRef<SchedContext>) {
        unimplemented!()
    }
}
