// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real systems in QEMU. `./x test` runs these; plain `cargo test` does not, as they need a bare-metal toolchain.

mod system;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use system::{root, run};

#[test]
#[ignore = "boots"]
fn the_example_runs_on_four_cores_and_ends_with_a_table() {
    let run = run(&["systems/ping-pong.toml"]).expect(0);
    assert_eq!(run.finished(), ["north", "east", "south", "west"]);
    let rows = run.document["table"].as_array().expect("there is a table");
    assert!(rows.len() >= 4, "a row for each hop:\n{}", run.shown);
    let partitions = run.document["plan"]["instances"].as_array().map(Vec::len);
    assert_eq!(partitions, Some(4), "the plan is in the document");
    assert!(run.document["audit"].is_object(), "the audit reports");
    for core in 0..4 {
        assert!(run.shown.contains(&format!("core {core} | ")), "every core speaks:\n{}", run.shown);
    }
}

/// `report` before a boot.
fn report(arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.current_dir(root()).args(["report", "--json", "-"]).args(arguments);
    let output = command.output().expect("the tool starts");
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

#[test]
#[ignore = "boots"]
fn a_report_before_the_boot_is_that_of_the_boot() {
    for arguments in
        [&["systems/ping-pong.toml"][..], &["systems/programs.toml"], &["--cpus", "2", "--memory", "3G"]]
    {
        let page = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let path = page.path().display().to_string();
        let mut booted = run(&[arguments, &["--report", &path]].concat()).expect(0).document["report"].take();
        let mut planned = report(arguments);
        assert_eq!((&planned["basis"], &booted["basis"]), (&"compiled".into(), &"booted".into()));
        let measured = booted["measured"].take();
        assert!(measured["audit"]["mappings"].as_u64() > Some(100), "{measured}");
        assert!(measured["instances"][1]["boot_us"].as_u64() > Some(0), "{measured}");
        let images = planned["instances"][0]["images"].as_array().map(Vec::len);
        assert_eq!(images, Some(5), "kernel, tables, hand-over, root task, objects");
        planned["basis"].take();
        booted["basis"].take();
        booted.as_object_mut().expect("it is an object").remove("measured");
        assert_eq!(planned, booted);
        let written = fs::read_to_string(page.path()).expect("the page was written");
        assert!(written.contains("Done: every instance has finished"), "{written}");
    }
}

fn ring(cpus: u32, arguments: &[&str]) {
    let count = cpus.to_string();
    let arguments = [&["--cpus", count.as_str()], arguments].concat();
    let run = run(&arguments).expect(0);
    assert_eq!(run.finished().len(), cpus as usize, "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn one_instance_runs() {
    ring(1, &[]);
}

#[test]
#[ignore = "boots"]
fn rings_of_two_and_eight_instances_run() {
    ring(2, &[]);
    ring(8, &[]);
}

#[test]
#[ignore = "boots"]
fn sixty_four_instances_reach_their_root_tasks() {
    ring(64, &["--timeout", "300", "--quiet"]);
}

#[test]
#[ignore = "boots"]
fn four_instances_run_in_xapic_mode() {
    ring(4, &["--cpu", "max,-x2apic"]);
    ring(2, &["--cpu", "qemu64"]);
}

#[test]
#[ignore = "boots"]
fn surplus_cores_stay_off() {
    let run = run(&["systems/ping-pong.toml", "--cpus", "6"]).expect(0);
    assert_eq!(run.finished().len(), 4);
}

#[test]
#[ignore = "boots"]
fn two_runs_with_counted_instructions_agree_to_the_digit_on_one_core() {
    let table = || run(&["--cpus", "1", "--icount"]).expect(0).document["table"].clone();
    assert_eq!(table(), table());
}

/// Compiles the probe with the host's C compiler.
fn probe(dir: &Path) -> String {
    let source = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("tests/probe1");
    let elf = dir.join("probe1.elf");
    let mut compiler = Command::new("cc");
    compiler.args([
        "-O1",
        "-w",
        "-fno-stack-protector",
        "-fno-pic",
        "-no-pie",
        "-fno-asynchronous-unwind-tables",
    ]);
    compiler.args([
        "-static",
        "-nostdlib",
        "-Wl,--build-id=none,-z,noexecstack",
        "-Wl,-Ttext-segment=0x400000",
    ]);
    compiler.arg("-o").arg(&elf).args([source.join("start.S"), source.join("probe.c")]);
    assert!(compiler.status().is_ok_and(|status| status.success()), "the probe compiles");
    elf.display().to_string()
}

/// First empty slot of the probe's CNode when the expected answers were recorded.
const UPSTREAM_FIRST_EMPTY: u64 = 0x8c;

/// An answer without what depends on the memory layout, the clock or the machine: slots are counted from the first
/// empty one, and what cannot be compared is a question mark.
fn comparable(answer: &str, first_empty: u64) -> String {
    let starts = |text| answer.starts_with(text);
    let register = |word: &str| {
        let value = u64::from_str_radix(word.split_once("=0x")?.1, 16).ok()?;
        let name = word.split_once('=')?.0;
        let unlike = match name {
            "m0" => starts("sc consumed own") || starts("ioport in8"),
            "m1" => starts("sc cfg") && value > u64::from(u32::MAX),
            "m2" => starts("copy untyped w/ child"),
            _ => false,
        };
        match value.checked_sub(first_empty) {
            _ if unlike => Some(format!("{name}=?")),
            Some(slot @ 0..0x20) if name.starts_with('m') => Some(format!("{name}=E+{slot}")),
            _ => None,
        }
    };
    answer
        .split_whitespace()
        .map(|word| register(word).unwrap_or(word.to_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
#[ignore = "boots"]
fn a_plain_root_task_gets_the_answers_that_upstreams_kernel_gives() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let run = run(&["--root-task", &probe(dir.path()), "--memory", "512M", "--until", "==DONE=="]).expect(0);
    let lines: Vec<&str> = run.shown.lines().filter_map(|line| line.strip_prefix("core 0 | ")).collect();
    let first_empty =
        lines.iter().find_map(|line| line.strip_prefix("0x28=0x")).expect("bootinfo is printed");
    let first_empty = u64::from_str_radix(first_empty, 16).expect("it is a number");
    let ours: Vec<String> = lines.iter().map(|line| comparable(line, first_empty)).collect();
    let expected =
        fs::read_to_string(root().join("qemu-smp/tests/probe1/expected.txt")).expect("it is there");
    let upstream = expected.lines().map(|line| comparable(line, UPSTREAM_FIRST_EMPTY));
    let missing: Vec<String> = upstream.filter(|line| !ours.contains(line)).collect();
    assert!(missing.is_empty(), "{} answers differ:\n{}\n\n{}", missing.len(), missing.join("\n"), run.shown);
}

/// Bytes of a kernel's stack, below which is a guard page.
const KERNEL_STACK: u64 = 8 << 10;

/// How much of their stacks the kernels of a run of the conformance suite have used.
fn kernel_stacks(shown: &str) -> Vec<u64> {
    let used = |line: &str| line.split_once("kernel stack: ")?.1.split_once(" bytes")?.0.parse().ok();
    shown.lines().filter_map(used).collect()
}

/// A processor without XSAVE, FSGSBASE, SMEP, SMAP, UMIP and x2APIC.
const PLAIN_PROCESSOR: &str = "qemu64";

#[test]
#[ignore = "boots"]
fn the_interface_conforms_on_two_instances_and_alone() {
    // Tests that depend on time hold exactly when instructions are counted.
    let described = run(&["systems/conformance.toml", "--icount", "--timeout", "300"]).expect(0);
    assert_eq!(described.finished(), ["one", "two"]);
    let binaries =
        Path::new(env!("CARGO_BIN_EXE_qemu-smp")).ancestors().nth(2).expect("it is in a profile's directory");
    let program = binaries.join("bare-metal/x86_64-unknown-none/release/conformance").display().to_string();
    for processor in ["max", PLAIN_PROCESSOR] {
        let alone =
            run(&["--root-task", &program, "--cpu", processor, "--icount", "--timeout", "300"]).expect(0);
        assert!(alone.shown.contains(" passed, 0 failed"), "{processor}: {}", alone.shown);
        let used = kernel_stacks(&alone.shown);
        println!("{processor}: kernel stack used: {used:?} bytes");
        assert!(
            !used.is_empty() && used.iter().all(|&bytes| bytes < KERNEL_STACK),
            "{used:?} bytes of stack"
        );
    }
}

#[test]
#[ignore = "boots"]
fn the_root_task_has_the_time_slice_described() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = dir.path().join("slice.toml").display().to_string();
    for slice in ["1000", "20000"] {
        let arguments = format!("'only=slice_described', 'boot-slice-us={slice}'");
        let description = format!(
            "[system]\nname = 'slice'\n[[instance]]\nname = 'one'\nprogram = 'conformance'\n\
             boot-slice-us = {slice}\narguments = [{arguments}]\n"
        );
        fs::write(&path, description).expect("the description is written");
        let run = run(&[&path, "--icount"]).expect(0);
        assert!(run.shown.contains("1 passed, 0 failed"), "{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn the_interface_conforms_on_four_instances_at_the_same_time() {
    let run = run(&["systems/conformance-4.toml", "--timeout", "300"]).expect(0);
    assert_eq!(run.shown.matches(" passed, 0 failed").count(), 4, "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn the_same_root_task_runs_on_each_of_three_instances() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let run = run(&["--root-task", &probe(dir.path()), "--cpus", "3", "--timeout", "20"]);
    let done = run.shown.lines().filter(|line| line.ends_with("| ==DONE==")).count();
    assert_eq!(done, 3, "{}\n{}", run.shown, run.errors);
}

#[test]
#[ignore = "boots"]
fn the_audit_refuses_a_planted_violation() {
    for plant in ["partition", "wx", "msi", "inbox"] {
        let run = run(&["systems/ping-pong.toml", "--append", &format!("plant={plant}")]).expect(2);
        let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("0x"), "{plant}: the ranges are named: {reason}");
        assert!(run.finished().is_empty(), "{plant}: nothing was started");
    }
}

#[test]
#[ignore = "boots"]
fn a_core_that_does_not_start_is_named() {
    let run = run(&["systems/ping-pong.toml", "--append", "silent=2"]).expect(2);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("did not start") && reason.contains("2 (south)"), "{reason}");
    assert!(run.finished().is_empty(), "nothing was started");
}

#[test]
#[ignore = "boots"]
fn a_kernel_panic_stops_its_own_core_and_is_symbolised() {
    let run =
        run(&["systems/ping-pong.toml", "--inject", "panic:2@signals=10", "--timeout", "600"]).expect(4);
    assert!(run.shown.contains(".rs:"), "addresses are named:\n{}", run.shown);
    let failed: Vec<&Value> = run.document["instances"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|i| i["failed"].is_string())
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["name"], "south");
}

#[test]
#[ignore = "boots"]
fn a_fault_comes_behind_the_row_that_was_asked_for_and_one_that_never_comes_fails_the_run() {
    let run =
        run(&["systems/ping-pong.toml", "--inject", "panic:1@row=1", "--inject", "panic:0@row=70"]).expect(4);
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(
        rows.iter().any(|row| row["channel"].as_str().is_some_and(|name| name.starts_with("east-"))),
        "{}",
        run.shown
    );
    assert!(!run.finished().contains(&"east"), "it had a row and no end: {}", run.shown);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    assert!(reason.ends_with("; the run was over before --inject panic:0@row=70"), "{reason}");
    let run = system::run(&["systems/ping-pong.toml", "--inject", "panic:0@row=70"]).expect(1);
    assert_eq!(run.finished(), ["north", "east", "south", "west"]);
}

#[test]
#[ignore = "boots"]
fn a_fault_at_an_instruction_is_the_same_in_every_run_that_counts_them() {
    let said = || {
        let run = run(&["--cpus", "1", "--icount", "--inject", "panic:0@instructions=3000"]).expect(4);
        let lines = run.shown.lines().filter(|line| line.starts_with("core 0 | "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(said(), said());
}

/// Runs with a boot module that is not what it should be and gives the reason.
fn refused_module(bytes: &[u8], name: &str) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join(name);
    fs::write(&file, bytes).expect("the file can be written");
    let run = run(&["--module", &file.display().to_string(), "--cpus", "1", "--timeout", "30"]).expect(2);
    run.document["exit"]["reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "boots"]
fn modules_that_are_neither_image_nor_root_task_stop_the_boot_with_a_reason() {
    assert!(refused_module(b"plain text, neither ELF nor archive", "text").contains("module 0"));
    assert!(refused_module(b"070701000000", "cut.img").contains("module 0"));
}

#[test]
#[ignore = "boots"]
fn missing_acpi_tables_stop_the_boot_with_a_reason() {
    let run = run(&["--cpus", "1", "--timeout", "30", "--", "-M", "microvm,acpi=off"]).expect(2);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("ACPI table RSDP: missing"), "{reason}");
}

#[test]
#[ignore = "boots"]
fn more_instances_than_cores_are_refused_before_anything_boots() {
    let run = run(&["systems/ping-pong.toml", "--cpus", "2"]).expect(2);
    assert!(run.errors.contains("--cpus"), "{}", run.errors);
}

#[test]
#[ignore = "boots"]
fn a_root_task_that_is_no_program_is_refused_before_anything_boots() {
    let run = run(&["--root-task", "README.md"]).expect(2);
    assert!(run.errors.contains("not an ELF file"), "{}", run.errors);
}

/// Writes a root task made of `code`: position-independent, its section headers cut off.
fn root_task(dir: &Path, code: &[u8]) -> String {
    const CODE: u64 = 64 + 56;
    const BEHIND_THE_FILE: u64 = 1 << 30;
    let words = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let halves = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let elf = [
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(),
        halves(&[3, 62, 1, 0]), // DYN, x86-64, version 1
        words(&[CODE, 64, BEHIND_THE_FILE]),
        halves(&[0, 0, 64, 56, 1, 64, 9, 8]),
        halves(&[1, 0, 7, 0]), // a segment to load, all rights
        words(&[0, 0, 0, CODE + code.len() as u64, 4096, 4096]),
        code.to_vec(),
    ];
    let file = dir.join("program.elf");
    fs::write(&file, elf.concat()).expect("the program can be written");
    file.display().to_string()
}

#[test]
#[ignore = "boots"]
fn a_position_independent_root_task_without_sections_runs_and_ends_the_run_by_halting() {
    const HALT: &[u8] = &[
        0x48, 0xc7, 0xc2, 0xf2, 0xff, 0xff, 0xff, // mov rdx, -14 (DebugHalt)
        0x0f, 0x05, // syscall
        0xeb, 0xfe, // jmp to itself
    ];
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let run = run(&["--root-task", &root_task(dir.path(), HALT), "--timeout", "30"]).expect(0);
    assert!(run.shown.contains("halted the instance"), "{}", run.shown);
    assert_eq!(run.document["instances"][0]["halted"], true);
}

/// Compiles a root task for another configuration with the host's C compiler.
fn misfit(dir: &Path, kind: &str) -> String {
    let source = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("tests/misfit/program.c");
    let elf = dir.join("misfit.elf");
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-w", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-static"]);
    compiler.args(["-nostdlib", "-Wl,--build-id=none,-z,noexecstack", "-Wl,-Ttext-segment=0x400000"]);
    compiler.arg(format!("-D{kind}")).arg("-o").arg(&elf).arg(source);
    assert!(compiler.status().is_ok_and(|status| status.success()), "the program compiles");
    elf.display().to_string()
}

#[test]
#[ignore = "boots"]
fn a_run_that_cannot_go_on_ends_and_names_the_likely_cause() {
    let unknown = "by UnknownSyscall -30";
    let page_fault = "by page fault at 0x10000000, code 0x6";
    let nobody = "by CapFault";
    for (kind, how, hint) in [
        ("CLASSIC", unknown, Some("hint: system call -30 is SetTLSBase in builds without MCS")),
        (
            "IOMMU",
            page_fault,
            Some(
                "hint: the label that is GetAddress in this ABI variant is Map in builds with KernelIOMMU=ON",
            ),
        ),
        ("ALONE", nobody, None),
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let run = run(&["--root-task", &misfit(dir.path(), kind)]).expect(1);
        let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
        let start = "nothing can run any more: thread \"rootserver\" stopped at 0x40";
        assert!(reason.contains(start), "{reason}");
        assert!(reason.contains(how), "{reason}");
        assert_eq!(run.shown.contains("hint:"), hint.is_some(), "{}", run.shown);
        assert!(hint.is_none_or(|hint| run.shown.contains(hint)), "{}", run.shown);
        assert!(run.document["instances"][0]["stuck"].is_string());
    }
}

#[test]
#[ignore = "boots"]
fn a_refused_invocation_is_explained_with_its_place_when_asked_for() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let task = misfit(dir.path(), "REFUSED");
    let explained = run(&["--root-task", &task, "--explain"]).expect(0);
    let line = explained.shown.lines().find(|line| line.contains("refused: ")).unwrap_or_default();
    let what = ": TcbSetPriority of slot 0x1 (Tcb): argument 0 is 0x1000, expected 0x0..=0xff";
    assert!(line.contains("refused: thread \"rootserver\" at 0x40") && line.ends_with(what), "{line}");
    assert!(line.contains(", begin"), "{line}");
    let silent = run(&["--root-task", &task]).expect(0);
    assert!(!silent.shown.contains("refused: "), "{}", silent.shown);
    let refused = run(&["--root-task", &task, "--explain", "--profile", "release"]).expect(2);
    assert!(refused.errors.contains("--explain with --profile release"), "{}", refused.errors);
}
