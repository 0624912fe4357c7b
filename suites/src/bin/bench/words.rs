// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words in memory that two instances share.
#![allow(unsafe_code)] // memory that was just mapped

use core::sync::atomic::{AtomicU64, Ordering};

/// Words that may be written from both sides.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    address: u64,
}

/// How many there are: a page.
const COUNT: usize = 512;

impl Words {
    /// Words at an address where a region of a page or more is mapped for good.
    pub(crate) fn at(address: u64) -> Self {
        Self { address }
    }

    /// Reads a word.
    pub(crate) fn get(self, index: usize) -> u64 {
        self.word(index).load(Ordering::Acquire)
    }

    /// Writes a word.
    pub(crate) fn set(self, index: usize, value: u64) {
        self.word(index).store(value, Ordering::Release);
    }

    fn word(self, index: usize) -> &'static AtomicU64 {
        assert!(index < COUNT, "the index is a constant of this program");
        let place = (self.address as *mut u64).wrapping_add(index);
        // SAFETY: the region is mapped writable and stays so; everyone accesses it by atomic operations.
        unsafe { AtomicU64::from_ptr(place) }
    }
}
