// SPDX-License-Identifier: MIT OR Apache-2.0
//! AArch32: register context, page-table format, and on bare metal the hardware.

pub(crate) mod context;
pub(crate) mod devices;
#[cfg(target_os = "none")]
pub mod hw;
pub mod table;
#[cfg(any(target_os = "none", test))]
mod tags;

/// What is added to a physical address to get the kernel-virtual address where kernel objects are reached.
pub const WINDOW_BASE: u64 = 0x4000_0000;
/// What is added to the physical address of a device to get the kernel-virtual one.
pub const DEVICE_BASE: u64 = 0xf000_0000;
