// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report as one HTML page that needs nothing else.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;

use crate::interference::Interference;
use crate::measurement::Measurement;
use crate::plot;
use crate::reference::Reference;
use crate::report::{Report, Verdict};

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Skerry benchmarks</title><style>\
body{font:15px/1.5 sans-serif;max-width:88em;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;font-size:13px}td,th{padding:2px 8px;border-bottom:1px solid #ddd;text-align:right}\
td:first-child,th:first-child{text-align:left;white-space:nowrap}.plots{display:grid;\
grid-template-columns:1fr 1fr;gap:.5em}table{display:block;overflow-x:auto}svg{max-width:100%;height:auto}.key i{display:inline-block;width:1em;\
height:.7em;margin:0 .3em 0 1em}</style></head><body>\n";
const SOURCE: &str = "<p>seL4: release 16.0.0-dev, gcc 12, no skim window except for mappings, on the same instrument, each \
figure in the scenario of the row that it stands beside. \
The other lines are the limits that Skerry sets itself.</p>\n";
/// Paths in one bar chart.
const BARS: usize = 24;
/// Points that make a curve.
const POINTS: usize = 3;

/// The whole page.
pub fn page(report: &Report) -> Result<String, Box<dyn Error>> {
    let mut html = String::from(HEAD);
    writeln!(html, "<h1>Skerry benchmarks, {}</h1>", escaped(&report.architecture))?;
    writeln!(html, "<p>Measured in {}.", escaped(&report.instrument))?;
    writeln!(html, "Code by {}.</p>", escaped(&report.compiler))?;
    compared(&mut html, report)?;
    scaling(&mut html, report)?;
    table(&mut html, report)?;
    interference(&mut html, report)?;
    values(&mut html, report)?;
    distributions(&mut html, report)?;
    html.push_str("</body></html>\n");
    Ok(html)
}

fn compared(html: &mut String, report: &Report) -> Result<(), Box<dyn Error>> {
    let all = report.paths.iter().map(|path| (path, report.reference(path)));
    let paths: Vec<_> = all.filter(|(_, reference)| *reference != Reference::default()).collect();
    if paths.is_empty() {
        return Ok(());
    }
    html.push_str("<h2>Beside the reference figures</h2>\n<p class=\"key\">");
    for (name, colour, _) in plot::MARKS {
        let (red, green, blue) = (colour.0, colour.1, colour.2);
        write!(html, "<i style=\"background:rgb({red},{green},{blue})\"></i>{name}")?;
    }
    html.push_str("</p>\n");
    html.push_str(SOURCE);
    for paths in paths.chunks(BARS) {
        html.push_str(&plot::bars(paths)?);
    }
    Ok(())
}

fn scaling(html: &mut String, report: &Report) -> Result<(), Box<dyn Error>> {
    let mut families: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for path in report.undisturbed() {
        if let Some((family, number)) = family(&path.path) {
            families.entry(family).or_default().push((number, path.median));
        }
    }
    families.retain(|_, points| points.len() >= POINTS);
    if !families.is_empty() {
        html.push_str("<h2>Growth</h2>\n<p>Medians over the number that stands for n.</p>\n");
    }
    html.push_str("<div class=\"plots\">\n");
    for (name, mut points) in families {
        points.sort_unstable();
        html.push_str(&plot::curve(&name, &points)?);
    }
    html.push_str("</div>\n");
    Ok(())
}

/// The name of a path with `n` for its first number, and that number.
fn family(path: &str) -> Option<(String, u64)> {
    let start = path.find(|c: char| c.is_ascii_digit())?;
    let end = path[start..].find(|c: char| !c.is_ascii_digit()).map_or(path.len(), |length| start + length);
    Some((format!("{}n{}", &path[..start], &path[end..]), path[start..end].parse().ok()?))
}

fn table(html: &mut String, report: &Report) -> Result<(), Box<dyn Error>> {
    html.push_str("<h2>All paths</h2>\n<table><tr>");
    let header = ["path", "instances", "n", "min", "median", "mean", "σ", "p99", "max"];
    let references = ["seL4 MCS", "seL4 classic", "at most", "aim", ""];
    let references = if report.has_references() { &references[..] } else { &[] };
    header.iter().chain(references).try_for_each(|name| write!(html, "<th>{name}</th>"))?;
    html.push_str("</tr>\n");
    for measurement in report.undisturbed() {
        let Measurement { path, instances, n, min, median, mean, sigma, p99, max, .. } = measurement;
        write!(html, "<tr><td>{}</td><td>{instances}</td><td>{n}</td>", escaped(path))?;
        write!(html, "<td>{min}</td><td>{median}</td><td>{mean:.1}</td><td>{sigma:.1}</td>")?;
        write!(html, "<td>{p99}</td><td>{max}</td>")?;
        if report.has_references() {
            references_of(html, *median, report.reference(measurement))?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    Ok(())
}

/// What a path is compared with, and how it stands.
fn references_of(html: &mut String, median: u64, reference: Reference) -> Result<(), Box<dyn Error>> {
    let Reference { sel4_mcs, sel4_classic, at_most, aim, .. } = reference;
    for figure in [sel4_mcs, sel4_classic, at_most, aim] {
        write!(html, "<td>{}</td>", figure.map(|figure| figure.to_string()).unwrap_or_default())?;
    }
    Ok(write!(html, "<td>{}</td>", Verdict::of(median, reference).describe())?)
}

fn interference(html: &mut String, report: &Report) -> Result<(), Box<dyn Error>> {
    let matrix = Interference::of(&report.paths);
    if matrix.paths.is_empty() {
        return Ok(());
    }
    html.push_str("<h2>Beside other instances</h2>\n<p>Medians of one instance while others are busy. ");
    match matrix.disturbed().len() {
        0 => html.push_str("No minimum and no median differs from that beside sleepers.</p>\n"),
        count => writeln!(html, "{count} paths differ from those beside sleepers.</p>")?,
    }
    html.push_str("<table><tr><th>path</th>");
    matrix.activities.iter().try_for_each(|activity| write!(html, "<th>{}</th>", escaped(activity)))?;
    html.push_str("</tr>\n");
    for (path, figures) in &matrix.paths {
        write!(html, "<tr><td>{}</td>", escaped(path))?;
        for cell in figures {
            write!(html, "<td>{}</td>", cell.map(|(_, median)| median.to_string()).unwrap_or_default())?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    Ok(())
}

fn values(html: &mut String, report: &Report) -> Result<(), Box<dyn Error>> {
    html.push_str("<ul>\n");
    for value in &report.values {
        writeln!(html, "<li>{}: {} {}</li>", escaped(&value.name), value.value, escaped(&value.unit))?;
    }
    for row in &report.omitted {
        writeln!(html, "<li>{}</li>", escaped(row))?;
    }
    html.push_str("</ul>\n");
    Ok(())
}

/// Of paths whose samples differ; the others are a number each.
fn distributions(html: &mut String, report: &Report) -> Result<(), Box<dyn Error>> {
    html.push_str(
        "<h2>Distributions</h2>\n<p>Every path that is not listed took the same in every round.</p>\n<div class=\"plots\">\n",
    );
    for path in report.undisturbed().filter(|path| path.samples.len() > 1) {
        html.push_str(&plot::distribution(path)?);
    }
    html.push_str("</div>\n");
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::REFERENCE_ARCHITECTURE;

    fn report(paths: &[(&str, &[(u64, u64)])]) -> Report {
        let mut report = Report::new(REFERENCE_ARCHITECTURE, "instructions", "rustc <1>");
        report.paths = paths
            .iter()
            .map(|(name, samples)| Measurement::new(name, 1, samples.to_vec()).expect("there are samples"))
            .collect();
        report
    }

    #[test]
    fn the_page_has_tables_bars_curves_and_distributions_and_names_nothing_outside() {
        let report = report(&[
            ("Call, 0 words", &[(160, 9), (900, 1)]),
            ("revoke 1 children", &[(10, 1)]),
            ("revoke 2 children", &[(20, 1)]),
            ("revoke 4 children", &[(40, 1)]),
            ("null system call", &[(90, 1)]),
        ]);
        let html = page(&report).expect("it can be drawn");
        assert_eq!(html.matches("<svg").count(), 3, "bars, a curve, a distribution");
        assert!(html.contains("revoke n children") && html.contains("rustc &lt;1&gt;"));
        assert!(!html.contains("<link") && !html.contains("<script") && !html.contains("src="));
    }

    #[test]
    fn a_page_of_another_architecture_has_no_reference_figures() {
        let report =
            Report { architecture: "aarch32".to_owned(), ..report(&[("Call, 0 words", &[(250, 1)])]) };
        let html = page(&report).expect("it can be drawn");
        assert!(html.contains("Skerry benchmarks, aarch32") && html.contains("<td>250</td>"), "{html}");
        assert!(!html.contains("seL4") && !html.contains("over by"), "{html}");
    }

    #[test]
    fn a_family_is_a_name_without_its_first_number() {
        assert_eq!(family("Call, 10 words"), Some(("Call, n words".to_owned(), 10)));
        assert_eq!(family("revoke 64"), Some(("revoke n".to_owned(), 64)));
        assert_eq!(family("Yield"), None);
    }
}
