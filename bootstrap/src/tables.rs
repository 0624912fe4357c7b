// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the kernel half of an instance's page tables.
//!
//! Pure: table memory is reached through [`PhysicalMemory`], so tests build tables in a map.

mod format;

use skerry_system::MemoryRange;

pub use format::{Format, LARGE_PAGE};

use crate::carver::{Carver, ReserveExhausted};
use crate::program::PAGE;

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

/// The tables of one instance under construction.
pub struct Tables<'a, M: PhysicalMemory> {
    memory: &'a mut M,
    carver: &'a mut Carver,
    format: &'static Format,
    root: u64,
}

impl<'a, M: PhysicalMemory> Tables<'a, M> {
    /// An empty top-level table.
    pub fn new(
        memory: &'a mut M,
        carver: &'a mut Carver,
        format: &'static Format,
    ) -> Result<Self, ReserveExhausted> {
        let root = new_table(memory, carver)?;
        Ok(Tables { memory, carver, format, root })
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

    /// The tables a core comes in by: the kernel half with the lower half of `low_root`. Where the kernel half has a
    /// tree of its own, that is all.
    pub fn entry_root(&mut self, low_root: u64) -> Result<u64, ReserveExhausted> {
        if self.format.is_split {
            return Ok(self.root);
        }
        let copy = new_table(self.memory, self.carver)?;
        for index in 0..self.format.top_entries {
            let source = if index < self.format.first_kernel_entry { low_root } else { self.root };
            let entry = self.memory.read(source + index * 8);
            self.memory.write(copy + index * 8, entry);
        }
        Ok(copy)
    }

    /// The top-level table of a thread without user addresses: the kernel half, or where that has a tree of its own an
    /// empty table.
    pub fn idle_root(&mut self) -> Result<u64, ReserveExhausted> {
        if self.format.is_split { new_table(self.memory, self.carver) } else { Ok(self.root) }
    }

    fn map_page(
        &mut self,
        address: u64,
        frame: u64,
        size: u64,
        access: Access,
    ) -> Result<(), ReserveExhausted> {
        let last_shift = size.ilog2();
        let mut table = self.root;
        let mut shift = self.format.top_shift;
        while shift > last_shift {
            table = self.table_below(self.format.entry_address(table, address, shift))?;
            shift -= 9;
        }
        let entry = self.format.page_entry(frame, size, access);
        self.memory.write(self.format.entry_address(table, address, shift), entry);
        Ok(())
    }

    /// The table that the entry refers to; a new one where there is none. Rights are those of the leaf.
    fn table_below(&mut self, entry: u64) -> Result<u64, ReserveExhausted> {
        if !self.format.is_present(self.memory.read(entry)) {
            let table = new_table(self.memory, self.carver)?;
            self.memory.write(entry, self.format.table_entry(table));
        }
        Ok(self.memory.read(entry) & self.format.address)
    }
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
        for format in [&Format::X86_64, &Format::AARCH32] {
            let (mut memory, mut carver) = (Sparse::default(), Carver::new(reserve()));
            let mut tables = Tables::new(&mut memory, &mut carver, format).expect("room");
            let range = MemoryRange::new(0x401f_f000, 0x4060_1000);
            tables.map(format.window_base + range.start, range, Access::ReadWrite).expect("room");
            let leaves = |size: u64| {
                let entry = format.page_entry(0, size, Access::ReadWrite);
                memory.0.values().filter(|found| **found & !format.address == entry).count()
            };
            assert_eq!((leaves(LARGE_PAGE), leaves(PAGE)), (2, 2));
        }
    }

    #[test]
    fn a_full_reserve_ends_the_mapping_with_an_error() {
        let (mut memory, mut carver) = (Sparse::default(), Carver::new(MemoryRange::new(0x1000, 0x3000)));
        let mut tables = Tables::new(&mut memory, &mut carver, &Format::X86_64).expect("room for the root");
        let refused = tables.map(0, MemoryRange::new(0, PAGE), Access::Read);
        assert_eq!(refused.map_err(|error| error.wanted), Err(PAGE));
    }

    #[test]
    fn the_boot_tables_join_the_own_kernel_half_and_the_given_lower_half() {
        let (mut memory, mut carver) = (Sparse::default(), Carver::new(reserve()));
        memory.write(0x5000, 0xabc);
        memory.write(0x5000 + 256 * 8, 0xdef);
        let mut tables = Tables::new(&mut memory, &mut carver, &Format::X86_64).expect("room");
        tables.map(0xffff_8000_0000_0000, MemoryRange::new(0, PAGE), Access::Read).expect("room");
        let root = tables.root();
        assert_eq!(tables.idle_root(), Ok(root));
        let boot_root = tables.entry_root(0x5000).expect("room");
        assert_eq!(memory.read(boot_root), 0xabc);
        assert_eq!(memory.read(boot_root + 256 * 8), memory.read(root + 256 * 8));
    }

    #[test]
    fn a_kernel_half_with_a_tree_of_its_own_is_entered_by_it_and_the_idle_thread_has_an_empty_one() {
        let (mut memory, mut carver) = (Sparse::default(), Carver::new(reserve()));
        let mut tables = Tables::new(&mut memory, &mut carver, &Format::AARCH32).expect("room");
        tables.map(0xf000_0000, MemoryRange::new(0, PAGE), Access::Read).expect("room");
        let root = tables.root();
        assert_eq!(tables.entry_root(0x5000), Ok(root));
        let idle = tables.idle_root().expect("room");
        assert!((0..512).all(|index| memory.read(idle + index * 8) == 0));
        assert_ne!(memory.read(root + 8), 0, "the upper of two entries");
    }
}
