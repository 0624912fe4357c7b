// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signalling and isolation in QEMU. `./x test` runs these; plain `cargo test` does not.

mod system;

use serde_json::Value;
use system::{Run, root, run};

/// Sum of a column of the result table.
fn sum(run: &Run, column: &str) -> u64 {
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(|row| row[column].as_u64()).sum()
}

/// Runs a system of the examples with some of its words replaced.
fn run_changed(system: &str, words: &[(&str, &str)], options: &[&str]) -> Run {
    let mut text = std::fs::read_to_string(root().join("systems").join(system)).expect("it is there");
    for (word, replacement) in words {
        assert!(text.contains(word), "{system} says {word}");
        text = text.replace(word, replacement);
    }
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join(system);
    std::fs::write(&file, text).expect("it can be written");
    run(&[&[file.to_str().expect("paths are text here")], options].concat())
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
    let run = run(&["systems/soak.toml", "--timeout", "600"]).expect(0);
    assert_eq!(run.finished(), ["n0", "n1", "n2", "n3"]);
    assert_eq!(sum(&run, "sent"), 100_000, "{}", run.shown);
    let elided = sum(&run, "pending") + sum(&run, "masked") + sum(&run, "polling");
    let counted = 100_000..=100_000 + sum(&run, "answers");
    assert!(counted.contains(&(sum(&run, "ipis") + elided)), "{}", run.shown);
    assert!(sum(&run, "sleeps") >= 10_000, "cores slept in between: {}", run.shown);
    check_counters(&run);
}

/// The counters that the runner read from the status pages: those that the root tasks read, and no contradictions.
fn check_counters(run: &Run) {
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    let instances = run.document["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (mut rung, mut answered) = (0, 0);
    for instance in instances {
        let count = |name: &str| instance["counters"][name].as_u64().unwrap_or_else(|| panic!("{instance}"));
        let row = rows.iter().find(|row| row["instance"] == instance["instance"]);
        let sent = row.and_then(|row| row["sent"].as_u64()).unwrap_or_default();
        assert!(count("signals_sent") >= sent, "{instance}");
        let elided = count("elided_pending") + count("elided_masked") + count("elided_polling");
        assert_eq!(count("ipis_sent") + elided, count("signals_sent"), "{instance}");
        assert!(count("lines_delivered") >= count("doorbells_taken"), "{instance}");
        rung += count("ipis_sent");
        answered += count("doorbells_taken") + count("spurious_doorbells");
    }
    assert!(rung > 0 && answered > 0, "{}", run.shown);
}

/// Lets the kernel of instance 2 fail while all instances signal each other.
fn survive(fault: &str) {
    let inject = format!("{fault}:2@signals=1000");
    let run = run(&["systems/soak.toml", "--timeout", "600", "--inject", &inject]).expect(4);
    assert_eq!(run.finished(), ["n0", "n1", "n3"], "the others go on: {}", run.shown);
    assert_eq!(sum(&run, "sent"), 75_000, "and finish their work: {}", run.shown);
    let told = run.shown.matches("instance 2 has ended and told so").count();
    assert_eq!(told, 3, "each saw the status page and heard the failure line: {}", run.shown);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("the kernel of instance 2 (n2) failed"), "{reason}");
    let instances = run.document["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed = instances.iter().filter(|instance| instance["failed"].is_string()).count();
    assert_eq!(failed, 1, "{}", run.shown);
    let sent = instances[2]["counters"]["signals_sent"].as_u64();
    assert_eq!(sent, Some(1000), "it failed in the middle of its work: {}", run.shown);
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

/// The row of the result table for a way of answering signals.
fn answered<'a>(run: &'a Run, how: &str) -> &'a Value {
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().find(|row| row["answered"] == how).unwrap_or_else(|| panic!("{how}:\n{}", run.shown))
}

/// Ways in which the target of a storm answers signals.
const AT_ONCE: &str = "at once";
const BOUNDED: &str = "on a tenth of the time";
const NEVER: &str = "when there is no work";

fn check_doorbells(run: &Run) {
    let lines = 3 * 7;
    for how in [AT_ONCE, BOUNDED, NEVER] {
        let count = |column: &str| answered(run, how)[column].as_u64().unwrap_or(u64::MAX);
        // One entry is the Ack itself, the other the doorbell; lines may have been open at the beginning.
        assert!(count("doorbells") <= count("acks") + lines, "{how}:\n{}", run.shown);
        assert!(count("signals") >= 100_000, "{how}: there was a storm:\n{}", run.shown);
    }
}

fn share(run: &Run, how: &str) -> u64 {
    answered(run, how)["share_percent"].as_u64().unwrap_or_default()
}

#[test]
#[ignore = "boots"]
fn a_storm_costs_the_receiver_at_most_two_kernel_entries_per_ack() {
    // Counted instructions for the share that user code keeps, processors in parallel for the races.
    let counted = run(&["systems/storm.toml", "--icount"]).expect(0);
    check_doorbells(&counted);
    assert!(share(&counted, NEVER) >= 95, "{}", counted.shown);
    assert!(share(&counted, BOUNDED) >= 80, "{}", counted.shown);
    check_doorbells(&run(&["systems/storm.toml"]).expect(0));
}

#[test]
#[ignore = "boots"]
fn user_code_goes_on_under_a_storm_that_needs_no_acks() {
    let run = run_changed("storm.toml", &[("ack = true", "ack = false")], &["--icount"]).expect(0);
    assert!(share(&run, NEVER) >= 20, "{}", run.shown);
}

/// Handlers are deleted with signals in flight, copied and revoked, on all 64 lines of both directions; then floods come
/// that nobody waits for.
fn lines_hold(ack: &str, idle: &str) {
    let words = [("ack = true", format!("ack = {ack}")), ("\"halt\"", format!("\"{idle}\""))];
    let words = words.each_ref().map(|(word, replacement)| (*word, replacement.as_str()));
    let run = run_changed("lines.toml", &words, &["--timeout", "600"]).expect(0);
    assert_eq!(run.finished(), ["east", "west"]);
    assert_eq!(sum(&run, "deleted_in_flight"), 4000, "{}", run.shown);
    assert!(sum(&run, "spurious") > 0, "some doorbells arrived after the handler had gone: {}", run.shown);
}

#[test]
#[ignore = "boots"]
fn a_handler_hears_no_signal_from_before_its_time_whose_line_is_acknowledged() {
    lines_hold("true", "halt");
    lines_hold("true", "poll");
}

#[test]
#[ignore = "boots"]
fn a_handler_hears_no_signal_from_before_its_time_whose_line_is_not_acknowledged() {
    lines_hold("false", "halt");
    lines_hold("false", "poll");
}

/// Questions of each client in systems/exchange.toml.
const QUESTIONS: u64 = 100_000;

/// The row of the result table of an instance.
fn row(run: &Run, instance: u64) -> &Value {
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter()
        .find(|row| row["instance"] == instance)
        .unwrap_or_else(|| panic!("{instance}:\n{}", run.shown))
}

#[test]
#[ignore = "boots"]
fn typed_channels_answer_every_question_in_batches_and_hold_clients_back() {
    let run = run(&["systems/exchange.toml", "--timeout", "600"]).expect(0);
    assert_eq!(run.finished(), ["server", "first", "second"]);
    assert_eq!(sum(&run, "served"), 2 * QUESTIONS, "{}", run.shown);
    for client in [1, 2] {
        let count = |column: &str| row(&run, client)[column].as_u64().unwrap_or_default();
        assert_eq!((count("asked"), count("answered")), (QUESTIONS, QUESTIONS), "{}", run.shown);
        assert!(count("full") > 0, "there was no room for more at times: {}", run.shown);
        assert!(count("flushed") < QUESTIONS / 4, "questions were shown in batches: {}", run.shown);
        let signals = run.document["instances"][client as usize]["counters"]["signals_sent"].as_u64();
        assert!(
            signals.is_some_and(|signals| signals <= count("flushed") + 2),
            "one doorbell each: {signals:?}"
        );
    }
}

#[test]
#[ignore = "boots"]
fn a_failed_server_is_an_error_to_its_clients() {
    let run = run(&["systems/exchange.toml", "--timeout", "600", "--inject", "panic:0@signals=50"]).expect(4);
    assert_eq!(run.finished(), ["first", "second"], "nobody waits for ever: {}", run.shown);
    for client in [1, 2] {
        assert_eq!(row(&run, client)["peer_failed"], true, "{}", run.shown);
        assert!(row(&run, client)["answered"].as_u64() < Some(QUESTIONS), "{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn a_failed_client_is_an_error_to_its_server_which_goes_on_answering_others() {
    let run = run(&["systems/exchange.toml", "--timeout", "600", "--inject", "panic:2@signals=50"]).expect(4);
    assert_eq!(run.finished(), ["server", "first"], "{}", run.shown);
    assert_eq!((sum(&run, "clients_finished"), sum(&run, "clients_failed")), (1, 1), "{}", run.shown);
    assert_eq!(row(&run, 1)["answered"], QUESTIONS, "{}", run.shown);
}
