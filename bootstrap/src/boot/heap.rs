// SPDX-License-Identifier: MIT OR Apache-2.0
//! Heap of the boot phase: memory is taken from one block and never given back.
//!
//! Used by the boot core only. The block lies in the part of the image that becomes instance 0's memory, so nothing
//! allocated here may be used after the hand-over.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

const SIZE: usize = 4 << 20;

#[repr(align(4096))]
struct Heap {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: `used` hands every byte out once; the memory itself is touched only by its holders.
unsafe impl Sync for Heap {}

#[global_allocator]
#[unsafe(link_section = ".heap.memory")]
static HEAP: Heap = Heap { memory: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

// SAFETY: blocks are disjoint (each starts where the one before it ended), aligned and inside the heap; `realloc` grows
// a block in place only when it is the last one.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.memory.get() as usize;
        let used = self.used.load(Ordering::Relaxed);
        let start = (base + used).next_multiple_of(layout.align()) - base;
        match start.checked_add(layout.size()).filter(|end| *end <= SIZE) {
            Some(end) => {
                self.used.store(end, Ordering::Relaxed);
                (base + start) as *mut u8
            }
            None => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let start = block as usize - self.memory.get() as usize;
        if start + layout.size() == self.used.load(Ordering::Relaxed) {
            self.used.store(start, Ordering::Relaxed);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let start = block as usize - self.memory.get() as usize;
        let is_last = start + layout.size() == self.used.load(Ordering::Relaxed);
        if is_last && new_size <= SIZE - start {
            self.used.store(start + new_size, Ordering::Relaxed);
            return block;
        }
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the layout has the caller's alignment and a size the caller promises to be non-zero.
        let new_block = unsafe { self.alloc(new_layout) };
        if !new_block.is_null() {
            // SAFETY: both blocks hold at least the smaller size and are disjoint.
            unsafe { core::ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size)) };
        }
        new_block
    }
}
