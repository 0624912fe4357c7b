// SPDX-License-Identifier: MIT OR Apache-2.0
//! Untyped memory: ranges cut into naturally aligned powers of two.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::MemoryRange;

/// Entries of the untyped list in bootinfo.
pub const MAX_UNTYPED_ENTRIES: usize = 230;
/// Smallest untyped.
const MIN_BITS: u32 = 4;
/// Largest untyped.
const MAX_BITS: u32 = 47;

/// One untyped: `1 << size_bits` bytes at `base`, which is a multiple of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UntypedRange {
    /// Physical address.
    pub base: u64,
    /// Size as a power of two, 4 to 47.
    pub size_bits: u8,
    /// Whether it is device memory, which the kernel never touches.
    pub device: bool,
}

impl UntypedRange {
    /// The bytes it covers.
    pub const fn range(self) -> MemoryRange {
        MemoryRange::of_size(self.base, 1 << self.size_bits)
    }
}

/// Cuts a range into untypeds from its start, each as large as length and alignment allow.
///
/// Pieces below 16 bytes are left out: together fewer than 16 bytes at either end of the range.
pub fn cut(range: MemoryRange, device: bool) -> Vec<UntypedRange> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let length_bits = (range.end - start).ilog2();
        let bits = length_bits.min(start.trailing_zeros()).min(MAX_BITS);
        if bits >= MIN_BITS {
            pieces.push(UntypedRange { base: start, size_bits: bits as u8, device });
        }
        start += 1 << bits;
    }
    pieces
}
