// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every invocation as a method of the capability it is made on.
//!
//! One file per kernel object, named as in the kernel. Arguments come in the order of the interface; optional
//! capabilities are `Option`s. Errors are those of the kernel.

mod asid;
mod cnode;
mod domain;
mod frame;
mod instance_control;
mod io_port;
mod irq;
mod sched_context;
mod table;
mod tcb;
mod untyped;

#[cfg(test)]
mod tests;

pub use cnode::{Mutated, rotate};
pub use frame::{AnyPage, Frame};
pub use io_port::Ports;
pub use irq::{Msi, Pin};
pub use sched_context::{Bindable, SchedParameters};
pub use table::Table;
pub use tcb::{Copied, Flow, SchedParams, Space};

use crate::capability::{CPtr, Capability};

/// The address of a capability that may be absent.
fn optional<C: Capability>(cap: Option<C>) -> CPtr {
    cap.map_or(CPtr::NULL, Capability::cptr)
}
