// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of the kernel stack is ever used: what nobody has touched still holds a pattern.

use super::entry::kernel_stack;

/// What the unused part of the stack is filled with.
const FILL: u32 = 0x5afe_57ac;
/// Left free below the stack pointer while filling.
const MARGIN: usize = 512;

/// Fills the stack below its user, who has just begun.
pub fn fill() {
    let (bottom, _) = kernel_stack();
    let here = (&raw const bottom).addr() - MARGIN;
    for address in (bottom..here & !3).step_by(4) {
        let word: *mut u32 = core::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the words lie in the stack, well below everything in use.
        unsafe { word.write_volatile(FILL) };
    }
}

/// Bytes of the stack ever used.
pub fn high_water() -> u64 {
    let (bottom, top) = kernel_stack();
    let untouched = (bottom..top).step_by(4).take_while(|&address| {
        let word: *const u32 = core::ptr::with_exposed_provenance(address);
        // SAFETY: the words lie in the stack, which is mapped.
        unsafe { word.read_volatile() == FILL }
    });
    (top - bottom - 4 * untouched.count()) as u64
}
