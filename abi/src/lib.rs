// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and layouts that kernel and user programs agree on.
//!
//! The crate owns every number that two separately built programs must read alike: system calls, invocation
//! labels, object types, error words, message and bootinfo layouts, and Skerry's own bootinfo chunk and status
//! page. It has no dependencies, no state and no effects.
//!
//! Each number is written once, in a table here. A second, independent copy is kept as Markdown under
//! `docs/abi/`; `tests/documented_tables.rs` compares the two.
//!
//! What differs between processors is in [`x86_64`] and [`aarch32`]; the names at the root of the crate are those of
//! the processor it is built for.
#![cfg_attr(not(test), no_std)]

#[macro_use]
mod numbered;

pub mod aarch32;
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
mod rights;
pub mod sizes;
pub mod slots;
pub mod start;
pub mod status;
mod syscall;
mod variant;
pub mod vector;
mod word;
pub mod x86_64;

#[cfg(target_arch = "arm")]
use aarch32 as machine;
#[cfg(not(target_arch = "arm"))]
use x86_64 as machine;

pub use attributes::VmAttributes;
pub use bootinfo::{BootInfo, MAX_UNTYPED_CAPS, SlotRegion, UntypedDesc};
pub use error::{ErrorCode, FAILED_LOOKUP_BASE, LookupFailure, LookupFailureKind, LookupSide};
pub use fault::FaultKind;
pub use label::Label;
pub use machine::{
    EXCEPTION_ORDER, INITIAL_FLAGS, Register, TIMEOUT_REPLY_ORDER, UNKNOWN_SYSCALL_ORDER, Word,
};
pub use message::{GuardData, GuardLayout, MessageInfo};
pub use object::{CapTag, ObjectType};
pub use rights::Rights;
pub use syscall::Syscall;
pub use variant::{FpuArea, Variant, VariantError};
pub use word::{TIME_WORDS, WORD_BITS, WORD_BYTES, cut, time_word, widen};
