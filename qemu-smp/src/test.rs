// SPDX-License-Identifier: MIT OR Apache-2.0
//! `test`: everything there is to run. The closing lines of each runner stay visible.

use std::process::Command;

use crate::browser;
use crate::cli::TestOptions;
use crate::failure::{Exit, Failure};
use crate::prerequisites::{self, version_line};
use crate::steps::{Outcome, Steps, command_outcome};
use crate::workspace::Workspace;

/// Packages whose protocols are explored by loom.
const LOOM_PACKAGES: [&str; 2] = ["skerry-ipi", "skerry-shared-region"];

/// What the names of tests that need a browser end with.
const IN_A_BROWSER: &str = "in_a_browser";
/// The same for gdb.
const WITH_GDB: &str = "with_gdb";

/// Runs the host tests, the doc tests, the loom models and the boot tests.
pub fn test(options: &TestOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let cargo = || {
        let mut command = Command::new("cargo");
        command.current_dir(workspace.root()).args(["test", "--quiet"]);
        command
    };
    let mut steps = Steps::default();
    steps.command("host tests and doc tests", &mut cargo());

    let mut loom = cargo();
    for package in LOOM_PACKAGES {
        loom.args(["--package", package]);
    }
    loom.arg("--release").arg("--target-dir").arg(workspace.target_dir().join("loom"));
    steps.command("interleavings (loom)", loom.env("RUSTFLAGS", "--cfg loom"));

    if !options.host_only {
        prerequisites::require_qemu()?;
        let mut boot = cargo();
        boot.args(["--package", "qemu-smp", "--tests", "--", "--ignored"]);
        // Two machines at a time: each boot test has several cores of its own.
        boot.args(["--test-threads", "2", "--skip", IN_A_BROWSER, "--skip", WITH_GDB]);
        steps.command("boot tests", &mut boot);
        let with = |file: &str| {
            let mut tests = cargo();
            tests.args(["--package", "qemu-smp", "--test", file, "--", "--ignored"]);
            command_outcome(&mut tests)
        };
        steps.step("pages in a browser", || match browser::find() {
            Some(_) => with("page"),
            None => Outcome::Skipped(format!("no browser: install one of {}", browser::PROGRAMS.join(", "))),
        });
        steps.step("debugging with gdb", || match version_line("gdb") {
            Some(_) => with("debug"),
            None => Outcome::Skipped("no gdb: install the package gdb".to_owned()),
        });
    }
    Ok(steps.finish())
}
