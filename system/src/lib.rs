// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the user writes of a system.
//!
//! A [`Description`] names instances, programs, shared regions, channels and devices. [`Description::validate`] finds
//! every mistake that can be seen without knowing the machine; the planner (`memory-partition`) finds the others.
//! [`launch`] is what `init` is told: which programs to start, and the bytes of their images.
//!
//! The host tool, the boot image and `init` share this code.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod description;
pub mod launch;
pub mod layout;
mod range;

pub use abi::limits::MAX_NAME;
pub use description::{
    Abi, Access, Addresses, Channel, Description, DescriptionError, Device, DeviceKind, INIT, Idle, Instance,
    Interrupt, InterruptSource, Item, List, MAX_PRIORITY, Mapped, Member, Mode, OnFault, OnTimeout, Problem,
    Program, ProgramProblem, Region, RootTask, Silent, Size,
};
pub use range::MemoryRange;
