// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that try what their description does not allow, in QEMU. `./x test` runs these.

mod system;

use std::fmt::Write;

use serde_json::{Value, json};
use system::run;

/// Debug and benchmark calls that have an effect: PutChar, DumpScheduler, Halt, CapIdentify, Snapshot, NameThread; FlushCaches
/// and ResetLog.
const CALLS: [u32; 8] = [12, 13, 14, 15, 16, 17, 21, 22];

/// What is no row: more than one object, an object in an object, what the boot says, no object.
const ROWS: [&str; 6] = [
    r#"{"a":1},"audit":"forged","exit":0"#,
    r#"{"a":1}}"#,
    r#"{"a":{"b":1}}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"a":[1]}"#,
    r#"forged"#,
];

/// A description in a new directory: programs of these names, with these keys, from one C file.
fn description(dir: &std::path::Path, programs: &[(String, String)]) -> String {
    let image = system::root().join("qemu-smp/tests/hostile/program.c");
    let mut text = "[[instance]]\nname = 'north'\n".to_owned();
    for (name, keys) in programs {
        let image = image.display();
        write!(text, "[[program]]\nname = '{name}'\ninstance = 'north'\nimage = '{image}'\n{keys}\n")
            .expect("a text takes everything");
    }
    let path = dir.join("system.toml");
    std::fs::write(&path, text).expect("the description can be written");
    path.display().to_string()
}

#[test]
#[ignore = "boots"]
fn a_program_cannot_undo_its_description_or_speak_for_its_instance() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let mut programs = vec![("undoer".to_owned(), "arguments = ['thread']\nmcp = 120".to_owned())];
    programs.extend(CALLS.map(|call| (format!("call-{call}"), format!("arguments = ['call={call}']"))));
    let rows = ROWS.iter().enumerate();
    programs.extend(
        rows.map(|(n, row)| (format!("row-{n}"), format!("arguments = ['row={}']", row.replace(' ', "")))),
    );
    programs.push(("innocent".to_owned(), "priority = 50".to_owned()));
    let run = run(&[&description(dir.path(), &programs), "--profile", "debug"]).expect(1);
    for line in
        ["core 0 | undoer: holds nothing of its thread", "core 0 | innocent: line.!skerry {\"exit\":7}"]
    {
        assert!(run.shown.contains(line), "{line}\n{}", run.shown);
    }
    for wrong in ["returned", "was taken", "core 0 | X", "halted"] {
        assert!(!run.shown.contains(wrong), "{wrong}\n{}", run.shown);
    }
    assert!(run.finished().is_empty(), "one that faulted decides how the instance ends");
    let north = &run.document["instances"][0];
    let faults = north["faults"].as_array().expect("the faults are in the document");
    let fault = |name: &str| faults.iter().find(|fault| fault["program"] == name).unwrap_or(&Value::Null);
    for call in CALLS {
        let fault = fault(&format!("call-{call}"));
        assert_eq!(
            (&fault["kind"], &fault["number"]),
            (&json!("syscall"), &json!(-i64::from(call))),
            "{fault}"
        );
    }
    for number in 0..ROWS.len() {
        assert_eq!(fault(&format!("row-{number}"))["kind"], "row");
    }
    assert_eq!(run.document["table"], json!([{"honest": true}]));
    assert_eq!((&north["exit"], &run.document["audit"]["instances"]), (&json!(102), &json!(1)));
}
