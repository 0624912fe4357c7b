// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor as boot code sees it: its clock, its number, waiting, and text that was written as data.

use core::arch::asm;

use aarch32_cpu::register::Mpidr;
use arch::CacheOperation;
use arch::hw::cache;

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

/// After memory was written that programs or instruction fetches look at: it is in memory itself, where every core finds it
/// without caches too (ZEROED). A core drops what its own instruction cache holds before it leaves the boot image.
pub(crate) fn publish(address: u64, length: u64) {
    cache::maintain(CacheOperation::Clean, virtual_address(address) as u32, length as u32);
}

/// Stops this core for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: interrupts stay masked; one that comes ends the wait, and the loop takes it up again.
        unsafe { asm!("cpsid aif", "wfi", options(nomem, nostack)) }
    }
}
