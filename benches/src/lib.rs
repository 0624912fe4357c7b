// SPDX-License-Identifier: MIT OR Apache-2.0
//! What measurements mean: the host's half of the benchmarks, without processes.
//!
//! ```text
//!   rows from a root task ──▶ measurement ──▶ report ──▶ JSON, CSV, page (HTML with plots)
//!                                 reference ──┘   └──▶ comparison with an older report or the baseline
//! ```
//!
//! The root task that takes the samples is `suites/src/bin/bench`; `./x bench` boots it.
#![forbid(unsafe_code)]

mod baseline;
mod comparison;
mod interference;
mod measurement;
mod page;
mod plot;
mod reference;
mod report;

pub use baseline::Baseline;
pub use comparison::{Change, Figures, changes};
pub use interference::Interference;
pub use measurement::Measurement;
pub use page::page;
pub use reference::{REFERENCE_ARCHITECTURE, Reference, reference};
pub use report::{NamedValue, Report, Verdict};
