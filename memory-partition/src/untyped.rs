// SPDX-License-Identifier: MIT OR Apache-2.0
//! Untyped memory: ranges cut into naturally aligned powers of two.

use alloc::vec::Vec;

use abi::{sizes::MIN_UNTYPED_BITS, x86_64::MAX_UNTYPED_BITS};
use serde::{Deserialize, Serialize};

use skerry_system::MemoryRange;

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
/// The largest piece is that of x86_64, whatever the planner runs on: the 4 GiB of AArch32, with registers of the kernels
/// in them, have no range that its largest piece would not hold.
///
/// Pieces below 16 bytes are left out: together fewer than 16 bytes at either end of the range.
pub fn cut(range: MemoryRange, device: bool) -> Vec<UntypedRange> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let length_bits = (range.end - start).ilog2();
        let bits = length_bits.min(start.trailing_zeros()).min(MAX_UNTYPED_BITS);
        if bits >= MIN_UNTYPED_BITS {
            pieces.push(UntypedRange { base: start, size_bits: bits as u8, device });
        }
        start += 1 << bits;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_to_pairs(start: u64, end: u64) -> Vec<(u64, u8)> {
        cut(MemoryRange::new(start, end), false).iter().map(|piece| (piece.base, piece.size_bits)).collect()
    }

    #[test]
    fn pieces_grow_with_alignment_and_shrink_with_what_is_left() {
        assert_eq!(
            cut_to_pairs(0xa2_9000, 0xa2_e000),
            [(0xa2_9000, 12), (0xa2_a000, 13), (0xa2_c000, 13)],
            "as in the worked example of the bootinfo page, cut off after 20 KiB"
        );
        assert_eq!(cut_to_pairs(0x10_0000, 0x80_0000), [(0x10_0000, 20), (0x20_0000, 21), (0x40_0000, 22)]);
    }

    #[test]
    fn pieces_below_16_bytes_are_left_out_at_both_ends() {
        assert_eq!(cut_to_pairs(0xffff_ffc0, 0xffff_fff8), [(0xffff_ffc0, 5), (0xffff_ffe0, 4)]);
        assert_eq!(cut_to_pairs(0x1001, 0x1020), [(0x1010, 4)]);
        assert_eq!(cut_to_pairs(0x1000, 0x100f), []);
    }

    #[test]
    fn nothing_is_cut_from_an_empty_or_backward_range() {
        assert_eq!(cut_to_pairs(0x1000, 0x1000), []);
        assert_eq!(cut_to_pairs(0x2000, 0x1000), []);
    }

    #[test]
    fn no_piece_is_larger_than_the_largest_untyped() {
        assert_eq!(cut_to_pairs(0, 1 << 48), [(0, 47), (1 << 47, 47)]);
    }
}
