// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last instructions of a core in the boot image.

use core::arch::asm;

/// Where a core goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Physical address of the instance's boot tables: its kernel half and the boot image's identity map.
    pub(crate) root: u64,
    /// Entry of the instance image.
    pub(crate) address: u64,
    /// Virtual address of its hand-over page.
    pub(crate) argument: u64,
}

/// Loads the boot tables of the instance, calls `leaving`, and jumps into its kernel. The rest of this image touches
/// only its kept-back part: the data of the boot may be gone as soon as `leaving` has returned.
pub(crate) fn enter(entry: &Entry, leaving: impl FnOnce()) -> ! {
    // SAFETY: the boot tables of the instance map this image where it is.
    unsafe { asm!("mov cr3, {}", in(reg) entry.root, options(nostack, preserves_flags)) };
    let (address, argument) = (entry.address, entry.argument);
    leaving();
    // SAFETY: the entry is mapped executable in the tables just loaded; it sets up its own stack and never returns.
    unsafe {
        asm!("cli", "xor ebp, ebp", "jmp {}", in(reg) address, in("rdi") argument, options(noreturn, nostack))
    }
}
