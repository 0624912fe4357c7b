// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot tables of Arm, blocks of 1 GiB written in entry.s.
//!
//! ```text
//!   0x0000_0000  registers          where they are
//!   0x4000_0000  memory             the first GiB where it is: the boot image runs there
//!   0x8000_0000  memory             all that kernels reach, at their window
//! ```

use arch::WINDOW_BASE;

/// Where memory begins.
const MEMORY: u64 = 0x4000_0000;

const BLOCK: u64 = 1;
const DEVICE: u64 = 1 << 2;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const ACCESSED: u64 = 1 << 10;
const NO_EXECUTE: u64 = 0b11 << 53;

/// Bits of a block of memory: written back, and executable as the boot image is in it.
pub(super) const MEMORY_BLOCK: u64 = BLOCK | INNER_SHAREABLE | ACCESSED;
/// Bits of a block of registers.
pub(super) const DEVICE_BLOCK: u64 = BLOCK | DEVICE | INNER_SHAREABLE | ACCESSED | NO_EXECUTE;

/// Where the boot tables map a physical address.
pub(crate) fn virtual_address(physical: u64) -> u64 {
    if physical < MEMORY { physical } else { WINDOW_BASE + physical }
}

/// The lower half that an instance is entered with: that of TTBR0 stays as it is.
pub(crate) fn boot_root() -> u64 {
    0
}
