// SPDX-License-Identifier: MIT OR Apache-2.0
//! Systems on Arm, in 32 bits. `./x test` runs these where there is a QEMU for it; plain `cargo test` does not.

mod crew;
mod device_tree;
mod system;

use std::process::Command;

use device_tree::{Tree, machine_without_psci};
use system::{Run, root, run};

/// `qemu-smp run --arch aarch32` with these arguments.
fn run_on_arm(arguments: &[&str]) -> Run {
    run(&[&["--arch", "aarch32", "--timeout", "600"], arguments].concat())
}

/// Why a boot was refused.
fn refusal(arguments: &[&str]) -> String {
    let run = run_on_arm(arguments).expect(2);
    assert!(run.finished().is_empty(), "nothing was started:\n{}", run.shown);
    run.document["exit"]["reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "boots"]
fn the_example_runs_on_four_cores_and_ends_with_a_table_on_aarch32() {
    let run = run_on_arm(&["systems/ping-pong.toml"]).expect(0);
    assert_eq!(run.finished(), ["north", "east", "south", "west"]);
    let rows = run.document["table"].as_array().expect("there is a table");
    assert!(rows.len() >= 4, "a row for each hop:\n{}", run.shown);
    let partitions = run.document["plan"]["instances"].as_array().map(Vec::len);
    assert_eq!(partitions, Some(4), "the plan is in the document");
    assert!(run.document["audit"].is_object(), "the audit reports");
    assert!(run.document["instances"][3]["counters"]["signals_sent"].as_u64() > Some(0), "{}", run.document);
    for core in 0..4 {
        assert!(run.shown.contains(&format!("core {core} | ")), "every core speaks:\n{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn one_instance_and_as_many_as_there_can_be_run_on_aarch32() {
    for count in ["1", "8"] {
        let run = run_on_arm(&["--cpus", count]).expect(0);
        assert_eq!(run.finished().len().to_string(), count, "{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn a_timeout_handler_and_a_channel_within_an_instance_work_on_aarch32() {
    let run = run_on_arm(&["examples/realtime/system.toml", "--icount"]).expect(0);
    assert!(run.shown.contains("guard: 30 jobs done, 3 of them overran their budget, "), "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn the_kernels_answer_the_conformance_suite_on_aarch32() {
    let run = run_on_arm(&["systems/conformance.toml", "--icount"]).expect(0);
    assert_eq!(run.shown.matches(" passed, 0 failed").count(), 2, "both instances:\n{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn two_runs_with_counted_instructions_agree_to_the_digit_on_one_core_on_aarch32() {
    let table = || run_on_arm(&["--cpus", "1", "--icount"]).expect(0).document["table"].clone();
    assert_eq!(table(), table());
}

#[test]
#[ignore = "boots"]
fn a_kernel_panic_stops_its_own_core_and_is_symbolised_on_aarch32() {
    let run = run_on_arm(&["systems/ping-pong.toml", "--inject", "panic:2@signals=10"]).expect(4);
    assert!(run.shown.contains(".rs:"), "addresses are named:\n{}", run.shown);
    let instances = run.document["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed: Vec<_> = instances.iter().filter(|instance| instance["failed"].is_string()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["name"], "south");
}

#[test]
#[ignore = "boots"]
fn a_failed_kernel_leaves_the_others_working_on_aarch32() {
    let run = run_on_arm(&["systems/soak.toml", "--inject", "panic:2@signals=1000"]).expect(4);
    assert_eq!(run.finished(), ["n0", "n1", "n3"], "the others go on: {}", run.shown);
    let told = run.shown.matches("instance 2 has ended and told so").count();
    assert_eq!(told, 3, "each saw the status page and heard the failure line: {}", run.shown);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("the kernel of instance 2 (n2) failed: "), "{reason}");
    assert!(run.shown.contains(reason), "the summary says so: {}", run.shown);
}

#[test]
#[ignore = "boots"]
fn a_fault_that_cannot_be_injected_is_refused_before_the_boot_on_aarch32() {
    let run = run_on_arm(&["systems/ping-pong.toml", "--inject", "nmi:2@500ms"]).expect(2);
    assert!(run.errors.contains("a kind of aarch32 (panic, double-fault)"), "{}", run.errors);
}

#[test]
#[ignore = "boots"]
fn every_attempt_to_leave_an_instance_is_answered_as_documented_on_aarch32() {
    let run = run_on_arm(&["systems/attack.toml"]).expect(0);
    assert_eq!(run.finished(), ["victim", "attacker", "bystander"]);
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |column: &str| rows.iter().filter_map(|row| row[column].as_u64()).sum::<u64>();
    assert!(sum("attempts") >= 100, "{}", run.shown);
    assert_eq!(sum("not_as_documented"), 0, "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn programs_one_of_them_in_c_run_under_init_on_aarch32() {
    let run = run_on_arm(&["systems/programs-aarch32.toml"]).expect(0);
    assert_eq!(run.finished(), ["north", "south"]);
    for line in crew::SHOWN.into_iter().chain(["clerk: registers and interrupt are there"]) {
        assert!(run.shown.contains(line), "{line}\n{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn a_pipeline_over_four_cores_loses_nothing_on_aarch32() {
    let run = run_on_arm(&["examples/pipeline/system.toml"]).expect(0);
    assert!(run.shown.contains("sink: 10000 numbers arrived, their sum is right"), "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn the_audit_refuses_a_planted_violation_on_aarch32() {
    for plant in ["partition", "wx", "inbox"] {
        let reason = refusal(&["systems/ping-pong.toml", "--append", &format!("plant={plant}")]);
        assert!(reason.contains("0x"), "{plant}: the ranges are named: {reason}");
    }
}

#[test]
#[ignore = "boots"]
fn more_instances_than_cores_are_refused_before_the_boot_and_by_it_on_aarch32() {
    let run = run_on_arm(&["systems/ping-pong.toml", "--cpus", "2"]).expect(2);
    assert!(run.errors.contains("run with --cpus 4"), "{}", run.errors);
    let reason = refusal(&["systems/ping-pong.toml", "--", "-smp", "2"]);
    assert!(reason.contains("4 instances need as many cores, the machine has 2"), "{reason}");
}

/// Why a machine was refused whose device tree was changed.
fn refusal_of(change: impl Fn(Tree) -> Tree) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let arguments = change(Tree::of_machine(dir.path(), 4)).arguments(dir.path());
    refusal_with(&arguments, "4")
}

fn refusal_with(qemu: &[String], cpus: &str) -> String {
    let qemu: Vec<&str> = qemu.iter().map(String::as_str).collect();
    refusal(&[&["--cpus", cpus, "--"], &qemu[..]].concat())
}

#[test]
#[ignore = "boots"]
fn a_machine_without_psci_stops_the_boot_with_a_reason_on_aarch32() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let out = dir.path().display().to_string();
    image(&["--cpus", "1", "--out", &out]);
    let qemu = machine_without_psci(dir.path(), &dir.path().join("boot.bin"));
    let reason = refusal_with(&qemu, "1");
    assert!(reason.contains("device tree: no node /psci"), "{reason}");
}

#[test]
#[ignore = "boots"]
fn a_core_that_is_not_known_stops_the_boot_with_its_name_on_aarch32() {
    let reason = refusal(&["--", "-cpu", "max"]);
    assert!(
        reason.contains("names a core that is not known; expected a Cortex-A7 or Cortex-A15"),
        "{reason}"
    );
}

#[test]
#[ignore = "boots"]
fn the_example_runs_on_another_known_core_on_aarch32() {
    let run = run_on_arm(&["systems/ping-pong.toml", "--", "-cpu", "cortex-a7"]).expect(0);
    assert_eq!(run.finished(), ["north", "east", "south", "west"]);
}

/// `qemu-smp image --arch aarch32` with these arguments.
fn image(arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.current_dir(root()).args(["image", "--arch", "aarch32"]).args(arguments);
    assert!(command.output().is_ok_and(|output| output.status.success()), "the image is made");
}

#[test]
#[ignore = "boots"]
fn cores_that_psci_does_not_start_run_no_instance_on_aarch32() {
    let reason = refusal_of(|tree| tree.with_value("psci", "spin"));
    assert!(reason.contains("4 instances need as many cores, the machine has 1"), "{reason}");
}

#[test]
#[ignore = "boots"]
fn a_missing_node_of_the_device_tree_stops_the_boot_with_its_name_on_aarch32() {
    for (compatible, unknown, node) in [
        ("arm,cortex-a15-gic", "xxx,cortex-a15-gic", "/intc"),
        ("arm,armv7-timer", "xxx,armv7-timer", "/timer"),
    ] {
        let reason = refusal_of(|tree| tree.renamed(compatible, unknown));
        assert!(reason.contains(&format!("device tree: no node {node}; expected: ")), "{reason}");
    }
}
