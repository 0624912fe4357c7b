// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86_64: register context, page-table format, and on bare metal the hardware.

pub(crate) mod context;
#[cfg(target_os = "none")]
pub mod hw;
pub mod table;
