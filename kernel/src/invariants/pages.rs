// SPDX-License-Identifier: MIT OR Apache-2.0
//! Address spaces: page tables lead nowhere but to tables and frames that capabilities say are mapped there.

use arch::table::{ENTRIES, USER_ENTRIES};
use arch::{Level, Machine, PhysAddr, TableEntry};

use super::census::{Census, Kind};
use crate::Kernel;
use crate::memory::objects::{ObjRef, Word};
use crate::object::asid::Asid;

/// A table on the way down.
struct Step {
    table: PhysAddr,
    level: Level,
    address: u64,
}

impl<M: Machine> Kernel<M> {
    /// Walks every registered address space.
    pub(super) fn check_pages(&self, census: &Census) {
        for (number, pool) in self.asids.iter().enumerate() {
            let Some(pool) = *pool else { continue };
            census.check_names(Some(pool), Kind::AsidPool, "the ASID table");
            for (index, &root) in self.objs[pool].roots.iter().enumerate().filter(|&(_, &root)| root != 0) {
                let asid = Asid((number * self.objs[pool].roots.len() + index) as u16);
                census.check_names(
                    (root != 0).then(|| ObjRef::<Word>::on_host(PhysAddr(root))),
                    Kind::VSpace,
                    "an ASID pool",
                );
                let root = Step { table: PhysAddr(root), level: Level::TOP, address: 0 };
                self.check_table(census, asid, root);
            }
        }
    }

    fn check_table(&self, census: &Census, asid: Asid, root: Step) {
        let mut pending = vec![root];
        while let Some(Step { table, level, address }) = pending.pop() {
            let entries = if level == Level::TOP { USER_ENTRIES } else { ENTRIES };
            let span = level.entry_bits();
            for index in 0..entries {
                let entry = TableEntry(self.objs[ObjRef::<Word>::on_host(table).element(index)].0);
                let address = address + ((index as u64) << span);
                if !entry.is_present() {
                    continue;
                }
                match level.child() {
                    Some(level) if entry.is_table() => {
                        let lower: ObjRef<Word> = ObjRef::on_host(entry.address());
                        census.check_names(Some(lower), Kind::Table(level), "a page table");
                        pending.push(Step { table: entry.address(), level, address });
                    }
                    _ => check_leaf(census, asid, address, entry, level),
                }
            }
        }
    }
}

/// A page is mapped only where the capability to its frame says so.
fn check_leaf(census: &Census, asid: Asid, address: u64, entry: TableEntry, level: Level) {
    let size = level.page_size().expect("an entry of the top level is absent or refers to a table");
    let base = entry.page_address(size).0;
    assert!(
        census.mappings.contains(&(asid.0, address, base)),
        "TYPED: {address:#x} of {asid:?} maps {base:#x} and no capability says so"
    );
}
