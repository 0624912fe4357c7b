// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical memory, through the identity map of the boot tables.
//!
//! The entry code maps the first 4 GiB; [`map_up_to`] extends the map to all memory. An address outside it ends in a
//! reported page fault. The functions are safe because the boot core is alone in the machine and touches, outside its
//! own image, only memory that the loader's record or the plan names.

use alloc::vec::Vec;

use super::cpu;

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

/// Reads one byte.
pub(crate) fn read_u8(address: u64) -> u8 {
    // SAFETY: identity-mapped; see the module head.
    unsafe { (address as *const u8).read_volatile() }
}

/// Reads a 64-bit word at any alignment.
pub(crate) fn read_u64(address: u64) -> u64 {
    // SAFETY: identity-mapped; see the module head.
    unsafe { (address as *const u64).read_unaligned() }
}

/// Writes a 64-bit word.
pub(crate) fn write_u64(address: u64, value: u64) {
    // SAFETY: identity-mapped; see the module head.
    unsafe { (address as *mut u64).write_unaligned(value) }
}

/// Reads a 32-bit device register.
pub(crate) fn read_register(address: u64) -> u32 {
    // SAFETY: identity-mapped, naturally aligned; see the module head.
    unsafe { (address as *const u32).read_volatile() }
}

/// Writes a 32-bit device register.
pub(crate) fn write_register(address: u64, value: u32) {
    // SAFETY: identity-mapped, naturally aligned; see the module head.
    unsafe { (address as *mut u32).write_volatile(value) }
}

/// The bytes of memory that nobody changes while the boot runs: modules, firmware tables.
pub(crate) fn bytes(address: u64, length: u64) -> &'static [u8] {
    // SAFETY: identity-mapped and not written until the hand-over; see the module head.
    unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) }
}

/// Copies `from` to `address`.
pub(crate) fn write(address: u64, from: &[u8]) {
    // SAFETY: the target is memory the plan gave away, never part of the boot image.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), address as *mut u8, from.len()) }
}

/// Stores a plain value.
pub(crate) fn write_value<T: Copy>(address: u64, value: &T) {
    // SAFETY: the target is memory the plan gave away, never part of the boot image.
    unsafe { (address as *mut T).write_unaligned(*value) }
}

/// Zeroes `length` bytes.
pub(crate) fn zero(address: u64, length: u64) {
    // SAFETY: the target is memory the plan gave away, never part of the boot image.
    unsafe { core::ptr::write_bytes(address as *mut u8, 0, length as usize) }
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
            write_u64(entry, address | PRESENT_WRITABLE | LARGE);
        } else {
            let directory = table_at(entry);
            for index in 0..512 {
                write_u64(directory + index * 8, (address + index * TWO_MIB) | PRESENT_WRITABLE | LARGE);
            }
        }
        address += GIB;
    }
    map_window();
}

/// The boot core reaches kernel objects as an instance does: all of memory is mapped at the window, too.
fn map_window() {
    for index in 0..USER_ENTRIES {
        let entry = read_u64(boot_root() + index * 8);
        write_u64(boot_root() + (USER_ENTRIES + index) * 8, entry);
    }
}

/// The table that `entry` points to; a new one from the boot heap if it has none.
fn table_at(entry: u64) -> u64 {
    if read_u64(entry) == 0 {
        write_u64(entry, new_table() | PRESENT_WRITABLE);
    }
    read_u64(entry) & !0xfff
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
