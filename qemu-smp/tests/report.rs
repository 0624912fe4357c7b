// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reporting commands as processes, which need neither QEMU nor a compiler.

use std::process::{Command, Stdio};

fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    // Neither compilers nor QEMU are found.
    command.args(arguments).env("PATH", "/nonexistent");
    command
}

#[test]
fn a_report_needs_no_other_program() {
    let output = tool(&["report", "--cpus", "3"]).output().expect("the tool starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        shown.contains("system ping-pong: 3 instances on 3 cores") && shown.contains("hop-2-0"),
        "{shown}"
    );
    let quiet = tool(&["report", "--cpus", "3", "--quiet"]).output().expect("the tool starts");
    assert!(quiet.status.success() && quiet.stdout.is_empty());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for arguments in [&["report", "--cpus", "64"][..], &["report", "--schema"], &["completions", "fish"]] {
        let mut child =
            tool(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn mistakes_in_a_description_are_told_as_by_validate() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("wrong.toml");
    std::fs::write(&file, "[[instance]]\nname = 'a'\nprogram = 'pingpong'\ncolour = 3\n")
        .expect("it can be written");
    let output = tool(&["report", &file.display().to_string()]).output().expect("the tool starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("wrong.toml: 2 mistakes") && errors.contains("ping-pong"), "{errors}");
}
