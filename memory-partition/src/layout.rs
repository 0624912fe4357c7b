// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed points of the physical address space and sizes of what the planner places.

use abi::{
    limits::{DEVICE_TOP, OBJECT_MEMORY_TOP},
    sizes,
};

use crate::MemoryRange;

/// Smallest unit of memory that is given to anybody.
pub(crate) const PAGE: u64 = 1 << PAGE_BITS;
/// [`PAGE`] as a power of two.
pub(crate) const PAGE_BITS: u8 = sizes::SMALL_PAGE_BITS as u8;
/// Partitions start and end at multiples of this where they can.
pub(crate) const LARGE_PAGE: u64 = 1 << LARGE_PAGE_BITS;
/// [`LARGE_PAGE`] as a power of two.
pub(crate) const LARGE_PAGE_BITS: u8 = sizes::LARGE_PAGE_BITS as u8;
/// Largest page of a shared region as a power of two.
pub(crate) const HUGE_PAGE_BITS: u8 = sizes::HUGE_PAGE_BITS as u8;

/// Where cores can start, and what counts as device memory although it is RAM.
pub(crate) const LOW_MEMORY: MemoryRange = MemoryRange::new(0, 0x10_0000);
/// Where usable memory is normal memory: what lies above cannot be reached by a kernel window.
pub(crate) const NORMAL_MEMORY: MemoryRange = MemoryRange::new(LOW_MEMORY.end, OBJECT_MEMORY_TOP);
/// Everything that can be named in an untyped.
pub(crate) const ADDRESS_SPACE: MemoryRange = MemoryRange::new(0, DEVICE_TOP);
/// A store here can interrupt or reset any core, so nobody owns it.
pub(crate) const MSI_WINDOW: MemoryRange = MemoryRange::new(0xfee0_0000, 0xfef0_0000);
/// In no untyped list of an seL4 kernel either.
pub(crate) const TOP_OF_4_GIB: MemoryRange = MemoryRange::new(0xffff_fff8, 0x1_0000_0000);

/// Highest local APIC id that an interrupt controller can name; 255 is everybody.
pub(crate) const MAX_IO_APIC_TARGET: u32 = 254;

/// Bytes of a status page.
pub(crate) const STATUS_BYTES: u64 = PAGE;
/// Bytes of a log ring.
pub(crate) const LOG_BYTES: u64 = 64 * 1024;

/// Bytes of an inbox that `senders` instances write to: the receiver's mode, two levels of summary,
/// then one cache line per sender.
pub(crate) const fn inbox_bytes(senders: usize) -> u64 {
    const HEADER_LINES: u64 = 3;
    const CACHE_LINE: u64 = 64;
    ((HEADER_LINES + senders as u64) * CACHE_LINE).next_multiple_of(PAGE)
}
