// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine: register context, page-table formats, the Machine trait.
#![cfg_attr(not(test), no_std)]
