// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed points of the physical address space, and sizes of pages.

use abi::sizes;

use crate::MemoryRange;

/// Smallest unit of memory that is given to anybody.
pub const PAGE: u64 = 1 << PAGE_BITS;
/// [`PAGE`] as a power of two.
pub const PAGE_BITS: u8 = sizes::SMALL_PAGE_BITS as u8;
/// Partitions start and end at multiples of this where they can.
pub const LARGE_PAGE: u64 = 1 << LARGE_PAGE_BITS;
/// [`LARGE_PAGE`] as a power of two.
pub const LARGE_PAGE_BITS: u8 = sizes::LARGE_PAGE_BITS as u8;
/// Largest page of a shared region as a power of two.
pub const HUGE_PAGE_BITS: u8 = sizes::HUGE_PAGE_BITS as u8;

/// A store here can interrupt or reset any core, so nobody owns it.
pub const MSI_WINDOW: MemoryRange = MemoryRange::new(0xfee0_0000, 0xfef0_0000);
