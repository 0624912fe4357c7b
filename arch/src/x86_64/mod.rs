// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86_64: register context, page-table format, and on bare metal the hardware.

pub(crate) mod context;
pub(crate) mod devices;
#[cfg(target_os = "none")]
pub mod hw;
pub mod table;

/// Kernel-virtual address of physical address 0: kernel objects are reached at `WINDOW_BASE + paddr`.
pub const WINDOW_BASE: u64 = 0xffff_8000_0000_0000;
