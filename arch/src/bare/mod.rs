// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is alike on every processor and exists on bare metal only.
#![allow(unsafe_code)]

pub(crate) mod log_ring;
pub mod stack;
