// SPDX-License-Identifier: MIT OR Apache-2.0
//! `check`: what must hold of the source before it is pushed. CI calls the same.

mod forgers;
mod licences;
mod source;
mod tokens;
mod unsafe_code;

use std::collections::BTreeSet;
use std::process::Command;

use crate::arch::Arch;
use crate::compile::{Compiler, Profile};
use crate::failure::{Exit, Failure};
use crate::prerequisites::version_line;
use crate::steps::{Outcome, Steps, command_outcome};
use crate::toolchain::{Toolchain, chosen};
use crate::workspace::Workspace;

/// Does every check and says how many failed.
pub fn check() -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let files = source::files(workspace.root())?;
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(workspace.root()).args(arguments);
        command
    };
    let has = |program| version_line(program).is_some();
    let mut steps = Steps::default();

    steps.step("format", || match has("rustfmt") {
        true => command_outcome(&mut cargo(&["fmt", "--all", "--check"])),
        false => Outcome::Skipped("rustfmt is not installed".to_owned()),
    });
    steps.step("lints, host", || match chosen::clippy() {
        Some(_) => command_outcome(&mut cargo(&["clippy", "--quiet", "--all-targets", "--", "-Dwarnings"])),
        // Debian's compiler may come without; its own lints hold all the same. Other flags are another target directory.
        None => command_outcome(
            cargo(&["check", "--quiet", "--all-targets", "--target-dir"])
                .arg(workspace.target_dir().join("lints"))
                .env("RUSTFLAGS", "-Dwarnings"),
        ),
    });
    steps.step("lints, target", || bare_metal_lints(&workspace, Arch::X86_64));
    steps.step("lints, target aarch32", || match Toolchain::find(Arch::Aarch32.target()) {
        Ok(_) => bare_metal_lints(&workspace, Arch::Aarch32),
        Err(failure) => Outcome::Skipped(failure.message),
    });
    let mut documentation = cargo(&["doc", "--quiet", "--no-deps"]);
    steps.command("documentation", documentation.env("RUSTDOCFLAGS", "-Dwarnings"));
    steps.step("licence lines", || Outcome::of(source::without_licence_line(&files)));
    steps.step("file sizes", || Outcome::of(source::too_long(&files)));
    steps.step("references to objects", || Outcome::of(forgers::violations(&files)));
    steps.step("unsafe code", || Outcome::of(unsafe_code::violations(&files)));
    steps.step("licences of dependencies", || match licences::violations(workspace.root()) {
        Ok(complaints) => Outcome::of(complaints),
        Err(failure) => Outcome::Failed(vec![failure.message]),
    });
    Ok(steps.finish())
}

/// Warnings are errors on the target too: clippy's where it comes with the compiler, else the compiler's own.
fn bare_metal_lints(workspace: &Workspace, arch: Arch) -> Outcome {
    let lint = || {
        let compiler = Compiler::new(workspace, arch)?;
        let clippy = compiler.toolchain().clippy().is_some();
        let mut cargo = compiler.cargo(if clippy { "clippy" } else { "check" });
        let triple = arch.target().triple;
        cargo.args(["--config", &format!("target.{triple}.rustflags=[\"-Dwarnings\"]")]);
        cargo.args(["--package", "skerry-bootstrap", "--bins", "--features", Profile::Debug.features()]);
        cargo.args(["--package", "skerry-kernel"]);
        let programs = workspace.programs()?;
        for package in BTreeSet::from_iter(programs.iter().map(|program| workspace.package_of(program))) {
            cargo.args(["--package", package]);
        }
        Ok(command_outcome(&mut cargo))
    };
    lint().unwrap_or_else(|failure: Failure| Outcome::Failed(vec![failure.to_string()]))
}
