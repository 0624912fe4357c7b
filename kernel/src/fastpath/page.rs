// SPDX-License-Identifier: MIT OR Apache-2.0
//! Call on a 4 KiB frame: Map and Unmap, as programs send them.
//!
//! What each has to do is the same as on the slow path and in the same functions (`object/frame.rs`). What is left out
//! is the choice of the invocation, decoding into an enumeration, and the look at clock and scheduler, since nobody
//! else becomes runnable. An error of any kind is the slow path's: which one comes first is decided there only.

use abi::ipc_buffer::cap_offset;
use abi::limits::USER_TOP;
use abi::{Rights, VmAttributes, cut};
use arch::{Level, Machine, PageSize, TableEntry, VirtAddr};

use super::Arrival;
use crate::Kernel;
use crate::cap::Mapping;
use crate::cap::derive::mask_access;
use crate::cap::raw::RawCap;
use crate::cap::slot::SlotRef;
use crate::memory::objects::ObjRef;
use crate::object::frame::PageChange;
use crate::object::table::find_entry;
use crate::object::tcb::{Tcb, TcbSlot};

const PAGE: u64 = 1 << PageSize::Small.bits();

impl<M: Machine> Kernel<M> {
    /// Map and Unmap of a 4 KiB frame, whose capability `cap` is in `slot`.
    #[inline(always)]
    pub(super) fn fast_page(&mut self, slot: SlotRef, cap: RawCap) -> Option<Arrival> {
        let caller = self.sched.current;
        let info = cut(self.objs[caller].context.info_register());
        if info == self.config.numbering.page_map {
            let change = self.fast_map(caller, slot, cap)?;
            self.map_page(change);
        } else if info == self.config.numbering.page_unmap {
            if let Some(mapping) = cap.mapping() {
                self.unmap_page(cap.address(), PageSize::Small, mapping);
                self.objs[slot].cap = cap.with_mapping(None);
            }
        } else {
            return None;
        }
        Some(Arrival { thread: caller, badge: 0, info: 0, words: caller })
    }

    /// What a Map of `caller` changes; nothing when anything is unusual.
    #[inline(always)]
    fn fast_map(&self, caller: ObjRef<Tcb>, slot: SlotRef, cap: RawCap) -> Option<PageChange> {
        let thread = &self.objs[caller];
        let [address, rights, attributes] = [0, 1, 2].map(|index| thread.context.message_register(index));
        let vspace = self.fast_buffer(caller)?.read(&self.objs, cap_offset(0));
        let vspace = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(vspace)?;
        let vspace = self.objs[vspace].cap;
        let root = vspace.assigned_root().filter(|_| !self.has_lost_pools)?;
        let mapping = Mapping { address: VirtAddr(address), asid: vspace.asid()? };
        let is_good = match cap.mapping() {
            None => address <= USER_TOP - PAGE,
            Some(old) => old == mapping,
        };
        if !is_good || !address.is_multiple_of(PAGE) {
            return None;
        }
        let place = find_entry(&self.objs, root, address, Level::PageTable).ok()?;
        let access = mask_access(cap.page_access(), Rights(rights));
        let attributes = VmAttributes(attributes).pat_index();
        let entry = TableEntry::page(cap.address(), PageSize::Small, access, attributes);
        let cap = cap.with_mapping(Some(mapping));
        Some(PageChange { slot, cap, place, entry, root, address: VirtAddr(address) })
    }
}
