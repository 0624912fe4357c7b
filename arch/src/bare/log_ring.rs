// SPDX-License-Identifier: MIT OR Apache-2.0
//! A ring in memory for the console of an instance, read by its peers.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{PhysAddr, WINDOW_BASE};

/// Bytes at the start of a ring: a word that counts the bytes written so far, on a line of its own. The rest is text.
const HEADER: u64 = 64;

/// Writes one byte into the ring at `ring`, which has `bytes` bytes, its header included.
pub(crate) fn put(ring: PhysAddr, bytes: u64, byte: u8) {
    let base = WINDOW_BASE + ring.0;
    let written: *const AtomicU64 = core::ptr::with_exposed_provenance(base as usize);
    // SAFETY: the log pages of this instance are mapped in its window; only this kernel writes the counter.
    let written = unsafe { &*written };
    let position = written.load(Ordering::Relaxed);
    let offset = HEADER + position % (bytes - HEADER);
    let place: *mut u8 = core::ptr::with_exposed_provenance_mut((base + offset) as usize);
    // SAFETY: the offset is inside the log pages.
    unsafe { place.write_volatile(byte) };
    written.store(position + 1, Ordering::Release);
}
