// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of the kernel stack is ever used: what nobody has touched still holds a pattern.

use super::entry::kernel_stack;

/// What the unused part of the stack is filled with.
const FILL: u64 = 0x5afe_57ac_5afe_57ac;
/// Left free below the stack pointer while filling.
const MARGIN: usize = 512;

/// Fills the stack below its user, who has just begun.
pub fn fill() {
    let (bottom, _) = kernel_stack();
    let here = (&raw const bottom).addr() - MARGIN;
    for address in (bottom..here & !7).step_by(8) {
        let word: *mut u64 = core::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the words lie in the stack, well below everything in use.
        unsafe { word.write_volatile(FILL) };
    }
}

/// Bytes of the stack ever used.
pub fn high_water() -> u64 {
    let (bottom, top) = kernel_stack();
    let untouched = (bottom..top).step_by(8).take_while(|&address| {
        let word: *const u64 = core::ptr::with_exposed_provenance(address);
        // SAFETY: the words lie in the stack, which is mapped.
        unsafe { word.read_volatile() == FILL }
    });
    (top - bottom - 8 * untouched.count()) as u64
}
