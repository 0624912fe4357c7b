// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runner with a real QEMU and a stand-in for the kernel. `./x test` runs these; plain `cargo test` does not.

mod guest;
mod sources;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use guest::{BOOT, COM1, CORE_0, Then};

/// Runs a guest that pretends to be `instances` instances.
fn command(dir: &Path, instances: u32, texts: &[(u16, &str)], then: Then) -> Command {
    let image = guest::image(dir, texts, then);
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.arg("run").arg("--boot-image").arg(&image).arg("--root-task").arg(&image);
    command.args(["--cpus", &instances.to_string(), "--accel", "tcg", "--timeout", "20"]);
    command
}

fn run(instances: u32, texts: &[(u16, &str)], then: Then, arguments: &[&str]) -> Output {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    command(dir.path(), instances, texts, then).args(arguments).output().expect("the runner starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
#[ignore = "needs QEMU"]
fn lines_of_every_console_are_merged_with_their_prefix_and_machine_lines_hidden() {
    let texts = [
        (BOOT, "two cores\n!skerry {\"plan\":{\"instances\":[]}}\n"),
        (CORE_0, "from the kernel of "),
        (COM1, "from a program on COM1\r\n"),
        (CORE_0 + 1, "instance one\n!skerry {\"exit\":0}\n"),
        (CORE_0, "instance zero\n!skerry {\"row\":{\"path\":\"call\",\"min\":41}}\n!skerry {\"exit\":0}\n"),
    ];
    let output = run(2, &texts, Then::Halt, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    for line in [
        "boot   | two cores",
        "core 0 | from a program on COM1",
        "core 0 | from the kernel of instance zero",
        "core 1 | instance one",
        "done: every instance has finished",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "`{line}` is missing in\n{shown}");
    }
    assert!(!shown.contains("!skerry"), "machine-readable lines are hidden:\n{shown}");
    assert!(shown.contains("call"), "rows are in the table:\n{shown}");
}

#[test]
#[ignore = "needs QEMU"]
fn logs_and_results_are_written_to_files() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let texts = [(CORE_0, "hello\n!skerry {\"exit\":3}\n")];
    let logs = dir.path().join("logs");
    let json = dir.path().join("out.json");
    let output = command(dir.path(), 1, &texts, Then::Halt)
        .arg("--log-dir")
        .arg(&logs)
        .arg("--json")
        .arg(&json)
        .arg("--quiet")
        .output()
        .expect("the runner starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("hello"), "--quiet shows no log");
    let read = |path: &Path| fs::read_to_string(path).expect("the file was written");
    assert_eq!(read(&logs.join("core-0.log")), texts[0].1, "raw bytes");
    assert_eq!(read(&logs.join("merged.log")), "core 0 | hello\n");
    let document: serde_json::Value = serde_json::from_str(&read(&json)).expect("it is JSON");
    assert_eq!(document["version"], 1);
    assert_eq!(document["instances"][0]["exit"], 3);
    assert_eq!(document["exit"]["code"], 1);
}

#[test]
#[ignore = "needs QEMU"]
fn a_guest_that_does_nothing_is_ended_by_the_timeout() {
    let output = run(1, &[(CORE_0, "waiting")], Then::Halt, &["--timeout", "2"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("core 0 | waiting"), "an unfinished line is shown at the end:\n{shown}");
    assert!(shown.contains("not finished: 0 (instance-0)"), "{shown}");
}

#[test]
#[ignore = "needs QEMU"]
fn a_guest_that_never_stops_writing_is_ended_by_the_timeout_and_by_an_interrupt() {
    let output = run(1, &[(CORE_0, "again and again\n")], Then::Repeat, &["--timeout", "2", "--quiet"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_none_left_after("-INT", &[(CORE_0, "again and again\n")], Then::Repeat);
}

#[test]
#[ignore = "needs QEMU"]
fn a_guest_that_resets_the_machine_is_a_kernel_failure() {
    let output = run(1, &[(CORE_0, "going\n")], Then::Reset, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{shown}");
    assert!(shown.contains("the machine stopped by itself"), "{shown}");
}

#[test]
#[ignore = "needs QEMU"]
fn a_refused_boot_ends_at_once_with_its_reason() {
    let texts = [(BOOT, "!skerry {\"boot_error\":\"module 0: truncated\"}\n")];
    let output = run(1, &texts, Then::Halt, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("the boot was refused: module 0: truncated"));
}

#[test]
#[ignore = "needs QEMU"]
fn patterns_end_a_run() {
    let texts = [(CORE_0, "all tests passed\n")];
    assert_eq!(run(1, &texts, Then::Halt, &["--until", "core 0 .*passed$"]).status.code(), Some(0));
    assert_eq!(run(1, &texts, Then::Halt, &["--fail-on", "passed"]).status.code(), Some(1));
}

#[test]
#[ignore = "needs QEMU"]
fn json_between_markers_is_collected_and_ends_the_run() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let json = dir.path().join("out.json");
    let texts = [(CORE_0, "begin\nJSON OUTPUT\n[{\"name\":\n\"call\"}]\nEND JSON OUTPUT\n")];
    let mut command = command(dir.path(), 1, &texts, Then::Halt);
    let output = command.args(["--collect", "JSON OUTPUT", "--json"]).arg(&json).output();
    let output = output.expect("the runner starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let document = fs::read_to_string(&json).expect("the file was written");
    let document: serde_json::Value = serde_json::from_str(&document).expect("it is JSON");
    assert_eq!(document["collected"][0]["name"], "call");
}

#[test]
#[ignore = "needs QEMU"]
fn a_wrong_argument_for_qemu_is_reported_and_exits_with_2() {
    let output = run(1, &[], Then::Halt, &["--", "-no-such-option"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(errors.contains("no-such-option") && errors.contains("QEMU refused to start"), "{errors}");
}

#[test]
#[ignore = "needs QEMU"]
fn what_qemu_refuses_after_it_connected_is_bad_input_in_its_own_words() {
    for (arguments, words) in [
        (&["--", "-device", "nosuch"][..], "nosuch"),
        (&["--", "-smp", "5000"], "5000"),
        (&["--", "-drive", "file=/no/such/file"], "/no/such/file"),
        (&["--cpu", "nosuch"], "nosuch"),
        (&["--cpu", "max,+nosuch"], "nosuch"),
    ] {
        let output = run(1, &[(CORE_0, "never\n")], Then::Halt, arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(
            errors.contains("QEMU refused to start") && errors.contains(words),
            "{arguments:?}: {errors}"
        );
        assert!(!errors.contains("panicked") && !text(&output.stdout).contains("never"), "{errors}");
    }
}

#[test]
#[ignore = "needs QEMU"]
fn a_module_for_another_machine_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let module = dir.path().join("other.elf");
    let mut command = command(dir.path(), 1, &[], Then::Halt);
    let mut bytes = fs::read(dir.path().join("guest.elf")).expect("the image was written");
    bytes[18] = 183;
    fs::write(&module, bytes).expect("the module can be written");
    let output = command.arg("--module").arg(&module).output().expect("the runner starts");
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("other.elf: compiled for ELF machine 183, not for x86-64 (62)"), "{errors}");
}

#[test]
#[ignore = "needs QEMU"]
fn a_missing_qemu_is_named_with_what_to_install() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = command(dir.path(), 1, &[], Then::Halt);
    let output = command.env("PATH", dir.path()).output().expect("the runner starts");
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(
        errors.contains("qemu-system-x86_64 is needed to boot") && errors.contains("try: ./x doctor"),
        "{errors}"
    );
}

#[test]
#[ignore = "needs QEMU"]
fn an_interrupt_leaves_no_qemu_behind() {
    assert_none_left_after("-INT", &[], Then::Halt);
}

#[test]
#[ignore = "needs QEMU"]
fn killing_the_runner_leaves_no_qemu_behind() {
    assert_none_left_after("-KILL", &[], Then::Halt);
}

fn assert_none_left_after(signal: &str, texts: &[(u16, &str)], then: Then) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let image = dir.path().join("guest.elf");
    let mut runner =
        command(dir.path(), 1, texts, then).stdout(Stdio::null()).spawn().expect("the runner starts");
    let machines = || machines_with(&image.display().to_string());
    assert!(eventually(|| machines() == 1), "QEMU starts");
    let kill = Command::new("kill").args([signal, &runner.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let _ = runner.wait().expect("the runner ends");
    assert!(eventually(|| machines() == 0), "QEMU ends");
}

fn eventually(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The number of processes other than the runner that have a file in their command line.
fn machines_with(image: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let command_lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    command_lines
        .map(|line| text(&line))
        .filter(|line| line.contains(image) && !line.contains("--boot-image"))
        .count()
}
