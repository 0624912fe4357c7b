// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drawings of a report, as SVG: memory to scale, every piece of it, and the wiring between instances.

mod pieces;
mod scale;
mod svg;
mod wiring;

use std::fmt;

use super::document::{Part, Piece, Report};
pub(super) use pieces::pieces;
pub(super) use scale::to_scale;
pub(super) use svg::escaped;
pub(super) use wiring::wiring;

/// Pixels that a character of the small font takes at most.
const CHARACTER: f64 = 6.6;

/// A colour in the words of CSS.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Colour {
    /// Hue in degrees, saturation and lightness in percent.
    Hsl(f64, f64, f64),
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Colour::Hsl(hue, saturation, lightness) = self;
        write!(f, "hsl({hue:.0} {saturation:.0}% {lightness:.0}%)")
    }
}

/// Neighbouring instances get hues far apart.
fn hue(index: usize) -> f64 {
    const GOLDEN_ANGLE: f64 = 137.508;
    (210.0 + index as f64 * GOLDEN_ANGLE) % 360.0
}

/// Dark enough for lines on white.
fn line_colour(index: usize) -> Colour {
    Colour::Hsl(hue(index), 60.0, 36.0)
}

/// The colour of a piece: the hue is the owner's, the lightness the part's; dark text can be read on all of them.
fn fill(report: &Report, piece: &Piece) -> Colour {
    let owner = piece.owner.as_ref();
    let index = owner.and_then(|owner| report.instances.iter().position(|instance| instance.name == *owner));
    match (piece.part, index) {
        (Part::Shared, _) => Colour::Hsl(48.0, 90.0, 68.0),
        (Part::Kept, _) => Colour::Hsl(0.0, 0.0, 78.0),
        (Part::Dropped, _) | (_, None) => Colour::Hsl(0.0, 0.0, 92.0),
        (Part::Untyped, Some(index)) => Colour::Hsl(hue(index), 62.0, 84.0),
        (Part::Reclaimed, Some(index)) => Colour::Hsl(hue(index), 62.0, 90.0),
        (_, Some(index)) => Colour::Hsl(hue(index), 50.0, 66.0),
    }
}

/// A piece in one line.
fn describe(report: &Report, piece: &Piece) -> String {
    let owner = piece.owner.as_ref().map(|owner| format!("{owner}: ")).unwrap_or_default();
    let region =
        report.regions.iter().find(|region| piece.part == Part::Shared && region.range == piece.range);
    let members = region.map(|region| {
        let names = region.members.iter().map(|member| format!("{} {}", member.instance, member.rights));
        format!(" ({})", names.collect::<Vec<_>>().join(", "))
    });
    format!("{owner}{}{}", piece.holds, members.unwrap_or_default())
}
