// SPDX-License-Identifier: MIT OR Apache-2.0
//! Call on untyped memory: Retype of one object, as programs send it.
//!
//! The untyped has children already and room for one more, so nothing has to be filled with zero first. Whatever is
//! unusual is the slow path's, and so are all errors.

use abi::ObjectType;
use abi::ipc_buffer::{cap_offset, message_offset};
use abi::sizes::WORD_BITS;
use arch::Machine;

use super::Arrival;
use crate::Kernel;
use crate::cap::raw::{RawCap, Tag};
use crate::cap::slot::SlotRef;
use crate::memory::objects::ObjRef;
use crate::object::tcb::{Tcb, TcbSlot};
use crate::object::untyped::{Kind, decode_kind};

impl<M: Machine> Kernel<M> {
    /// Retype of the untyped capability `cap` in `slot`.
    #[inline(always)]
    pub(super) fn fast_retype(&mut self, slot: SlotRef, cap: RawCap) -> Option<Arrival> {
        let caller = self.sched.current;
        if abi::cut(self.objs[caller].context.info_register()) != self.config.numbering.retype
            || cap.is_device_untyped()
        {
            return None;
        }
        if !self.has_child_inside(slot, cap) {
            return None;
        }
        let (kind, dest) = self.retype_arguments(caller)?;
        if matches!(kind.object, ObjectType::Tcb | ObjectType::Pml4) {
            return None;
        }
        let size = 1 << kind.object_bits();
        let first = cap.word1.next_multiple_of(size);
        let end = first + size;
        if end > 1 << cap.untyped_bits() {
            return None;
        }
        let object = arch::PhysAddr(cap.address().0 + first);
        self.objs[slot].cap.word1 = end;
        let made = self.create_object(kind, object, false);
        self.insert_new_cap(made, slot, dest);
        Some(Arrival { thread: caller, badge: 0, info: 0, words: caller })
    }

    /// What to make, and the empty slot that it goes to.
    #[inline(always)]
    fn retype_arguments(&self, caller: ObjRef<Tcb>) -> Option<(Kind, SlotRef)> {
        let thread = &self.objs[caller];
        let buffer = self.fast_buffer(caller)?;
        let [object, size_bits, index, depth] =
            [0, 1, 2, 3].map(|word| thread.context.message_register(word));
        let [offset, count] = [4, 5].map(|word| buffer.read(&self.objs, message_offset(word)));
        let root = buffer.read(&self.objs, cap_offset(0));
        let root = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(root)?;
        let mut node = self.objs[root].cap;
        if depth != 0 {
            if depth != u64::from(WORD_BITS) {
                return None;
            }
            node = self.objs[node.plain_slot(index)?].cap;
        }
        if !node.has_tag(Tag::CNode) || count != 1 {
            return None;
        }
        let node = node.cnode_parts();
        if offset >= 1 << node.radix {
            return None;
        }
        let dest = node.slots.element(offset as usize);
        let kind = decode_kind(self.config.numbering.object_type(object), size_bits).ok()?;
        self.objs[dest].is_empty().then_some((kind, dest))
    }

    /// Whether the capability behind the untyped `cap` in `slot` is one of an object inside. Objects do not overlap,
    /// and what an untyped lies in comes before it: so what begins inside is inside.
    #[inline(always)]
    fn has_child_inside(&self, slot: SlotRef, cap: RawCap) -> bool {
        let Some(next) = self.objs[slot].mdb.next() else { return false };
        let next = self.objs[next].cap;
        let offset = next.address().0.wrapping_sub(cap.address().0);
        let is_inside = self.objs[slot].mdb.is_revocable() && next.has_object() && offset < cap.word1;
        debug_assert!(!is_inside || self.has_children(slot));
        is_inside
    }
}
