// SPDX-License-Identifier: MIT OR Apache-2.0
//! `test`: everything there is to run. The closing lines of each runner stay visible.

use std::process::Command;

use crate::arch::Arch;
use crate::browser;
use crate::cli::TestOptions;
use crate::debug::debugger;
use crate::failure::{Exit, Failure};
use crate::prerequisites;
use crate::steps::{Outcome, Steps, command_outcome};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

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

/// What the names of tests that need a browser end with.
const IN_A_BROWSER: &str = "in_a_browser";
/// The same for a machine of the other architecture.
const ON_AARCH32: &str = "on_aarch32";
/// The same for gdb.
const WITH_GDB: &str = "with_gdb";

/// Runs the host tests, the doc tests, the loom models and the boot tests.
pub fn test(options: &TestOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let cargo = || {
        let mut command = Command::new("cargo");
        command.current_dir(workspace.root()).args(["test", "--quiet", "--no-fail-fast"]);
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

    steps.step("host tests on 32 bits", || host_tests_32(&workspace));

    if !options.host_only {
        prerequisites::require_qemu(Arch::X86_64)?;
        let mut boot = cargo();
        boot.args(["--package", "qemu-smp", "--tests", "--", "--ignored"]);
        // Two machines at a time: each boot test has several cores of its own.
        boot.args(["--test-threads", "2", "--skip", IN_A_BROWSER, "--skip", WITH_GDB, "--skip", ON_AARCH32]);
        steps.command("boot tests", &mut boot);
        let with = |files: &[&str], which: &[&str]| {
            let mut tests = cargo();
            tests.args(["--package", "qemu-smp"]).args(files.iter().flat_map(|file| ["--test", file]));
            tests.args(["--", "--ignored"]).args(which);
            command_outcome(&mut tests)
        };
        let without_arm = why_not_on_aarch32();
        steps.step("boot tests on aarch32", || match &without_arm {
            None => with(&["aarch32", "bench"], &[ON_AARCH32]),
            Some(missing) => Outcome::Skipped(missing.clone()),
        });
        steps.step("pages in a browser", || match browser::find() {
            Some(_) => with(&["page"], &[]),
            None => Outcome::Skipped(format!("no browser: install one of {}", browser::PROGRAMS.join(", "))),
        });
        for (name, which, arch, missing) in [
            ("debugging with gdb", &["--skip", ON_AARCH32][..], Arch::X86_64, None),
            ("debugging with gdb on aarch32", &[ON_AARCH32], Arch::Aarch32, without_arm),
        ] {
            let missing = missing.or_else(|| why_not_debugged(arch));
            steps.step(name, || missing.map_or_else(|| with(&["debug"], which), Outcome::Skipped));
        }
    }
    Ok(steps.finish())
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

/// The tests of the crates that have a model of AArch32, compiled for a host with 32 bits.
fn host_tests_32(workspace: &Workspace) -> Outcome {
    let toolchain = match prerequisites::host_32() {
        Ok(toolchain) => toolchain,
        Err(missing) => return Outcome::Skipped(missing),
    };
    let mut cargo = toolchain.cargo("test");
    cargo.current_dir(workspace.root()).args(["--quiet", "--no-fail-fast", "--tests"]);
    for package in PACKAGES_32 {
        cargo.args(["--package", package]);
    }
    // Translated code is slow, so it is optimised; its assertions stay.
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    // A directory of its own: another compiler may be in use here.
    cargo.arg("--target-dir").arg(workspace.target_dir().join("host-32"));
    command_outcome(&mut cargo)
}
