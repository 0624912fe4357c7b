// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packed words of messages: message info and CNode guard data.
//!
//! ```text
//! MessageInfo            63            12 11          9 8       7 6      0
//!                        | label          | unwrapped   | extra   | length |
//! GuardData, x86_64      63                                    6 5      0
//!                        | guard                                 | bits   |
//! GuardData, AArch32     25                            8 7    3
//!                        | guard                         | bits |
//! ```
//!
//! On AArch32 a word ends at bit 31, and a label has 20 bits.

use crate::ipc_buffer::MAX_LENGTH;
use crate::machine::GUARD;

/// What a message is: its label and how many words and capabilities it has.
#[doc(alias = "seL4_MessageInfo_t")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(transparent)]
pub struct MessageInfo(pub u64);

impl MessageInfo {
    const LABEL_SHIFT: u32 = 12;
    const UNWRAPPED_SHIFT: u32 = 9;
    const EXTRA_SHIFT: u32 = 7;

    /// Packs the fields; bits that do not fit are cut off.
    #[inline]
    pub const fn new(label: u64, caps_unwrapped: u64, extra_caps: usize, length: usize) -> Self {
        Self(
            label << Self::LABEL_SHIFT
                | (caps_unwrapped & 0x7) << Self::UNWRAPPED_SHIFT
                | (extra_caps as u64 & 0x3) << Self::EXTRA_SHIFT
                | (length as u64 & 0x7f),
        )
    }

    /// The label: an invocation, an error code, a fault type, or whatever two programs agreed on.
    #[inline]
    pub const fn label(self) -> u64 {
        self.0 >> Self::LABEL_SHIFT
    }

    /// A bit for each received capability that arrived as a badge.
    #[inline]
    pub const fn caps_unwrapped(self) -> u64 {
        self.0 >> Self::UNWRAPPED_SHIFT & 0x7
    }

    /// The number of capabilities sent or received.
    #[inline]
    pub const fn extra_caps(self) -> usize {
        (self.0 >> Self::EXTRA_SHIFT & 0x3) as usize
    }

    /// The number of message registers; the seven-bit field counts as 120 above that.
    #[inline]
    pub const fn length(self) -> usize {
        let length = (self.0 & 0x7f) as usize;
        if length > MAX_LENGTH { MAX_LENGTH } else { length }
    }

    /// The packed word.
    #[inline]
    pub const fn word(self) -> u64 {
        self.0
    }
}

/// The data word that gives a CNode capability its guard.
#[doc(alias = "seL4_CNode_CapData_t")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(transparent)]
pub struct GuardData(pub u64);

/// Where a guard and its size are in a guard word.
#[derive(Clone, Copy, Debug)]
pub struct GuardLayout {
    /// Lowest bit of the size.
    pub bits_shift: u32,
    /// Bits of the size.
    pub bits_width: u32,
    /// Lowest bit of the guard.
    pub shift: u32,
    /// Bits of the guard.
    pub width: u32,
}

/// The lowest `bits` (0..=63) bits set.
const fn ones(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl GuardData {
    /// Packs a guard and its size.
    #[inline]
    pub const fn new(guard: u64, guard_bits: u32) -> Self {
        let bits = guard_bits as u64 & ones(GUARD.bits_width);
        Self((guard & ones(GUARD.width)) << GUARD.shift | bits << GUARD.bits_shift)
    }

    /// The guard, cut to its size.
    #[inline]
    pub const fn guard(self) -> u64 {
        self.0 >> GUARD.shift & ones(GUARD.width) & ones(self.guard_bits())
    }

    /// The size of the guard in bits, less than those of a word.
    #[inline]
    pub const fn guard_bits(self) -> u32 {
        (self.0 >> GUARD.bits_shift & ones(GUARD.bits_width)) as u32
    }

    /// The packed word.
    #[inline]
    pub const fn word(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_message_info_are_where_programs_expect_them() {
        assert_eq!(MessageInfo::new(1, 0, 0, 0).word(), 0x1000);
        assert_eq!(MessageInfo::new(0, 1, 0, 0).word(), 0x200);
        assert_eq!(MessageInfo::new(0, 0, 1, 0).word(), 0x80);
        assert_eq!(MessageInfo::new(0, 0, 0, 1).word(), 1);
    }

    #[test]
    fn message_info_keeps_its_fields() {
        let info = MessageInfo::new(0x000f_0000_0000_1234, 0b101, 3, 119);
        assert_eq!(info.label(), 0x000f_0000_0000_1234);
        assert_eq!(info.caps_unwrapped(), 0b101);
        assert_eq!(info.extra_caps(), 3);
        assert_eq!(info.length(), 119);
    }

    #[test]
    fn lengths_above_the_maximum_count_as_the_maximum() {
        for length in 120..=127 {
            assert_eq!(MessageInfo::new(0, 0, 0, length).length(), 120);
        }
    }

    #[test]
    fn a_guard_is_cut_to_its_size() {
        assert_eq!(GuardData::new(0xff, 4).guard(), 0xf);
        assert_eq!(GuardData::new(0xff, 4).guard_bits(), 4);
        assert_eq!(GuardData::new(0xff, 0).guard(), 0);
        assert_eq!(GuardData(u64::MAX).guard(), ones(GUARD.width));
    }

    #[test]
    fn a_guard_word_is_packed_as_programs_expect_it() {
        let words = if crate::WORD_BITS == 64 { [0x33, 0x1434] } else { [0x13 << 3, 0x50a0] };
        assert_eq!(GuardData::new(0, crate::WORD_BITS - 13).word(), words[0]);
        assert_eq!(GuardData::new(0x50, if crate::WORD_BITS == 64 { 52 } else { 20 }).word(), words[1]);
    }
}
