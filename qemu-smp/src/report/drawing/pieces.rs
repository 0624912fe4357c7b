// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every piece of memory, in the order of addresses: each has a line, so the small ones can be seen.
//!
//! ```text
//!   0x100000..0x110000      ######                64.0 KiB  region north-east (north rw, east rw)
//!   0x8600000..0x102f7000   ################     125.0 MiB  east: untyped memory
//! ```
//!
//! The length of a bar grows by the same amount each time the size doubles.

use super::svg::{Anchor, Svg};
use super::{CHARACTER, describe, fill};
use crate::report::document::Report;
use crate::results::bytes;

const WIDTH: f64 = 1080.0;
const ROW: f64 = 20.0;
const HEADER: f64 = 26.0;
/// Where the bars begin, and how long the longest is.
const BARS: f64 = 210.0;
const LONGEST: f64 = 250.0;
/// Where sizes end and texts begin.
const SIZES: f64 = 545.0;
const TEXTS: f64 = 557.0;
/// Sizes below this, as a power of two, have the shortest bar.
const SMALLEST: f64 = 11.0;

/// The drawing.
pub(crate) fn pieces(report: &Report) -> String {
    let height = HEADER + report.memory.len() as f64 * ROW + 6.0;
    let mut svg = Svg::new(WIDTH, height);
    let largest = report.memory.iter().map(|piece| piece.bytes).max().unwrap_or(1);
    let scale = LONGEST / (log2(largest) - SMALLEST).max(1.0);
    let length = |bytes: u64| ((log2(bytes) - SMALLEST) * scale).max(2.0);
    for bits in (12..=40).step_by(4).filter(|&bits| 1u64 << bits <= largest) {
        let x = BARS + length(1 << bits);
        svg.line((x, HEADER - 6.0), (x, height - 6.0), ("#ddd", 1.0));
        svg.text((x, HEADER - 10.0), Anchor::Middle, "small", bytes(1 << bits).replace(".0", "").as_str());
    }
    for (number, piece) in report.memory.iter().enumerate() {
        let top = HEADER + number as f64 * ROW;
        let text = describe(report, piece);
        svg.text((BARS - 10.0, top + 14.0), Anchor::End, "code", &piece.range.to_string());
        svg.rectangle((BARS, top + 2.0), (length(piece.bytes), ROW - 4.0), fill(report, piece), &text);
        svg.outline((BARS, top + 2.0), (length(piece.bytes), ROW - 4.0), ("#0005", "none"));
        svg.text((SIZES, top + 14.0), Anchor::End, "small", &bytes(piece.bytes));
        svg.text((TEXTS, top + 14.0), Anchor::Start, "small", &shortened(&text));
    }
    svg.finish("pieces", "Every piece of memory in the order of addresses, with its owner")
}

fn log2(bytes: u64) -> f64 {
    (bytes.max(1) as f64).log2()
}

/// As much of a text as fits; what it begins with is its owner and what it holds.
fn shortened(text: &str) -> String {
    let most = ((WIDTH - TEXTS) / CHARACTER) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
