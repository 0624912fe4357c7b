// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that one `./x bench` measured.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::comparison::{Figures, PathFigures};
use crate::interference::Interference;
use crate::measurement::Measurement;
use crate::reference::{REFERENCE_ARCHITECTURE, Reference, reference, scenario_of};

/// Version of the JSON document; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the document.
    pub version: u32,
    /// The architecture that was measured; reports that do not say are older than the second one.
    #[serde(default = "first_architecture")]
    pub architecture: String,
    /// What the numbers count.
    pub instrument: String,
    /// The compiler that made what was measured.
    pub compiler: String,
    /// In the order in which they were measured.
    pub paths: Vec<Measurement>,
    /// What has no samples: named values such as boot times.
    pub values: Vec<NamedValue>,
    /// Rows that mean nothing on this instrument.
    pub omitted: Vec<String>,
}

/// A value that was read once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedValue {
    /// What it is.
    pub name: String,
    /// The value.
    pub value: u64,
    /// Its unit.
    pub unit: String,
}

/// How a path stands to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has none.
    NoTarget,
    /// Not above the aim.
    Aim,
    /// Not above what is allowed.
    Within,
    /// Above it, by so much.
    Over(u64),
}

impl Verdict {
    /// Judges the median of a path.
    pub fn of(median: u64, reference: Reference) -> Self {
        match reference {
            Reference { aim: Some(aim), .. } if median <= aim => Verdict::Aim,
            Reference { at_most: Some(most), .. } if median <= most => Verdict::Within,
            Reference { at_most: Some(most), .. } => Verdict::Over(median - most),
            _ => Verdict::NoTarget,
        }
    }

    /// A word or two for a table.
    pub fn describe(self) -> String {
        match self {
            Verdict::NoTarget => String::new(),
            Verdict::Aim => "aim".to_owned(),
            Verdict::Within => "within".to_owned(),
            Verdict::Over(by) => format!("over by {by}"),
        }
    }
}

impl Report {
    /// A report of nothing yet.
    pub fn new(architecture: &str, instrument: &str, compiler: &str) -> Self {
        Report {
            version: VERSION,
            architecture: architecture.to_owned(),
            instrument: instrument.to_owned(),
            compiler: compiler.to_owned(),
            paths: Vec::new(),
            values: Vec::new(),
            omitted: Vec::new(),
        }
    }

    /// Takes in a row as the root task writes it; `false` if it is none of its kinds.
    ///
    /// `{"path": .., "samples": [[value, count], ..]}`, `{"value": name, "is": number, "unit": ..}`, `{"omitted": name, "why": ..}`.
    pub fn add_row(&mut self, instances: u32, row: &Map<String, Value>) -> bool {
        let text = |key| row.get(key).and_then(Value::as_str);
        if let (Some(name), Some(why)) = (text("omitted"), text("why")) {
            self.omitted.push(format!("{name}: {why}"));
            return true;
        }
        if let Some(value) = named_value(row) {
            // Every system says what measuring costs.
            if !self.values.contains(&value) {
                self.values.push(value);
            }
            return true;
        }
        let measured = measurement(instances, row);
        let is_measurement = measured.is_some();
        self.paths.extend(measured);
        is_measurement
    }

    /// Whether there are figures to compare with.
    pub fn has_references(&self) -> bool {
        self.architecture == REFERENCE_ARCHITECTURE
    }

    /// What a path is compared with.
    pub fn reference(&self, path: &Measurement) -> Reference {
        reference(&self.architecture, &path.path, &path.scenario)
    }

    /// Rows named as a reference whose scenario is another one: path, its scenario, the reference's.
    pub fn misplaced(&self) -> impl Iterator<Item = (&str, &str, &'static str)> {
        self.undisturbed().filter_map(|path| {
            let scenario = scenario_of(&path.path).filter(|scenario| *scenario != path.scenario)?;
            Some((path.path.as_str(), path.scenario.as_str(), scenario))
        })
    }

    /// The paths that were measured by themselves.
    pub fn undisturbed(&self) -> impl Iterator<Item = &Measurement> {
        self.paths.iter().filter(|path| !Interference::includes(path))
    }

    /// The part that others are compared with. Paths beside busy instances are compared with each other instead.
    pub fn figures(&self) -> Figures {
        Figures {
            architecture: self.architecture.clone(),
            compiler: self.compiler.clone(),
            instrument: self.instrument.clone(),
            paths: self.undisturbed().map(PathFigures::of).collect(),
        }
    }

    /// All paths as comma-separated values, with a header.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let statistics = ["n", "min", "median", "mean", "sigma", "p99", "max"];
        let references = ["sel4_mcs", "sel4_classic", "at_most", "aim", "scenario", "source"];
        writer.write_record(["path", "instances"].iter().chain(&statistics).chain(&references))?;
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        for path in &self.paths {
            let Reference { sel4_mcs, sel4_classic, at_most, aim, scenario, source } = self.reference(path);
            let Measurement { path, instances, n, min, median, mean, sigma, p99, max, .. } = path;
            let mut record = vec![path.clone(), instances.to_string()];
            record.extend([*n, *min, *median].map(|number| number.to_string()));
            record.extend([*mean, *sigma].map(|number| number.to_string()));
            record.extend([*p99, *max].map(|number| number.to_string()));
            record.extend([sel4_mcs, sel4_classic, at_most, aim].map(text));
            record.extend([scenario, source].map(str::to_owned));
            writer.write_record(record)?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

pub(crate) fn first_architecture() -> String {
    REFERENCE_ARCHITECTURE.to_owned()
}

fn measurement(instances: u32, row: &Map<String, Value>) -> Option<Measurement> {
    let samples = row.get("samples")?.as_array()?.iter().map(|pair| {
        let pair = pair.as_array()?;
        Some((pair.first()?.as_u64()?, pair.get(1)?.as_u64()?))
    });
    let samples = samples.collect::<Option<Vec<_>>>()?;
    let scenario = row.get("scenario").and_then(Value::as_str).unwrap_or_default();
    Some(Measurement::new(row.get("path")?.as_str()?, instances, samples)?.in_scenario(scenario))
}

fn named_value(row: &Map<String, Value>) -> Option<NamedValue> {
    let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(NamedValue { name: text("value")?, value: row.get("is")?.as_u64()?, unit: text("unit")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PASSIVE: &str = "passive partner of equal priority in another address space";

    fn row(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("it is an object")
    }

    fn report() -> Report {
        let mut report = Report::new(REFERENCE_ARCHITECTURE, "instructions", "rustc 1.88.0");
        assert!(report.add_row(
            1,
            &row(json!({"path": "Call, 0 words", "scenario": PASSIVE, "samples": [[170, 999], [900, 1]]}))
        ));
        report
    }

    #[test]
    fn rows_of_all_kinds_are_taken_in_and_others_are_not() {
        let mut report = report();
        assert!(report.add_row(2, &row(json!({"value": "boot", "is": 9, "unit": "us"}))));
        assert!(report.add_row(2, &row(json!({"omitted": "one way to a poller", "why": "needs KVM"}))));
        assert!(!report.add_row(2, &row(json!({"channel": "a-b", "min": 3}))));
        assert!(!report.add_row(2, &row(json!({"path": "a", "samples": [[1]]}))));
        assert_eq!((report.paths.len(), report.values.len(), report.omitted.len()), (1, 1, 1));
        assert_eq!((report.paths[0].median, report.paths[0].max), (170, 900));
    }

    #[test]
    fn a_path_is_judged_by_its_median() {
        let verdict = |median| Verdict::of(median, report().reference(&report().paths[0]));
        assert_eq!(verdict(160), Verdict::Aim);
        assert_eq!(verdict(161), Verdict::Within);
        assert_eq!(verdict(183).describe(), "over by 3");
        let arm = Report { architecture: "aarch32".to_owned(), ..report() };
        assert_eq!(Verdict::of(183, arm.reference(&arm.paths[0])), Verdict::NoTarget);
    }

    #[test]
    fn a_row_of_another_scenario_is_named_and_compared_with_nothing() {
        let mut report = report();
        assert_eq!(report.misplaced().count(), 0);
        let other = json!({"path": "Call, 0 words", "scenario": "active", "samples": [[170, 1]]});
        assert!(report.add_row(1, &row(other)));
        assert_eq!(report.misplaced().collect::<Vec<_>>(), [("Call, 0 words", "active", PASSIVE)]);
        assert_eq!(report.reference(&report.paths[1]), Reference::default());
    }

    #[test]
    fn csv_quotes_the_commas_of_names() {
        let csv = String::from_utf8(report().csv().expect("it can be written")).expect("it is text");
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with("path,instances,n,min,median"), "{csv}");
        assert_eq!(
            lines[1],
            "\"Call, 0 words\",1,1000,170,170,170.73,23.07,170,900,212,184,180,160,\
             passive partner of equal priority in another address space,\
             \"upstream's benchmark suite, unmodified\""
        );
    }

    #[test]
    fn a_report_survives_its_json() {
        let text = serde_json::to_string(&report()).expect("it can be written");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("it can be read"), report());
        let figures: Figures = serde_json::from_str(&text).expect("a report holds figures");
        assert_eq!(figures, report().figures());
    }
}
