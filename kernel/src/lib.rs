// SPDX-License-Identifier: MIT OR Apache-2.0
//! One seL4-compatible kernel instance as a library.
#![cfg_attr(not(test), no_std)]
