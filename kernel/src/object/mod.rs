// SPDX-License-Identifier: MIT OR Apache-2.0
//! One file per kernel object: its layout, and the decode and execute of its invocations.
//!
//! What only one processor has is in a directory named after it, under the same file names in each.

#[cfg(target_arch = "arm")]
pub(crate) mod aarch32;
#[cfg(not(target_arch = "arm"))]
pub(crate) mod x86_64;

#[cfg(target_arch = "arm")]
pub(crate) use aarch32 as processor;
#[cfg(not(target_arch = "arm"))]
pub(crate) use x86_64 as processor;

pub mod asid;
pub mod cnode;
pub mod domain;
pub mod endpoint;
pub mod frame;
pub mod instance_control;
pub mod io_page_table;
pub mod irq;
pub mod line;
pub mod notification;
pub mod reply;
pub mod sched_context;
pub mod sched_control;
pub mod table;
pub mod tcb;
pub mod untyped;

pub use processor::{cache, io_port};
