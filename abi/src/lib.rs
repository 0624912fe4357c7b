// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and layouts that kernel and user programs agree on.
//!
//! The crate owns every number that two separately built programs must read alike: system calls, invocation
//! labels, object types, error words, message and bootinfo layouts, and Skerry's own bootinfo chunk and status
//! page. It has no dependencies, no state and no effects.
//!
//! Each number is written once, in a table here. A second, independent copy is kept as Markdown under
//! `docs/abi/`; `tests/documented_tables.rs` compares the two.
#![cfg_attr(not(test), no_std)]

#[macro_use]
mod numbered;

mod attributes;
mod bootinfo;
pub mod chunk;
mod error;
pub mod fault;
pub mod flags;
pub mod ipc_buffer;
mod label;
pub mod limits;
mod message;
mod object;
mod registers;
mod rights;
pub mod sizes;
pub mod slots;
pub mod start;
pub mod status;
mod syscall;
pub mod vector;

pub use attributes::VmAttributes;
pub use bootinfo::{BootInfo, MAX_UNTYPED_CAPS, SlotRegion, UntypedDesc};
pub use error::{ErrorCode, FAILED_LOOKUP_BASE, LookupFailure, LookupFailureKind, LookupSide};
pub use fault::FaultKind;
pub use label::Label;
pub use message::{GuardData, MessageInfo};
pub use object::{CapTag, ObjectType};
pub use registers::{EXCEPTION_ORDER, INITIAL_RFLAGS, Register, TIMEOUT_REPLY_ORDER, UNKNOWN_SYSCALL_ORDER};
pub use rights::Rights;
pub use syscall::Syscall;
