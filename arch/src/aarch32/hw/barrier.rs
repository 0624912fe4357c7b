// SPDX-License-Identifier: MIT OR Apache-2.0
//! Barriers that name what they order: the crate's wait for everything in the whole system.

use core::arch::asm;

/// Stores made before are visible to other cores and to page-table walks before anything after it happens, stores to
/// devices included (`dsb ishst`).
#[inline(always)]
pub(super) fn stores_visible() {
    // SAFETY: a barrier changes nothing; without `nomem` the compiler keeps stores before it too.
    unsafe { asm!("dsb ishst", options(nostack, preserves_flags)) };
}

/// Maintenance that concerns this core alone is complete, and instructions after it are fetched anew.
#[inline(always)]
pub(super) fn maintenance_complete() {
    // SAFETY: as above.
    unsafe { asm!("dsb nsh", "isb", options(nostack, preserves_flags)) };
}

/// Changes of system registers have happened for the instructions after it.
#[inline(always)]
pub(super) fn synchronise() {
    // SAFETY: as above.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
}

/// What is read after it is read no earlier than what was read before, from a device too (`dmb ish`).
#[inline(always)]
pub(super) fn loads_in_order() {
    // SAFETY: as above.
    unsafe { asm!("dmb ish", options(nostack, preserves_flags)) };
}
