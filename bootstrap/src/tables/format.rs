// SPDX-License-Identifier: MIT OR Apache-2.0
//! Formats of page tables, as the mapper writes them. The audit has a reading of its own.

use memory_partition::Architecture;

use super::Access;
use crate::program::PAGE;

const PRESENT: u64 = 1;
/// Size of a large page, in both formats.
pub const LARGE_PAGE: u64 = 1 << 21;

/// How entries are written, and where the kernel half maps what.
#[derive(Debug)]
pub struct Format {
    /// Address bits below the index of an entry of the top-level table.
    pub(crate) top_shift: u32,
    /// Entries of the top-level table.
    pub(crate) top_entries: u64,
    /// The first entry of the top-level table that is the kernel's.
    pub(crate) first_kernel_entry: u64,
    /// Whether the kernel half has a top-level table of its own.
    pub(crate) is_split: bool,
    /// Kernel-virtual address of physical address 0 of memory.
    pub window_base: u64,
    /// The same of registers.
    pub device_base: u64,
    /// Bits of the physical address.
    pub(crate) address: u64,
    /// Bits of an entry that refers to a table.
    table: u64,
    /// Bits of every entry that maps a page of the kernel.
    page: u64,
    /// Bits that tell a small page, and a large one.
    sizes: [u64; 2],
    /// Bits for each kind of access.
    access: AccessBits,
    /// The bits that tell whether a page is writable, and what they are when it is.
    writable: (u64, u64),
    /// The bits of a page that refuse execution.
    no_execute: u64,
}

#[derive(Debug)]
struct AccessBits {
    read_execute: u64,
    read: u64,
    read_write: u64,
    device: u64,
}

impl Format {
    /// Four levels (SDM vol. 3, 4.5), kernel and user code in the halves of one tree.
    pub const X86_64: Self = {
        const WRITABLE: u64 = 1 << 1;
        const UNCACHED: u64 = 0b11 << 3;
        const LARGE: u64 = 1 << 7;
        const GLOBAL: u64 = 1 << 8;
        const NO_EXECUTE: u64 = 1 << 63;
        Format {
            top_shift: 39,
            top_entries: 512,
            first_kernel_entry: 256,
            is_split: false,
            window_base: 0xffff_8000_0000_0000,
            device_base: 0xffff_8000_0000_0000,
            address: 0x000f_ffff_ffff_f000,
            table: WRITABLE | PRESENT,
            page: GLOBAL | PRESENT,
            sizes: [0, LARGE],
            access: AccessBits {
                read_execute: 0,
                read: NO_EXECUTE,
                read_write: NO_EXECUTE | WRITABLE,
                device: NO_EXECUTE | WRITABLE | UNCACHED,
            },
            writable: (WRITABLE, WRITABLE),
            no_execute: NO_EXECUTE,
        }
    };

    /// The long-descriptor format (ARM DDI 0406, B3.6), three levels, the kernel in the tables of TTBR1 from 2 GiB up.
    pub const AARCH32: Self = {
        const TABLE: u64 = 1 << 1;
        /// The second of the memory types: device. The first is memory, written back.
        const DEVICE: u64 = 1 << 2;
        const READ_ONLY: u64 = 1 << 7;
        const INNER_SHAREABLE: u64 = 0b11 << 8;
        const ACCESSED: u64 = 1 << 10;
        const NO_EXECUTE: u64 = 0b11 << 53;
        Format {
            top_shift: 30,
            top_entries: 2,
            first_kernel_entry: 0,
            is_split: true,
            window_base: 0x4000_0000,
            device_base: 0xf000_0000,
            address: 0x0000_00ff_ffff_f000,
            table: TABLE | PRESENT,
            page: ACCESSED | INNER_SHAREABLE | PRESENT,
            sizes: [TABLE, 0],
            access: AccessBits {
                read_execute: READ_ONLY,
                read: READ_ONLY | NO_EXECUTE,
                read_write: NO_EXECUTE,
                device: NO_EXECUTE | DEVICE,
            },
            writable: (READ_ONLY, 0),
            no_execute: NO_EXECUTE,
        }
    };

    /// That of the processor this program was compiled for.
    pub const NATIVE: &'static Self = Self::of(Architecture::NATIVE);

    /// That of a kind of machine.
    pub const fn of(architecture: Architecture) -> &'static Self {
        match architecture {
            Architecture::X86_64 => &Self::X86_64,
            Architecture::AArch32 => &Self::AARCH32,
        }
    }

    /// Where the kernel half maps the memory or the registers at `physical`.
    pub fn kernel_address(&self, physical: u64, access: Access) -> u64 {
        physical + if access == Access::Device { self.device_base } else { self.window_base }
    }

    /// The entry for the table at `address`.
    pub(crate) fn table_entry(&self, address: u64) -> u64 {
        address | self.table
    }

    /// The entry for a page of `size` at `frame`.
    pub(crate) fn page_entry(&self, frame: u64, size: u64, access: Access) -> u64 {
        let access = match access {
            Access::ReadExecute => self.access.read_execute,
            Access::Read => self.access.read,
            Access::ReadWrite => self.access.read_write,
            Access::Device => self.access.device,
        };
        frame | access | self.page | self.sizes[usize::from(size == LARGE_PAGE)]
    }

    /// The address of the entry for `address` in a table at the level of `shift`.
    pub(crate) fn entry_address(&self, table: u64, address: u64, shift: u32) -> u64 {
        let entries = if shift == self.top_shift { self.top_entries } else { PAGE / 8 };
        table + (address >> shift & (entries - 1)) * 8
    }

    /// Whether an entry is valid.
    pub(crate) fn is_present(&self, entry: u64) -> bool {
        entry & PRESENT != 0
    }

    /// Whether a valid entry above the last level maps a page.
    pub(crate) fn is_large(&self, entry: u64) -> bool {
        (entry ^ self.sizes[1]) & (self.sizes[0] | self.sizes[1]) == 0
    }

    /// Whether a page may be executed.
    pub(crate) fn is_executable(&self, entry: u64) -> bool {
        entry & self.no_execute == 0
    }

    /// The same page, writable.
    pub(crate) fn made_writable(&self, entry: u64) -> u64 {
        entry & !self.writable.0 | self.writable.1
    }

    /// The same page with another frame.
    pub(crate) fn with_frame(&self, entry: u64, frame: u64) -> u64 {
        entry & !self.address | frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_where_the_kernel_expects_it() {
        assert_eq!(Format::NATIVE.window_base, arch::WINDOW_BASE);
    }

    #[test]
    fn only_text_is_executable_and_it_is_never_writable() {
        for format in [&Format::X86_64, &Format::AARCH32] {
            for (access, writable, executable) in [
                (Access::ReadExecute, false, true),
                (Access::Read, false, false),
                (Access::ReadWrite, true, false),
                (Access::Device, true, false),
            ] {
                let entry = format.page_entry(0x1000, PAGE, access);
                let (bits, value) = format.writable;
                assert_eq!(entry & bits == value, writable, "{access:?}");
                assert_eq!(format.is_executable(entry), executable, "{access:?}");
            }
        }
    }

    #[test]
    fn entries_of_aarch32_are_those_of_the_manual() {
        let entry = |size, access| Format::AARCH32.page_entry(0x4000_0000, size, access);
        assert_eq!(entry(PAGE, Access::ReadExecute), 0x4000_0783, "page, read-only, write-back");
        assert_eq!(entry(PAGE, Access::Read), 0x0060_0000_4000_0783);
        assert_eq!(entry(LARGE_PAGE, Access::ReadWrite), 0x0060_0000_4000_0701, "block");
        assert_eq!(entry(PAGE, Access::Device), 0x0060_0000_4000_0707, "second memory type");
        assert_eq!(Format::AARCH32.table_entry(0x4000_1000), 0x4000_1003);
    }

    #[test]
    fn large_pages_and_tables_are_told_apart() {
        for format in [&Format::X86_64, &Format::AARCH32] {
            assert!(format.is_large(format.page_entry(LARGE_PAGE, LARGE_PAGE, Access::Read)));
            assert!(!format.is_large(format.table_entry(0x1000)));
        }
    }
}
