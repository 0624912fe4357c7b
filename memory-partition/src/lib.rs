// SPDX-License-Identifier: MIT OR Apache-2.0
//! Planner: divides a machine among instances.
#![cfg_attr(not(test), no_std)]
