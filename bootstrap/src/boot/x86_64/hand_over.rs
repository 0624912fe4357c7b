// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last instructions of a core in the boot image.

use core::arch::asm;
use core::sync::atomic::AtomicU32;

use crate::boot::cores::Entry;

/// Loads the boot tables of the instance, stores `value` to `state`, and jumps into its kernel.
///
/// The store is the last access to this image's data: whoever sees it may use the memory, this core's stack
/// included. The jump behind it needs the kept-back text and tables only.
pub(crate) fn enter(entry: &Entry, state: &AtomicU32, value: u32) -> ! {
    // SAFETY: the boot tables of the instance map this image where it is, and the entry executable; the instance sets up
    // its own stack and never returns. Stores are seen in program order.
    unsafe {
        asm!(
            "cli",
            "mov cr3, {root}",
            "xor ebp, ebp",
            "mov dword ptr [{state}], {value:e}",
            "jmp {address}",
            root = in(reg) entry.root,
            state = in(reg) state.as_ptr(),
            value = in(reg) value,
            address = in(reg) entry.address,
            in("rdi") entry.argument,
            options(noreturn, nostack)
        )
    }
}
