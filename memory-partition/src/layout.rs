// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed points of the physical address space.

use crate::MemoryRange;

/// Smallest unit of memory that is given to anybody.
pub(crate) const PAGE: u64 = 1 << 12;
/// A store here can interrupt or reset any core, so nobody owns it.
pub(crate) const MSI_WINDOW: MemoryRange = MemoryRange::new(0xfee0_0000, 0xfef0_0000);
