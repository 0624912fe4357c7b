// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runtime for root tasks.
#![cfg_attr(not(test), no_std)]
