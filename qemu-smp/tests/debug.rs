// SPDX-License-Identifier: MIT OR Apache-2.0
//! A debugged system. `./x test` runs these where there is gdb; plain `cargo test` does not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `debug` with these arguments, on any free port.
fn debug(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.args(["debug", "--port", "0"]).args(arguments).current_dir(root());
    command
}

fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is")).join("..")
}

/// Seconds that a command of gdb may take: a machine may be slow, and one that hangs ends all the same.
const BOUND: &str = "300";

/// Runs gdb with these commands and gives what is shown.
fn session<'a>(arguments: &[&str], commands: impl Iterator<Item = &'a str>) -> String {
    let commands = commands.flat_map(|command| ["--command", command]);
    let arguments: Vec<&str> =
        arguments.iter().copied().chain(["--timeout", BOUND]).chain(commands).collect();
    let output = debug(&arguments).output().expect("the tool starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    shown
}

/// A command of a session, and the lines that gdb answers.
type Exchange = (String, Vec<String>);

/// Commands with what is shown behind each.
fn exchanges(text: &str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("(gdb) "), found.last_mut()) {
            (Some(command), _) => found.push((command.to_owned(), Vec::new())),
            (None, Some((_, answer))) => answer.push(line.to_owned()),
            (None, None) => {}
        }
    }
    found
}

/// Whether a line is the one of the documentation, in which `...` stands for any text.
fn is_as_documented(line: &str, documented: &str) -> bool {
    let mut parts = documented.split("...");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = if part.is_empty() { "" } else { &rest[at + part.len()..] };
    }
    rest.is_empty()
}

/// The session of docs/debugging.md that begins with this command.
fn documented(command: &str) -> Vec<Exchange> {
    let page = fs::read_to_string(root().join("docs/debugging.md")).expect("the page is there");
    let blocks = page.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut sessions = blocks.filter_map(|block| block.strip_prefix(&format!("$ ./x {command}\n")));
    exchanges(sessions.next().unwrap_or_else(|| panic!("there is a session `{command}`")))
}

/// Carries out a session of the documentation and compares the answers, line by line.
fn holds(command: &str) {
    let documented = documented(command);
    assert!(documented.len() > 6, "{documented:?}");
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    let shown = session(&arguments, documented.iter().map(|(command, _)| command.as_str()));
    let real = exchanges(&shown);
    assert_eq!(real.len(), documented.len(), "{shown}");
    for ((command, expected), (_, answer)) in documented.iter().zip(&real) {
        let mut lines = answer.iter();
        for expected in expected {
            let found = lines.any(|line| is_as_documented(line, expected));
            assert!(found, "`{expected}` is missing behind `{command}` in\n{shown}");
        }
    }
}

#[test]
fn dots_stand_for_any_text() {
    for (line, documented, expected) in [
        ("#0  syscall () at a.rs:7", "...syscall () at ...", true),
        ("#0  syscall () at a.rs:7", "...interrupt () at ...", false),
        ("Breakpoint 2 at 0x1", "Breakpoint 2 at 0x1", true),
        ("Breakpoint 2 at 0x12", "Breakpoint 2 at 0x1", false),
        ("Breakpoint 2 at 0x12", "... at 0x1", false),
    ] {
        assert_eq!(is_as_documented(line, documented), expected, "{line} / {documented}");
    }
}

#[test]
#[ignore = "needs gdb"]
fn the_documented_session_stops_in_kernel_and_root_task_with_gdb() {
    holds("debug --core 1");
}

#[test]
#[ignore = "needs gdb"]
fn the_documented_session_stops_in_kernel_and_root_task_with_gdb_on_aarch32() {
    holds("debug --arch aarch32 --core 2");
}

/// The symbols of docs/debugging.md that an architecture has.
fn symbols(is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/debugging.md")).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let rows = rows.filter(|(_, text)| is_there(text));
    let symbols =
        rows.flat_map(|(symbols, _)| symbols.split(", ").map(|symbol| symbol.trim_matches('`').to_owned()));
    symbols.collect()
}

/// Sets a breakpoint at each, by its plain name, and goes on until a kernel panics at the last.
fn can_be_stopped_at(arguments: &[&str], symbols: &[String]) {
    assert!(symbols.len() >= 11, "{symbols:?}");
    let breakpoints: Vec<String> = symbols.iter().map(|symbol| format!("hbreak {symbol}")).collect();
    let shown = session(arguments, ["continue"].into_iter().chain(breakpoints.iter().map(String::as_str)));
    let set = exchanges(&shown);
    for (command, answer) in &set[1..] {
        // Without a place in a source file: gdb has not moved it behind what it takes for a prologue.
        let is_exact = answer
            .iter()
            .any(|line| line.starts_with("Hardware assisted breakpoint ") && !line.contains(": file "));
        assert!(is_exact, "{command}:\n{shown}");
    }
}

#[test]
#[ignore = "needs gdb"]
fn every_documented_symbol_can_be_stopped_at_with_gdb() {
    can_be_stopped_at(&["--core", "1"], &symbols(|text| !text.starts_with("on Arm")));
}

#[test]
#[ignore = "needs gdb"]
fn every_documented_symbol_can_be_stopped_at_with_gdb_on_aarch32() {
    let symbols = symbols(|text| !text.starts_with("on x86_64"));
    can_be_stopped_at(&["--arch", "aarch32", "--core", "2"], &symbols);
}

#[test]
#[ignore = "needs gdb"]
fn a_command_that_fails_ends_the_session_and_none_behind_it_is_tried_with_gdb() {
    let arguments = ["--command", "hbreak no_such_function", "--command", "continue", "--timeout", BOUND];
    let output = debug(&arguments).output().expect("the tool starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("gdb: `hbreak no_such_function` failed"), "{errors}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("(gdb) continue"));
}

#[test]
#[ignore = "needs gdb"]
fn a_command_that_does_not_end_is_ended_with_gdb() {
    let commands = [
        "--command",
        "continue",
        "--command",
        "delete",
        "--command",
        "hbreak enter_panic",
        "--command",
        "continue",
    ];
    let output = debug(&[&["--timeout", "20"][..], &commands].concat()).output().expect("the tool starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("gdb: `continue` did not end within 20 s"), "{errors}");
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
