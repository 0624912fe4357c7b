// SPDX-License-Identifier: MIT OR Apache-2.0
//! The toolchain that was asked for, where there are several.
//!
//! It is brought about by the environment: its directory comes first on the `PATH`, so that `cargo` and `rustc` are its own for
//! whatever is started from here. One that is not first on the `PATH` anyway has a target directory of its own, so that
//! neither compiles again what the other has overwritten. `./x` does the same before it compiles this tool.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::failure::{Doing, Failure};
use crate::prerequisites::version_line;
use crate::workspace::Workspace;

/// Says to all that is started from here which toolchain was chosen.
const VARIABLE: &str = "SKERRY_TOOLCHAIN";
/// Where Debian's compiler is.
const DEBIAN_DIR: &str = "/usr/bin";
/// Debian's clippy.
pub const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// Where compilers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The packages cargo-web, rustc-web and rust-web-src
    Debian,
    /// rustup's toolchain in use: the default one, or RUSTUP_TOOLCHAIN
    Rustup,
}

impl Choice {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Choice::Debian => "debian",
            Choice::Rustup => "rustup",
        }
    }

    /// Those that are installed here.
    pub fn installed() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied().filter(|choice| choice.dir(&path()).is_some())
    }

    fn by_name(name: &str) -> Option<Self> {
        [Choice::Debian, Choice::Rustup].into_iter().find(|choice| choice.name() == name)
    }

    /// The directory of its `cargo` and `rustc`.
    fn dir(self, path: &[PathBuf]) -> Option<PathBuf> {
        match self {
            Choice::Debian => Some(PathBuf::from(DEBIAN_DIR)).filter(|dir| dir.join("rustc").is_file()),
            Choice::Rustup => {
                let home = env::var_os("CARGO_HOME").map(PathBuf::from);
                let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
                let usual = home.map(|home| home.join("bin"));
                usual.into_iter().chain(path.iter().cloned()).find(|dir| is_of_rustup(dir))
            }
        }
    }

    /// Whether compilers in a directory are its own.
    fn is_in(self, dir: &Path) -> bool {
        match self {
            // On systems with merged directories /bin is the same.
            Choice::Debian => dir.canonicalize().is_ok_and(|dir| dir == Path::new(DEBIAN_DIR)),
            Choice::Rustup => is_of_rustup(dir),
        }
    }
}

fn is_of_rustup(dir: &Path) -> bool {
    dir.join("rustup").is_file() && dir.join("rustc").is_file()
}

/// The toolchain asked for, if any was.
pub fn now() -> Option<Choice> {
    Choice::by_name(&env::var(VARIABLE).ok()?)
}

/// The clippy of the compiler in use, if it is installed: what it says to `--version`.
pub fn clippy() -> Option<String> {
    version_line(if now() == Some(Choice::Debian) { DEBIAN_CLIPPY } else { "cargo-clippy" })
}

/// Sees to it that the toolchain asked for, by the option or by the variable, is the one in use. Starts this tool again, in
/// an environment that makes it so, where it is not.
pub fn use_it(option: Option<Choice>) -> Result<(), Failure> {
    let variable = env::var(VARIABLE).ok().filter(|name| !name.is_empty());
    let named =
        variable.as_deref().map(|name| Choice::by_name(name).ok_or_else(|| unknown(name))).transpose()?;
    let Some(choice) = option.or(named) else { return Ok(()) };
    let path = path();
    let in_use = path.iter().find(|dir| dir.join("rustc").is_file());
    let is_in_use = in_use.is_some_and(|dir| choice.is_in(dir));
    if is_in_use && named == Some(choice) {
        return Ok(());
    }
    let dir = choice.dir(&path).ok_or_else(|| missing(choice))?;
    let mut again = Command::new(env::current_exe().doing("finding this tool")?);
    again.args(env::args_os().skip(1)).env(VARIABLE, choice.name());
    if !is_in_use {
        again.env("PATH", joined(&dir, &path)?).env("CARGO_TARGET_DIR", own_target_dir(choice)?);
    }
    let of_another = ["RUSTC", "RUSTC_WRAPPER", "RUSTDOC", "CARGO", "LD_LIBRARY_PATH"];
    for variable in of_another {
        again.env_remove(variable);
    }
    if choice == Choice::Debian {
        again.env_remove("RUSTUP_TOOLCHAIN");
    }
    Err(again.exec()).doing("starting this tool again")
}

fn path() -> Vec<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
}

fn joined(first: &Path, path: &[PathBuf]) -> Result<OsString, Failure> {
    env::join_paths([first.to_owned()].iter().chain(path)).doing("setting the PATH")
}

/// The target directory of a toolchain that is not the usual one.
fn own_target_dir(choice: Choice) -> Result<PathBuf, Failure> {
    let dir = Workspace::find()?.target_dir();
    let is_of_another = Choice::value_variants().iter().any(|other| dir.ends_with(other.name()));
    let base = if is_of_another { dir.parent().unwrap_or(&dir) } else { &dir };
    Ok(base.join(choice.name()))
}

fn unknown(name: &str) -> Failure {
    Failure::bad_input(format!("{VARIABLE}={name}: there is no such toolchain\n  expected: debian or rustup"))
}

fn missing(choice: Choice) -> Failure {
    let (expected, advice) = match choice {
        Choice::Debian => ("/usr/bin/rustc", "install Debian's cargo-web, rustc-web and rust-web-src"),
        Choice::Rustup => ("rustup on the PATH or in ~/.cargo/bin", "https://rustup.rs"),
    };
    Failure::bad_input(format!(
        "--toolchain {}: it is not installed\n  expected: {expected}\n  try: {advice}",
        choice.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_directory_with_rustup_and_a_compiler_is_of_rustup() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let (with, without) = (dir.path().join("with"), dir.path().join("without"));
        for (dir, files) in [(&with, &["rustc", "rustup"][..]), (&without, &["rustc"])] {
            fs::create_dir(dir).expect("it can be made");
            files.iter().for_each(|file| fs::write(dir.join(file), "").expect("it can be written"));
        }
        assert!(Choice::Rustup.is_in(&with) && !Choice::Rustup.is_in(&without));
        assert!(!Choice::Debian.is_in(&with));
        assert!(Choice::Debian.is_in(Path::new(DEBIAN_DIR)));
    }

    #[test]
    fn the_toolchain_chosen_comes_first_on_the_path() {
        let path = [PathBuf::from("/a"), PathBuf::from("/usr/bin")];
        assert_eq!(joined(Path::new("/usr/bin"), &path).expect("it can be joined"), "/usr/bin:/a:/usr/bin");
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for choice in Choice::value_variants() {
            assert_eq!(Choice::by_name(choice.name()), Some(*choice));
            assert_eq!(
                choice.to_possible_value().map(|value| value.get_name().to_owned()).as_deref(),
                Some(choice.name())
            );
        }
        assert!(unknown("gcc").message.starts_with("SKERRY_TOOLCHAIN=gcc: there is no such toolchain"));
    }
}
