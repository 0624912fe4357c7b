// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deleting and revoking: the end of capabilities and of the objects they keep alive.

use arch::Machine;

use super::slot::SlotRef;
use crate::Kernel;
use crate::error::Preempted;

impl<M: Machine> Kernel<M> {
    pub(crate) fn delete_cap(&mut self, _slot: SlotRef) -> Result<(), Preempted> {
        unimplemented!()
    }

    pub(crate) fn revoke_cap(&mut self, _slot: SlotRef) -> Result<(), Preempted> {
        unimplemented!()
    }

    pub(crate) fn delete_simple_cap(&mut self, _slot: SlotRef) {
        unimplemented!()
    }

    pub(crate) fn preemption_point(&mut self) -> Result<(), Preempted> {
        unimplemented!()
    }
}
