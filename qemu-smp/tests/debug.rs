// SPDX-License-Identifier: MIT OR Apache-2.0
//! A debugged system. `./x test` runs these where there is gdb; plain `cargo test` does not.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// `debug` with these arguments, on any free port.
fn debug(arguments: &[&str]) -> Command {
    // A session that hangs ends by itself, and gdb and QEMU with it.
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "300", env!("CARGO_BIN_EXE_qemu-smp"), "debug", "--port", "0"]);
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}

#[test]
#[ignore = "needs gdb"]
fn a_core_stops_in_its_kernel_and_in_its_root_task_with_names_with_gdb() {
    let gdb = [
        "-batch",
        "-ex",
        "continue",
        "-ex",
        "hbreak handle_other_call thread 2",
        "-ex",
        "continue",
        "-ex",
        "backtrace",
        "-ex",
        "delete",
        "-ex",
        "thbreak *0x400000 thread 2",
        "-ex",
        "info symbol 0x400100",
    ];
    let arguments = [&["systems/ping-pong.toml", "--core", "1", "--"][..], &gdb].concat();
    let output = debug(&arguments).output().expect("the tool starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{all}");
    for part in [
        "core 1: instance east, program ping-pong",
        "Thread 2 hit Temporary breakpoint 1, 0xffffffff80000000",
        "Thread 2 hit Breakpoint 2",
        "#0  handle_other_call",
        "at kernel/src/syscall.rs:",
        "instance_syscall () at kernel/src/entry/mod.rs:",
        "release/ping-pong",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in\n{all}");
    }
}

#[test]
#[ignore = "needs gdb"]
fn a_core_stops_in_its_kernel_and_in_its_root_task_with_names_with_gdb_on_aarch32() {
    let commands = [
        "continue",
        "hbreak handle_other_call thread 3",
        "continue",
        "backtrace",
        "delete",
        "thbreak *0x400000 thread 3",
        "info symbol 0x400100",
    ];
    let gdb = commands.iter().flat_map(|command| ["-ex", command]);
    let arguments = ["systems/ping-pong.toml", "--arch", "aarch32", "--core", "2", "--", "-batch"];
    let output =
        debug(&arguments.into_iter().chain(gdb).collect::<Vec<_>>()).output().expect("the tool starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{all}");
    for part in [
        "core 2: instance south, program ping-pong",
        "Thread 3 hit Temporary breakpoint 1, 0xf0000000 in text_start ()",
        "Thread 3 hit Breakpoint 2",
        "#0  handle_other_call",
        "at kernel/src/syscall.rs:",
        "instance_syscall () at kernel/src/entry/mod.rs:",
        "release/ping-pong",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in\n{all}");
    }
}

#[test]
#[ignore = "needs gdb"]
fn a_waiting_machine_says_how_to_connect_and_ends_on_an_interrupt_with_gdb() {
    let mut child = debug(&["systems/ping-pong.toml", "--print"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    let mut shown = String::new();
    for line in lines {
        shown += &format!("{line}\n");
        if line.starts_with("Ctrl-C ends") {
            break;
        }
    }
    assert!(shown.contains("gdb -x ") && shown.contains("miDebuggerServerAddress"), "{shown}");
    let script =
        shown.split("gdb -x ").nth(1).and_then(|rest| rest.lines().next()).expect("a script is named");
    let connected = Command::new("gdb").args(["-batch", "-x", script, "-ex", "info threads"]).output();
    let connected = connected.expect("gdb starts");
    let threads = String::from_utf8_lossy(&connected.stdout).into_owned();
    assert!(threads.contains("4    Thread 1.4"), "all cores are there:\n{threads}");
    // `timeout` passes it on.
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0), "{ended}");
}

#[test]
#[ignore = "needs gdb"]
fn a_core_or_program_that_is_not_there_is_refused_with_gdb() {
    for (arguments, message) in [
        (&["--core", "9"][..], "--core 9: no instance of system ping-pong runs there"),
        (&["--program", "sampler"], "--program sampler: instance north starts no such program"),
    ] {
        let output =
            debug(&[&["systems/ping-pong.toml"][..], arguments].concat()).output().expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(message) && errors.contains("expected: "), "{errors}");
    }
}
