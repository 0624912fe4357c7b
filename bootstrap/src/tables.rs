// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the kernel half of an instance's page tables.
//!
//! Pure: table memory is reached through [`PhysicalMemory`], so tests build tables in a map.

use memory_partition::MemoryRange;

use crate::carver::{Carver, ReserveExhausted};
use crate::program::PAGE;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const UNCACHED: u64 = 0b11 << 3;
const LARGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const LARGE_PAGE: u64 = 1 << 21;

/// Physical memory, word by word.
pub trait PhysicalMemory {
    /// The word at `address`, a multiple of eight.
    fn read(&self, address: u64) -> u64;
    /// Stores a word at `address`, a multiple of eight.
    fn write(&mut self, address: u64, value: u64);
}

/// What the kernel may do with a page. There is no way to ask for writable and executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Text.
    ReadExecute,
    /// Constants.
    Read,
    /// Data and the window.
    ReadWrite,
    /// Device registers: uncached.
    Device,
}

impl Access {
    fn bits(self) -> u64 {
        match self {
            Self::ReadExecute => 0,
            Self::Read => NO_EXECUTE,
            Self::ReadWrite => NO_EXECUTE | WRITABLE,
            Self::Device => NO_EXECUTE | WRITABLE | UNCACHED,
        }
    }
}

/// The tables of one instance under construction.
pub struct Tables<'a, M: PhysicalMemory> {
    memory: &'a mut M,
    carver: &'a mut Carver,
    root: u64,
}

impl<'a, M: PhysicalMemory> Tables<'a, M> {
    /// An empty top-level table.
    pub fn new(memory: &'a mut M, carver: &'a mut Carver) -> Result<Self, ReserveExhausted> {
        let root = new_table(memory, carver)?;
        Ok(Tables { memory, carver, root })
    }

    /// Physical address of the top-level table.
    pub fn root(&self) -> u64 {
        self.root
    }

    /// Maps `range` at `address`, in large pages where both are aligned. Both start and end at pages.
    pub fn map(&mut self, address: u64, range: MemoryRange, access: Access) -> Result<(), ReserveExhausted> {
        let mut offset = 0;
        while offset < range.size() {
            let (to, from) = (address + offset, range.start + offset);
            let is_large = (to | from) % LARGE_PAGE == 0 && range.size() - offset >= LARGE_PAGE;
            let size = if is_large { LARGE_PAGE } else { PAGE };
            self.map_page(to, from, size, access)?;
            offset += size;
        }
        Ok(())
    }

    /// A copy of the top-level table with entry 0 taken from `low_root`: the tables a core comes in by.
    pub fn with_low_half(&mut self, low_root: u64) -> Result<u64, ReserveExhausted> {
        let copy = new_table(self.memory, self.carver)?;
        for index in 0..512 {
            let source = if index < 256 { low_root } else { self.root };
            let entry = self.memory.read(source + index * 8);
            self.memory.write(copy + index * 8, entry);
        }
        Ok(copy)
    }

    fn map_page(
        &mut self,
        address: u64,
        frame: u64,
        size: u64,
        access: Access,
    ) -> Result<(), ReserveExhausted> {
        let last_shift = if size == LARGE_PAGE { 21 } else { 12 };
        let mut table = self.root;
        let mut shift = 39;
        while shift > last_shift {
            table = self.table_below(entry_address(table, address, shift))?;
            shift -= 9;
        }
        let large = if size == LARGE_PAGE { LARGE } else { 0 };
        let entry = frame | access.bits() | large | GLOBAL | PRESENT;
        self.memory.write(entry_address(table, address, shift), entry);
        Ok(())
    }

    /// The table that the entry refers to; a new one where there is none. Rights are those of the leaf.
    fn table_below(&mut self, entry: u64) -> Result<u64, ReserveExhausted> {
        if self.memory.read(entry) & PRESENT == 0 {
            let table = new_table(self.memory, self.carver)?;
            self.memory.write(entry, table | WRITABLE | PRESENT);
        }
        Ok(self.memory.read(entry) & ADDRESS)
    }
}

fn entry_address(table: u64, address: u64, shift: u32) -> u64 {
    table + (address >> shift & 0x1ff) * 8
}

fn new_table<M: PhysicalMemory>(memory: &mut M, carver: &mut Carver) -> Result<u64, ReserveExhausted> {
    let table = carver.pages(1)?.start;
    (0..512).for_each(|index| memory.write(table + index * 8, 0));
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sparse;

    fn reserve() -> MemoryRange {
        MemoryRange::new(0x10_0000, 0x12_0000)
    }

    #[test]
    fn large_pages_are_used_where_both_addresses_are_aligned() {
        let (mut memory, mut carver) = (Sparse::default(), Carver::new(reserve()));
        let mut tables = Tables::new(&mut memory, &mut carver).expect("room");
        let range = MemoryRange::new(0x1f_f000, 0x60_1000);
        tables.map(0xffff_8000_001f_f000, range, Access::ReadWrite).expect("room");
        let leaves = |bit: u64| move |entry: &&u64| **entry & (GLOBAL | LARGE) == GLOBAL | bit;
        assert_eq!(memory.0.values().filter(leaves(LARGE)).count(), 2);
        assert_eq!(memory.0.values().filter(leaves(0)).count(), 2);
    }

    #[test]
    fn only_text_is_executable_and_it_is_never_writable() {
        for (access, writable, executable) in [
            (Access::ReadExecute, false, true),
            (Access::Read, false, false),
            (Access::ReadWrite, true, false),
            (Access::Device, true, false),
        ] {
            assert_eq!(access.bits() & WRITABLE != 0, writable, "{access:?}");
            assert_eq!(access.bits() & NO_EXECUTE == 0, executable, "{access:?}");
        }
    }

    #[test]
    fn a_full_reserve_ends_the_mapping_with_an_error() {
        let (mut memory, mut carver) = (Sparse::default(), Carver::new(MemoryRange::new(0x1000, 0x3000)));
        let mut tables = Tables::new(&mut memory, &mut carver).expect("room for the root");
        let refused = tables.map(0, MemoryRange::new(0, PAGE), Access::Read);
        assert_eq!(refused.map_err(|error| error.wanted), Err(PAGE));
    }

    #[test]
    fn the_boot_tables_join_the_own_kernel_half_and_the_given_lower_half() {
        let (mut memory, mut carver) = (Sparse::default(), Carver::new(reserve()));
        memory.write(0x5000, 0xabc);
        memory.write(0x5000 + 256 * 8, 0xdef);
        let mut tables = Tables::new(&mut memory, &mut carver).expect("room");
        tables.map(0xffff_8000_0000_0000, MemoryRange::new(0, PAGE), Access::Read).expect("room");
        let root = tables.root();
        let boot_root = tables.with_low_half(0x5000).expect("room");
        assert_eq!(memory.read(boot_root), 0xabc);
        assert_eq!(memory.read(boot_root + 256 * 8), memory.read(root + 256 * 8));
    }
}
