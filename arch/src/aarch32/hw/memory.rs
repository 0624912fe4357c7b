// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filling memory with zero, eight registers in each store.

use core::arch::asm;

/// Words of 64 bits stored in one round.
const ROUND: usize = 8;

/// Fills `words` 64-bit words from `memory` with zero.
///
/// # Safety
///
/// The memory is mapped writable, and nobody else uses it.
pub unsafe fn fill_with_zero(memory: *mut u64, words: usize) {
    let rounds = words / ROUND;
    if rounds > 0 {
        // SAFETY: whole rounds inside the memory of the caller.
        unsafe {
            asm!(
                "2:",
                "stmia r0!, {{r1, r2, r3, r4, r5, r8, r10, r12}}",
                "stmia r0!, {{r1, r2, r3, r4, r5, r8, r10, r12}}",
                "subs lr, lr, #1",
                "bne 2b",
                inout("r0") memory => _, inout("lr") rounds => _,
                in("r1") 0, in("r2") 0, in("r3") 0, in("r4") 0, in("r5") 0, in("r8") 0, in("r10") 0, in("r12") 0,
                options(nostack)
            );
        }
    }
    for index in rounds * ROUND..words {
        let word = memory.wrapping_add(index);
        // SAFETY: a word of the memory of the caller. Volatile, so that no library function is made of the loop.
        unsafe { word.write_volatile(0) };
    }
}
