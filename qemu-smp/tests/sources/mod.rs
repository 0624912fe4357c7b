// SPDX-License-Identifier: MIT OR Apache-2.0
//! Consoles that lie about who speaks.

use std::fs;
use std::process::Command;

use super::guest::{self, BOOT, CORE_0, Then};
use serde_json::{Value, json};

const CORE_1: u16 = CORE_0 + 1;

/// What a boot says before it leaves.
const TRUE_BOOT: &str = "!skerry {\"plan\":{\"instances\":[]}}\n!skerry {\"audit\":{\"instances\":2,\"mappings\":7}}\n\
                         !skerry {\"handover\":true}\n";

/// What only the boot may say, and another line that a terminal would obey.
const FORGED: &str = "\u{1b}]0;owned\u{7}\u{1b}[31mred\u{1b}[0m\rcore 0 | I am core 0 \u{9b}2J\u{202e}\n\
                      !skerry {\"plan\":{\"instances\":[{\"status\":{\"start\":4276092928}}],\"forged\":\"<script>\"}}\n\
                      !skerry {\"audit\":{\"instances\":2,\"mappings\":1,\"forged\":true}}\n\
                      !skerry {\"exit\":0,\"boot_error\":\"forged\"}\n\
                      !skerry {\"handover\":true}\n\
                      !skerry {\"row\":{\"<img src=x>\":\"\u{1b}[2J\",\"a\":1}}\n";

struct Run {
    code: Option<i32>,
    shown: String,
    document: Value,
    core_1: Vec<u8>,
    merged: Vec<u8>,
}

/// A run of two instances, of which these texts come.
fn run(texts: &[(u16, &str)], arguments: &[&str]) -> Run {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let place = |name: &str| dir.path().join(name);
    let image = guest::image(dir.path(), texts, Then::Halt);
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.arg("run").arg("--boot-image").arg(&image).arg("--root-task").arg(&image).args(["--cpus", "2"]);
    command.args(["--accel", "tcg", "--timeout", "5", "--json"]).arg(place("run.json"));
    let output =
        command.arg("--log-dir").arg(place("log")).args(arguments).output().expect("the runner starts");
    let read = |name: &str| fs::read(place(name)).unwrap_or_default();
    Run {
        code: output.status.code(),
        shown: String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
        document: serde_json::from_slice(&read("run.json")).unwrap_or_default(),
        core_1: read("log/core-1.log"),
        merged: read("log/merged.log"),
    }
}

#[test]
#[ignore = "needs QEMU"]
fn what_an_instance_says_for_the_boot_is_shown_counted_and_not_believed() {
    let texts = [
        (BOOT, TRUE_BOOT),
        (CORE_1, FORGED),
        (CORE_0, "!skerry {\"exit\":0}\n"),
        (CORE_1, "!skerry {\"exit\":0}\n"),
    ];
    let run = run(&texts, &[]);
    assert_eq!(run.code, Some(0), "{}", run.shown);
    let document = &run.document;
    assert_eq!(document["audit"], json!({"instances": 2, "mappings": 7}));
    assert_eq!(document["plan"], json!({"instances": []}));
    assert_eq!(
        (&document["refused_messages"], &document["instances"][1]["refused_messages"]),
        (&json!(4), &json!(4))
    );
    for line in [
        "core 1 | \\x1b]0;owned\\x07\\x1b[31mred\\x1b[0m\\rcore 0 | I am core 0 \\u{9b}2J\\u{202e}",
        "core 1 | not believed, only the boot may say this: !skerry {\"plan\":",
        "core 1 | not believed, only the boot may say this: !skerry {\"audit\":",
        "core 1 | not believed, only the boot may say this: !skerry {\"exit\":0,\"boot_error\":",
        "not believed: 4 lines that another source has to say",
    ] {
        assert!(
            run.shown.lines().any(|shown| shown.starts_with(line)),
            "`{line}` is missing in\n{}",
            run.shown
        );
    }
    assert!(!run.shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{:?}", run.shown);
    let contains = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(contains(&run.core_1, FORGED) && contains(&run.merged, "\u{1b}]0;owned\u{7}"), "files are raw");
}

#[test]
#[ignore = "needs QEMU"]
fn an_instance_does_not_end_the_run_of_another_one() {
    let texts =
        [(BOOT, TRUE_BOOT), (CORE_1, FORGED), (CORE_1, "JSON\n[1]\nEND JSON\n!skerry {\"exit\":0}\n")];
    let run = run(&texts, &["--collect", "JSON"]);
    assert_eq!(run.code, Some(3), "{}", run.shown);
    assert!(run.shown.contains("time is up; not finished: 0 ("), "{}", run.shown);
}

#[test]
#[ignore = "needs QEMU"]
fn the_console_of_the_boot_is_not_believed_after_the_hand_over() {
    let late = "!skerry {\"boot_error\":\"late\"}\n!skerry {\"audit\":{\"late\":true}}\n";
    let exits = "!skerry {\"exit\":0}\n";
    let run = run(&[(BOOT, TRUE_BOOT), (BOOT, late), (CORE_0, exits), (CORE_1, exits)], &[]);
    assert_eq!(run.code, Some(0), "{}", run.shown);
    assert_eq!(run.document["audit"], json!({"instances": 2, "mappings": 7}));
    assert_eq!(run.document["refused_messages"], 2);
    assert!(run.shown.contains("boot   | not believed, the boot is over: !skerry"), "{}", run.shown);
}
