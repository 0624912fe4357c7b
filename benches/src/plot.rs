// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plots as SVG texts.

use std::error::Error;

use plotters::prelude::*;

use crate::measurement::Measurement;
use crate::reference::Reference;

/// A drawing, or why there is none.
type Drawn = Result<String, Box<dyn Error>>;

const WIDTH: u32 = 960;
const ROW_HEIGHT: u32 = 26;
const OWN: RGBColor = RGBColor(70, 110, 160);

/// A figure to compare with: name, colour, value.
type Mark = (&'static str, RGBColor, fn(&Reference) -> Option<u64>);

/// The figures to compare with.
pub(crate) const MARKS: [Mark; 4] = [
    ("seL4 MCS", RGBColor(200, 60, 40), |reference| reference.sel4_mcs),
    ("seL4 classic", RGBColor(230, 150, 30), |reference| reference.sel4_classic),
    ("at most", RGBColor(40, 40, 40), |reference| reference.at_most),
    ("aim", RGBColor(60, 150, 70), |reference| reference.aim),
];

/// One bar for each path, its median, crossed by a line for each figure to compare with.
pub(crate) fn bars(paths: &[(&Measurement, Reference)]) -> Drawn {
    let mut svg = String::new();
    let height = 60 + ROW_HEIGHT * paths.len() as u32;
    let marks = |reference: &Reference| MARKS.map(|(_, colour, value)| (colour, value(reference)));
    let furthest = paths.iter().flat_map(|(_, reference)| marks(reference)).filter_map(|(_, mark)| mark);
    let right = furthest.chain(paths.iter().map(|(path, _)| path.median)).max().unwrap_or(1) * 21 / 20;
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let rows = (0..paths.len() as i32).into_segmented();
        let mut chart = ChartBuilder::on(&area)
            .margin(6)
            .x_label_area_size(30)
            .y_label_area_size(360)
            .build_cartesian_2d(0..right, rows)?;
        // The first path is to be on top.
        let at =
            |row: i32| paths.get(paths.len() - 1 - row as usize).map_or("", |(path, _)| path.path.as_str());
        let label = |row: &SegmentValue<i32>| match row {
            SegmentValue::CenterOf(row) if (0..paths.len() as i32).contains(row) => at(*row).to_owned(),
            _ => String::new(),
        };
        chart.configure_mesh().disable_y_mesh().y_labels(paths.len()).y_label_formatter(&label).draw()?;
        for (row, (path, reference)) in (0..).zip(paths.iter().rev()) {
            let (low, high) = (SegmentValue::Exact(row), SegmentValue::Exact(row + 1));
            let mut bar = Rectangle::new([(0, low.clone()), (path.median, high.clone())], OWN.filled());
            bar.set_margin(5, 5, 0, 0);
            chart.plotting_area().draw(&bar)?;
            for (colour, mark) in marks(reference) {
                let Some(mark) = mark else { continue };
                let ends = vec![(mark, low.clone()), (mark, high.clone())];
                chart.plotting_area().draw(&PathElement::new(ends, colour.stroke_width(3)))?;
            }
        }
        area.present()?;
    }
    Ok(svg)
}

/// How often each value came.
pub(crate) fn distribution(path: &Measurement) -> Drawn {
    let mut svg = String::new();
    let most = path.samples.iter().map(|&(_, count)| count).max().unwrap_or(1);
    let margin = ((path.max - path.min) / 20).max(1);
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH / 2, 180)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(6)
            .caption(&path.path, ("sans-serif", 14))
            .x_label_area_size(28)
            .y_label_area_size(44)
            .build_cartesian_2d(path.min.saturating_sub(margin)..path.max + margin, 0..most)?;
        chart.configure_mesh().x_labels(6).y_labels(4).draw()?;
        for &(value, count) in &path.samples {
            let line = PathElement::new(vec![(value, 0), (value, count)], OWN.stroke_width(2));
            chart.plotting_area().draw(&line)?;
        }
        area.present()?;
    }
    Ok(svg)
}

/// Medians over the number in the name of each path.
pub(crate) fn curve(name: &str, points: &[(u64, u64)]) -> Drawn {
    let mut svg = String::new();
    let greatest = |part: fn(&(u64, u64)) -> u64| points.iter().map(part).max().unwrap_or(1) * 21 / 20 + 1;
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH / 2, 240)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(6)
            .caption(name, ("sans-serif", 14))
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(0..greatest(|point| point.0), 0..greatest(|point| point.1))?;
        chart.configure_mesh().x_labels(6).y_labels(5).draw()?;
        chart.draw_series(LineSeries::new(points.iter().copied(), OWN.stroke_width(2)))?;
        for &point in points {
            chart.plotting_area().draw(&Circle::new(point, 3, OWN.filled()))?;
        }
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{REFERENCE_ARCHITECTURE, reference};

    fn path(name: &str, samples: &[(u64, u64)]) -> Measurement {
        Measurement::new(name, 1, samples.to_vec()).expect("there are samples")
    }

    #[test]
    fn bars_name_every_path() {
        let paths = [path("Call, 0 words", &[(170, 10)]), path("something else", &[(900, 10)])];
        let compared = paths.each_ref().map(|path| (path, reference(REFERENCE_ARCHITECTURE, &path.path, "")));
        let svg = bars(&compared).expect("it can be drawn");
        assert!(svg.starts_with("<svg") && svg.contains("Call, 0 words") && svg.contains("something else"));
    }

    #[test]
    fn a_distribution_of_one_value_can_be_drawn() {
        assert!(distribution(&path("a", &[(0, 1)])).is_ok());
        assert!(curve("a", &[(0, 0)]).is_ok());
    }
}
