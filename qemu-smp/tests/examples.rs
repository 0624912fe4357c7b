// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `examples/` promises, and a crate that `./x new` has made, in QEMU. `./x test` runs these.

mod system;

use std::path::{Path, PathBuf};
use std::process::Command;

use system::{root, run};

#[test]
#[ignore = "boots"]
fn a_latency_critical_program_reacts_beside_computing_ones() {
    let run = run(&["examples/pinned/system.toml"]).expect(0);
    assert_eq!(run.finished(), ["driver", "reactor", "bulk"]);
    assert!(run.shown.contains("core 0 | ask: 1000 reactions"), "{}", run.shown);
    assert!(
        run.shown.contains("core 1 | beside: ") && run.shown.contains("core 2 | elsewhere: "),
        "{}",
        run.shown
    );
}

#[test]
#[ignore = "boots"]
fn a_pipeline_over_four_cores_loses_nothing() {
    let run = run(&["examples/pipeline/system.toml"]).expect(0);
    assert!(run.shown.contains("sink: 10000 numbers arrived, their sum is right"), "{}", run.shown);
}

/// How many requests each replica has answered.
fn answered(table: &serde_json::Value) -> Vec<u64> {
    let rows = table.as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(|row| row["answered"].as_u64()).collect()
}

#[test]
#[ignore = "boots"]
fn replicas_share_the_requests() {
    let run = run(&["examples/service/system.toml", "--icount"]).expect(0);
    let answered = answered(&run.document["table"]);
    assert_eq!((answered.len(), answered.iter().sum::<u64>()), (3, 3000), "{}", run.shown);
    assert!(answered.iter().all(|&count| count > 0), "{answered:?}");
}

#[test]
#[ignore = "boots"]
fn requests_to_a_replica_that_fails_are_answered_by_the_others() {
    let run = run(&["examples/service/system.toml", "--icount", "--inject", "panic:2@100ms"]).expect(4);
    assert!(run.shown.contains("client: replica-2 has failed"), "{}", run.shown);
    assert_eq!(answered(&run.document["table"]).iter().sum::<u64>(), 3000, "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn a_timeout_handler_sees_every_overrun_of_a_periodic_task() {
    let run = run(&["examples/realtime/system.toml", "--icount"]).expect(0);
    assert!(run.shown.contains("guard: 30 jobs done, 3 of them overran their budget, "), "{}", run.shown);
}

/// Compiles the plain seL4 root task into `dir`, as the first lines of its description say.
fn compile_sel4_task(dir: &Path) -> PathBuf {
    let elf = dir.join("sel4-task.elf");
    let mut compiler = Command::new("cc");
    compiler.args(["-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-mno-red-zone"]);
    compiler.args(["-no-pie", "-O2", "-o"]).arg(&elf).arg(root().join("examples/mixed/sel4-task.c"));
    assert!(compiler.status().is_ok_and(|status| status.success()), "the root task compiles");
    elf
}

#[test]
#[ignore = "boots"]
fn a_plain_sel4_root_task_runs_beside_rust_programs() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let description = dir.path().join("system.toml");
    std::fs::copy(root().join("examples/mixed/system.toml"), &description).expect("it can be copied");
    compile_sel4_task(dir.path());
    let run = run(&[&description.to_string_lossy()]).expect(0);
    assert!(run.shown.contains("core 0 | a notification was signalled and waited for"), "{}", run.shown);
    assert!(run.shown.contains("core 1 | beside: computed for 3 budgets"), "{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn figures_that_an_sel4_benchmark_prints_are_collected() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let elf = compile_sel4_task(dir.path());
    let collect = ["--icount", "--profile", "bench", "--collect", "JSON OUTPUT", "--root-task"];
    let run = run(&[&collect[..], &[&elf.to_string_lossy()]].concat()).expect(0);
    let figure = &run.document["collected"][0];
    assert_eq!(figure["Benchmark"], "Signal, nobody waits", "{}", run.shown);
    // The stub of a program that is not ours, and its stamps, are in the figure.
    assert!(figure["Min"].as_u64().is_some_and(|least| (50..200).contains(&least)), "{figure}");
}

/// Runs the tool in a directory of its own, as somebody would who has made a crate.
fn tool(dir: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.current_dir(dir).env("SKERRY_ROOT", root()).args(arguments);
    command.output().expect("the tool starts")
}

#[test]
#[ignore = "boots"]
fn a_new_crate_compiles_and_boots() {
    let parent = tempfile::tempdir().expect("a temporary directory can be made");
    let made = tool(parent.path(), &["new", "beacon"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let run = tool(&parent.path().join("beacon"), &["run"]);
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{shown}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(shown.contains("core 1 | listener: heard beacon 3 of 3"), "{shown}");
}
