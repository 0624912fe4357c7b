// SPDX-License-Identifier: MIT OR Apache-2.0
//! A list of steps that are all run, whatever becomes of the ones before, and a closing line.

use std::process::Command;

use crate::failure::Exit;
use crate::progress;

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Passed,
    /// Something is wrong; each line says what and where.
    Failed(Vec<String>),
    /// Not done on this machine, and why.
    Skipped(String),
}

impl Outcome {
    /// Passed when there is nothing to complain of.
    pub fn of(complaints: Vec<String>) -> Self {
        if complaints.is_empty() { Outcome::Passed } else { Outcome::Failed(complaints) }
    }
}

/// Counts of the steps done so far.
#[derive(Debug, Default)]
pub struct Steps {
    passed: u32,
    failed: Vec<String>,
    skipped: Vec<String>,
}

/// Whether a step or group that cannot be done here is a failure: CI is to have everything, but for what `SKERRY_MAY_SKIP`
/// names, with commas between.
pub fn must_not_skip(name: &str) -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let is_ci = !matches!(variable("CI").as_str(), "" | "false" | "0");
    is_ci && !variable("SKERRY_MAY_SKIP").split(',').any(|allowed| allowed.trim() == name)
}

impl Steps {
    /// Does a step and says how it ended.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        if !progress::is_quiet() {
            anstream::println!("=== {name}");
        }
        match work() {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped(why) if must_not_skip(name) => {
                anstream::println!(
                    "FAILED: {name}: skipped, which CI allows only where SKERRY_MAY_SKIP names it: {why}"
                );
                self.failed.push(name.to_owned());
            }
            Outcome::Skipped(why) => {
                anstream::println!("skipped: {why}");
                self.skipped.push(name.to_owned());
            }
            Outcome::Failed(complaints) => {
                complaints.iter().for_each(|complaint| anstream::println!("{complaint}"));
                anstream::println!("FAILED: {name}");
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Does a step that consists of one command, whose output is shown.
    pub fn command(&mut self, name: &str, command: &mut Command) {
        self.step(name, || command_outcome(command));
    }

    /// Prints the closing line.
    pub fn finish(self) -> Exit {
        if !self.failed.is_empty() {
            anstream::println!("failed: {}", self.failed.join(", "));
        }
        if !self.skipped.is_empty() {
            anstream::println!("skipped: {}", self.skipped.join(", "));
        }
        let skipped = match self.skipped.len() {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        anstream::println!("{} passed, {} failed{skipped}", self.passed, self.failed.len());
        if self.failed.is_empty() { Exit::Success } else { Exit::RootTask }
    }
}

/// Passed when the command succeeds; its own output says what is wrong otherwise.
pub fn command_outcome(command: &mut Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(vec![format!("{status}: {command:?}")]),
        Err(error) => Outcome::Failed(vec![format!("{error}: {command:?}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_behind_a_failed_one_are_done_and_the_exit_code_tells() {
        let mut steps = Steps::default();
        steps.command("false", &mut Command::new("false"));
        let mut done = false;
        steps.step("after", || {
            done = true;
            Outcome::Passed
        });
        assert!(done);
        assert_eq!(steps.finish(), Exit::RootTask);
    }

    #[test]
    fn a_skipped_step_is_no_failure() {
        let mut steps = Steps::default();
        steps.step("not here", || Outcome::Skipped("no tool".to_owned()));
        steps.command("true", &mut Command::new("true"));
        let expected = if must_not_skip("not here") { Exit::RootTask } else { Exit::Success };
        assert_eq!(steps.finish(), expected);
    }
}
