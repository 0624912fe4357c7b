// SPDX-License-Identifier: MIT OR Apache-2.0
//! `test`: everything there is to run. The closing lines of each runner stay visible.

pub mod groups;
mod tally;

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::arch::Arch;
use crate::cli::TestOptions;
use crate::failure::{Doing, Exit, Failure};
use crate::prerequisites;
use crate::progress;
use crate::steps;
use crate::toolchain::chosen;
use crate::workspace::Workspace;
use groups::Group;
use tally::Tally;

/// Packages whose protocols are explored by loom.
const LOOM_PACKAGES: [&str; 2] = ["skerry-ipi", "skerry-shared-region"];

/// Packages with a model of AArch32, or code for it that a workstation can run. The planner has none: it plans for any
/// machine on any host.
const PACKAGES_32: [&str; 7] = [
    "skerry-abi",
    "skerry-arch",
    "skerry-ipi",
    "skerry-shared-region",
    "skerry-kernel",
    "skerry-userland",
    "skerry-suites",
];

/// What the names of tests end with that need a machine of the other architecture.
const ON_AARCH32: &str = "on_aarch32";
/// Part of the names of tests that only `--long` runs.
const LONG: &str = "at_length";

/// Rounds of `--stress`, and the threads that take the processors meanwhile.
const ROUNDS: u32 = 3;
const BUSY: u32 = 4;

/// How a group ended.
enum Ended {
    Ran(Tally),
    Skipped(String),
}

/// A group with its end and how long it took.
struct Outcome {
    group: Group,
    ended: Ended,
    took: Duration,
}

/// Runs the groups asked for, and lists what failed.
pub fn test(options: &TestOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let groups = chosen_groups(options);
    if groups.iter().any(|group| group.boots()) {
        prerequisites::require_qemu(Arch::X86_64)?;
    }
    if !options.stress {
        return finish(options, &run_groups(&workspace, &groups, &options.names)?);
    }
    let _busy = BusyLoops::start();
    for round in 1..=ROUNDS {
        anstream::println!("=== round {round} of {ROUNDS}, beside {BUSY} busy loops");
        let exit = finish(options, &run_groups(&workspace, &groups, &options.names)?)?;
        if exit != Exit::Success {
            return Ok(exit);
        }
    }
    Ok(Exit::Success)
}

fn chosen_groups(options: &TestOptions) -> Vec<Group> {
    if !options.groups.is_empty() {
        return options.groups.clone();
    }
    let wanted =
        |group: &&Group| (options.long || **group != Group::Long) && !(options.host_only && group.boots());
    Group::value_variants().iter().filter(wanted).copied().collect()
}

fn run_groups(workspace: &Workspace, groups: &[Group], names: &[String]) -> Result<Vec<Outcome>, Failure> {
    groups.iter().map(|&group| run_group(workspace, group, names)).collect()
}

fn run_group(workspace: &Workspace, group: Group, names: &[String]) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    if !progress::is_quiet() {
        anstream::println!("=== {}", group.name());
    }
    let ended = match group.missing() {
        Some(missing) => {
            anstream::println!("skipped: {missing}");
            Ended::Skipped(missing)
        }
        None => Ended::Ran(follow(&mut group.command(workspace, names)?)?),
    };
    Ok(Outcome { group, ended, took: begun.elapsed() })
}

/// Runs cargo, shows what is worth it and counts.
fn follow(cargo: &mut Command) -> Result<Tally, Failure> {
    let (reader, writer) = std::io::pipe().doing("making a pipe")?;
    let errors = writer.try_clone().doing("making a pipe")?;
    let name = format!("{cargo:?}");
    let mut child = cargo.stdout(writer).stderr(errors).spawn().doing(format_args!("starting {name}"))?;
    // The command holds the writing ends, without which there would be no end.
    cargo.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut tally = Tally::default();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        tally.line(&text).iter().for_each(|shown| anstream::println!("{shown}"));
        line.clear();
    }
    let status = child.wait().doing(format_args!("waiting for {name}"))?;
    if !status.success() && tally.is_well() {
        tally.broken.push(format!("{status}: {name}"));
    }
    Ok(tally)
}

/// Prints the times, what failed with the command that runs it again, and the closing line.
fn finish(options: &TestOptions, outcomes: &[Outcome]) -> Result<Exit, Failure> {
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    anstream::println!("\n{:<14}{:>8}{:>8}{:>12}", "group", "passed", "failed", "time");
    for Outcome { group, ended, took } in outcomes {
        let name = group.name();
        let again = |test: &str| command_again(&name, test);
        match ended {
            Ended::Ran(tally) => {
                passed += tally.passed;
                failed.extend(tally.failed.iter().map(|test| format!("{test}\n      {}", again(test))));
                failed.extend(tally.broken.iter().map(|what| format!("{what}\n      {}", again(""))));
                let bad = tally.failed.len() + tally.broken.len();
                anstream::println!("{name:<14}{:>8}{bad:>8}{:>12}", tally.passed, minutes(*took));
            }
            Ended::Skipped(why) if steps::must_not_skip(&name) => {
                failed.push(format!(
                    "{name}: skipped, which CI allows only where SKERRY_MAY_SKIP names it: {why}"
                ));
                anstream::println!("{name:<14}{:>8}{:>8}   not skipped in CI: {why}", 0, 1);
            }
            Ended::Skipped(why) => {
                skipped += 1;
                anstream::println!("{name:<14}{:>16}   skipped: {why}", "");
            }
        }
    }
    let all: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    anstream::println!("{:<30}{:>12}", "all", minutes(all));
    if !options.names.is_empty() && passed == 0 && failed.is_empty() {
        return Err(Failure::bad_input(format!(
            "no test has {} in its name\n  expected: part of a name, as `./x test` prints it",
            options.names.join(" or ")
        )));
    }
    if !failed.is_empty() {
        anstream::println!("\nfailed, each with the command that runs it again:");
        failed.iter().for_each(|entry| anstream::println!("  {entry}"));
        anstream::println!();
    }
    if !options.long && options.groups.is_empty() && options.names.is_empty() {
        anstream::println!("left out: what only `./x test --long` runs");
    }
    let skips = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    anstream::println!("{passed} passed, {} failed{skips}", failed.len());
    Ok(if failed.is_empty() { Exit::Success } else { Exit::RootTask })
}

/// What one types to run a test, or a whole group, again.
fn command_again(group: &str, test: &str) -> String {
    let toolchain = chosen::now().map_or(String::new(), |choice| format!(" --toolchain {}", choice.name()));
    let test = if test.is_empty() { String::new() } else { format!(" '{test}'") };
    format!("./x test{toolchain} --group {group}{test}")
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

/// Threads that take the processors from the machines, until this value is gone.
struct BusyLoops;

static IS_BUSY: AtomicBool = AtomicBool::new(false);

impl BusyLoops {
    fn start() -> Self {
        IS_BUSY.store(true, Ordering::Relaxed);
        for _ in 0..BUSY {
            thread::spawn(|| {
                while IS_BUSY.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        BusyLoops
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        IS_BUSY.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_run_again_by_its_group_and_name() {
        assert!(command_again("boot", "a_b").ends_with(" --group boot 'a_b'"));
        assert!(command_again("loom", "").ends_with(" --group loom"));
        assert_eq!(minutes(Duration::from_secs(125)), "2:05 min");
    }

    #[test]
    fn a_command_is_followed_to_its_end_and_its_failure_is_noticed() {
        let tally = follow(Command::new("sh").args(["-c", "echo 'test result: ok. 3 passed; 0 failed;'"]));
        assert_eq!(tally.expect("it can be started").passed, 3);
        let tally = follow(Command::new("sh").args(["-c", "exit 7"])).expect("it can be started");
        assert!(tally.broken.len() == 1 && tally.broken[0].contains("exit status: 7"), "{tally:?}");
    }
}
