// SPDX-License-Identifier: MIT OR Apache-2.0
//! The groups of tests, and how cargo is told to run one.

use std::fs;
use std::process::Command;

use clap::ValueEnum;

use super::{LONG, LOOM_PACKAGES, ON_AARCH32, PACKAGES_32};
use crate::arch::Arch;
use crate::browser;
use crate::debug::debugger;
use crate::failure::{Doing, Failure};
use crate::prerequisites;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Tests that are run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Units, property tests, models, doc tests: no QEMU
    Host,
    /// Every interleaving of the protocols between cores
    Loom,
    /// The host tests once more, on 32 bits
    #[value(name = "host-32")]
    Host32,
    /// Systems in QEMU, and the runner itself
    Boot,
    /// Systems that signal, and many instances
    Signals,
    /// Systems in QEMU for Arm
    #[value(name = "boot-aarch32")]
    BootAarch32,
    /// Instruction counts against the baseline
    Bench,
    /// Pages in a browser
    Browser,
    /// gdb
    Gdb,
    /// gdb for Arm
    #[value(name = "gdb-aarch32")]
    GdbAarch32,
    /// What only `--long` runs
    Long,
}

impl Group {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it needs QEMU and code for the bare machine.
    pub(super) fn boots(self) -> bool {
        !matches!(self, Group::Host | Group::Loom | Group::Host32)
    }

    /// Why it cannot be run here: what to install.
    pub(super) fn missing(self) -> Option<String> {
        match self {
            Group::Host32 => prerequisites::host_32().err(),
            Group::BootAarch32 => why_not_on_aarch32(),
            Group::Browser => browser::find()
                .is_none()
                .then(|| format!("no browser: install one of {}", browser::PROGRAMS.join(", "))),
            Group::Gdb => why_not_debugged(Arch::X86_64),
            Group::GdbAarch32 => why_not_on_aarch32().or_else(|| why_not_debugged(Arch::Aarch32)),
            _ => None,
        }
    }

    /// The files of `qemu-smp/tests` that it has tests in.
    fn has_file(self, file: &str) -> bool {
        match self {
            Group::Bench => file == "bench",
            Group::Browser => file == "page",
            Group::Gdb | Group::GdbAarch32 => file == "debug",
            Group::Signals => matches!(file, "signalling" | "scale"),
            Group::Boot => !matches!(file, "bench" | "page" | "debug" | "signalling" | "scale"),
            Group::BootAarch32 => file != "debug",
            Group::Long => true,
            Group::Host | Group::Loom | Group::Host32 => false,
        }
    }

    /// What libtest is told, but for names that were asked for.
    fn selection(self) -> Vec<&'static str> {
        match self {
            Group::BootAarch32 | Group::GdbAarch32 => vec!["--ignored", ON_AARCH32, "--skip", LONG],
            Group::Long => vec!["--ignored", LONG],
            _ => vec!["--ignored", "--skip", ON_AARCH32, "--skip", LONG],
        }
    }

    /// The command that runs those of its tests whose names contain one of the texts; all without a text.
    pub(super) fn command(self, workspace: &Workspace, names: &[String]) -> Result<Command, Failure> {
        let mut cargo = match self {
            Group::Host32 => host_32(workspace)?,
            _ => Command::new("cargo"),
        };
        if self != Group::Host32 {
            cargo.arg("test");
        }
        cargo.current_dir(workspace.root()).args(["--no-fail-fast", "--color", "never"]);
        match self {
            Group::Host | Group::Host32 => {}
            Group::Loom => {
                cargo.args(LOOM_PACKAGES.iter().flat_map(|package| ["--package", package])).arg("--release");
                cargo
                    .arg("--target-dir")
                    .arg(workspace.target_dir().join("loom"))
                    .env("RUSTFLAGS", "--cfg loom");
            }
            _ => {
                cargo.args(["--package", "qemu-smp"]);
                for file in files(workspace)?.iter().filter(|file| self.has_file(file)) {
                    cargo.args(["--test", file]);
                }
            }
        }
        cargo.arg("--").args(names);
        if self.boots() {
            // Of names there may be any; without one the marks choose. Two machines at a time: each has several cores.
            let selection = self.selection();
            let chosen = selection.into_iter().filter(|&word| names.is_empty() || !is_mark(word));
            cargo.args(chosen).args(["--test-threads", "2"]);
        }
        Ok(cargo)
    }
}

/// Whether a word selects by itself: together with a name, it would add tests instead of leaving some out.
fn is_mark(word: &str) -> bool {
    [ON_AARCH32, LONG, "--skip"].contains(&word)
}

/// The test files of this package.
fn files(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let dir = workspace.root().join("qemu-smp/tests");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).doing(format_args!("listing {}", dir.display()))? {
        let path = entry.doing(format_args!("listing {}", dir.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// Cargo for the crates that have a model of AArch32, on a host with 32 bits.
fn host_32(workspace: &Workspace) -> Result<Command, Failure> {
    let toolchain = prerequisites::host_32().map_err(Failure::bad_input)?;
    let mut cargo = toolchain.cargo("test");
    cargo.arg("--tests").args(PACKAGES_32.iter().flat_map(|package| ["--package", package]));
    // Translated code is slow, so it is optimised; its assertions stay.
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    // A directory of its own: another compiler may be in use here.
    cargo.arg("--target-dir").arg(workspace.target_dir().join("host-32"));
    Ok(cargo)
}

/// What is missing to debug an architecture, if anything.
fn why_not_debugged(arch: Arch) -> Option<String> {
    let package = debugger::recommended(arch);
    debugger::find(arch)
        .is_none()
        .then(|| format!("no gdb for {}: install the package {package}", arch.name()))
}

/// What the machines of AArch32 lack here, if anything.
fn why_not_on_aarch32() -> Option<String> {
    let target = Arch::Aarch32.target();
    if !prerequisites::has_qemu(Arch::Aarch32) {
        return Some(format!("no QEMU: install the package {}", Arch::Aarch32.emulator().package));
    }
    let [major, minor] = target.oldest;
    let why = |_| format!("no Rust {major}.{minor} or newer for {0}: rustup target add {0}", target.triple);
    Toolchain::find(target).err().map(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(group: Group, names: &[&str]) -> String {
        let workspace = Workspace::find().expect("the tree is there");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let command = group.command(&workspace, &names).expect("the tree is readable");
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_file_belongs_to_one_group_of_each_architecture() {
        let workspace = Workspace::find().expect("the tree is there");
        let all = [Group::Boot, Group::Signals, Group::Bench, Group::Browser, Group::Gdb];
        for file in files(&workspace).expect("the tree is readable") {
            assert_eq!(all.iter().filter(|group| group.has_file(&file)).count(), 1, "{file}");
            let arm = [Group::BootAarch32, Group::GdbAarch32];
            assert_eq!(arm.iter().filter(|group| group.has_file(&file)).count(), 1, "{file}");
        }
    }

    #[test]
    fn a_group_is_chosen_by_files_and_marks_and_a_test_by_its_name() {
        let gdb = words(Group::Gdb, &[]);
        assert!(gdb.contains(" --test debug -- --ignored --skip on_aarch32 --skip at_length "), "{gdb}");
        let arm = words(Group::GdbAarch32, &[]);
        assert!(arm.contains(" --test debug -- --ignored on_aarch32 --skip at_length "), "{arm}");
        let one = words(Group::GdbAarch32, &["that_on_aarch32"]);
        assert!(one.ends_with(" --test debug -- that_on_aarch32 --ignored --test-threads 2"), "{one}");
        assert!(words(Group::Host, &["that"]).ends_with(" -- that"));
    }
}
