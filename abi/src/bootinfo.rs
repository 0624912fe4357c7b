// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootinfo structure at the start of a root task.
//!
//! It is a sequence of words, less than a page; the extra bootinfo (see [`crate::chunk`]) starts on the next page.

use core::mem::{offset_of, size_of};

use crate::{WORD_BYTES, Word, cut, widen};

/// The length of the untyped list.
pub const MAX_UNTYPED_CAPS: usize = 230;

/// A range of slots, `end` excluded.
#[doc(alias = "seL4_SlotRegion")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct SlotRegion {
    /// The first slot.
    pub start: Word,
    /// The slot behind the last one.
    pub end: Word,
}

impl SlotRegion {
    /// The number of slots.
    #[inline]
    pub const fn count(self) -> u64 {
        widen(self.end - self.start)
    }

    /// The slots from `start` on, `end` excluded.
    #[inline]
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start: cut(start), end: cut(end) }
    }

    /// The slots in order.
    #[inline]
    pub const fn slots(self) -> core::ops::Range<u64> {
        widen(self.start)..widen(self.end)
    }
}

/// The memory of one initial untyped capability.
#[doc(alias = "seL4_UntypedDesc")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct UntypedDesc {
    /// Its physical address.
    pub paddr: Word,
    /// Its size as a power of two.
    pub size_bits: u8,
    /// 1 if it is device memory, which the kernel never touches.
    pub is_device: u8,
    /// Zero.
    pub padding: [u8; WORD_BYTES - 2],
}

impl UntypedDesc {
    /// Describes one untyped.
    #[inline]
    pub const fn new(paddr: u64, size_bits: u8, is_device: bool) -> Self {
        Self { paddr: cut(paddr), size_bits, is_device: is_device as u8, padding: [0; WORD_BYTES - 2] }
    }
}

/// What the kernel tells a root task.
#[doc(alias = "seL4_BootInfo")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct BootInfo {
    /// Bytes of extra bootinfo.
    pub extra_len: Word,
    /// The instance.
    pub node_id: Word,
    /// Always 1: a kernel drives one core.
    pub num_nodes: Word,
    /// All ones without an IOMMU.
    pub num_iopt_levels: Word,
    /// The address of the root task's IPC buffer.
    pub ipc_buffer: Word,
    /// Free slots of the root CNode.
    pub empty: SlotRegion,
    /// Frames of the shared regions the instance is a member of.
    pub shared_frames: SlotRegion,
    /// Frames of the root task's image.
    pub user_image_frames: SlotRegion,
    /// Its page tables: PDPTs, page directories, page tables.
    pub user_image_paging: SlotRegion,
    /// Empty without an IOMMU.
    pub io_space_caps: SlotRegion,
    /// Frames of the extra bootinfo.
    pub extra_pages: SlotRegion,
    /// The number of slots of the root CNode, as a power of two.
    pub init_cnode_size_bits: Word,
    /// The root task's domain.
    pub init_domain: Word,
    /// The control over scheduling contexts, one slot.
    pub sched_control: SlotRegion,
    /// Untyped memory; slot `untyped.start + i` is described by `untyped_list[i]`.
    pub untyped: SlotRegion,
    /// What each untyped covers; zero behind the last one.
    pub untyped_list: [UntypedDesc; MAX_UNTYPED_CAPS],
}

const _: () = assert!(size_of::<SlotRegion>() == 2 * WORD_BYTES);
const _: () = assert!(size_of::<UntypedDesc>() == 2 * WORD_BYTES);
const _: () = assert!(size_of::<BootInfo>() == 483 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, ipc_buffer) == 4 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, empty) == 5 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, shared_frames) == 7 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, user_image_frames) == 9 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, user_image_paging) == 11 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, io_space_caps) == 13 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, extra_pages) == 15 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, init_cnode_size_bits) == 17 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, init_domain) == 18 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, sched_control) == 19 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, untyped) == 21 * WORD_BYTES);
const _: () = assert!(offset_of!(BootInfo, untyped_list) == 23 * WORD_BYTES);

impl BootInfo {
    /// The number of words of the structure.
    pub const WORDS: usize = size_of::<Self>() / WORD_BYTES;
    /// Where the extra bootinfo starts, counted from the bootinfo.
    pub const EXTRA_OFFSET: u64 = 4096;

    /// A bootinfo that grants nothing.
    pub const EMPTY: Self = {
        const NONE: SlotRegion = SlotRegion { start: 0, end: 0 };
        Self {
            extra_len: 0,
            node_id: 0,
            num_nodes: 1,
            num_iopt_levels: Word::MAX,
            ipc_buffer: 0,
            empty: NONE,
            shared_frames: NONE,
            user_image_frames: NONE,
            user_image_paging: NONE,
            io_space_caps: NONE,
            extra_pages: NONE,
            init_cnode_size_bits: 0,
            init_domain: 0,
            sched_control: NONE,
            untyped: NONE,
            untyped_list: [UntypedDesc::new(0, 0, false); MAX_UNTYPED_CAPS],
        }
    };

    /// The structure as the words a root task finds in memory.
    pub fn to_words(&self) -> [Word; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        let (head, list) = words.split_at_mut(Self::HEAD_WORDS);
        head.copy_from_slice(&self.head());
        for (pair, untyped) in list.chunks_exact_mut(2).zip(&self.untyped_list) {
            pair[0] = untyped.paddr;
            pair[1] = Word::from(untyped.size_bits) | Word::from(untyped.is_device) << 8;
        }
        words
    }

    /// The words in front of the untyped list.
    const HEAD_WORDS: usize = offset_of!(Self, untyped_list) / WORD_BYTES;

    fn head(&self) -> [Word; Self::HEAD_WORDS] {
        [
            self.extra_len,
            self.node_id,
            self.num_nodes,
            self.num_iopt_levels,
            self.ipc_buffer,
            self.empty.start,
            self.empty.end,
            self.shared_frames.start,
            self.shared_frames.end,
            self.user_image_frames.start,
            self.user_image_frames.end,
            self.user_image_paging.start,
            self.user_image_paging.end,
            self.io_space_caps.start,
            self.io_space_caps.end,
            self.extra_pages.start,
            self.extra_pages.end,
            self.init_cnode_size_bits,
            self.init_domain,
            self.sched_control.start,
            self.sched_control.end,
            self.untyped.start,
            self.untyped.end,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_where_the_layout_puts_them() {
        let mut info = BootInfo { extra_len: 1292, node_id: 3, ..BootInfo::EMPTY };
        info.untyped = SlotRegion::new(0x2b, 0x2d);
        info.sched_control = SlotRegion::new(16, 17);
        info.untyped_list[1] = UntypedDesc::new(0x1ffe_0000, 17, true);
        let words = info.to_words();
        assert_eq!(words.len(), 483);
        assert_eq!(words[..4], [1292, 3, 1, Word::MAX]);
        assert_eq!(words[19..21], [16, 17]);
        assert_eq!(words[21..23], [0x2b, 0x2d]);
        assert_eq!(words[25..27], [0x1ffe_0000, 0x111]);
    }

    #[test]
    fn a_region_counts_its_slots() {
        assert_eq!(SlotRegion::new(16, 20).count(), 4);
        assert_eq!(SlotRegion::default().count(), 0);
    }
}
