// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the suites share. Each suite is a binary in `src/bin`; the C programs are in `c`.
#![cfg_attr(not(test), no_std)]
