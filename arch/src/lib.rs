// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine under one kernel instance.
//!
//! Owns what differs between processors: the register context, page-table formats, the [`Machine`]
//! trait through which every effect of the kernel goes, and [`SimMachine`], which records effects
//! instead of having them. Hardware is touched only in `hw` and `bare`, which exist on bare metal alone.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(target_arch = "arm")]
mod aarch32;
#[cfg(target_os = "none")]
mod bare;
mod machine;
#[cfg(not(target_os = "none"))]
mod sim;
mod units;
#[cfg(not(target_arch = "arm"))]
mod x86_64;

#[cfg(target_arch = "arm")]
use aarch32 as processor;
#[cfg(not(target_arch = "arm"))]
use x86_64 as processor;

pub use machine::{
    CacheOperation, FpuAccess, Machine, Pin, PinMask, PinRoute, Polarity, PortWidth, Space, StopReason,
    Trigger,
};
#[cfg(target_arch = "arm")]
pub use processor::DEVICE_BASE;
#[cfg(target_os = "none")]
pub use processor::hw;
pub use processor::{
    WINDOW_BASE,
    context::{BaseRegisters, Context, EntryKind, FETCH_SHIFT, FpuState},
    devices::Devices,
    table::{self, Level, PageAccess, PageSize, TableEntry},
};
#[cfg(not(target_os = "none"))]
pub use sim::{Effect, SimMachine};
pub use units::{CoreId, PhysAddr, Ticks, VirtAddr};
