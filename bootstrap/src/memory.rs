// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical memory as a source of bytes, for everything that loader and firmware left in it.

use alloc::vec::Vec;

/// Physical memory, as far as it can be read.
pub trait Memory {
    /// The byte at `address`, or `None` where there is nothing to read, or reading would change something.
    fn byte(&self, address: u64) -> Option<u8>;

    /// A copy of `length` bytes, all of which can be read.
    fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let end = address.checked_add(length as u64)?;
        let mut copy = Vec::with_capacity(length);
        for at in address..end {
            copy.push(self.byte(at)?);
        }
        Some(copy)
    }
}

impl<F: Fn(u64) -> Option<u8>> Memory for F {
    fn byte(&self, address: u64) -> Option<u8> {
        self(address)
    }
}
