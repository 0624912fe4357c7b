// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is measured by other instructions, or on other devices, on x86_64.

pub(crate) mod interrupt;
pub(crate) mod stub;
pub(crate) mod timeline;
