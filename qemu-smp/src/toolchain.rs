// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which Rust compiles for the bare machine.
//!
//! Three ways, tried in this order (`./x` makes the same choice before it installs anything):
//!
//! 1. the compiler in use has the target: a plain build;
//! 2. it has the library source: `build-std`;
//! 3. Debian's `/usr/bin/rustc` has it (packages rustc-web, cargo-web, rust-web-src): `build-std` with that.
//!
//! Where one is asked for (`--toolchain`), it is the one in use, for host code too, and no other is tried: [`chosen`].

pub mod chosen;

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::prerequisites::{is_at_least, version_line};

/// Debian's compiler.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What code is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its name for the compiler.
    pub triple: &'static str,
    /// What makes cargo compile its library.
    library: &'static [&'static str],
    /// The oldest Rust that compiles what is needed for it.
    pub oldest: [u32; 2],
}

const BARE_METAL: &[&str] =
    &["-Zbuild-std=core,alloc,compiler_builtins", "-Zbuild-std-features=compiler-builtins-mem"];

/// What kernels and programs of x86_64 are compiled for.
pub const X86_64: Target = Target { triple: "x86_64-unknown-none", library: BARE_METAL, oldest: [1, 88] };
/// What those of AArch32 are compiled for.
pub const AARCH32: Target = Target {
    triple: "armv7a-none-eabi",
    library: BARE_METAL,
    oldest: [1, 93], // that of the crate aarch32-cpu
};
/// A host with 32 bits, whose programs qemu-arm runs here: for tests of the model of AArch32.
pub const HOST_32: Target = Target {
    triple: "armv7-unknown-linux-gnueabihf",
    library: &["-Zbuild-std=std,panic_unwind,test"],
    oldest: [1, 88],
};

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
        let in_use = Rust::find("rustc");
        let debian = chosen::now().is_none().then(|| Rust::find(DEBIAN_RUSTC)).flatten();
        let way = choose(target, in_use.as_ref(), debian.as_ref())
            .ok_or_else(|| Failure::bad_input(refusal(target, in_use.as_ref())))?;
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
        let rustc = if self.is_debian() { DEBIAN_RUSTC } else { "rustc" };
        version_line(rustc).unwrap_or_default()
    }

    /// Whether its compiler is Debian's beside the one in use.
    pub fn is_debian(&self) -> bool {
        self.way == Way::DebianBuildStd
    }

    /// The clippy that comes with its compiler, if it is installed: what it says to `--version`.
    pub fn clippy(&self) -> Option<String> {
        if self.is_debian() { version_line(chosen::DEBIAN_CLIPPY) } else { chosen::clippy() }
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

/// A compiler that is here.
#[derive(Debug, Clone)]
struct Rust {
    /// What it says to `--version`.
    version: String,
    sysroot: PathBuf,
}

impl Rust {
    fn find(program: &str) -> Option<Self> {
        let output = Command::new(program).args(["--print", "sysroot"]).output().ok()?;
        let sysroot = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        Some(Rust { version: version_line(program)?, sysroot: PathBuf::from(sysroot.trim()) })
    }

    fn is_new_enough(&self, target: Target) -> bool {
        is_at_least(&self.version, &target.oldest)
    }

    fn has_target(&self, target: Target) -> bool {
        self.sysroot.join("lib/rustlib").join(target.triple).is_dir()
    }

    fn has_source(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").is_file()
    }
}

fn choose(target: Target, in_use: Option<&Rust>, debian: Option<&Rust>) -> Option<Way> {
    let in_use = in_use.filter(|rust| rust.is_new_enough(target));
    let debian = debian.filter(|rust| rust.is_new_enough(target));
    match (in_use, debian) {
        (Some(rust), _) if rust.has_target(target) => Some(Way::Target),
        (Some(rust), _) if rust.has_source() => Some(Way::BuildStd),
        (_, Some(rust)) if rust.has_source() => Some(Way::DebianBuildStd),
        _ => None,
    }
}

/// Why nothing compiles for the target, and what to do.
fn refusal(target: Target, in_use: Option<&Rust>) -> String {
    let Target { triple, oldest: [major, minor], .. } = target;
    let too_old = in_use.filter(|rust| !rust.is_new_enough(target));
    let (found, update) = too_old.map_or((String::new(), ""), |rust| {
        (format!(": the one in use is too old ({})", rust.version), "rustup update and ")
    });
    format!(
        "no Rust compiler here can compile for {triple}{found}\n  expected: Rust {major}.{minor} or newer with the \
         rustup target, or with its library source\n  try: {update}rustup target add {triple}, or install Debian's \
         rustc-web, cargo-web and rust-web-src"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A compiler of this version with these files, and what keeps them.
    fn rust(version: &str, files: &[&str]) -> (Rust, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        for file in files {
            let path = dir.path().join("lib/rustlib").join(file);
            fs::create_dir_all(path.parent().expect("it has a parent")).expect("the directory can be made");
            fs::write(path, "").expect("the file can be written");
        }
        let rust = Rust { version: format!("rustc {version} (of a test)"), sysroot: dir.path().to_owned() };
        (rust, dir)
    }

    const TARGET: &str = "x86_64-unknown-none/lib/libcore.rlib";
    const ARM_TARGET: &str = "armv7a-none-eabi/lib/libcore.rlib";
    const SOURCE: &str = "src/rust/library/Cargo.toml";

    #[test]
    fn an_installed_target_is_preferred_to_any_library_source() {
        let (both, _files) = rust("1.96.0", &[TARGET, SOURCE]);
        assert_eq!(choose(X86_64, Some(&both), Some(&both)), Some(Way::Target));
    }

    #[test]
    fn a_target_of_another_architecture_does_not_count() {
        let (both, _files) = rust("1.96.0", &[TARGET, SOURCE]);
        assert_eq!(choose(AARCH32, Some(&both), None), Some(Way::BuildStd));
    }

    #[test]
    fn the_compiler_in_use_is_preferred_to_the_one_of_debian() {
        let (source, _files) = rust("1.96.0", &[SOURCE]);
        let (bare, _no_files) = rust("1.96.0", &["x86_64-unknown-linux-gnu/lib/libcore.rlib"]);
        assert_eq!(choose(X86_64, Some(&source), Some(&source)), Some(Way::BuildStd));
        assert_eq!(choose(X86_64, Some(&bare), Some(&source)), Some(Way::DebianBuildStd));
        assert_eq!(choose(X86_64, Some(&bare), None), None);
    }

    #[test]
    fn a_compiler_that_is_too_old_for_a_target_is_passed_over_and_named() {
        let (old, _old_files) = rust("1.88.0", &[TARGET, ARM_TARGET]);
        let (debian, _files) = rust("1.96.0", &[SOURCE]);
        assert_eq!(choose(X86_64, Some(&old), None), Some(Way::Target));
        assert_eq!(choose(AARCH32, Some(&old), Some(&debian)), Some(Way::DebianBuildStd));
        assert_eq!(choose(AARCH32, Some(&old), Some(&old)), None);
        let message = refusal(AARCH32, Some(&old));
        assert!(message.contains("too old (rustc 1.88.0 (of a test))"), "{message}");
        assert!(message.contains("expected: Rust 1.93 or newer"), "{message}");
        assert!(
            message.contains("try: rustup update and rustup target add armv7a-none-eabi, or"),
            "{message}"
        );
        assert!(!refusal(AARCH32, Some(&debian)).contains("too old"));
    }
}
