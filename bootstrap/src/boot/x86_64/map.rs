// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot tables of a PC: all of memory, identity-mapped, and again at the kernels' window.
//!
//! The entry code maps the first 4 GiB; [`map_memory`] extends the map to all memory that kernels can reach.

use alloc::vec::Vec;

use abi::limits::OBJECT_MEMORY_TOP;
use skerry_system::MemoryRange;

use super::cpu;
use crate::boot::physical;

const GIB: u64 = 1 << 30;
const TWO_MIB: u64 = 1 << 21;
/// Mapped by the entry code.
pub(crate) const FIRST_MAP: u64 = 4 * GIB;
/// Entries of the lower half of a top-level table; the window begins behind them.
const USER_ENTRIES: u64 = 256;
/// Registers of chipsets, interrupt controllers and local APICs: reading there can change something.
const CHIPSET: MemoryRange = MemoryRange::new(0xfec0_0000, 0xff00_0000);
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

/// Extends the identity map to the GiB that `ranges` touch, in 1 GiB pages where the processor has them.
pub(crate) fn map_memory(ranges: impl Iterator<Item = MemoryRange>) {
    const { assert!(OBJECT_MEMORY_TOP <= 512 * GIB, "one table of level 3 maps all") };
    let above = MemoryRange::new(FIRST_MAP, OBJECT_MEMORY_TOP);
    for range in ranges.map(|range| range.intersection(above).rounded_out(GIB)) {
        (range.start..range.end).step_by(GIB as usize).for_each(map_gib);
    }
    map_window();
}

/// Where the entry of the GiB at `address` is.
fn gib_entry(address: u64) -> u64 {
    &raw const boot_pdpt as u64 + address / GIB * 8
}

fn map_gib(address: u64) {
    let entry = gib_entry(address);
    if physical::read_u64(entry) != 0 {
        return;
    }
    if cpu::has_huge_pages() {
        return physical::write_u64(entry, address | PRESENT_WRITABLE | LARGE);
    }
    let directory = new_table();
    for index in 0..512 {
        physical::write_u64(directory + index * 8, (address + index * TWO_MIB) | PRESENT_WRITABLE | LARGE);
    }
    physical::write_u64(entry, directory | PRESENT_WRITABLE);
}

/// Whether a byte that loader or firmware point to can be read: it is mapped and none of the chipset's registers.
pub(crate) fn is_memory(address: u64) -> bool {
    let chipset = MemoryRange::of_size(address, 1).overlaps(CHIPSET);
    address < OBJECT_MEMORY_TOP && !chipset && physical::read_u64(gib_entry(address)) != 0
}

/// The same for every byte of `range`.
pub(crate) fn is_all_memory(range: MemoryRange) -> bool {
    let last = range.end.saturating_sub(1);
    let mut steps = (range.start..range.end).step_by(GIB as usize);
    !range.overlaps(CHIPSET) && is_memory(last) && steps.all(is_memory)
}

/// The boot core reaches kernel objects as an instance does: all of memory is mapped at the window, too.
fn map_window() {
    for index in 0..USER_ENTRIES {
        let entry = physical::read_u64(boot_root() + index * 8);
        physical::write_u64(boot_root() + (USER_ENTRIES + index) * 8, entry);
    }
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
