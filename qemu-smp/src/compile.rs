// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles what runs on the bare machine: the kernel, the boot image around it, the programs.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use cargo_metadata::Message;
use clap::ValueEnum;

use crate::arch::Arch;
use crate::failure::{Doing, Failure};
use crate::flat;
use crate::paths;
use crate::prerequisites::version_line;
use crate::progress::{self, Lasts};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// How a C program is compiled: for a fixed address, without a library, without calls to one that has none.
const C_FLAGS: [&str; 13] = [
    "-std=c11",
    "-O2",
    "-g",
    "-Wall",
    "-ffreestanding",
    "-fno-pic",
    "-no-pie",
    "-static",
    "-nostdlib",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-tree-loop-distribute-patterns",
    "-Wl,--build-id=none",
];

/// What compiles C for AArch32, the compiler made for such programs first, and what it is told besides.
const ARM_C_COMPILERS: [&str; 3] = ["arm-none-eabi-gcc", "arm-linux-gnueabihf-gcc", "arm-linux-gnueabi-gcc"];
const ARM_C_FLAGS: [&str; 2] = ["-mcpu=cortex-a15", "-marm"];
/// Arm has no instruction that divides 64 bits: the compiler calls its own library.
const ARM_C_LIBRARY: &str = "-lgcc";

/// Where QEMU loads a flat image, as Linux for Arm is: docs/aarch32.md.
const FLAT_ADDRESS: u64 = 0x4001_0000;

/// What a kernel is built for. All three are optimised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// With console output and the debug calls
    #[default]
    Debug,
    /// Without either: what one would ship
    Release,
    /// With console output, the debug calls and the benchmark calls
    Bench,
}

impl Profile {
    /// The features of the bootstrap package that make it.
    pub fn features(self) -> &'static str {
        match self {
            Profile::Debug => "printing,debug-calls",
            Profile::Release => "",
            Profile::Bench => "printing,debug-calls,benchmarks",
        }
    }

    /// The name as it is given on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
            Profile::Bench => "bench",
        }
    }
}

/// The compiled kernel.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// The bootable image.
    pub boot: PathBuf,
    /// The kernel program, with the line tables that turn addresses into places.
    pub program: PathBuf,
}

impl Kernel {
    /// The ELF file of the bootable image, which a flat one is made of.
    pub fn boot_symbols(&self) -> PathBuf {
        self.boot.with_extension("elf")
    }
}

/// Compiles for the bare machine, into a target directory of its own so that it never waits for host builds.
#[derive(Debug)]
pub struct Compiler<'a> {
    workspace: &'a Workspace,
    arch: Arch,
    toolchain: Toolchain,
}

impl<'a> Compiler<'a> {
    /// Chooses a toolchain.
    pub fn new(workspace: &'a Workspace, arch: Arch) -> Result<Self, Failure> {
        Ok(Compiler { workspace, arch, toolchain: Toolchain::find(arch.target())? })
    }

    /// Compiles the kernel program, then the boot image that embeds it.
    pub fn kernel(&self, profile: Profile) -> Result<Kernel, Failure> {
        let kernel = kernel_files(self.workspace, self.arch, profile);
        let lasts = if kernel.boot.exists() { Lasts::Briefly } else { Lasts::Long };
        let what = format!("the kernel (profile {})", profile.name());
        run(&mut self.build("skerry-kernel", "kernel"), &what, lasts)?;
        copy_if_different(&self.artifact("kernel"), &kernel.program)?;

        let mut cargo = self.build("skerry-bootstrap", "skerry");
        cargo.args(["--features", profile.features()]).env("SKERRY_KERNEL_ELF", &kernel.program);
        run(&mut cargo, "the boot image", Lasts::Briefly)?;
        let boot = self.artifact("skerry");
        match self.arch {
            Arch::X86_64 => copy_if_different(&boot, &kernel.boot)?,
            Arch::Aarch32 => {
                copy_if_different(&boot, &kernel.boot_symbols())?;
                let elf = fs::read(&boot).doing(format_args!("reading {}", boot.display()))?;
                write_if_different(&flat::image(&elf, FLAT_ADDRESS)?, &kernel.boot)?;
            }
        }
        Ok(kernel)
    }

    /// Compiles a program of this tree.
    pub fn program(&self, name: &str) -> Result<PathBuf, Failure> {
        let program = self.artifact(name);
        let lasts = if program.exists() { Lasts::Briefly } else { Lasts::Long };
        run(&mut self.build(self.workspace.package_of(name), name), &format!("the program {name}"), lasts)?;
        Ok(program)
    }

    /// Compiles the program of the crate in `dir`, which has exactly one, with the settings of this workspace.
    pub fn crate_in(&self, dir: &Path) -> Result<PathBuf, Failure> {
        paths::check_crate(dir)?;
        let mut cargo = self.cargo("build");
        let manifest = dir.join("Cargo.toml");
        cargo.arg("--manifest-path").arg(std::path::absolute(&manifest).doing(manifest.display())?);
        cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
        let output = cargo.output().doing(format_args!("starting {}", cargo.get_program().display()))?;
        succeeded(output.status, dir.display())?;
        let mut programs =
            Message::parse_stream(output.stdout.as_slice()).filter_map(|message| match message {
                Ok(Message::CompilerArtifact(artifact)) => artifact.executable,
                _ => None,
            });
        match (programs.next(), programs.next()) {
            (Some(program), None) => Ok(program.into()),
            (program, _) => Err(Failure::bad_input(format!(
                "the crate {} has {} programs\n  expected: one",
                dir.display(),
                if program.is_some() { "several" } else { "no" }
            ))),
        }
    }

    /// Compiles a program that is one C file, with `include/skerry.h` in reach and nothing else.
    pub fn c_file(&self, file: &Path) -> Result<PathBuf, Failure> {
        let program = c_program_file(self.workspace, self.arch, file);
        let dir = program.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir).doing(format_args!("making {}", dir.display()))?;
        let script = self.workspace.root().join("userland/runtime/link.ld");
        let mut compiler = c_compiler(self.arch)?;
        compiler.args(C_FLAGS).arg("-I").arg(self.workspace.root().join("include"));
        compiler.arg("-T").arg(script).arg("-o").arg(&program).arg(file).stdin(Stdio::null());
        compiler.args((self.arch == Arch::Aarch32).then_some(ARM_C_LIBRARY));
        run(&mut compiler, &file.display().to_string(), Lasts::Briefly)?;
        Ok(program)
    }

    /// The toolchain in use.
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// A cargo command that works on optimised code for the bare machine.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = self.toolchain.cargo(subcommand);
        cargo.current_dir(self.workspace.root()).args(["--release", "--quiet", "--target-dir"]);
        cargo.arg(self.target_dir()).stdin(Stdio::null());
        cargo
    }

    fn build(&self, package: &str, binary: &str) -> Command {
        let mut cargo = self.cargo("build");
        cargo.args(["--package", package, "--bin", binary]);
        cargo
    }

    fn target_dir(&self) -> PathBuf {
        bare_metal_dir(self.workspace)
    }

    fn artifact(&self, binary: &str) -> PathBuf {
        program_file(self.workspace, self.arch, binary)
    }
}

/// Where the kernel of a profile is once it was compiled.
pub fn kernel_files(workspace: &Workspace, arch: Arch, profile: Profile) -> Kernel {
    let boot = match arch {
        Arch::X86_64 => "boot.elf",
        Arch::Aarch32 => "boot.bin",
    };
    let dir = architecture_dir(workspace, arch).join(profile.name());
    Kernel { boot: dir.join(boot), program: dir.join("kernel.elf") }
}

/// Where a program of this tree is once it was compiled.
pub fn program_file(workspace: &Workspace, arch: Arch, name: &str) -> PathBuf {
    bare_metal_dir(workspace).join(arch.target().triple).join("release").join(name)
}

/// Where the program of a C file is once it was compiled.
pub fn c_program_file(workspace: &Workspace, arch: Arch, file: &Path) -> PathBuf {
    let name = Path::new(file.file_name().unwrap_or_default()).with_extension("elf");
    architecture_dir(workspace, arch).join("c").join(name)
}

/// What compiles C for an architecture.
fn c_compiler(arch: Arch) -> Result<Command, Failure> {
    if arch == Arch::X86_64 {
        return Ok(Command::new("cc"));
    }
    let found = ARM_C_COMPILERS.iter().find(|program| version_line(program).is_some());
    let program = found.ok_or_else(|| {
        Failure::bad_input(format!(
            "no C compiler here compiles for {}\n  expected: {}\n  try: install the package gcc-arm-linux-gnueabihf",
            arch.name(),
            ARM_C_COMPILERS.join(" or ")
        ))
    })?;
    let mut compiler = Command::new(program);
    compiler.args(ARM_C_FLAGS);
    Ok(compiler)
}

/// Where things made for an architecture are.
fn architecture_dir(workspace: &Workspace, arch: Arch) -> PathBuf {
    let dir = workspace.target_dir().join("skerry");
    if arch == Arch::X86_64 { dir } else { dir.join(arch.name()) }
}

fn bare_metal_dir(workspace: &Workspace) -> PathBuf {
    workspace.target_dir().join("bare-metal")
}

fn run(compiler: &mut Command, what: &str, lasts: Lasts) -> Result<(), Failure> {
    let name = compiler.get_program().display().to_string();
    let step = progress::step(format!("compiling {what}"), lasts);
    if !step.is_drawn() {
        return succeeded(compiler.status().doing(format_args!("starting {name}"))?, what);
    }
    // Messages come when the moving line is gone.
    let output = compiler.env("CARGO_TERM_COLOR", "always").output();
    drop(step);
    let output = output.doing(format_args!("starting {name}"))?;
    anstream::eprint!("{}", String::from_utf8_lossy(&output.stderr));
    succeeded(output.status, what)
}

fn succeeded(status: ExitStatus, what: impl Display) -> Result<(), Failure> {
    if status.success() {
        Ok(())
    } else {
        Err(Failure::bad_input(format!("{what} does not compile; the compiler's messages are above")))
    }
}

/// Copies only what changed, so that cargo sees an embedded kernel as new only when it is.
fn copy_if_different(from: &Path, to: &Path) -> Result<(), Failure> {
    write_if_different(&fs::read(from).doing(format_args!("reading {}", from.display()))?, to)
}

fn write_if_different(bytes: &[u8], to: &Path) -> Result<(), Failure> {
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir).doing(format_args!("making {}", dir.display()))?;
    }
    fs::write(to, bytes).doing(format_args!("writing {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bench_profile_adds_the_benchmark_calls_to_what_the_default_has() {
        assert_eq!(Profile::Bench.features(), format!("{},benchmarks", Profile::Debug.features()));
    }
}
