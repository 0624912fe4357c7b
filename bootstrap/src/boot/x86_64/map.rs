// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot tables of a PC: all of memory, identity-mapped, and again at the kernels' window.
//!
//! The entry code maps the first 4 GiB; [`map_up_to`] extends the map to all memory.

use alloc::vec::Vec;

use super::cpu;
use crate::boot::physical;

const GIB: u64 = 1 << 30;
const TWO_MIB: u64 = 1 << 21;
/// Mapped by the entry code.
const FIRST_MAP: u64 = 4 * GIB;
/// Entries of the lower half of a top-level table; the window begins behind them.
const USER_ENTRIES: u64 = 256;
/// What one page-map level 4 entry maps.
const PML4_SPAN: u64 = 512 * GIB;
const PRESENT_WRITABLE: u64 = 0b11;
const LARGE: u64 = 1 << 7;

unsafe extern "C" {
    static boot_pml4: u8;
    static boot_pdpt: u8;
}

/// Where the boot tables map a physical address.
pub(crate) fn virtual_address(physical: u64) -> u64 {
    physical
}

/// Physical address of the boot tables' root.
pub(crate) fn boot_root() -> u64 {
    &raw const boot_pml4 as u64
}

/// Extends the identity map to `top`, in 1 GiB pages where the processor has them.
pub(crate) fn map_up_to(top: u64) {
    let mut address = FIRST_MAP;
    while address < top {
        let pdpt = match address / PML4_SPAN {
            0 => &raw const boot_pdpt as u64,
            index => table_at(boot_root() + index * 8),
        };
        let entry = pdpt + address % PML4_SPAN / GIB * 8;
        if cpu::has_huge_pages() {
            physical::write_u64(entry, address | PRESENT_WRITABLE | LARGE);
        } else {
            let directory = table_at(entry);
            for index in 0..512 {
                physical::write_u64(
                    directory + index * 8,
                    (address + index * TWO_MIB) | PRESENT_WRITABLE | LARGE,
                );
            }
        }
        address += GIB;
    }
    map_window();
}

/// The boot core reaches kernel objects as an instance does: all of memory is mapped at the window, too.
fn map_window() {
    for index in 0..USER_ENTRIES {
        let entry = physical::read_u64(boot_root() + index * 8);
        physical::write_u64(boot_root() + (USER_ENTRIES + index) * 8, entry);
    }
}

/// The table that `entry` points to; a new one from the boot heap if it has none.
fn table_at(entry: u64) -> u64 {
    if physical::read_u64(entry) == 0 {
        physical::write_u64(entry, new_table() | PRESENT_WRITABLE);
    }
    physical::read_u64(entry) & !0xfff
}

/// A zeroed page of the boot heap, never freed.
fn new_table() -> u64 {
    #[derive(Clone)]
    #[repr(align(4096))]
    struct Page {
        _entries: [u64; 512],
    }
    Vec::leak(alloc::vec![Page { _entries: [0; 512] }]).as_ptr() as u64
}
