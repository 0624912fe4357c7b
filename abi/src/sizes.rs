// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sizes of objects, as powers of two.

pub use crate::machine::MAX_UNTYPED_BITS;
pub use crate::word::WORD_BITS;

/// A slot of a CNode.
pub const SLOT_BITS: u32 = 5;
/// An endpoint.
pub const ENDPOINT_BITS: u32 = 4;
/// A notification.
pub const NOTIFICATION_BITS: u32 = 6;
/// A reply object.
pub const REPLY_BITS: u32 = 5;
/// A thread.
pub const TCB_BITS: u32 = 11;
/// The smallest scheduling context.
pub const MIN_SCHED_CONTEXT_BITS: u32 = 7;
/// The smallest untyped.
pub const MIN_UNTYPED_BITS: u32 = 4;

/// A 4 KiB frame.
pub const SMALL_PAGE_BITS: u32 = 12;
/// A 2 MiB frame.
pub const LARGE_PAGE_BITS: u32 = 21;
/// A 1 GiB frame.
pub const HUGE_PAGE_BITS: u32 = 30;
/// A page table of any level.
pub const TABLE_BITS: u32 = 12;
/// A virtual processor.
pub const VCPU_BITS: u32 = 14;
/// The index into a page table of any level.
pub const TABLE_INDEX_BITS: u32 = 9;

/// What one page table maps; "bits left" of a walk that misses it.
pub const PAGE_TABLE_SPAN_BITS: u32 = 21;
/// What one page directory maps.
pub const PAGE_DIRECTORY_SPAN_BITS: u32 = 30;
/// What one page-directory pointer table maps, or would map: on AArch32 there is none.
pub const PDPT_SPAN_BITS: u32 = 39;

/// An ASID pool.
pub const ASID_POOL_BITS: u32 = 12;
/// How many ASID pools there can be.
pub const ASID_POOLS: usize = 8;
/// The ASIDs of one pool.
pub const ASIDS_PER_POOL: usize = 512;

/// The root CNode of an instance: the number of its slots.
pub const ROOT_CNODE_BITS: u32 = 13;

/// A scheduling context without its refills.
const SCHED_CONTEXT_HEADER: usize = 96;
/// A refill: its time and its amount.
const REFILL: usize = 16;
/// The refills every scheduling context has.
pub const MIN_REFILLS: usize = 2;

/// How many refills a scheduling context of this size holds, [`MIN_REFILLS`] included.
#[inline]
pub const fn max_refills(size_bits: u32) -> usize {
    ((1 << size_bits) - SCHED_CONTEXT_HEADER) / REFILL
}

const _: () = assert!(max_refills(MIN_SCHED_CONTEXT_BITS) == MIN_REFILLS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_refills_grow_with_the_scheduling_context() {
        let extra: Vec<usize> = (7..=12).map(|bits| max_refills(bits) - MIN_REFILLS).collect();
        assert_eq!(extra, [0, 8, 24, 56, 120, 248]);
    }
}
