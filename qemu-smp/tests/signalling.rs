// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signalling and isolation in QEMU. `./x test` runs these; plain `cargo test` does not.

mod system;

use system::run;

#[test]
#[ignore = "boots"]
fn every_attempt_to_leave_an_instance_is_answered_as_documented() {
    let run = run(&["systems/attack.toml"]).expect(0);
    assert_eq!(run.finished(), ["victim", "attacker", "bystander"]);
    let rows = run.document["table"].as_array().expect("there is a table");
    let sum = |key: &str| rows.iter().filter_map(|row| row[key].as_u64()).sum::<u64>();
    assert!(sum("attempts") >= 100, "{}", run.shown);
    assert_eq!(sum("not_as_documented"), 0, "{}", run.shown);
}
