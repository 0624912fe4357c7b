// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signalling and isolation in QEMU. `./x test` runs these; plain `cargo test` does not.

mod system;

use system::{Run, run};

/// Sum of a column of the result table.
fn sum(run: &Run, column: &str) -> u64 {
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(|row| row[column].as_u64()).sum()
}

#[test]
#[ignore = "boots"]
fn every_attempt_to_leave_an_instance_is_answered_as_documented() {
    let run = run(&["systems/attack.toml"]).expect(0);
    assert_eq!(run.finished(), ["victim", "attacker", "bystander"]);
    assert!(sum(&run, "attempts") >= 100, "{}", run.shown);
    assert_eq!(sum(&run, "not_as_documented"), 0, "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn no_wake_up_is_lost_among_a_hundred_thousand_signals() {
    let run = run(&["systems/soak.toml", "--timeout", "300"]).expect(0);
    assert_eq!(run.finished(), ["n0", "n1", "n2", "n3"]);
    assert_eq!(sum(&run, "sent"), 100_000, "{}", run.shown);
    let elided = sum(&run, "pending") + sum(&run, "masked") + sum(&run, "polling");
    assert_eq!(sum(&run, "ipis") + elided, 100_000, "{}", run.shown);
}

/// Lets the kernel of instance 2 fail while all instances signal each other.
fn survive(fault: &str) {
    let inject = format!("{fault}:2@50ms");
    let run = run(&["systems/soak.toml", "--timeout", "300", "--inject", &inject]).expect(4);
    assert_eq!(run.finished(), ["n0", "n1", "n3"], "the others go on: {}", run.shown);
    assert_eq!(sum(&run, "sent"), 75_000, "and finish their work: {}", run.shown);
    let told = run.shown.matches("instance 2 has ended and told so").count();
    assert_eq!(told, 3, "each saw the status page and heard the failure line: {}", run.shown);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("the kernel of instance 2 (n2) failed"), "{reason}");
    let instances = run.document["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed = instances.iter().filter(|instance| instance["failed"].is_string()).count();
    assert_eq!(failed, 1, "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn a_failed_kernel_leaves_the_others_working() {
    survive("panic");
    survive("double-fault");
}

#[test]
#[ignore = "boots"]
fn an_nmi_or_machine_check_in_one_kernel_leaves_the_others_working() {
    survive("nmi");
    survive("machine-check");
}
