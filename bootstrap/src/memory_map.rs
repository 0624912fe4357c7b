// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loader's memory map, cut to addresses that the machine has.

use alloc::vec::Vec;
use core::fmt;

use memory_partition::OtherRange;
use skerry_system::MemoryRange;

use crate::pvh::MemoryEntry;

/// Type of usable memory in the loader's map.
const USABLE: u32 = 1;
/// Types of memory that firmware keeps its tables in.
const TABLES: [u32; 2] = [3, 4];

/// The map, by what can be done with the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryMap {
    /// Usable memory, in the order of the map.
    pub usable: Vec<MemoryRange>,
    /// Memory of another type.
    pub other: Vec<OtherRange>,
    /// Entries of which something was cut off.
    pub cut: Vec<Cut>,
}

/// An entry that reaches beyond the addresses of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The entry, as it is.
    pub entry: MemoryEntry,
    /// First address that is not used.
    pub from: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemoryEntry { start, length, kind } = self.entry;
        write!(
            f,
            "entry of type {kind} at {start:#x} with {length:#x} bytes reaches beyond the addresses of this machine: \
             cut at {:#x}",
            self.from
        )
    }
}

impl MemoryMap {
    /// Cuts the entries of a loader's map off at `top`.
    pub fn new(entries: &[MemoryEntry], top: u64) -> Self {
        let mut map = MemoryMap::default();
        for entry in entries {
            // An end that is no address any more is beyond the top, too.
            let end = entry.start.saturating_add(entry.length);
            if entry.length > 0 && end > top {
                map.cut.push(Cut { entry: *entry, from: top.max(entry.start) });
            }
            let range = MemoryRange::new(entry.start, end.min(top));
            match entry.kind {
                _ if range.is_empty() => {}
                USABLE => map.usable.push(range),
                kind => map.other.push(OtherRange { range, kind }),
            }
        }
        map
    }

    /// Everything that the boot may have to read: usable memory and firmware's tables.
    pub fn readable(&self) -> impl Iterator<Item = MemoryRange> {
        let tables = self.other.iter().filter(|other| TABLES.contains(&other.kind));
        self.usable.iter().copied().chain(tables.map(|other| other.range))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOP: u64 = 1 << 40;

    fn entry(start: u64, length: u64, kind: u32) -> MemoryEntry {
        MemoryEntry { start, length, kind }
    }

    #[test]
    fn entries_inside_are_kept_as_they_are() {
        let map = MemoryMap::new(&[entry(0, 0x9_fc00, 1), entry(TOP - 0x1000, 0x1000, 2)], TOP);
        assert_eq!(map.usable, [MemoryRange::new(0, 0x9_fc00)]);
        assert_eq!(map.other, [OtherRange { range: MemoryRange::new(TOP - 0x1000, TOP), kind: 2 }]);
        assert_eq!(map.cut, []);
    }

    #[test]
    fn entries_beyond_the_machine_are_cut_and_said() {
        let entries = [
            entry(1 << 52, 0x1000, 1),
            entry(0x10_0000, u64::MAX - 0xf_ffff, 1),
            entry(u64::MAX - 0xfff, 0x1000, 2),
            entry(u64::MAX, u64::MAX, 1),
        ];
        let map = MemoryMap::new(&entries, TOP);
        assert_eq!((map.usable, map.other), (vec![MemoryRange::new(0x10_0000, TOP)], vec![]));
        assert_eq!(map.cut.iter().map(|cut| cut.entry).collect::<Vec<_>>(), entries);
        assert!(map.cut[0].to_string().contains("at 0x10000000000000 with 0x1000 bytes"));
    }

    #[test]
    fn an_entry_of_no_length_is_nothing() {
        assert_eq!(MemoryMap::new(&[entry(1 << 60, 0, 1), entry(5, 0, 2)], TOP), MemoryMap::default());
    }

    proptest! {
        /// Any map: nothing that is used lies beyond the top or outside its entry, nothing is lost without being said.
        #[test]
        fn what_is_kept_and_what_is_cut_make_up_the_map(
            entries in proptest::collection::vec((any::<u64>(), any::<u64>(), 0..6u32), 0..20),
            top in prop_oneof![Just(1u64 << 36), Just(1 << 47), any::<u64>()],
        ) {
            let entries: Vec<_> = entries.into_iter().map(|(start, length, kind)| entry(start, length, kind)).collect();
            let map = MemoryMap::new(&entries, top);
            let kept = map.usable.iter().copied().chain(map.other.iter().map(|other| other.range));
            for range in kept {
                prop_assert!(!range.is_empty() && range.end <= top);
                prop_assert!(entries.iter().any(|entry| entry.start == range.start && range.size() <= entry.length));
            }
            for entry in entries.iter().filter(|entry| entry.length > 0) {
                let is_whole = entry.start.checked_add(entry.length).is_some_and(|end| end <= top);
                prop_assert_eq!(is_whole, !map.cut.iter().any(|cut| cut.entry == *entry));
            }
        }
    }
}
