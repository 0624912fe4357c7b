// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory to scale: a pixel stands for the same number of bytes everywhere, so small pieces cannot be seen.
//!
//! ```text
//!   |north            |east             |south            |west           |||      one bar per stretch of memory
//!   0      128 MiB          256 MiB           384 MiB           512 MiB
//! ```

use super::svg::{Anchor, Point, Svg};
use super::{describe, fill};
use crate::report::document::{Piece, Report};
use crate::results::bytes;

const WIDTH: f64 = 1080.0;
const MARGIN: f64 = 12.0;
const LABELS: f64 = 34.0;
/// Pixels that a character of a name takes at most.
const BOLD: f64 = 7.2;
const LEAST_HEIGHT: f64 = 46.0;
/// A run narrower than this has no name in it.
const NARROWEST: f64 = 13.0;
/// Addresses without memory that begin a new bar.
const GAP: u64 = 64 << 20;
/// Ticks of a bar.
const TICKS: u64 = 8;

/// The drawing.
pub(crate) fn to_scale(report: &Report) -> String {
    let stretches = stretches(&report.memory);
    let longest = stretches.iter().map(|stretch| span(stretch)).max().unwrap_or(1).max(1);
    let per_byte = (WIDTH - 2.0 * MARGIN) / longest as f64;
    let upright = |run: &Run| (NARROWEST..run.width()).contains(&(run.bytes as f64 * per_byte));
    let height =
        runs(&report.memory).iter().filter(|run| upright(run)).map(Run::width).fold(LEAST_HEIGHT, f64::max);
    let mut svg = Svg::new(WIDTH, stretches.len() as f64 * (height + LABELS) + 4.0);
    for (number, stretch) in stretches.iter().enumerate() {
        let top = 2.0 + number as f64 * (height + LABELS);
        draw(&mut svg, report, stretch, (top, height, per_byte));
    }
    svg.finish("to-scale", "Physical memory to scale, coloured by owner")
}

fn draw(svg: &mut Svg, report: &Report, pieces: &[Piece], (top, height, per_byte): (f64, f64, f64)) {
    let start = pieces.first().map_or(0, |piece| piece.range.start);
    let x = |address: u64| MARGIN + address.saturating_sub(start) as f64 * per_byte;
    for piece in pieces {
        let title = format!("{}, {}: {}", piece.range, bytes(piece.bytes), describe(report, piece));
        let size = ((piece.bytes as f64 * per_byte).max(0.4), height);
        svg.rectangle((x(piece.range.start), top), size, fill(report, piece), &title);
    }
    for run in runs(pieces) {
        name(svg, &run, (x(run.start), top), (run.bytes as f64 * per_byte, height));
    }
    let end = start + span(pieces);
    svg.outline((MARGIN, top), (x(end) - MARGIN, height), ("#444", "none"));
    let step = ((end - start) / TICKS).max(1).next_power_of_two().max(1 << 20);
    let first = start.next_multiple_of(step);
    for address in (0..).map(|tick| first + tick * step).take_while(|&address| address <= end) {
        let at = x(address);
        svg.line((at, top + height), (at, top + height + 5.0), ("#444", 1.0));
        let near_end = at > WIDTH - 40.0;
        let anchor = if near_end {
            Anchor::End
        } else if at < 30.0 {
            Anchor::Start
        } else {
            Anchor::Middle
        };
        svg.text((at, top + height + 17.0), anchor, "small", &mark(address));
    }
}

/// The name of a run inside it: level where it fits, else upright, or not at all.
fn name(svg: &mut Svg, run: &Run, (left, top): Point, (width, height): Point) {
    let middle = (left + width / 2.0, top + height / 2.0);
    if width >= run.width() {
        svg.text((middle.0, middle.1 + 4.0), Anchor::Middle, "small strong", &run.name);
    } else if width >= NARROWEST {
        svg.rising((middle.0 + 4.0, middle.1), (Anchor::Middle, 90.0), "small strong", &run.name);
    }
}

/// An address that is a multiple of 1 MiB, in the unit that keeps it short.
fn mark(address: u64) -> String {
    const GIB: u64 = 1 << 30;
    match address {
        0 => "0".to_owned(),
        GIB.. if address.is_multiple_of(GIB) => format!("{} GiB", address >> 30),
        GIB.. => format!("{:.2} GiB", address as f64 / GIB as f64),
        _ => format!("{} MiB", address >> 20),
    }
}

/// Neighbouring pieces of one owner.
struct Run {
    name: String,
    start: u64,
    bytes: u64,
}

impl Run {
    /// Pixels that its name takes.
    fn width(&self) -> f64 {
        self.name.chars().count() as f64 * BOLD + 8.0
    }
}

fn runs(pieces: &[Piece]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for piece in pieces {
        let Some(owner) = &piece.owner else { continue };
        match runs.last_mut() {
            Some(run) if run.name == *owner && run.start + run.bytes == piece.range.start => {
                run.bytes += piece.bytes
            }
            _ => runs.push(Run { name: owner.clone(), start: piece.range.start, bytes: piece.bytes }),
        }
    }
    runs
}

fn span(pieces: &[Piece]) -> u64 {
    let end = pieces.iter().map(|piece| piece.range.end).max().unwrap_or(0);
    end - pieces.first().map_or(0, |piece| piece.range.start)
}

/// Pieces with no large gap between them.
fn stretches(pieces: &[Piece]) -> Vec<&[Piece]> {
    pieces.chunk_by(|one, next| next.range.start.saturating_sub(one.range.end) < GAP).collect()
}
