// SPDX-License-Identifier: MIT OR Apache-2.0
//! One file per kernel object: its layout, and the decode and execute of its invocations.

pub mod asid;
pub mod cnode;
pub mod domain;
pub mod endpoint;
pub mod frame;
pub mod instance_control;
pub mod io_port;
pub mod irq;
pub mod line;
pub mod notification;
pub mod reply;
pub mod sched_context;
pub mod sched_control;
pub mod table;
pub mod tcb;
pub mod untyped;
