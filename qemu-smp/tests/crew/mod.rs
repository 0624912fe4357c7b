// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `systems/programs.toml` and its twin for AArch32 have in common.

/// What the programs show on either architecture.
pub(crate) const SHOWN: [&str; 6] = [
    "core 0 | producer: 1000 numbers were taken",
    "core 1 | tally: 1000 numbers came in order",
    "clumsy faulted: page fault, write of 0xdead0000 at ip 0x",
    "restarted, 2 times so far",
    "clumsy: nothing wrong this time",
    "greedy overran: budget used up,",
];
