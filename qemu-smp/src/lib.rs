// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host tool: builds, boots, checks and measures Skerry.
//!
//! A run goes through these modules from top to bottom:
//!
//! ```text
//!   cli ── description ──▶ system ── compile, image ──▶ machine ──▶ qemu
//!                                                                    │ bytes of every console
//!   results ◀── session ◀── protocol ◀── log, symbols ◀── console ◀──┘
//! ```
#![forbid(unsafe_code)]

pub mod arch;
pub mod bench;
pub mod browser;
pub mod check;
pub mod cli;
pub mod collect;
pub mod compile;
pub mod console;
pub mod counters;
pub mod debug;
pub mod description;
pub mod failure;
pub mod flat;
pub mod hint;
pub mod image;
pub mod image_command;
pub mod inject;
pub mod launch;
pub mod log;
pub mod machine;
pub mod model;
pub mod new;
pub mod paths;
pub mod patience;
pub mod prerequisites;
pub mod progress;
pub mod protocol;
pub mod q35;
pub mod qemu;
pub mod report;
pub mod results;
pub mod run;
pub mod session;
pub mod soak;
pub mod steps;
pub mod symbols;
pub mod system;
pub mod tagged;
pub mod terminal;
pub mod test;
pub mod toolchain;
pub mod validate;
pub mod variant;
pub mod virt;
pub mod workspace;
