// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures for real, and holds the figures to the baseline and to each other.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use benches::{Baseline, Change, Figures, Interference, Measurement, Report, changes};

/// A measurement of the quick paths of an architecture, instructions counted.
fn measure(arch: &str) -> Report {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let json = dir.path().join("report.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.args(["bench", "--quick", "--arch", arch, "--accel", "tcg", "--json"]).arg(&json);
    let output = command.output().expect("the tool starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(output.status.code(), Some(0), "{}", said.join("\n"));
    let text = fs::read_to_string(json).expect("the report was written");
    serde_json::from_str(&text).expect("it is a report")
}

const X86_64: &str = "x86_64";

/// The measurement that all tests of this run look at.
fn measured() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| measure(X86_64))
}

fn baseline(file: &str) -> Baseline {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("../benches")
        .join(file);
    let text = fs::read_to_string(path).expect("the baseline is in the source tree");
    serde_json::from_str(&text).expect("it is what --update-baseline wrote")
}

/// Fails when a path within an instance has grown; `options` are those that write another baseline.
fn compare(baseline: &Baseline, new: &Figures, options: &str) {
    let Some(old) = baseline.of(&new.compiler) else {
        let compilers: Vec<&str> = baseline.compilers().collect();
        eprintln!(
            "not compared: there are figures of {}, this is code by {}",
            compilers.join(" and "),
            new.compiler
        );
        return;
    };
    let changes = changes(&old.paths, &new.paths);
    let grown = changes.iter().filter(|change| change.instances == 1 && change.is_regression());
    let grown: Vec<String> = grown.map(Change::describe).collect();
    assert!(
        grown.is_empty(),
        "{}\nwhere this is meant to be: ./x bench {options} --update-baseline, and say why in the commit",
        grown.join("\n")
    );
}

#[test]
#[ignore = "boots"]
fn no_path_within_an_instance_needs_two_percent_more_than_the_baseline() {
    compare(&baseline("baseline.json"), &measured().figures(), "");
}

/// `./x bench` refuses a row of another scenario; here no reference may be left without its row.
#[test]
#[ignore = "boots"]
fn every_quick_path_of_the_upstream_suite_has_figures_of_its_own_scenario() {
    let report = measured();
    assert_eq!(report.misplaced().count(), 0);
    let compared = report.undisturbed().filter(|path| !report.reference(path).source.is_empty());
    let names: Vec<&str> = compared.map(|path| path.path.as_str()).collect();
    for name in [
        "null system call",
        "Call, 0 words",
        "Call, 10 words, active server",
        "ReplyRecv, 10 words, active server",
        "fault, to a handler of lower priority",
        "fault, round trip, handler of lower priority",
        "retype one 4 KiB page",
        "retype 512 pages of 4 KiB, each",
        "producer to consumer, same core",
        "broadcast",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

#[test]
#[ignore = "boots"]
fn no_path_within_an_instance_needs_two_percent_more_than_the_baseline_on_aarch32() {
    let new = measure("aarch32");
    assert!(new.paths.iter().all(|path| path.n >= 10 && path.min > 0), "{:?}", new.figures());
    compare(&baseline("baseline-aarch32.json"), &new.figures(), "--arch aarch32");
}

/// The kernels share nothing that a path could have to wait for (ALONE).
#[test]
#[ignore = "boots"]
fn no_quick_path_gets_longer_by_what_other_instances_do() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let json = dir.path().join("result.json");
    let system = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("../systems/bench-interference.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.arg("run").arg(system).args([
        "--profile",
        "bench",
        "--accel",
        "tcg",
        "--icount",
        "--timeout",
        "600",
    ]);
    let output = command.arg("--json").arg(&json).output().expect("the tool starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let text = fs::read_to_string(json).expect("the results were written");
    let document: serde_json::Value = serde_json::from_str(&text).expect("they are JSON");
    let mut report = Report::new(X86_64, "instructions", "");
    for row in document["table"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_object) {
        assert!(report.add_row(3, row), "{row:?}");
    }
    let matrix = Interference::of(&report.paths);
    assert!(report.paths.iter().all(|path| path.n >= 1000));
    assert_eq!(matrix.activities.len(), 8, "{:?}", matrix.activities);
    let quick: Vec<&str> = measured().undisturbed().map(|path| path.path.as_str()).collect();
    let is_quick = |path: &str| quick.contains(&path);
    assert!(matrix.paths.len() >= 20 && matrix.paths.iter().all(|(path, _)| is_quick(path)));
    assert_eq!(matrix.disturbed(), <[&str; 0]>::default());
}

#[test]
#[ignore = "boots"]
fn two_runs_agree_to_the_digit_on_one_core_and_in_minimum_and_median_on_several() {
    let (first, second) = (measured(), measure(X86_64));
    assert_eq!(first.paths.len(), second.paths.len());
    for (first, second) in first.paths.iter().zip(&second.paths) {
        let kept = |path: &Measurement| (path.path.clone(), path.min, path.median);
        assert_eq!(kept(first), kept(second));
        if first.instances == 1 {
            assert_eq!(first, second);
        }
    }
}
