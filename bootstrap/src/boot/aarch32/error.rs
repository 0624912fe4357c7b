// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a machine of Arm cannot be used: what its device tree says.

pub(crate) use bootstrap::device_tree::TreeError as MachineError;
