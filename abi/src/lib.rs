// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and layouts that kernel and user programs agree on.
#![cfg_attr(not(test), no_std)]
