// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables below the top level, and the walk through them.

use arch::{Level, Machine, PhysAddr, TableEntry};

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::{ObjRef, Objects, Word};

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

/// The entry for `address` in the table of `level` below `root`, or the level of the first table that is missing.
#[inline]
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
        let entry = TableEntry(objs[ObjRef::<Word>::at(table).element(upper.index(address))].0);
        if !entry.is_table() {
            return Err(lower);
        }
        table = entry.address();
    }
    Ok(ObjRef::at(table).element(level.index(address)))
}

/// Levels from the top down, each with the next one.
const WALK: [(Level, Level); 3] = [
    (Level::Pml4, Level::Pdpt),
    (Level::Pdpt, Level::PageDirectory),
    (Level::PageDirectory, Level::PageTable),
];

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_table(
        &self,
        _slot: SlotRef,
        _cap: Cap,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_table(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }

    pub(crate) fn finalise_table(&mut self, _cap: Cap) {
        unimplemented!()
    }
}
