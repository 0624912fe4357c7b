// SPDX-License-Identifier: MIT OR Apache-2.0
//! Planner: divides a machine among instances.
//!
//! A [`Description`](skerry_system::Description) says what the user wants, a [`Firmware`] record what the machine has, a
//! [`Footprint`] per instance what its kernel and root task occupy. From the three comes a [`Plan`],
//! which names the owner of every byte of usable memory, or an error that names the input which is
//! wrong. The same code runs in the host tool, before anything boots, and on the boot core.
//!
//! ```text
//!   Description ──┐
//!   Firmware ─────┼── plan() ──▶ Plan ── check() ──▶ DISJOINT holds, or a Violation
//!   Footprints ───┘      └─────▶ PlanError
//! ```
//!
//! ```
//! use memory_partition::{Core, Firmware, Footprint, plan};
//! use skerry_system::{Description, MemoryRange};
//!
//! let core = |apic_id| Core { apic_id, enabled: true, node: 0 };
//! let machine = Firmware {
//!     usable: vec![MemoryRange::new(0, 0x9fc00), MemoryRange::new(0x10_0000, 0x1000_0000)],
//!     cores: vec![core(0), core(1)],
//!     ..Firmware::default()
//! };
//! let footprint = Footprint { reserve_bytes: 0x20_0000, record_bytes: 0x1000 };
//! let plan = plan(&machine, &Description::equal(2, "ping"), &[footprint; 2]).expect("both fit");
//! assert_eq!(plan.instances[1].apic_id, 1);
//! assert_eq!(plan.check(&machine), Ok(()));
//! ```
//!
//! Invariant kept: DISJOINT. The planner is pure and deterministic: same input, same plan.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod check;
mod error;
mod firmware;
mod hazard;
mod layout;
mod plan;
mod planner;
mod range_set;
mod untyped;

pub use check::{Place, Violation};
pub use error::{Bookkeeping, CoreError, DeviceError, FirmwareError, Loaded, PlanError, SizeError, Taken};
pub use firmware::{
    Architecture, Core, Firmware, IoApic, KernelRegisters, KernelUnit, Module, Occupant, Occupied, OtherRange,
};
pub use hazard::{Hazards, PortHazard, Unit};
pub use plan::{
    ChannelPlan, DeviceGrant, DropReason, Dropped, Footprint, Hole, InstancePlan, IoApicOwner, Kept, KeptFor,
    Nobodys, Plan, PortOwner, RegionPlan,
};
pub use planner::plan;
pub use untyped::{UntypedRange, cut};
