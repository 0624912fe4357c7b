// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accounting: reading the clock, charging, the timer.

use arch::Machine;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::Tcb;

/// Outcome of the budget check on kernel entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// The operation may go on.
    Left,
    /// Time was charged; the operation is to be restarted later.
    Exhausted,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn update_time(&mut self) {
        unimplemented!()
    }

    pub(crate) fn check_budget(&mut self) -> Budget {
        unimplemented!()
    }

    pub(crate) fn yield_current(&mut self) {
        unimplemented!()
    }

    pub(crate) fn postpone(&mut self, _sc: ObjRef<SchedContext>) {
        unimplemented!()
    }

    pub(crate) fn wake_released(&mut self) {
        unimplemented!()
    }

    pub(crate) fn sporadic_unblock(&mut self, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }
}
