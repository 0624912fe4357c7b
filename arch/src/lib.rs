// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine under one kernel instance.
//!
//! Owns what differs between processors: the register context, page-table formats, the [`Machine`]
//! trait through which every effect of the kernel goes, and [`SimMachine`], which records effects
//! instead of having them. Hardware is touched only in `hw`, which exists on bare metal alone.
#![cfg_attr(target_os = "none", no_std)]

mod machine;
#[cfg(not(target_os = "none"))]
mod sim;
mod units;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use machine::{
    BaseRegisters, FpuAccess, Machine, Pin, PinMask, PinRoute, Polarity, PortWidth, StopReason, Trigger,
};
#[cfg(not(target_os = "none"))]
pub use sim::{Effect, SimMachine};
pub use units::{CoreId, PhysAddr, Ticks, VirtAddr};
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
pub use x86_64::hw;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{
    context::{Context, EntryKind, FpuState},
    table::{self, Level, PageAccess, PageSize, TableEntry},
};

/// Kernel-virtual address of physical address 0: kernel objects are reached at `WINDOW_BASE + paddr`.
pub const WINDOW_BASE: u64 = 0xffff_8000_0000_0000;
