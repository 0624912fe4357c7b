// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which Rust compiles for the bare machine.
//!
//! Three ways, tried in this order (`./x` makes the same choice before it installs anything):
//!
//! 1. the compiler in use has the target: a plain build;
//! 2. it has the library source: `build-std`;
//! 3. Debian's `/usr/bin/rustc` has it (packages rustc-web, cargo-web, rust-web-src): `build-std` with that.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::prerequisites::version_line;

/// What code is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its name for the compiler.
    pub triple: &'static str,
    /// What makes cargo compile its library.
    library: &'static [&'static str],
}

const BARE_METAL: &[&str] =
    &["-Zbuild-std=core,alloc,compiler_builtins", "-Zbuild-std-features=compiler-builtins-mem"];

/// What kernels and programs of x86_64 are compiled for.
pub const X86_64: Target = Target { triple: "x86_64-unknown-none", library: BARE_METAL };
/// What those of AArch32 are compiled for.
pub const AARCH32: Target = Target { triple: "armv7a-none-eabi", library: BARE_METAL };
/// A host with 32 bits, whose programs qemu-arm runs here: for tests of the model of AArch32.
pub const HOST_32: Target =
    Target { triple: "armv7-unknown-linux-gnueabihf", library: &["-Zbuild-std=std,panic_unwind,test"] };

/// A way of compiling for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    target: Target,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The compiler on the `PATH` with the target installed.
    Target,
    /// The compiler on the `PATH`, compiling the library from its source.
    BuildStd,
    /// Debian's compiler beside another one on the `PATH`, compiling the library from its source.
    DebianBuildStd,
}

impl Toolchain {
    /// Finds the first of the three ways that works on this machine.
    pub fn find(target: Target) -> Result<Self, Failure> {
        let in_use = sysroot(Path::new("rustc"));
        let debian = sysroot(Path::new("/usr/bin/rustc"));
        let triple = target.triple;
        let way = choose(target, in_use.as_deref(), debian.as_deref()).ok_or_else(|| {
            Failure::bad_input(format!(
                "no Rust compiler here can compile for {triple}\n  expected: the rustup target, or a compiler with its \
                 library source\n  try: rustup target add {triple}, or install Debian's rustc-web, cargo-web and \
                 rust-web-src"
            ))
        })?;
        Ok(Toolchain { target, way })
    }

    /// A cargo command line that compiles for the target, with `subcommand` as its first word.
    ///
    /// Environment variables of the cargo that started this tool are removed: they name its compiler and flags.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = match self.way {
            Way::DebianBuildStd => debian_cargo(),
            Way::Target | Way::BuildStd => Command::new("cargo"),
        };
        command.arg(subcommand);
        if self.way != Way::Target {
            command.env("RUSTC_BOOTSTRAP", "1").args(self.target.library);
        }
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(variable);
        }
        command.args(["--target", self.target.triple]);
        command
    }

    /// What its compiler says to `--version`.
    pub fn version(&self) -> String {
        let rustc = if self.is_debian() { "/usr/bin/rustc" } else { "rustc" };
        version_line(rustc).unwrap_or_default()
    }

    /// Whether its compiler is Debian's beside the one in use.
    pub fn is_debian(&self) -> bool {
        self.way == Way::DebianBuildStd
    }

    /// How `doctor` names it.
    pub fn describe(&self) -> &'static str {
        match self.way {
            Way::Target => "target installed",
            Way::BuildStd => "library source of the compiler in use (build-std)",
            Way::DebianBuildStd => "library source of Debian's compiler (build-std)",
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

fn choose(target: Target, in_use: Option<&Path>, debian: Option<&Path>) -> Option<Way> {
    let has_source = |sysroot: &Path| sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").is_file();
    match (in_use, debian) {
        (Some(sysroot), _) if sysroot.join("lib/rustlib").join(target.triple).is_dir() => Some(Way::Target),
        (Some(sysroot), _) if has_source(sysroot) => Some(Way::BuildStd),
        (_, Some(sysroot)) if has_source(sysroot) => Some(Way::DebianBuildStd),
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
        assert_eq!(choose(X86_64, Some(both.path()), Some(both.path())), Some(Way::Target));
    }

    #[test]
    fn a_target_of_another_architecture_does_not_count() {
        let both = sysroot_with(&["x86_64-unknown-none/lib/libcore.rlib", "src/rust/library/Cargo.toml"]);
        assert_eq!(choose(AARCH32, Some(both.path()), None), Some(Way::BuildStd));
    }

    #[test]
    fn the_compiler_in_use_is_preferred_to_the_one_of_debian() {
        let source = sysroot_with(&["src/rust/library/Cargo.toml"]);
        let bare = sysroot_with(&["x86_64-unknown-linux-gnu/lib/libcore.rlib"]);
        assert_eq!(choose(X86_64, Some(source.path()), Some(source.path())), Some(Way::BuildStd));
        assert_eq!(choose(X86_64, Some(bare.path()), Some(source.path())), Some(Way::DebianBuildStd));
        assert_eq!(choose(X86_64, Some(bare.path()), None), None);
    }
}
