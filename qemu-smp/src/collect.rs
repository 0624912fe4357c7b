// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results of root tasks that know nothing of this tool: JSON that they print between two marker lines.
//!
//! seL4's benchmark suite is one: `JSON OUTPUT`, the document, `END JSON OUTPUT`.

use serde_json::Value;

use crate::console::Source;

/// Looks for the document among the lines of one instance: another one could end the run with a document of its own.
#[derive(Debug)]
pub struct Collector {
    begin: String,
    end: String,
    instance: u32,
    /// Where the first marker came from, and what followed there.
    open: Option<(Source, String)>,
}

/// What a line means to a collector.
#[derive(Debug, Clone, PartialEq)]
pub enum Collected {
    /// Nothing: it is to be shown.
    Nothing,
    /// It is a marker or a part of the document.
    Part,
    /// It ends the document, which is this or no JSON.
    Document(Result<Value, String>),
}

impl Collector {
    /// Collects what the instance writes between a line `marker` and a line `END marker`.
    pub fn new(marker: &str, instance: u32) -> Self {
        Collector { begin: marker.to_owned(), end: format!("END {marker}"), instance, open: None }
    }

    /// Takes in a line.
    pub fn line(&mut self, source: Source, line: &str) -> Collected {
        if source.instance() != Some(self.instance) {
            return Collected::Nothing;
        }
        let text = line.trim();
        match &mut self.open {
            None if text == self.begin => self.open = Some((source, String::new())),
            Some((speaker, document)) if *speaker == source => {
                if text == self.end {
                    let parsed = serde_json::from_str(document).map_err(|error| error.to_string());
                    self.open = None;
                    return Collected::Document(parsed);
                }
                document.push_str(line);
                document.push('\n');
            }
            _ => return Collected::Nothing,
        }
        Collected::Part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CORE: Source = Source::Core(0);

    fn feed(collector: &mut Collector, lines: &[&str]) -> Vec<Collected> {
        lines.iter().map(|line| collector.line(CORE, line)).collect()
    }

    #[test]
    fn what_is_between_the_markers_is_the_document() {
        let mut collector = Collector::new("JSON OUTPUT", 0);
        let fed = feed(
            &mut collector,
            &["starting", "JSON OUTPUT\r", "[{\"a\":", "1}]", "END JSON OUTPUT", "done"],
        );
        assert_eq!(fed[..4], [Collected::Nothing, Collected::Part, Collected::Part, Collected::Part]);
        assert_eq!(fed[4..], [Collected::Document(Ok(json!([{"a": 1}]))), Collected::Nothing]);
    }

    #[test]
    fn lines_of_others_do_not_get_into_the_document() {
        let mut collector = Collector::new("JSON", 0);
        feed(&mut collector, &["JSON", "{"]);
        assert_eq!(collector.line(Source::Boot, "boot speaks"), Collected::Nothing);
        let other =
            ["7", "END JSON", "JSON", "8", "END JSON"].map(|line| collector.line(Source::Core(1), line));
        assert!(other.iter().all(|collected| *collected == Collected::Nothing), "{other:?}");
        assert_eq!(feed(&mut collector, &["}", "END JSON"])[1], Collected::Document(Ok(json!({}))));
    }

    #[test]
    fn a_damaged_document_is_an_error() {
        let mut collector = Collector::new("JSON", 0);
        let fed = feed(&mut collector, &["JSON", "{", "END JSON"]);
        assert!(matches!(fed[2], Collected::Document(Err(_))), "{fed:?}");
    }
}
