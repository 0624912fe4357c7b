// SPDX-License-Identifier: MIT OR Apache-2.0
//! What exists on the bare machine only: the heap, and the memory behind the image.
#![allow(unsafe_code)] // memory of the heap, memory behind the image

use core::cell::UnsafeCell;

use linked_list_allocator::LockedHeap;
use userland::IMAGE_START;

/// The description and what init keeps of each program.
const SIZE: usize = 512 << 10;
const PAGE: u64 = 1 << abi::sizes::SMALL_PAGE_BITS;

#[repr(align(4096))]
struct Memory(UnsafeCell<[u8; SIZE]>);

// SAFETY: only the allocator touches the memory, and it hands every byte out once at a time.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([0; SIZE]));

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

unsafe extern "C" {
    /// The end of the image, from the linker script.
    static image_end: u8;
}

/// Gives the allocator its memory and returns what the host tool appended to an image that has `pages` in all. To be
/// called once, first of all.
pub(crate) fn behind_image(pages: u64) -> &'static [u8] {
    // SAFETY: the memory is the allocator's alone from here on, and this is called once.
    unsafe { HEAP.lock().init(MEMORY.0.get().cast(), SIZE) };
    let start = (&raw const image_end as u64).next_multiple_of(PAGE);
    let end = IMAGE_START + pages * PAGE;
    // SAFETY: the kernel mapped all pages of the image, and nobody writes those behind the linker's part.
    unsafe { core::slice::from_raw_parts(start as *const u8, end.saturating_sub(start) as usize) }
}
