// SPDX-License-Identifier: MIT OR Apache-2.0
//! gdb without a person: commands that were given beforehand, each within its time.
//!
//! All commands are in one script, so that the first that fails ends it: no later one waits for a breakpoint that was never
//! set. Before each the script prints a mark; whoever reads the output knows by it which command is at work, and since when.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::failure::{Doing, Exit, Failure};

/// What the script prints before a command, and its number. The last one stands behind the last command.
const MARK: &str = "@skerry command ";

/// A breakpoint at a name that there is not is a failure, not one that waits for a library with it.
const STRICT: &str = "set breakpoint pending off\n";

/// The commands with their marks, to be appended to the script that connects.
pub(super) fn marked(commands: &[String]) -> String {
    let mark = |number: usize| format!("echo {MARK}{number}\\n\n");
    let parts = commands.iter().enumerate().map(|(number, command)| format!("{}{command}\n", mark(number)));
    [STRICT.to_owned()].into_iter().chain(parts).chain([mark(commands.len())]).collect()
}

/// Runs gdb to the end of its script and shows what was said, commands included.
pub(super) fn run(gdb: &mut Command, commands: &[String], bound: Duration) -> Result<Exit, Failure> {
    let program = gdb.get_program().display().to_string();
    gdb.arg("-batch").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = gdb.spawn().doing(format_args!("starting {program}"))?;
    let lines = lines(&mut child);
    let ending = follow(&lines, commands, bound, |line| anstream::println!("{line}"));
    if ending.as_ref().is_err_and(|failure| failure.exit == Exit::Timeout) {
        // It has not ended by itself.
        drop(child.kill());
    }
    drop(child.wait());
    ending
}

/// What a process prints, line by line.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
    }
    receiver
}

/// Reads to the end; fails at the command that takes too long, or that was the last one though others follow.
fn follow(
    lines: &Receiver<String>,
    commands: &[String],
    bound: Duration,
    mut show: impl FnMut(&str),
) -> Result<Exit, Failure> {
    let mut current: Option<usize> = None;
    let name = |current: Option<usize>| match current {
        Some(number) => commands.get(number).map_or("quit", String::as_str).to_owned(),
        None => "the commands that connect".to_owned(),
    };
    loop {
        let line = match lines.recv_timeout(bound) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                let message =
                    format!("gdb: `{}` did not end within {} s (--timeout)", name(current), bound.as_secs());
                return Err(Failure { message, exit: Exit::Timeout });
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        match line.strip_prefix(MARK).and_then(|number| number.parse().ok()) {
            Some(number) => {
                current = Some(number);
                if let Some(command) = commands.get(number) {
                    show(&format!("(gdb) {command}"));
                }
            }
            None => show(&line),
        }
    }
    if current == Some(commands.len()) {
        return Ok(Exit::Success);
    }
    let message = format!("gdb: `{}` failed; its message is above", name(current));
    Err(Failure { message, exit: Exit::RootTask })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Vec<String> {
        ["hbreak f", "continue"].map(str::to_owned).into()
    }

    /// What becomes of a session in which gdb says this; it does not end if `stays`.
    fn followed(said: &[&str], stays: bool) -> (Result<Exit, Failure>, Vec<String>) {
        let (sender, receiver) = channel();
        said.iter().for_each(|line| sender.send((*line).to_owned()).expect("there is a reader"));
        let kept = stays.then_some(sender);
        let mut shown = Vec::new();
        let ending =
            follow(&receiver, &commands(), Duration::from_millis(20), |line| shown.push(line.to_owned()));
        drop(kept);
        (ending, shown)
    }

    #[test]
    fn every_command_stands_behind_its_mark_and_is_shown_with_its_output() {
        assert_eq!(
            marked(&commands()),
            "set breakpoint pending off\necho @skerry command 0\\n\nhbreak f\necho @skerry command 1\\n\ncontinue\necho @skerry command 2\\n\n"
        );
        let said = ["@skerry command 0", "Hardware 1", "@skerry command 1", "Hit", "@skerry command 2"];
        let (ending, shown) = followed(&said, false);
        assert!(matches!(ending, Ok(Exit::Success)));
        assert_eq!(shown, ["(gdb) hbreak f", "Hardware 1", "(gdb) continue", "Hit"]);
    }

    #[test]
    fn a_command_that_fails_ends_the_session_and_is_named() {
        let failure =
            followed(&["@skerry command 0", "not defined"], false).0.expect_err("there is one more");
        assert_eq!(
            (failure.exit, &*failure.message),
            (Exit::RootTask, "gdb: `hbreak f` failed; its message is above")
        );
        let failure = followed(&["refused"], false).0.expect_err("it did not connect");
        assert!(failure.message.contains("`the commands that connect` failed"), "{failure}");
    }

    #[test]
    fn a_command_that_does_not_end_is_ended_and_named() {
        let failure = followed(&["@skerry command 0", "@skerry command 1"], true).0.expect_err("it stays");
        assert_eq!((failure.exit, failure.message.contains("`continue` did not end")), (Exit::Timeout, true));
    }
}
