// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of the boot image that need no machine: they run and are tested on a workstation.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod acpi;
pub mod audit;
pub mod bytes;
pub mod calibration;
pub mod carver;
pub mod device_tree;
pub mod extra;
pub mod footprint;
pub mod hazards;
pub mod io_apics;
pub mod json;
pub mod memory;
pub mod memory_map;
pub mod modules;
pub mod offset;
pub mod options;
pub mod pci;
pub mod plant;
pub mod program;
pub mod pvh;
pub mod reserve;
pub mod tables;
pub mod window;

#[cfg(test)]
mod testing;
