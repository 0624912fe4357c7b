// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames: Map, Unmap, GetAddress.
//!
//! A capability records one mapping. Mapping over another page displaces it silently: the displaced capability still
//! believes in its mapping, and taking that back later does nothing, because the entry refers to another frame.

use abi::limits::USER_TOP;
use abi::{Label, Rights, VmAttributes};
use arch::{Machine, PageSize, PhysAddr, TableEntry, VirtAddr};

use crate::Kernel;
use crate::args::Args;
use crate::cap::derive::mask_access;
use crate::cap::raw::RawCap;
use crate::cap::slot::SlotRef;
use crate::cap::{Cap, Mapping};
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::{ObjRef, Word};
use crate::object::asid::Asid;
use crate::object::table::{find_entry, missing_table};

/// What mapping a frame changes.
#[derive(Clone, Copy, Debug)]
pub struct PageChange {
    /// Slot of the capability.
    pub(crate) slot: SlotRef,
    /// What it becomes.
    pub(crate) cap: RawCap,
    /// Entry that is to refer to the frame.
    pub(crate) place: ObjRef<Word>,
    /// Its new content.
    pub(crate) entry: TableEntry,
    /// Top-level table of the address space.
    pub(crate) root: PhysAddr,
    /// Where the mapping is.
    pub(crate) address: VirtAddr,
}

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {
    /// Maps a frame, or changes the rights or attributes of its mapping.
    Map(PageChange),
    /// Takes the mapping away.
    Unmap {
        /// Slot of the capability.
        slot: SlotRef,
        /// The capability.
        cap: Cap,
    },
    /// Tells the physical address.
    GetAddress {
        /// That address.
        base: PhysAddr,
        /// Whether it came with what Map takes: a program of another configuration means that by the same label.
        is_odd: bool,
    },
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_frame(
        &self,
        slot: SlotRef,
        cap: Cap,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let Cap::Frame { base, .. } = cap else { return Err(SyscallError::InvalidCapability(0)) };
        match args.label() {
            Some(Label::PageMap) => self.decode_map_frame(slot, cap, args),
            Some(Label::PageUnmap) => Ok(Invocation::Unmap { slot, cap }),
            Some(Label::PageGetAddress) => {
                Ok(Invocation::GetAddress { base, is_odd: args.require(3, 1).is_ok() })
            }
            // Mapped, no 4 KiB frame, or E0 no IO space: without IO spaces one error serves all.
            Some(Label::PageMapIo) => {
                args.require(2, 1)?;
                Err(SyscallError::InvalidCapability(0))
            }
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    fn decode_map_frame(&self, slot: SlotRef, cap: Cap, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(3, 1)?;
        let mut words = args.words();
        let (address, rights, attributes) = (words.take(), Rights(words.take()), VmAttributes(words.take()));
        let (root, asid) = self.vspace_argument(args)?;
        let Cap::Frame { base, size, access, is_device, mapping } = cap else {
            return Err(SyscallError::InvalidCapability(0));
        };
        check_place(mapping, asid, address, size)?;
        self.check_vspace(root, asid, 1)?;
        if !address.is_multiple_of(1 << size.bits()) {
            return Err(SyscallError::AlignmentError);
        }
        let place = find_entry(&self.objs, root, address, size.level()).map_err(missing_table)?;
        if size != PageSize::Small && TableEntry(self.objs[place].0).is_table() {
            return Err(SyscallError::DeleteFirst);
        }
        let address = VirtAddr(address);
        let mapping = Some(Mapping { address, asid });
        let entry = TableEntry::page(base, size, mask_access(access, rights), attributes.pat_index());
        let cap = Cap::Frame { base, size, access, is_device, mapping }.pack();
        Ok(Invocation::Map(PageChange { slot, cap, place, entry, root, address }))
    }

    pub(crate) fn execute_frame(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::Map(change) => {
                self.map_page(change);
                Ok(Reply::Done)
            }
            Invocation::Unmap { slot, cap } => {
                if let Cap::Frame { base, size, access, is_device, mapping: Some(_) } = cap {
                    self.finalise_frame(cap);
                    self.objs[slot].cap = Cap::Frame { base, size, access, is_device, mapping: None }.pack();
                }
                Ok(Reply::Done)
            }
            Invocation::GetAddress { base, is_odd } => {
                self.has_odd_label |= is_odd;
                Ok(Reply::Word(base.0))
            }
        }
    }

    /// Changes entry and capability.
    #[inline(always)]
    pub(crate) fn map_page(&mut self, change: PageChange) {
        let PageChange { slot, cap, place, entry, root, address } = change;
        let was_present = TableEntry(self.objs[place].0).is_present();
        self.objs[place].0 = entry.0;
        self.objs[slot].cap = cap;
        // The processor keeps nothing of entries that were not present.
        if !was_present {
            self.machine.publish_tables();
        } else {
            self.machine.invalidate_page(self.space(root), address);
        }
    }

    /// Takes away the mapping of a frame capability, which is about to go or to forget it.
    pub(crate) fn finalise_frame(&mut self, cap: Cap) {
        if let Cap::Frame { base, size, mapping: Some(mapping), .. } = cap {
            self.unmap_page(base, size, mapping);
        }
    }

    /// Takes away a mapping that a capability records, unless another frame has displaced it.
    #[inline(always)]
    pub(crate) fn unmap_page(&mut self, base: PhysAddr, size: PageSize, Mapping { address, asid }: Mapping) {
        let Some(root) = self.lookup_vspace(asid) else { return };
        let Ok(place) = find_entry(&self.objs, root, address.0, size.level()) else { return };
        if maps(TableEntry(self.objs[place].0), base, size) {
            self.objs[place].0 = TableEntry::EMPTY.0;
            self.machine.invalidate_page(self.space(root), address);
        }
    }
}

/// A mapped frame stays where it is; another one goes to user addresses.
fn check_place(
    mapping: Option<Mapping>,
    asid: Asid,
    address: u64,
    size: PageSize,
) -> Result<(), SyscallError> {
    match mapping {
        Some(mapping) if mapping.asid != asid => Err(SyscallError::InvalidCapability(1)),
        Some(mapping) if mapping.address.0 != address => Err(SyscallError::InvalidArgument(0)),
        Some(_) => Ok(()),
        None => match address.checked_add(1 << size.bits()) {
            Some(end) if end <= USER_TOP => Ok(()),
            _ => Err(SyscallError::InvalidArgument(0)),
        },
    }
}

/// Whether `entry` refers to this very frame.
pub(crate) fn maps(entry: TableEntry, base: PhysAddr, size: PageSize) -> bool {
    let is_mapped = if size == PageSize::Small { entry.is_present() } else { entry.is_page() };
    is_mapped && entry.page_address(size) == base
}

#[cfg(test)]
mod tests;
