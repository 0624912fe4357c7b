// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere, and a policy that
//! forbids the browser to fetch any.

use std::fmt::{Display, Write};

use serde_json::Value;

use super::document::{Measured, Report};
use super::drawing::{escaped, pieces, to_scale, wiring};
use super::text::{basis, headline, sections};

const STYLE: &str = "\
:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;padding:0 1.5em;max-width:1110px;\
color:#222;background:#fff}h1{margin-bottom:.2em}h2{margin-top:1.8em}figure{margin:1em 0;overflow-x:auto}\
figcaption{color:#444;margin-bottom:.5em;max-width:60em}svg{display:block}svg text{fill:#222}\
svg .small{font:11.5px system-ui,sans-serif}svg .code{font:11.5px ui-monospace,monospace}\
svg .name{font:bold 13px system-ui,sans-serif}svg .strong{font-weight:600}svg .faint{fill:#767676}\
svg g:hover line,svg g:hover rect{stroke:#000}.scroll{overflow-x:auto}\
table{border-collapse:collapse;font-size:13px;margin:.4em 0}td,th{padding:2px 10px;border-bottom:1px solid #ddd;\
text-align:left;vertical-align:top;white-space:pre-line}td.range,td.number{white-space:pre}\
th{background:#f4f4f4}.number{text-align:right;font-variant-numeric:tabular-nums}nav a{margin-right:1em}\
.verdict{font-weight:600}details{margin:.6em 0}summary{cursor:pointer;font-weight:600;font-size:1.1em}";

/// Tables with more rows are closed until they are asked for.
const OPEN_ROWS: usize = 40;

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut page = Page(String::new());
    let title = escaped(&format!("Skerry: {}", report.system));
    page.add(format_args!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style></head><body>"
    ));
    page.add(format_args!(
        "<h1>{title}</h1>\n<p>{}.<br>{}.</p>",
        escaped(&headline(report)),
        basis(report.basis)
    ));
    if let Some(measured) = &report.measured {
        page.verdict(measured);
    }
    page.figure("Who may signal whom, and who shares what", WIRING, &wiring(report));
    page.figure("Who owns which memory, to scale", SCALE, &to_scale(report));
    page.figure("Who owns which memory, every piece", PIECES, &pieces(report));
    page.add("<h2>Tables</h2>");
    if let Some(measured) = report.measured.as_ref().filter(|measured| !measured.results.is_empty()) {
        page.results(measured);
    }
    for section in sections(report) {
        page.table(section.title, &section.header, &section.rows, &section.numbers);
    }
    page.add("</body></html>");
    page.0
}

const WIRING: &str = "A row for each instance. Channels first: the dot signals, the arrow head is signalled, the number \
of lines is behind the name; a short arrow stays within its instance. Then shared regions: a filled square reads and writes, a hollow one reads. Then devices, at \
their owner. Pointing at something names it.";
const SCALE: &str = "A pixel stands for the same number of bytes everywhere. A hue is an instance: light is untyped \
memory, dark its kernel and root task. Yellow is shared, grey kept back for restart.";
const PIECES: &str = "A line for each piece. Each mark of the scale is sixteen times the one before.";

struct Page(String);

impl Page {
    fn add(&mut self, part: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{part}");
    }

    fn figure(&mut self, title: &str, caption: &str, drawing: &str) {
        self.add(format_args!(
            "<h2>{title}</h2>\n<figure><figcaption>{caption}</figcaption>\n{drawing}</figure>"
        ));
    }

    fn verdict(&mut self, measured: &Measured) {
        let audit = measured.audit.map_or("The audit did not run.".to_owned(), |audit| {
            format!("The audit walked {} mappings of {} instances: ok.", audit.mappings, audit.instances)
        });
        let word = if measured.exit_code == 0 { "Done" } else { "Failed" };
        self.add(format_args!("<p class=\"verdict\">{word}: {}. {audit}</p>", escaped(&measured.reason)));
    }

    /// Rows of root tasks, with all columns that any has.
    fn results(&mut self, measured: &Measured) {
        let mut columns: Vec<&str> = Vec::new();
        for key in measured.results.iter().flat_map(|row| row.keys()) {
            if !columns.contains(&key.as_str()) {
                columns.push(key);
            }
        }
        let cell = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let is_number =
            |column: &&str| measured.results.iter().all(|row| row.get(*column).is_none_or(Value::is_number));
        let numbers: Vec<usize> = (0..columns.len()).filter(|&index| is_number(&columns[index])).collect();
        let rows: Vec<Vec<String>> = measured
            .results
            .iter()
            .map(|row| columns.iter().map(|column| cell(row.get(*column))).collect())
            .collect();
        self.table(&format!("Results, in {}", measured.instrument), &columns, &rows, &numbers);
    }

    fn table(&mut self, title: &str, header: &[&str], rows: &[Vec<String>], numbers: &[usize]) {
        let open = if rows.len() <= OPEN_ROWS { " open" } else { "" };
        self.add(format_args!(
            "<details{open}><summary>{} ({})</summary><div class=\"scroll\"><table><tr>",
            escaped(title),
            rows.len()
        ));
        let class = |index: &usize| if numbers.contains(index) { " class=\"number\"" } else { "" };
        for (index, name) in header.iter().enumerate() {
            self.add(format_args!("<th{}>{}</th>", class(&index), escaped(name)));
        }
        self.add("</tr>");
        for row in rows {
            let cells = row
                .iter()
                .enumerate()
                .map(|(index, cell)| format!("<td{}>{}</td>", class(&index), escaped(cell)));
            self.add(format_args!("<tr>{}</tr>", cells.collect::<String>()));
        }
        self.add("</table></div></details>");
    }
}
