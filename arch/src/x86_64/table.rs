// SPDX-License-Identifier: MIT OR Apache-2.0
//! Four-level page tables (SDM vol. 3, 4.5).
//!
//! ```text
//!  47      39 38      30 29      21 20      12 11        0
//! +----------+----------+----------+----------+-----------+
//! |   PML4   |   PDPT   |    PD    |    PT    |  offset   |
//! +----------+----------+----------+----------+-----------+
//! ```

use core::ops::Range;

use crate::PhysAddr;

/// Entries of one table.
pub const ENTRIES: usize = 512;
/// Size of the user half of the top-level table, in entries.
pub const USER_ENTRIES: usize = 256;
/// Entries of every top-level table that are the kernel's.
pub const KERNEL_ENTRIES: Range<usize> = USER_ENTRIES..ENTRIES;
/// Each level with the one below, from the top down.
pub const WALK: [(Level, Level); 3] = [
    (Level::Pml4, Level::Pdpt),
    (Level::Pdpt, Level::PageDirectory),
    (Level::PageDirectory, Level::PageTable),
];

/// The levels of the tree, from the leaves up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Page table: maps 4 KiB pages.
    PageTable,
    /// Page directory: maps page tables and 2 MiB pages.
    PageDirectory,
    /// Page-directory-pointer table: maps page directories and 1 GiB pages.
    Pdpt,
    /// Top level.
    Pml4,
}

impl Level {
    /// The level at which an address space begins.
    pub const TOP: Self = Self::Pml4;
    /// The levels below, in the order in which a walk meets them.
    pub const LOWER: [Self; 3] = [Self::Pdpt, Self::PageDirectory, Self::PageTable];

    /// The level below the top with this number, which is that of the enumeration.
    #[inline]
    pub const fn from_word(word: u64) -> Self {
        match word {
            0 => Self::PageTable,
            1 => Self::PageDirectory,
            _ => Self::Pdpt,
        }
    }

    /// Address bits below the index of this level: an entry spans `1 << entry_bits` bytes.
    #[inline]
    pub const fn entry_bits(self) -> u32 {
        match self {
            Self::PageTable => 12,
            Self::PageDirectory => 21,
            Self::Pdpt => 30,
            Self::Pml4 => 39,
        }
    }

    /// Address bits that one whole table of this level spans.
    #[inline]
    pub const fn span_bits(self) -> u32 {
        self.entry_bits() + 9
    }

    /// The level whose entries refer to tables of this one.
    #[inline]
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::PageTable => Some(Self::PageDirectory),
            Self::PageDirectory => Some(Self::Pdpt),
            Self::Pdpt => Some(Self::Pml4),
            Self::Pml4 => None,
        }
    }

    /// The level of the tables that entries of this one refer to.
    #[inline]
    pub const fn child(self) -> Option<Self> {
        match self {
            Self::PageTable => None,
            Self::PageDirectory => Some(Self::PageTable),
            Self::Pdpt => Some(Self::PageDirectory),
            Self::Pml4 => Some(Self::Pdpt),
        }
    }

    /// The pages that entries of this level can map.
    #[inline]
    pub const fn page_size(self) -> Option<PageSize> {
        match self {
            Self::PageTable => Some(PageSize::Small),
            Self::PageDirectory => Some(PageSize::Large),
            Self::Pdpt => Some(PageSize::Huge),
            Self::Pml4 => None,
        }
    }

    /// Index of the entry for `address` in a table of this level.
    #[inline]
    pub const fn index(self, address: u64) -> usize {
        (address >> self.entry_bits()) as usize & (ENTRIES - 1)
    }
}

/// Sizes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PageSize {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Large,
    /// 1 GiB, where the CPU has it (CPUID 0x80000001 EDX bit 26).
    Huge,
}

impl PageSize {
    /// Log2 of the size in bytes.
    #[inline]
    pub const fn bits(self) -> u32 {
        self.level().entry_bits()
    }

    /// The level of the table that maps pages of this size.
    #[inline]
    pub const fn level(self) -> Level {
        match self {
            Self::Small => Level::PageTable,
            Self::Large => Level::PageDirectory,
            Self::Huge => Level::Pdpt,
        }
    }
}

/// One 64-bit entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct TableEntry(pub u64);

impl TableEntry {
    /// P: the entry is valid.
    pub const PRESENT: u64 = 1;
    /// R/W: writes are allowed.
    pub const WRITABLE: u64 = 1 << 1;
    /// U/S: user accesses are allowed.
    pub const USER: u64 = 1 << 2;
    /// PWT: first bit of the memory type.
    pub const WRITE_THROUGH: u64 = 1 << 3;
    /// PCD: second bit of the memory type.
    pub const CACHE_DISABLE: u64 = 1 << 4;
    /// PS: the entry maps a page rather than a table (PDPT and PD).
    pub const PAGE: u64 = 1 << 7;
    /// G: the translation survives a change of CR3.
    pub const GLOBAL: u64 = 1 << 8;
    /// XD: instruction fetches are refused.
    pub const NO_EXECUTE: u64 = 1 << 63;
    const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
    /// PAT bit of a 4 KiB page: third bit of the memory type.
    const PAT_SMALL: u64 = 1 << 7;
    /// PAT bit of a large page.
    const PAT_LARGE: u64 = 1 << 12;
    const ATTRIBUTE_PAT: u64 = 1 << 2;

    /// No mapping.
    pub const EMPTY: Self = Self(0);

    /// Whether the entry is valid.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & Self::PRESENT != 0
    }

    /// Whether the entry, in a PDPT or PD, maps a page.
    #[inline]
    pub const fn is_page(self) -> bool {
        self.is_present() && self.0 & Self::PAGE != 0
    }

    /// Whether the entry, above the last level, refers to a table.
    #[inline]
    pub const fn is_table(self) -> bool {
        self.is_present() && self.0 & Self::PAGE == 0
    }

    /// The table or small page referred to.
    #[inline]
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 & Self::ADDRESS)
    }

    /// The page of `size` referred to.
    #[inline]
    pub const fn page_address(self, size: PageSize) -> PhysAddr {
        PhysAddr(self.0 & Self::ADDRESS & !((1 << size.bits()) - 1))
    }

    /// Entry for a lower table; `attributes` as in the Map invocations (bit 0 PWT, bit 1 PCD).
    #[inline]
    pub const fn user_table(table: PhysAddr, attributes: u64) -> Self {
        Self(table.0 | Self::PRESENT | Self::WRITABLE | Self::USER | Self::cache_bits(attributes))
    }

    /// Entry for a page; `attributes` as in Page Map (bit 0 PWT, bit 1 PCD, bit 2 PAT, the latter not for 1 GiB).
    #[inline]
    pub const fn page(frame: PhysAddr, size: PageSize, access: PageAccess, attributes: u64) -> Self {
        let pat = match size {
            PageSize::Huge => 0,
            _ if attributes & Self::ATTRIBUTE_PAT == 0 => 0,
            PageSize::Large => Self::PAT_LARGE,
            PageSize::Small => Self::PAT_SMALL,
        };
        let size_bit = if matches!(size, PageSize::Small) { 0 } else { Self::PAGE };
        let access = match access {
            PageAccess::KernelOnly => 0,
            PageAccess::ReadOnly => Self::USER,
            PageAccess::ReadWrite => Self::USER | Self::WRITABLE,
        };
        Self(frame.0 | Self::PRESENT | access | pat | size_bit | Self::cache_bits(attributes))
    }

    const fn cache_bits(attributes: u64) -> u64 {
        (attributes & 3) << 3
    }
}

/// What user code may do with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageAccess {
    /// Nothing: every access faults.
    KernelOnly,
    /// Read and execute.
    ReadOnly,
    /// Read, write and execute.
    ReadWrite,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_follow_the_address_layout() {
        let address = 0x0000_7fab_cdef_1234;
        assert_eq!(Level::Pml4.index(address), (address >> 39) as usize & 511);
        assert_eq!(Level::PageTable.index(address), (address >> 12) as usize & 511);
        assert_eq!(Level::PageTable.span_bits(), 21);
    }

    #[test]
    fn the_pat_bit_moves_with_the_page_size_and_is_dropped_for_huge_pages() {
        let entry = |size| TableEntry::page(PhysAddr(0x4000_0000), size, PageAccess::ReadOnly, 4).0;
        assert_eq!(entry(PageSize::Small) & 0x1fff, 0x85);
        assert_eq!(entry(PageSize::Large) & 0x1fff, 0x1085);
        assert_eq!(entry(PageSize::Huge) & 0x1fff, 0x85);
    }

    #[test]
    fn access_and_attributes_are_at_their_bits() {
        let page =
            |size, access, attributes| TableEntry::page(PhysAddr(0x4000_0000), size, access, attributes).0;
        let flags = |access| page(PageSize::Small, access, 0) & 0xfff;
        assert_eq!(flags(PageAccess::ReadWrite), 7);
        assert_eq!(flags(PageAccess::ReadOnly), 5);
        assert_eq!(flags(PageAccess::KernelOnly), 1);
        let all = |size| page(size, PageAccess::ReadWrite, 7) - 0x4000_0000;
        assert_eq!([PageSize::Small, PageSize::Large, PageSize::Huge].map(all), [0x9f, 0x109f, 0x9f]);
        assert_eq!(TableEntry::user_table(PhysAddr(0x5000), 3).0, 0x501f);
    }

    #[test]
    fn what_tables_span_is_what_a_walk_reports_as_missing() {
        use abi::sizes::{PAGE_DIRECTORY_SPAN_BITS, PAGE_TABLE_SPAN_BITS, PDPT_SPAN_BITS};
        let spans = Level::LOWER.map(Level::span_bits);
        assert_eq!(spans, [PDPT_SPAN_BITS, PAGE_DIRECTORY_SPAN_BITS, PAGE_TABLE_SPAN_BITS]);
        assert_eq!(spans, [39, 30, 21]);
    }
}
