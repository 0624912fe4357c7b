// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rings and channels over memory shared between instances.
#![cfg_attr(not(test), no_std)]
