// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only this machine has besides the functions of [`crate::Machine`]: nothing. There are no IO ports.

/// Devices that only some processors have.
pub trait Devices {}

impl<M> Devices for M {}
