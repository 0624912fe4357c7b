// SPDX-License-Identifier: MIT OR Apache-2.0
//! Placeholder until its first commit.
fn main() {}
