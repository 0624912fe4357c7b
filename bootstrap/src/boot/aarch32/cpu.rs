// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor as boot code sees it: its clock, its number, waiting, and text that was written as data.

use core::arch::asm;

use aarch32_cpu::register::Mpidr;

use super::map::virtual_address;
use super::time;

/// The clock that all cores share, in the ticks of the kernels.
pub(crate) fn timestamp() -> u64 {
    time::now()
}

/// The number of the core this runs on, which is that of its interface to interrupts.
pub(crate) fn core_id() -> u32 {
    const AFFINITY: u32 = 0x00ff_ffff;
    Mpidr::read().0 & AFFINITY
}

/// One turn of a loop that waits for another core.
pub(crate) fn relax() {
    core::hint::spin_loop();
}

/// After program text was written: it is where instruction fetches of every core look. A core drops what its own
/// instruction cache holds before it leaves the boot image.
pub(crate) fn publish_text(address: u64, length: u64) {
    /// At most as long as a line of any data cache.
    const LINE: u64 = 32;
    let start = virtual_address(address) & !(LINE - 1);
    let end = virtual_address(address + length);
    for line in (start..end).step_by(LINE as usize) {
        // SAFETY: cleaning a line to the point of unification (DCCMVAU) writes back what was stored, no more.
        unsafe { asm!("mcr p15, 0, {}, c7, c11, 1", in(reg) line as u32, options(nostack, preserves_flags)) };
    }
    // SAFETY: a barrier changes nothing.
    unsafe { asm!("dsb", options(nostack, preserves_flags)) };
}

/// Stops this core for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: interrupts stay masked; one that comes ends the wait, and the loop takes it up again.
        unsafe { asm!("cpsid aif", "wfi", options(nomem, nostack)) }
    }
}
