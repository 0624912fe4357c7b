// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which Rust compiles for the bare machine.
//!
//! Three ways, tried in this order (`./x` makes the same choice before it installs anything):
//!
//! 1. the compiler in use has the target `x86_64-unknown-none`: a plain build;
//! 2. it has the library source: `build-std`;
//! 3. Debian's `/usr/bin/rustc` has it (packages rustc-web, cargo-web, rust-web-src): `build-std` with that.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::prerequisites::version_line;

/// The target that kernels and root tasks are compiled for.
pub const TARGET: &str = "x86_64-unknown-none";

/// A way of compiling for [`TARGET`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler on the `PATH` with the target installed.
    Target,
    /// The compiler on the `PATH`, compiling the library from its source.
    BuildStd,
    /// Debian's compiler beside another one on the `PATH`, compiling the library from its source.
    DebianBuildStd,
}

impl Toolchain {
    /// Finds the first of the three ways that works on this machine.
    pub fn find() -> Result<Self, Failure> {
        let in_use = sysroot(Path::new("rustc"));
        let debian = sysroot(Path::new("/usr/bin/rustc"));
        choose(in_use.as_deref(), debian.as_deref()).ok_or_else(|| {
            Failure::bad_input(format!(
                "no Rust compiler here can compile for {TARGET}\n  expected: the rustup target, or a compiler with its \
                 library source\n  try: rustup target add {TARGET}, or install Debian's rustc-web, cargo-web and \
                 rust-web-src"
            ))
        })
    }

    /// A cargo command line that compiles for [`TARGET`], with `subcommand` as its first word.
    ///
    /// Environment variables of the cargo that started this tool are removed: they name its compiler and flags.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = match self {
            Toolchain::DebianBuildStd => debian_cargo(),
            Toolchain::Target | Toolchain::BuildStd => Command::new("cargo"),
        };
        command.arg(subcommand);
        if *self != Toolchain::Target {
            command.env("RUSTC_BOOTSTRAP", "1").args([
                "-Zbuild-std=core,alloc,compiler_builtins",
                "-Zbuild-std-features=compiler-builtins-mem",
            ]);
        }
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(variable);
        }
        command.args(["--target", TARGET]);
        command
    }

    /// What its compiler says to `--version`.
    pub fn version(&self) -> String {
        let rustc = match self {
            Toolchain::DebianBuildStd => "/usr/bin/rustc",
            Toolchain::Target | Toolchain::BuildStd => "rustc",
        };
        version_line(rustc).unwrap_or_default()
    }

    /// How `doctor` names it.
    pub fn describe(&self) -> &'static str {
        match self {
            Toolchain::Target => "target installed",
            Toolchain::BuildStd => "library source of the compiler in use (build-std)",
            Toolchain::DebianBuildStd => "library source of Debian's compiler (build-std)",
        }
    }
}

fn debian_cargo() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("/usr/bin/cargo");
    command.env("PATH", format!("/usr/bin:{path}")).env("RUSTC", "/usr/bin/rustc");
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC_WRAPPER");
    command
}

fn choose(in_use: Option<&Path>, debian: Option<&Path>) -> Option<Toolchain> {
    let has_source = |sysroot: &Path| sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").is_file();
    match (in_use, debian) {
        (Some(sysroot), _) if sysroot.join("lib/rustlib").join(TARGET).is_dir() => Some(Toolchain::Target),
        (Some(sysroot), _) if has_source(sysroot) => Some(Toolchain::BuildStd),
        (_, Some(sysroot)) if has_source(sysroot) => Some(Toolchain::DebianBuildStd),
        _ => None,
    }
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn sysroot_with(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        for file in files {
            let path = dir.path().join("lib/rustlib").join(file);
            fs::create_dir_all(path.parent().expect("it has a parent")).expect("the directory can be made");
            fs::write(path, "").expect("the file can be written");
        }
        dir
    }

    #[test]
    fn an_installed_target_is_preferred_to_any_library_source() {
        let both = sysroot_with(&["x86_64-unknown-none/lib/libcore.rlib", "src/rust/library/Cargo.toml"]);
        assert_eq!(choose(Some(both.path()), Some(both.path())), Some(Toolchain::Target));
    }

    #[test]
    fn the_compiler_in_use_is_preferred_to_the_one_of_debian() {
        let source = sysroot_with(&["src/rust/library/Cargo.toml"]);
        let bare = sysroot_with(&["x86_64-unknown-linux-gnu/lib/libcore.rlib"]);
        assert_eq!(choose(Some(source.path()), Some(source.path())), Some(Toolchain::BuildStd));
        assert_eq!(choose(Some(bare.path()), Some(source.path())), Some(Toolchain::DebianBuildStd));
        assert_eq!(choose(Some(bare.path()), None), None);
    }
}
