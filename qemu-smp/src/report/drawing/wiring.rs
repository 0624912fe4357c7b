// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may signal whom, and who shares what: a row for each instance, a column for each channel, region and device.
//!
//! ```text
//!             north-east  hop
//!   north         o        #        o  signals        #  reads and writes
//!   east          v        |        v  is signalled   □  reads
//!   south                  □
//! ```
//!
//! Nothing overlaps, whatever is connected with what; the drawing grows with the number of rows and columns.

use super::svg::{Anchor, Point, Svg};
use super::{CHARACTER, Colour, hue, line_colour};
use crate::report::document::{Channel, Device, Instance, Region, Report};
use crate::results::bytes;

const ROW: f64 = 44.0;
/// Width of what is said of an instance, at least.
const CARD: f64 = 190.0;
/// From column to column, and from kind to kind.
const PITCH: f64 = 24.0;
const BETWEEN: f64 = 40.0;
/// Below the rows: the names of the kinds of columns.
const FOOTER: f64 = 22.0;
/// Degrees by which the names of columns rise.
const RISE: f64 = 60.0;
/// Names of instances are repeated after so many columns.
const COLUMNS: usize = 30;
/// Pixels that a character of an instance's name takes at most.
const BOLD: f64 = 8.4;
const INK: &str = "#222";
/// Half the length of an arrow within an instance.
const WITHIN: f64 = 13.0;

/// The drawing.
pub(crate) fn wiring(report: &Report) -> String {
    let plan = Layout::of(report);
    let mut svg = Svg::new(plan.width, plan.height);
    for (row, instance) in report.instances.iter().enumerate() {
        draw_instance(&mut svg, &plan, row, instance);
    }
    let mut x = plan.card + BETWEEN;
    let mut column = 0;
    let mut group = |name: &str, count: usize, draw: &mut dyn FnMut(&mut Svg, f64, usize)| {
        if count > 0 {
            svg.text((x - 6.0, plan.height - 6.0), Anchor::Start, "small faint", name);
        }
        for index in 0..count {
            if column > 0 && column % COLUMNS == 0 {
                repeat_names(&mut svg, &plan, report, x);
                x += plan.names;
            }
            draw(&mut svg, x, index);
            x += PITCH;
            column += 1;
        }
        x += BETWEEN;
    };
    let Report { channels, regions, devices, .. } = report;
    group("channels", channels.len(), &mut |svg, x, index| {
        draw_channel(svg, &plan, report, (x, &channels[index]));
    });
    group("regions", regions.len(), &mut |svg, x, index| {
        draw_region(svg, &plan, report, (x, &regions[index]));
    });
    group("devices", devices.len(), &mut |svg, x, index| {
        draw_device(svg, &plan, report, (x, &devices[index]));
    });
    svg.finish("wiring", "Channels, shared regions and devices of each instance")
}

/// Measures of the drawing.
struct Layout {
    width: f64,
    height: f64,
    header: f64,
    card: f64,
    /// What repeated names of instances take.
    names: f64,
}

impl Layout {
    fn of(report: &Report) -> Self {
        let names = report.channels.iter().map(|channel| title_of(channel).chars().count());
        let names = names.chain(report.regions.iter().map(|region| region.name.chars().count()));
        let names = names.chain(report.devices.iter().map(|device| device.name.chars().count()));
        let longest = names.max().unwrap_or(0) as f64 * CHARACTER;
        let columns = report.channels.len() + report.regions.len() + report.devices.len();
        let widest =
            |width: &dyn Fn(&Instance) -> f64| report.instances.iter().map(width).fold(0.0, f64::max);
        let name = widest(&|instance| instance.name.chars().count() as f64 * BOLD);
        let card = name.max(widest(&|instance| summary(instance).chars().count() as f64 * CHARACTER)) + 24.0;
        let card = card.max(CARD);
        let repeats = columns.saturating_sub(1) / COLUMNS;
        let (sine, cosine) = RISE.to_radians().sin_cos();
        let header = longest * sine + 24.0;
        Layout {
            width: card
                + columns as f64 * PITCH
                + repeats as f64 * name
                + 3.0 * BETWEEN
                + longest * cosine
                + 20.0,
            height: header + report.instances.len() as f64 * ROW + FOOTER,
            header,
            card,
            names: name,
        }
    }

    fn top(&self, row: usize) -> f64 {
        self.header + row as f64 * ROW
    }

    fn middle(&self, row: usize) -> f64 {
        self.top(row) + ROW / 2.0 - 2.0
    }
}

fn title_of(channel: &Channel) -> String {
    format!("{} ({})", channel.name, channel.lines)
}

/// Core, memory and programs of an instance, in a line that is not too long.
fn summary(instance: &Instance) -> String {
    const MOST: usize = 40;
    let names: Vec<&str> = instance.programs.iter().map(|program| program.name.as_str()).collect();
    let size = instance.partition.iter().map(|range| range.bytes()).sum();
    let programs = match (names.join(", "), names.split_first()) {
        (all, Some((root_task, others))) if all.len() > MOST => {
            format!("{root_task}, {} programs", others.len())
        }
        (all, _) => all,
    };
    format!("core {}, {}, {programs}", instance.core, bytes(size))
}

fn row_of(report: &Report, name: &str) -> usize {
    report.instances.iter().position(|instance| instance.name == name).unwrap_or(0)
}

fn draw_instance(svg: &mut Svg, plan: &Layout, row: usize, instance: &Instance) {
    let (top, middle) = (plan.top(row), plan.middle(row));
    svg.line((plan.card, middle), (plan.width - 8.0, middle), ("#e4e4e4", 1.0));
    let card = Colour::Hsl(hue(row), 62.0, 90.0);
    svg.outline((2.0, top), (plan.card - 2.0, ROW - 6.0), (line_colour(row), card));
    svg.text((12.0, top + 16.0), Anchor::Start, "name", &instance.name);
    svg.text((12.0, top + 31.0), Anchor::Start, "small", &summary(instance));
}

/// For who has scrolled the cards away.
fn repeat_names(svg: &mut Svg, plan: &Layout, report: &Report, x: f64) {
    for (row, instance) in report.instances.iter().enumerate() {
        svg.text((x - 8.0, plan.middle(row) - 4.0), Anchor::Start, "small faint", &instance.name);
    }
}

/// What a column says above the rows.
fn head(svg: &mut Svg, plan: &Layout, x: f64, name: &str) {
    svg.rising((x + 4.0, plan.header - 10.0), (Anchor::Start, RISE), "small", name);
}

fn draw_channel(svg: &mut Svg, plan: &Layout, report: &Report, (x, channel): (f64, &Channel)) {
    let (from, to) = (row_of(report, &channel.from), row_of(report, &channel.to));
    let colour = line_colour(from);
    let (mut start, mut end) = (plan.middle(from), plan.middle(to));
    if from == to {
        // From program to program: a short arrow beside the instance's name.
        (start, end) = (start - WITHIN, end + WITHIN);
    }
    // Down is positive.
    let direction = if end > start { 1.0 } else { -1.0 };
    let to_whom = if from == to { "programs on it" } else { &channel.to };
    let title = format!("{}: {} may signal {to_whom}, {} lines", channel.name, channel.from, channel.lines);
    svg.titled(&title, |svg| {
        head(svg, plan, x, &title_of(channel));
        svg.line((x, start), (x, end - direction * 8.0), (colour, 2.0));
        svg.dot((x, start), 4.5, colour);
        let base = end - direction * 9.0;
        svg.polygon(&[(x, end), (x - 5.5, base), (x + 5.5, base)], colour);
    });
}

fn draw_region(svg: &mut Svg, plan: &Layout, report: &Report, (x, region): (f64, &Region)) {
    let rows: Vec<(usize, bool)> = region
        .members
        .iter()
        .map(|member| (row_of(report, &member.instance), member.rights == "rw"))
        .collect();
    let (Some(first), Some(last)) = (rows.iter().map(|row| row.0).min(), rows.iter().map(|row| row.0).max())
    else {
        return;
    };
    let members = region.members.iter().map(|member| format!("{} {}", member.instance, member.rights));
    let members = members.collect::<Vec<_>>().join(", ");
    svg.titled(&format!("region {}, {}: {members}", region.name, bytes(region.range.bytes())), |svg| {
        head(svg, plan, x, &region.name);
        svg.line((x, plan.middle(first)), (x, plan.middle(last)), ("#a67c00", 3.0));
        for (row, is_writable) in rows {
            square(svg, (x, plan.middle(row)), is_writable);
        }
    });
}

/// A member of a region: filled when it may write.
fn square(svg: &mut Svg, (x, y): Point, is_writable: bool) {
    let fill = if is_writable { "#a67c00" } else { "#fff" };
    svg.outline((x - 5.5, y - 5.5), (11.0, 11.0), ("#7a5b00", fill));
}

fn draw_device(svg: &mut Svg, plan: &Layout, report: &Report, (x, device): (f64, &Device)) {
    let y = plan.middle(row_of(report, &device.owner));
    svg.titled(&format!("device {} belongs to {}", device.name, device.owner), |svg| {
        head(svg, plan, x, &device.name);
        svg.line((x, plan.header - 4.0), (x, y), ("#999", 1.0));
        svg.polygon(&[(x, y - 7.0), (x + 7.0, y), (x, y + 7.0), (x - 7.0, y)], INK);
    });
}
