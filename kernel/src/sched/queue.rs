// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ready queues and the release queue.

use arch::Machine;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;

impl<M: Machine> Kernel<M> {
    pub(crate) fn enqueue_head(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn enqueue_tail(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn dequeue(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn enqueue_release(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn dequeue_release(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn is_schedulable(&self, _tcb: ObjRef<Tcb>) -> bool {
        unimplemented!()
    }

    pub(crate) fn wake_candidate(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn reschedule_required(&mut self) {
        unimplemented!()
    }

    pub(crate) fn schedule(&mut self) {
        unimplemented!()
    }
}
