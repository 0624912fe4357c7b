// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines meant for this tool: `!skerry ` and a JSON object. They are not shown in the log.
//!
//! | Key | From | Says |
//! |---|---|---|
//! | `plan` | boot | the plan that the machine was divided by |
//! | `audit` | boot | what the second page-table walker found |
//! | `boot_error` | boot | why nothing was started: the input is wrong |
//! | `handover` | boot | the instances run: nothing that follows on the console of the boot comes from the boot |
//! | `up` | an instance | its root task is about to run; the value is the microseconds since the boot code began |
//! | `row` | a root task | one row of the result table: an object whose keys are the columns |
//! | `table` | a root task | several such rows: an array of objects, or an object with `rows` |
//! | `exit` | a root task | it has finished, with this code |
//! | `fault` | init | a program faulted: an object that says which, how, and what became of it |
//! | `halted` | an instance | its kernel was asked to halt |
//! | `stuck` | an instance | no thread of it can run any more: an object with the `reason`, and whether a `fault` has led to it |
//! | `failed` | an instance, boot | its kernel failed, and why |
//! | `injected` | an instance | beside `failed`: whether the fault that `--inject` asked for was brought about |
//!
//! Who says what only another one may say is not believed: [`crate::session`] counts such lines and the log shows them.

use serde_json::{Map, Value};

/// One row of results: column name to value, in the order written.
pub type Row = Map<String, Value>;

/// One thing that a machine-readable line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The plan, as `memory-partition` serialises it.
    Plan(Value),
    /// The result of the audit.
    Audit(Value),
    /// The boot code refused to start anything.
    Refused(String),
    /// The boot code is about to leave.
    HandOver,
    /// The root task is about to run, so many microseconds after the boot code began.
    Up(Option<u64>),
    /// Rows of results.
    Rows(Vec<Row>),
    /// The root task finished.
    Exit(i64),
    /// A program faulted.
    Fault(Value),
    /// The instance was halted on request.
    Halted,
    /// No thread can run any more.
    Stuck(Stuck),
    /// The kernel failed.
    Failed(String),
    /// The fault that the kernel was asked for was brought about.
    Injected,
}

/// Why no thread of an instance can run any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// One sentence.
    pub reason: String,
    /// Whether a fault that nobody handles has led to it; otherwise all threads have stopped or wait for each other.
    pub has_fault: bool,
}

/// Who may say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The boot code, until its hand-over.
    Boot,
    /// An instance, of itself.
    Instance,
    /// Either.
    Either,
}

impl Message {
    /// Who may say this.
    pub fn speaker(&self) -> Speaker {
        match self {
            Message::Plan(_) | Message::Audit(_) | Message::Refused(_) | Message::HandOver => Speaker::Boot,
            Message::Failed(_) => Speaker::Either,
            _ => Speaker::Instance,
        }
    }
}

/// What every machine-readable line begins with.
const MARK: &str = "!skerry ";

/// Reads a machine-readable line; `None` when it is an ordinary line (or a damaged one, which is worth showing).
pub fn parse(line: &[u8]) -> Option<Vec<Message>> {
    let object: Map<String, Value> = serde_json::from_slice(line.strip_prefix(MARK.as_bytes())?).ok()?;
    Some(object.into_iter().filter_map(|(key, value)| message(&key, value)).collect())
}

/// `None` for keys of a later version: they are ignored, not shown.
fn message(key: &str, value: Value) -> Option<Message> {
    Some(match key {
        "plan" => Message::Plan(value),
        "audit" => Message::Audit(value),
        "boot_error" => Message::Refused(text(value)),
        "handover" => Message::HandOver,
        "up" => Message::Up(value.as_u64().or_else(|| value.get("us").and_then(Value::as_u64))),
        "row" => Message::Rows(rows(Value::Array(vec![value]))),
        "table" => Message::Rows(rows(value)),
        "exit" => Message::Exit(value.as_i64()?),
        "fault" => Message::Fault(value),
        "halted" => Message::Halted,
        "stuck" => Message::Stuck(Stuck {
            has_fault: value.get("fault").and_then(Value::as_bool).unwrap_or(false),
            reason: text(value.get("reason").cloned().unwrap_or(Value::Null)),
        }),
        "failed" => Message::Failed(text(value)),
        "injected" if value == Value::Bool(true) => Message::Injected,
        _ => return None,
    })
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn rows(value: Value) -> Vec<Row> {
    let list = match value {
        Value::Object(mut object) => object.remove("rows").unwrap_or(Value::Object(object)),
        other => other,
    };
    let items = match list {
        Value::Array(items) => items,
        other => vec![other],
    };
    items
        .into_iter()
        .filter_map(|item| if let Value::Object(row) = item { Some(row) } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_lines_are_not_messages() {
        assert_eq!(parse(b"hello"), None);
        assert_eq!(parse(b"the line !skerry {\"exit\":0} is quoted"), None);
    }

    #[test]
    fn a_damaged_line_is_not_a_message_so_that_it_is_shown() {
        assert_eq!(parse(b"!skerry {\"exit\":"), None);
        assert_eq!(parse(b"!skerry 7"), None);
    }

    #[test]
    fn every_key_gives_its_message_and_unknown_ones_nothing() {
        let one = |line: &str| parse(line.as_bytes()).expect("it is a message").pop();
        assert_eq!(one(r#"!skerry {"exit":3}"#), Some(Message::Exit(3)));
        assert_eq!(one(r#"!skerry {"failed":"panic at x"}"#), Some(Message::Failed("panic at x".to_owned())));
        assert_eq!(
            one(r#"!skerry {"boot_error":"no memory map"}"#),
            Some(Message::Refused("no memory map".to_owned()))
        );
        assert_eq!(one(r#"!skerry {"up":1234}"#), Some(Message::Up(Some(1234))));
        assert_eq!(one(r#"!skerry {"up":{"us":1234}}"#), Some(Message::Up(Some(1234))));
        assert_eq!(one(r#"!skerry {"halted":true}"#), Some(Message::Halted));
        let stuck = Stuck { reason: "nothing can run".to_owned(), has_fault: true };
        let line = r#"!skerry {"stuck":{"fault":true,"reason":"nothing can run"}}"#;
        assert_eq!(one(line), Some(Message::Stuck(stuck)));
        assert_eq!(one(r#"!skerry {"fault":{"ip":1}}"#), Some(Message::Fault(serde_json::json!({"ip": 1}))));
        assert_eq!(one(r#"!skerry {"plan":{"a":1}}"#), Some(Message::Plan(serde_json::json!({"a": 1}))));
        assert_eq!(one(r#"!skerry {"audit":"ok"}"#), Some(Message::Audit(Value::from("ok"))));
        assert_eq!(one(r#"!skerry {"handover":true}"#), Some(Message::HandOver));
        assert_eq!(one(r#"!skerry {"invented":1}"#), None);
        assert_eq!(one(r#"!skerry {"injected":true}"#), Some(Message::Injected));
        assert_eq!(one(r#"!skerry {"injected":false}"#), None);
    }

    #[test]
    fn rows_come_one_by_one_or_as_a_table() {
        let count = |line: &str| match parse(line.as_bytes()).expect("it is a message").as_slice() {
            [Message::Rows(rows)] => rows.len(),
            other => panic!("rows expected, not {other:?}"),
        };
        assert_eq!(count(r#"!skerry {"row":{"path":"call","min":1}}"#), 1);
        assert_eq!(count(r#"!skerry {"table":[{"min":1},{"min":2}]}"#), 2);
        assert_eq!(count(r#"!skerry {"table":{"rows":[{"min":1},{"min":2}]}}"#), 2);
    }
}
