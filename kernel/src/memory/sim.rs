// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated physical memory, for kernels on a workstation.
//!
//! Invariant kept: OWNED: the allocation is initialised, holds `len` bytes from `pointer`, and belongs to this value alone.
#![allow(unsafe_code)]

use arch::PhysAddr;

/// Simulated physical memory: `len` bytes that start at physical address `start`, freed when dropped.
pub struct SimMemory {
    allocation: core::ptr::NonNull<[u8]>,
    pointer: *mut u8,
    start: u64,
    len: u64,
}

/// Allocations kept for the next copies.
const SPARES: usize = 4;

thread_local! {
    /// Allocations given back. Copies are made and dropped all the time, and fresh pages cost more than copying.
    static SPARE: core::cell::RefCell<Vec<Box<[u8]>>> = const { core::cell::RefCell::new(Vec::new()) };
}

impl SimMemory {
    /// Memory with any contents.
    fn allocate(start: u64, len: usize) -> Self {
        const PAGE: usize = 4096;
        let spare = SPARE.with_borrow_mut(|spare| spare.pop_if(|spare| spare.len() == len + PAGE));
        let allocation = spare.unwrap_or_else(|| vec![0; len + PAGE].into_boxed_slice());
        let allocation = core::ptr::NonNull::from(Box::leak(allocation));
        let bytes: *mut u8 = allocation.as_ptr().cast();
        let pointer = bytes.wrapping_add(bytes.align_offset(PAGE));
        Self { allocation, pointer, start, len: len as u64 }
    }

    /// Zeroed memory to stand for physical addresses `start..start + len`; `start` is page aligned.
    pub fn new(start: PhysAddr, len: usize) -> Self {
        let mut memory = Self::allocate(start.0, len);
        memory.bytes_mut().fill(0);
        memory
    }

    /// All of it, to be compared.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: OWNED; `self` is borrowed.
        unsafe { core::slice::from_raw_parts(self.pointer, self.len as usize) }
    }

    /// The bytes at these physical addresses.
    pub fn bytes_in(&self, range: core::ops::Range<u64>) -> &[u8] {
        &self.bytes()[(range.start - self.start) as usize..(range.end - self.start) as usize]
    }

    /// All of it, to be filled.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: OWNED; `self` is borrowed uniquely.
        unsafe { core::slice::from_raw_parts_mut(self.pointer, self.len as usize) }
    }
}

impl SimMemory {
    /// Panics unless the bytes at these physical addresses are in the memory.
    #[track_caller]
    pub(super) fn check(&self, paddr: u64, bytes: u64) {
        let offset = paddr.wrapping_sub(self.start);
        assert!(offset < self.len && bytes <= self.len - offset, "{paddr:#x} is outside the partition");
    }

    /// Where the `T` at a physical address is on the host.
    #[track_caller]
    pub(super) fn pointer<T>(&self, paddr: u64) -> *mut T {
        self.check(paddr, size_of::<T>() as u64);
        assert!(paddr.is_multiple_of(align_of::<T>() as u64), "{paddr:#x} is not aligned for its object");
        self.pointer.wrapping_add((paddr - self.start) as usize).cast()
    }
}

impl Clone for SimMemory {
    /// A copy at another place on the host and the same physical addresses.
    fn clone(&self) -> Self {
        let mut copy = Self::allocate(self.start, self.len as usize);
        copy.bytes_mut().copy_from_slice(self.bytes());
        copy
    }
}

impl Drop for SimMemory {
    fn drop(&mut self) {
        // SAFETY: OWNED: the allocation came out of a box in `allocate` and nobody else frees it.
        let allocation = unsafe { Box::from_raw(self.allocation.as_ptr()) };
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARES {
                spare.push(allocation);
            }
        });
    }
}

// SAFETY: OWNED: nothing else points into the allocation.
unsafe impl Send for SimMemory {}
