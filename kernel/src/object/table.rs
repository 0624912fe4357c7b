// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables below the top level, and the walk through them.
//!
//! A table of a level hangs in an entry of the level above. The kernel never makes a table: users supply all of them,
//! so a walk that misses one tells which. Table and frame capabilities record where they were mapped; the entry there
//! may refer to something else by now, and is then left alone.

use abi::VmAttributes;
use abi::limits::USER_TOP;
use arch::table::{ENTRIES, WALK};
use arch::{Level, Machine, PhysAddr, TableEntry, VirtAddr};

use crate::Kernel;
use crate::args::Args;
use crate::cap::slot::SlotRef;
use crate::cap::{Cap, Mapping};
use crate::error::{LookupFailure, LookupSide, Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::{ObjRef, Objects, Word};
use crate::object::asid::Asid;
use crate::object::processor::table_labels;

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {
    /// Hangs a table into an address space.
    Map {
        /// Slot of the capability.
        slot: SlotRef,
        /// What it becomes.
        cap: Cap,
        /// Entry that is to refer to the table.
        place: ObjRef<Word>,
        /// Its new content.
        entry: TableEntry,
    },
    /// Takes a table out and clears it.
    Unmap {
        /// Slot of the capability.
        slot: SlotRef,
        /// The capability.
        cap: Cap,
    },
}

/// The entry for `address` in the table of `level` below `root`, or the level of the first table that is missing.
#[inline(always)]
pub(crate) fn find_entry(
    objs: &Objects,
    root: PhysAddr,
    address: u64,
    level: Level,
) -> Result<ObjRef<Word>, Level> {
    let mut table = root;
    for (upper, lower) in WALK {
        if upper == level {
            break;
        }
        let entry = TableEntry(objs[entries(table).element(upper.index(address))].0);
        if !entry.is_table() {
            return Err(lower);
        }
        table = entry.address();
    }
    Ok(entries(table).element(level.index(address)))
}

/// The entries of a page table.
#[allow(unsafe_code)]
#[inline]
pub(crate) const fn entries(table: PhysAddr) -> ObjRef<Word> {
    // SAFETY: TYPED: the addresses of tables come from capabilities and from entries that the kernel wrote.
    unsafe { ObjRef::at(table) }
}

/// The answer to a Map whose walk misses a table of `level`.
pub(crate) const fn missing_table(level: Level) -> SyscallError {
    let failure = LookupFailure::MissingCapability { bits_left: level.span_bits() as u64 };
    SyscallError::FailedLookup(LookupSide::Target, failure)
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_table(
        &self,
        slot: SlotRef,
        cap: Cap,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let Cap::Table { level, .. } = cap else { return Err(SyscallError::InvalidCapability(0)) };
        let (map, unmap) = table_labels(level);
        if args.label() == Some(unmap) {
            return if self.is_final(slot) {
                Ok(Invocation::Unmap { slot, cap })
            } else {
                Err(SyscallError::RevokeFirst)
            };
        }
        if args.label() != Some(map) {
            return Err(SyscallError::IllegalOperation);
        }
        self.decode_map_table(slot, cap, args)
    }

    fn decode_map_table(&self, slot: SlotRef, cap: Cap, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        args.require(2, 1)?;
        let mut words = args.words();
        let (address, attributes) = (words.take(), VmAttributes(words.take()));
        let Cap::Table { table, level, mapping: None } = cap else {
            return Err(SyscallError::InvalidCapability(0));
        };
        let (root, asid) = self.vspace_argument(args)?;
        let address = address >> level.span_bits() << level.span_bits();
        if address > USER_TOP {
            return Err(SyscallError::InvalidArgument(0));
        }
        self.check_vspace(root, asid, 1)?;
        let parent = level.parent().unwrap_or(Level::TOP);
        let place = find_entry(&self.objs, root, address, parent).map_err(missing_table)?;
        if TableEntry(self.objs[place].0).is_present() {
            return Err(SyscallError::DeleteFirst);
        }
        let mapping = Some(Mapping { address: VirtAddr(address), asid });
        Ok(Invocation::Map {
            slot,
            cap: Cap::Table { table, level, mapping },
            place,
            entry: TableEntry::user_table(table, attributes.table_index()),
        })
    }

    /// Extra capability 0 as an address space that has a number.
    pub(crate) fn vspace_argument(&self, args: &Args<'_>) -> Result<(PhysAddr, Asid), SyscallError> {
        match self.objs[args.cap(0)?].cap.unpack() {
            Cap::VSpace { root, asid: Some(asid) } => Ok((root, asid)),
            _ => Err(SyscallError::InvalidCapability(1)),
        }
    }

    pub(crate) fn execute_table(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            // The processor keeps nothing of entries that were not present: nothing is to be forgotten. But a walk
            // must not get into the table before what is in it.
            Invocation::Map { slot, cap, place, entry } => {
                self.machine.publish_tables();
                self.objs[place].0 = entry.0;
                self.machine.publish_tables();
                self.objs[slot].cap = cap.pack();
            }
            Invocation::Unmap { slot, cap } => {
                if let Cap::Table { table, level, mapping: Some(_) } = cap {
                    self.finalise_table(cap);
                    self.objs.clear(table, ENTRIES);
                    self.objs[slot].cap = Cap::Table { table, level, mapping: None }.pack();
                }
            }
        }
        Ok(Reply::Done)
    }

    /// Takes a table out of its address space; the pages below are not mapped any more.
    pub(crate) fn finalise_table(&mut self, cap: Cap) {
        let Cap::Table { table, level, mapping: Some(Mapping { address, asid }) } = cap else { return };
        let Some(root) = self.lookup_vspace(asid) else { return };
        let parent = level.parent().unwrap_or(Level::TOP);
        let Ok(place) = find_entry(&self.objs, root, address.0, parent) else { return };
        let entry = TableEntry(self.objs[place].0);
        if entry.is_table() && entry.address() == table {
            self.objs[place].0 = TableEntry::EMPTY.0;
            self.machine.invalidate_all(self.space(root));
        }
    }
}

#[cfg(test)]
mod tests;
