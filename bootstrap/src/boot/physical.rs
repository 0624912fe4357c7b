// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical memory, through the boot tables.
//!
//! They map all memory (`hardware::map` says where). An address outside ends in a reported page fault. The functions are
//! safe because the boot core is alone in the machine and touches, outside its own image, only memory that the loader's
//! record or the plan names.

use super::hardware::map::virtual_address;

/// Where the boot tables map `address`.
fn pointer<T>(address: u64) -> *mut T {
    core::ptr::with_exposed_provenance_mut(virtual_address(address) as usize)
}

/// Reads a 64-bit word at any alignment.
pub(crate) fn read_u64(address: u64) -> u64 {
    // SAFETY: mapped; see the module head.
    unsafe { pointer::<u64>(address).read_unaligned() }
}

/// Writes a 64-bit word.
pub(crate) fn write_u64(address: u64, value: u64) {
    // SAFETY: mapped; see the module head.
    unsafe { pointer::<u64>(address).write_unaligned(value) }
}

/// Reads a 32-bit device register.
pub(crate) fn read_register(address: u64) -> u32 {
    // SAFETY: mapped, naturally aligned; see the module head.
    unsafe { pointer::<u32>(address).read_volatile() }
}

/// Writes a 32-bit device register.
pub(crate) fn write_register(address: u64, value: u32) {
    // SAFETY: mapped, naturally aligned; see the module head.
    unsafe { pointer::<u32>(address).write_volatile(value) }
}

/// The bytes of memory that nobody changes while the boot runs: modules, firmware tables.
pub(crate) fn bytes(address: u64, length: u64) -> &'static [u8] {
    // SAFETY: mapped and not written until the hand-over; see the module head.
    unsafe { core::slice::from_raw_parts(pointer(address), length as usize) }
}

/// Copies `from` to `address`.
pub(crate) fn write(address: u64, from: &[u8]) {
    // SAFETY: the target is memory the plan gave away, never part of the boot image.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), pointer(address), from.len()) }
}

/// Stores a plain value.
pub(crate) fn write_value<T: Copy>(address: u64, value: &T) {
    // SAFETY: the target is memory the plan gave away, never part of the boot image.
    unsafe { pointer::<T>(address).write_unaligned(*value) }
}

/// Zeroes `length` bytes.
pub(crate) fn zero(address: u64, length: u64) {
    // SAFETY: the target is memory the plan gave away, never part of the boot image.
    unsafe { core::ptr::write_bytes(pointer::<u8>(address), 0, length as usize) }
}
