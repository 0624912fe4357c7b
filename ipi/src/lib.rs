// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inbox protocol: signals between instances over shared memory and doorbells.
#![cfg_attr(not(test), no_std)]
