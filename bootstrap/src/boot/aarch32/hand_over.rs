// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last instructions of a core in the boot image.

use core::arch::asm;
use core::sync::atomic::AtomicU32;

use crate::boot::cores::Entry;

/// Loads the kernel tables of the instance, stores `value` to `state`, and jumps into its kernel.
///
/// The store is the last access to this image's data: whoever sees it may use the memory, this core's stack included.
/// The jump behind it needs the kept-back text and tables only.
pub(crate) fn enter(entry: &Entry, state: &AtomicU32, value: u32) -> ! {
    // SAFETY: TTBR0 maps this image where it is, the tables loaded the entry as executable; the instance sets up its own
    // stack and never returns. What the TLB knows of the boot tables' upper half and what the instruction cache holds of
    // memory that was written is forgotten first; the barriers order every access before the store.
    unsafe {
        asm!(
            "cpsid aif",
            "mov r11, #0",
            "dsb",
            "mcrr p15, 1, {root}, r11, c2",
            "isb",
            "mcr p15, 0, r11, c8, c7, 0",
            "mcr p15, 0, r11, c7, c5, 0",
            "mcr p15, 0, r11, c7, c5, 6",
            "dsb",
            "isb",
            "str {value}, [{state}]",
            "bx {address}",
            root = in(reg) entry.root as u32,
            state = in(reg) state.as_ptr(),
            value = in(reg) value,
            address = in(reg) entry.address as u32,
            in("r0") entry.argument as u32,
            options(noreturn, nostack)
        )
    }
}
