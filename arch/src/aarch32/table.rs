// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables of the long-descriptor format, three levels (ARM ARM DDI 0406, B3.6).
//!
//! ```text
//!  31  30 29        21 20        12 11        0
//! +------+------------+------------+-----------+
//! | top  | directory  |   table    |  offset   |
//! +------+------------+------------+-----------+
//! ```
//!
//! Users have TTBR0 and the addresses below 2 GiB, so two entries of their top-level table count. The kernel is in
//! the tables of TTBR1, which the boot core made: no user table contains anything of it.

use core::ops::Range;

use crate::PhysAddr;

/// Entries of one table.
pub const ENTRIES: usize = 512;
/// Entries of the top-level table that the processor looks at for user addresses.
pub const USER_ENTRIES: usize = 2;
/// Entries of a user's top-level table that are the kernel's: none.
pub const KERNEL_ENTRIES: Range<usize> = 0..0;
/// Each level with the one below, from the top down.
pub const WALK: [(Level, Level); 2] =
    [(Level::Top, Level::PageDirectory), (Level::PageDirectory, Level::PageTable)];

/// The levels of the tree, from the leaves up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Page table: maps 4 KiB pages. The manual's third level.
    PageTable,
    /// Page directory: maps page tables and 2 MiB pages. The manual's second level.
    PageDirectory,
    /// Top level: maps page directories and 1 GiB pages. The manual's first level.
    Top,
}

impl Level {
    /// The level at which an address space begins.
    pub const TOP: Self = Self::Top;
    /// The levels below, in the order in which a walk meets them.
    pub const LOWER: [Self; 2] = [Self::PageDirectory, Self::PageTable];

    /// The level below the top with this number, which is that of the enumeration.
    #[inline]
    pub const fn from_word(word: u64) -> Self {
        match word {
            0 => Self::PageTable,
            _ => Self::PageDirectory,
        }
    }

    /// Address bits below the index of this level: an entry spans `1 << entry_bits` bytes.
    #[inline]
    pub const fn entry_bits(self) -> u32 {
        match self {
            Self::PageTable => 12,
            Self::PageDirectory => 21,
            Self::Top => 30,
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
            Self::PageDirectory => Some(Self::Top),
            Self::Top => None,
        }
    }

    /// The level of the tables that entries of this one refer to.
    #[inline]
    pub const fn child(self) -> Option<Self> {
        match self {
            Self::PageTable => None,
            Self::PageDirectory => Some(Self::PageTable),
            Self::Top => Some(Self::PageDirectory),
        }
    }

    /// The pages that entries of this level can map.
    #[inline]
    pub const fn page_size(self) -> Option<PageSize> {
        match self {
            Self::PageTable => Some(PageSize::Small),
            Self::PageDirectory => Some(PageSize::Large),
            Self::Top => Some(PageSize::Huge),
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
    /// 1 GiB.
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
            Self::Huge => Level::Top,
        }
    }
}

/// How memory is cached: the index into MAIR, whose fields are in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryType {
    /// Normal memory, write-back.
    WriteBack,
    /// Device memory: neither cached nor gathered nor reordered.
    Device,
    /// Normal memory that is not cached.
    Uncached,
}

impl MemoryType {
    /// MAIR0 for this order: outer and inner write-back, read and write allocate; device; outer and inner non-cacheable.
    pub const MAIR0: u32 = 0x0044_04ff;

    /// The type that the attribute word of a Map invocation asks for (docs/abi/aarch32.md).
    const fn of_attributes(attributes: u64) -> Self {
        match attributes & 7 {
            0 => Self::WriteBack,
            2 | 3 => Self::Device,
            _ => Self::Uncached,
        }
    }
}

/// Where XN is in an entry.
const NO_EXECUTE_SHIFT: u32 = 54;
/// The same in an attribute word.
const EXECUTE_NEVER: u64 = abi::VmAttributes::EXECUTE_NEVER.0;

/// One 64-bit entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct TableEntry(pub u64);

impl TableEntry {
    /// The entry is valid.
    pub const PRESENT: u64 = 1;
    /// The entry refers to a table; at the last level, to a page.
    pub const TABLE: u64 = 1 << 1;
    /// AttrIndx: the lowest bit of the index of the memory type.
    pub const MEMORY_TYPE_SHIFT: u32 = 2;
    /// AP[1]: user accesses are allowed.
    pub const USER: u64 = 1 << 6;
    /// AP[2]: writes are refused.
    pub const READ_ONLY: u64 = 1 << 7;
    /// SH: the memory is coherent between the cores.
    pub const INNER_SHAREABLE: u64 = 3 << 8;
    /// AF: the first access raises no fault.
    pub const ACCESSED: u64 = 1 << 10;
    /// nG: the translation belongs to the address space.
    pub const NOT_GLOBAL: u64 = 1 << 11;
    /// PXN: the kernel does not execute it.
    pub const KERNEL_NO_EXECUTE: u64 = 1 << 53;
    /// XN: nobody executes it.
    pub const NO_EXECUTE: u64 = 1 << NO_EXECUTE_SHIFT;
    const ADDRESS: u64 = 0x0000_00ff_ffff_f000;

    /// No mapping.
    pub const EMPTY: Self = Self(0);

    /// Whether the entry is valid.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & Self::PRESENT != 0
    }

    /// Whether the entry, above the last level, maps a page.
    #[inline]
    pub const fn is_page(self) -> bool {
        self.is_present() && self.0 & Self::TABLE == 0
    }

    /// Whether the entry, above the last level, refers to a table.
    #[inline]
    pub const fn is_table(self) -> bool {
        self.is_present() && self.0 & Self::TABLE != 0
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

    /// Entry for a lower table. How a table itself is cached is the same for all of them (TTBCR).
    #[inline]
    pub const fn user_table(table: PhysAddr, _attributes: u64) -> Self {
        Self::table(table)
    }

    /// Entry for a lower table, which restricts nothing.
    #[inline]
    pub const fn table(table: PhysAddr) -> Self {
        Self(table.0 | Self::PRESENT | Self::TABLE)
    }

    /// Entry for a page of a program; `attributes` as in Page Map, of which bit 3 forbids execution.
    #[inline(always)]
    pub const fn page(frame: PhysAddr, size: PageSize, access: PageAccess, attributes: u64) -> Self {
        let access = match access {
            PageAccess::KernelOnly => Self::READ_ONLY,
            PageAccess::ReadOnly => Self::USER | Self::READ_ONLY,
            PageAccess::ReadWrite => Self::USER,
        };
        let memory = MemoryType::of_attributes(attributes);
        let execute = (attributes & EXECUTE_NEVER) << (NO_EXECUTE_SHIFT - EXECUTE_NEVER.trailing_zeros());
        let owner = Self::NOT_GLOBAL | Self::KERNEL_NO_EXECUTE;
        Self(Self::leaf(frame, size, memory).0 | access | owner | execute)
    }

    /// Entry for a page of the kernel.
    #[inline]
    pub const fn kernel_page(
        frame: PhysAddr,
        size: PageSize,
        access: KernelAccess,
        memory: MemoryType,
    ) -> Self {
        let access = match access {
            KernelAccess::Execute => Self::READ_ONLY,
            KernelAccess::ReadOnly => Self::READ_ONLY | Self::KERNEL_NO_EXECUTE | Self::NO_EXECUTE,
            KernelAccess::ReadWrite => Self::KERNEL_NO_EXECUTE | Self::NO_EXECUTE,
        };
        Self(Self::leaf(frame, size, memory).0 | access)
    }

    /// What all pages have. Device memory is never executed: the processor could fetch from it ahead of time.
    const fn leaf(frame: PhysAddr, size: PageSize, memory: MemoryType) -> Self {
        let kind = if matches!(size, PageSize::Small) { Self::TABLE } else { 0 };
        let execute = if matches!(memory, MemoryType::Device) { Self::NO_EXECUTE } else { 0 };
        let memory = (memory as u64) << Self::MEMORY_TYPE_SHIFT | execute;
        Self(frame.0 | Self::PRESENT | kind | Self::ACCESSED | Self::INNER_SHAREABLE | memory)
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

/// What the kernel may do with a page of its own. Nothing is both writable and executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelAccess {
    /// Read and execute.
    Execute,
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_follow_the_address_layout() {
        let address = 0x7fab_c123;
        assert_eq!(Level::Top.index(address), 1);
        assert_eq!(Level::PageDirectory.index(address), 0x1fd);
        assert_eq!(Level::PageTable.index(address), 0xbc);
        assert_eq!(Level::PageTable.span_bits(), 21);
        assert_eq!(Level::Top.index(abi::limits::USER_TOP), USER_ENTRIES - 1);
    }

    #[test]
    fn pages_and_tables_are_told_apart_above_the_last_level() {
        let page = |size| TableEntry::page(PhysAddr(0x4000_0000), size, PageAccess::ReadOnly, 0);
        assert!(page(PageSize::Large).is_page() && page(PageSize::Huge).is_page());
        assert_eq!(page(PageSize::Small).0 & 3, 3);
        assert!(TableEntry::user_table(PhysAddr(0x4000_0000), 3).is_table());
        assert!(!TableEntry::EMPTY.is_page() && !TableEntry::EMPTY.is_table());
    }

    #[test]
    fn attributes_choose_the_memory_type() {
        let entry = |attributes| {
            TableEntry::page(PhysAddr(0x900_0000), PageSize::Small, PageAccess::ReadWrite, attributes)
        };
        let types: Vec<u64> = (0..8).map(|attributes| entry(attributes).0 >> 2 & 7).collect();
        assert_eq!(types, [0, 2, 1, 1, 2, 2, 2, 2]);
        assert_ne!(entry(3).0 & TableEntry::NO_EXECUTE, 0);
        assert_eq!(entry(0).0 & TableEntry::NO_EXECUTE, 0);
        assert_eq!(entry(8).0, entry(0).0 | TableEntry::NO_EXECUTE);
    }

    #[test]
    fn no_page_of_the_kernel_is_writable_and_executable_and_none_is_a_users() {
        for access in [KernelAccess::Execute, KernelAccess::ReadOnly, KernelAccess::ReadWrite] {
            let entry =
                TableEntry::kernel_page(PhysAddr(0x1000), PageSize::Small, access, MemoryType::WriteBack).0;
            let is_writable = entry & TableEntry::READ_ONLY == 0;
            let is_executable = entry & TableEntry::KERNEL_NO_EXECUTE == 0;
            assert!(!(is_writable && is_executable));
            assert_eq!(entry & (TableEntry::USER | TableEntry::NOT_GLOBAL), 0);
        }
    }

    #[test]
    fn access_is_at_its_bits() {
        let entry = |access| TableEntry::page(PhysAddr(0x4000_0000), PageSize::Small, access, 0).0;
        let [read_write, read_only, kernel_only] =
            [PageAccess::ReadWrite, PageAccess::ReadOnly, PageAccess::KernelOnly].map(entry);
        assert_eq!(read_write, 0x0020_0000_4000_0f43);
        assert_eq!(read_only, 0x0020_0000_4000_0fc3);
        assert_eq!(kernel_only, 0x0020_0000_4000_0f83);
        let device = TableEntry::page(PhysAddr(0x900_0000), PageSize::Large, PageAccess::ReadWrite, 3).0;
        assert_eq!(device, 0x0060_0000_0900_0f45);
    }

    #[test]
    fn what_tables_span_is_what_a_walk_reports_as_missing() {
        use abi::sizes::{PAGE_DIRECTORY_SPAN_BITS, PAGE_TABLE_SPAN_BITS};
        let spans = Level::LOWER.map(Level::span_bits);
        assert_eq!(spans, [PAGE_DIRECTORY_SPAN_BITS, PAGE_TABLE_SPAN_BITS]);
        assert_eq!(spans, [30, 21]);
    }
}
