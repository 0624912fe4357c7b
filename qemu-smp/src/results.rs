// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a run went: the closing tables, and the same as JSON.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::Value;
use skerry_system::Description;

use crate::failure::{Doing, Exit, Failure};
use crate::machine::Instrument;
use crate::protocol::Row;
use crate::report::document::Report;
use crate::session::{Ending, InstanceState, Session};
use crate::terminal;

/// Version of the JSON document; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Everything a run found out.
#[derive(Debug, Serialize)]
pub struct Results<'a> {
    version: u32,
    system: &'a str,
    instrument: String,
    /// One entry for each instance that reached its root task.
    instances: Vec<&'a InstanceState>,
    plan: Option<&'a Value>,
    /// The plan once more, with names for numbers, and what was measured: docs/report.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Report>,
    audit: Option<&'a Value>,
    table: &'a [Row],
    /// Lines for this tool that were not believed, because another source has to say what they said.
    refused_messages: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    collected: Option<&'a Value>,
    exit: ExitRecord<'a>,
}

#[derive(Debug, Serialize)]
struct ExitRecord<'a> {
    code: u8,
    reason: &'a str,
}

impl<'a> Results<'a> {
    /// Collects what a session found out.
    pub fn new(
        description: &'a Description,
        session: &'a Session,
        instrument: Instrument,
        ending: &'a Ending,
    ) -> Self {
        Results {
            version: VERSION,
            system: &description.name,
            instrument: instrument.to_string(),
            instances: session.reached(),
            plan: session.plan(),
            report: None,
            audit: session.audit(),
            table: session.rows(),
            refused_messages: session.refused_messages(),
            collected: session.document(),
            exit: ExitRecord { code: ending.exit as u8, reason: &ending.reason },
        }
    }

    /// What the time stamps count.
    pub fn instrument(&self) -> &str {
        &self.instrument
    }

    /// Exit code and reason.
    pub fn exit(&self) -> (u8, &str) {
        (self.exit.code, self.exit.reason)
    }

    /// Adds the report of the run.
    pub fn with_report(self, report: Option<&'a Report>) -> Self {
        Results { report, ..self }
    }

    /// Writes the JSON document.
    pub fn write_json(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).doing("encoding the results")?;
        fs::write(path, text + "\n").doing(format_args!("writing {}", path.display()))
    }

    /// Prints the closing tables and the reason for the ending.
    pub fn print(&self) {
        anstream::println!();
        if !self.instances.is_empty() {
            anstream::println!("{}\n", self.instance_table());
        }
        if !self.table.is_empty() {
            anstream::println!("{}", row_table(self.table));
            anstream::println!("measured in {}\n", self.instrument);
        }
        if self.refused_messages > 0 {
            anstream::println!(
                "not believed: {} lines that another source has to say",
                self.refused_messages
            );
        }
        let verdict = if self.exit.code == Exit::Success as u8 { "done" } else { "failed" };
        anstream::println!("{verdict}: {}", terminal::line(self.exit.reason));
    }

    fn instance_table(&self) -> Table {
        let mut table = new_table();
        table.set_header(["instance", "name", "partition", "untyped", "booted after", "ended"]);
        for state in &self.instances {
            let plan = self.plan.and_then(|plan| plan.get("instances")?.get(state.instance));
            table.add_row([
                state.instance.to_string(),
                state.name.clone(),
                plan.map(partition).unwrap_or_default(),
                plan.map(|plan| bytes(untyped_bytes(plan))).unwrap_or_default(),
                state.boot_us.map(|us| format!("{}.{:03} ms", us / 1000, us % 1000)).unwrap_or_default(),
                ended(state),
            ]);
        }
        table
    }
}

/// An empty table in the style of this tool.
pub fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table
}

/// How an instance ended, in a word or two.
pub fn ended(state: &InstanceState) -> String {
    match (&state.failed, state.exit) {
        (Some(_), _) => "kernel failed".to_owned(),
        (None, Some(0)) => "ok".to_owned(),
        (None, Some(code)) => format!("code {code}"),
        (None, None) if state.halted => "halted".to_owned(),
        (None, None) if state.stuck.is_some() => "stuck".to_owned(),
        (None, None) => "still running".to_owned(),
    }
}

fn partition(plan: &Value) -> String {
    let ranges = plan.get("partition").and_then(Value::as_array).into_iter().flatten();
    let text = |range: &Value| {
        Some(format!("{:#x}..{:#x}", range.get("start")?.as_u64()?, range.get("end")?.as_u64()?))
    };
    ranges.filter_map(text).collect::<Vec<_>>().join("\n")
}

/// Bytes of ordinary memory that an instance of a plan gets as untypeds.
pub fn untyped_bytes(plan: &Value) -> u64 {
    if let Some(total) = plan.get("untyped_bytes").and_then(Value::as_u64) {
        return total;
    }
    let list = plan.get("untyped").and_then(Value::as_array).into_iter().flatten();
    let normal = list.filter(|untyped| untyped.get("device") == Some(&Value::Bool(false)));
    normal.filter_map(|untyped| 1u64.checked_shl(untyped.get("size_bits")?.as_u64()? as u32)).sum()
}

/// A number of bytes with the largest unit that leaves at least three digits of precision.
pub fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..0x10_0000 => format!("{:.1} KiB", count as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        0x4000_0000..0x100_0000_0000 => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
        _ => format!("{:.1} TiB", count as f64 / 1_099_511_627_776.0),
    }
}

/// A table of all columns that any row has, in the order in which they first appear.
fn row_table(rows: &[Row]) -> Table {
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.iter().flat_map(Row::keys) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let mut table = new_table();
    table.set_header(columns.iter().map(|column| terminal::cell(&column.replace('_', " "))));
    for row in rows {
        table.add_row(columns.iter().map(|&column| row.get(column).map(cell).unwrap_or_default()));
    }
    for (index, column) in columns.iter().enumerate() {
        let is_number = rows.iter().all(|row| row.get(*column).is_none_or(Value::is_number));
        if let (true, Some(column)) = (is_number, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cell(value: &Value) -> String {
    terminal::cell(value.as_str().map_or_else(|| value.to_string().into(), Cow::from).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::Source;
    use crate::protocol::Message;
    use serde_json::json;

    fn finished_session(description: &Description) -> Session {
        let mut session = Session::new(description, None, None);
        let plan = json!({"instances": [{
            "partition": [{"start": 0x10_0000, "end": 0x20_0000}, {"start": 0x30_0000, "end": 0x38_0000}],
            "untyped": [
                {"base": 0x10_0000, "size_bits": 19, "device": false},
                {"base": 0xfec0_0000_u64, "size_bits": 12, "device": true},
            ],
        }]});
        session.messages(Source::Boot, vec![Message::Plan(plan)]).expect("it may say so");
        session.messages(Source::Core(0), vec![Message::Up(Some(12_345))]).expect("it may say so");
        let row = json!({"channel": "from-0-to-1", "round_trips": 1000, "min": 41});
        let Value::Object(row) = row else { panic!("an object was written") };
        session.messages(Source::Core(0), vec![Message::Rows(vec![row])]).expect("it may say so");
        session.messages(Source::Core(0), vec![Message::Exit(0)]).expect("it may say so");
        session
    }

    #[test]
    fn the_document_lists_only_instances_that_reached_their_root_task() {
        let description = Description::equal(2, "ping-pong");
        let session = finished_session(&description);
        let ending = Ending::new(Exit::Timeout, "time is up");
        let results = Results::new(&description, &session, Instrument::Instructions, &ending);
        let document = serde_json::to_value(&results).expect("results can be encoded");
        assert_eq!(document["version"], 1);
        assert_eq!(document["instances"].as_array().map(Vec::len), Some(1));
        assert_eq!(document["instances"][0]["boot_us"], 12_345);
        assert_eq!(document["plan"]["instances"][0]["untyped"][0]["size_bits"], 19);
        assert_eq!(document["table"][0]["min"], 41);
        assert_eq!(document["exit"], json!({"code": 3, "reason": "time is up"}));
    }

    #[test]
    fn the_instance_table_shows_ranges_untyped_bytes_and_boot_time() {
        let description = Description::equal(1, "ping-pong");
        let session = finished_session(&description);
        let ending = Ending::new(Exit::Success, "");
        let table =
            Results::new(&description, &session, Instrument::Cycles, &ending).instance_table().to_string();
        for part in ["0x100000..0x200000", "0x300000..0x380000", "512.0 KiB", "12.345 ms", "ok"] {
            assert!(table.contains(part), "{part} is missing in\n{table}");
        }
    }

    #[test]
    fn columns_of_the_result_table_are_the_union_of_the_rows_keys() {
        let rows = [json!({"path": "call", "min": 3}), json!({"path": "reply", "median": 4})];
        let rows: Vec<Row> = rows.iter().filter_map(|row| row.as_object().cloned()).collect();
        let table = row_table(&rows).to_string();
        let header = table.lines().nth(1).expect("there is a header");
        let words: Vec<&str> =
            header.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty()).collect();
        assert_eq!(words, ["path", "min", "median"]);
    }

    #[test]
    fn byte_counts_have_units() {
        assert_eq!(bytes(12), "12 B");
        assert_eq!(bytes(4096), "4.0 KiB");
        assert_eq!(bytes(512 << 20), "512.0 MiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }
}
