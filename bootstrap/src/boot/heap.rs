// SPDX-License-Identifier: MIT OR Apache-2.0
//! Heap of the boot phase.
//!
//! Used by the boot core only. The memory lies in the part of the image that becomes instance 0's, so nothing
//! allocated here may be used after the hand-over.

use core::cell::UnsafeCell;

use linked_list_allocator::LockedHeap;

const SIZE: usize = 4 << 20;

#[repr(align(4096))]
struct Memory(UnsafeCell<[u8; SIZE]>);

// SAFETY: only the allocator touches the memory, and it hands every byte out once at a time.
unsafe impl Sync for Memory {}

#[unsafe(link_section = ".heap.memory")]
static MEMORY: Memory = Memory(UnsafeCell::new([0; SIZE]));

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

/// Gives the allocator its memory; called once, first of all.
pub(crate) fn init() {
    // SAFETY: the memory is the allocator's alone from here on, and this is called once.
    unsafe { HEAP.lock().init(MEMORY.0.get().cast(), SIZE) };
}
