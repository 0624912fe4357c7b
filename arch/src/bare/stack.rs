// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel stack, and how much of it is ever used: what nobody has touched still holds a pattern.

use core::arch::global_asm;

// The page below stays unmapped: the linker script leaves it out of every segment.
global_asm!(
    ".section .kernel_stack, \"aw\", %nobits",
    ".balign 4096",
    ".global kernel_stack_bottom",
    "kernel_stack_bottom:",
    ".skip 8192",
    ".global kernel_stack_top",
    "kernel_stack_top:",
);

unsafe extern "C" {
    static kernel_stack_bottom: u8;
    static kernel_stack_top: u8;
}

/// What the unused part of the stack is filled with.
const FILL: usize = 0x5afe_57ac_5afe_57ac_u64 as usize;
/// Bytes of a word.
const WORD: usize = size_of::<usize>();
/// Left free below the stack pointer while filling.
const MARGIN: usize = 512;

/// First and last-plus-one address of the kernel stack.
pub fn kernel_stack() -> (usize, usize) {
    ((&raw const kernel_stack_bottom).addr(), (&raw const kernel_stack_top).addr())
}

/// Fills the stack below its user, who has just begun.
pub fn fill() {
    let (bottom, _) = kernel_stack();
    let here = (&raw const bottom).addr() - MARGIN;
    for address in (bottom..here & !(WORD - 1)).step_by(WORD) {
        let word: *mut usize = core::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the words lie in the stack, well below everything in use.
        unsafe { word.write_volatile(FILL) };
    }
}

/// Bytes of the stack ever used.
pub fn high_water() -> u64 {
    let (bottom, top) = kernel_stack();
    let untouched = (bottom..top).step_by(WORD).take_while(|&address| {
        let word: *const usize = core::ptr::with_exposed_provenance(address);
        // SAFETY: the words lie in the stack, which is mapped.
        unsafe { word.read_volatile() == FILL }
    });
    (top - bottom - WORD * untouched.count()) as u64
}
