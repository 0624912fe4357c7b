// SPDX-License-Identifier: MIT OR Apache-2.0
//! The derivation order: inserting, moving, swapping, who is whose parent.

use arch::Machine;

use super::Cap;
use super::slot::SlotRef;
use crate::Kernel;

impl<M: Machine> Kernel<M> {
    pub(crate) fn insert_cap(&mut self, _cap: Cap, _source: SlotRef, _dest: SlotRef) {
        unimplemented!()
    }

    pub(crate) fn insert_new_cap(&mut self, _cap: Cap, _parent: SlotRef, _dest: SlotRef) {
        unimplemented!()
    }

    pub(crate) fn insert_root_cap(&mut self, _cap: Cap, _dest: SlotRef) {
        unimplemented!()
    }

    pub(crate) fn move_cap(&mut self, _cap: Cap, _source: SlotRef, _dest: SlotRef) {
        unimplemented!()
    }

    pub(crate) fn has_children(&self, _slot: SlotRef) -> bool {
        unimplemented!()
    }

    pub(crate) fn is_final(&self, _slot: SlotRef) -> bool {
        unimplemented!()
    }
}
