// SPDX-License-Identifier: MIT OR Apache-2.0
//! What exists on the bare machine only: the heap, and the memory behind the image.
#![allow(unsafe_code)] // memory of the heap, memory behind the image

use abi::sizes::LARGE_PAGE_BITS;
use abi::{Rights, VmAttributes, start};
use linked_list_allocator::LockedHeap;
use userland::{AllocError, IMAGE_START, INIT_VSPACE, LargePage, RootTask};

use crate::memory::PAGE;

/// Where the heap is mapped: one large page, for the description and what init keeps of each program's pages.
const HEAP_START: u64 = start::AREA + (1 << LARGE_PAGE_BITS);
const HEAP_BYTES: usize = 1 << LARGE_PAGE_BITS;

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

unsafe extern "C" {
    /// The end of the image, from the linker script.
    static image_end: u8;
}

/// Gives the allocator its memory. To be called once, before anything is allocated.
pub(crate) fn make_heap(root: &mut RootTask) -> Result<(), AllocError> {
    let frame: LargePage = root.make()?;
    root.map(INIT_VSPACE, frame, HEAP_START, Rights::READ_WRITE, VmAttributes::WRITE_BACK)?;
    // SAFETY: the page was just mapped there, is the allocator's alone, and this is called once.
    unsafe { HEAP.lock().init(HEAP_START as *mut u8, HEAP_BYTES) };
    Ok(())
}

/// What the host tool appended to the image.
pub(crate) fn behind_image(root: &RootTask) -> &'static [u8] {
    let start = (&raw const image_end as u64).next_multiple_of(PAGE);
    let end = IMAGE_START + root.boot.info().user_image_frames.count() * PAGE;
    // SAFETY: the kernel mapped all pages of the image, and nobody writes those behind the linker's part.
    unsafe { core::slice::from_raw_parts(start as *const u8, end.saturating_sub(start) as usize) }
}
