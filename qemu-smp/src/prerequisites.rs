// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be installed, and `doctor`, which lists it.

use std::process::Command;

use crate::arch::{Arch, Emulator};
use crate::browser;
use crate::debug::debugger;
use crate::failure::{Exit, Failure};
use crate::results::new_table;
use crate::toolchain::{AARCH32, HOST_32, Target, Toolchain};

/// A version: its numbers, most significant first.
type Version = Vec<u32>;

/// Oldest QEMU that works.
const QEMU_MINIMUM: [u32; 2] = [7, 2];
/// Oldest Rust that works, as in the workspace's `rust-version`.
const RUST_MINIMUM: [u32; 2] = [1, 88];

/// Linker and runner of host tests on 32 bits, as `.cargo/config.toml` names them.
const LINKER_32: &str = "arm-linux-gnueabihf-gcc";
const RUNNER_32: &str = "qemu-arm";
/// The two with the packages that have them.
const HOST_32_PROGRAMS: [(&str, &str); 2] =
    [(LINKER_32, "gcc-arm-linux-gnueabihf and libc6-dev-armhf-cross"), (RUNNER_32, "qemu-user")];

/// One line of the doctor's list.
struct Finding {
    name: &'static str,
    needed_for: &'static str,
    found: Option<String>,
    /// Empty when all is well, else what to do.
    advice: String,
}

/// Lists every prerequisite; fails when one that is needed is missing.
pub fn doctor() -> Exit {
    let findings = findings();
    let mut table = new_table();
    table.set_header(["", "needed for", "found", "verdict"]);
    for finding in &findings {
        let verdict = if finding.advice.is_empty() { "ok" } else { &finding.advice };
        table.add_row([finding.name, finding.needed_for, finding.found.as_deref().unwrap_or("-"), verdict]);
    }
    anstream::println!("{table}");
    if findings.iter().any(|finding| finding.advice.starts_with("missing")) {
        Exit::BadInput
    } else {
        Exit::Success
    }
}

/// Says what to do when there is no usable QEMU.
pub fn require_qemu(arch: Arch) -> Result<(), Failure> {
    if has_qemu(arch) {
        return Ok(());
    }
    let Emulator { program, package } = arch.emulator();
    let found = version_line(program);
    let found = found.map_or_else(|| "not found on the PATH".to_owned(), |line| format!("found: {line}"));
    Err(Failure::bad_input(format!(
        "{program} is needed to boot, and is missing or too old ({found})\n  expected: QEMU 7.2 or newer\n  try: ./x \
         doctor, or install the package {package}"
    )))
}

/// Whether there is a usable QEMU.
pub fn has_qemu(arch: Arch) -> bool {
    version_line(arch.emulator().program).is_some_and(|line| is_at_least(&line, &QEMU_MINIMUM))
}

/// What compiles and runs host tests on 32 bits, or why there is nothing: what to install.
pub fn host_32() -> Result<Toolchain, String> {
    for (program, packages) in HOST_32_PROGRAMS {
        version_line(program).ok_or_else(|| format!("no {program}: install {packages}"))?;
    }
    Toolchain::find(HOST_32).map_err(|_| format!("no Rust for {0}: rustup target add {0}", HOST_32.triple))
}

fn findings() -> Vec<Finding> {
    let toolchain = Toolchain::find(Arch::X86_64.target());
    let clippy = toolchain.as_ref().ok().and_then(Toolchain::clippy);
    let mut findings = vec![
        tool("cargo", "everything", "cargo", &RUST_MINIMUM, "missing: Rust 1.88 or newer, https://rustup.rs"),
        Finding {
            name: "Rust for the target",
            needed_for: "everything but host tests",
            found: toolchain.as_ref().ok().map(|toolchain| toolchain.describe().to_owned()),
            advice: match toolchain {
                Ok(_) => String::new(),
                Err(_) => {
                    "missing: rustup target add x86_64-unknown-none, or Debian's rust-web-src".to_owned()
                }
            },
        },
        tool("ld.lld", "linking kernels", "ld.lld", &[], "missing: package lld"),
        tool(
            "QEMU",
            "booting",
            Arch::X86_64.emulator().program,
            &QEMU_MINIMUM,
            "missing: package qemu-system-x86, 7.2 or newer",
        ),
        Finding {
            name: "browser",
            needed_for: "pages in ./x test",
            found: browser::find().and_then(version_line),
            advice: match browser::find() {
                Some(_) => String::new(),
                None => "optional: package chromium-headless-shell or chromium".to_owned(),
            },
        },
        tool("gdb", "./x debug", "gdb", &[], "optional: package gdb"),
        tool("rustfmt", "./x check", "rustfmt", &[], "optional: rustup component add rustfmt"),
        tool("clippy", "./x check", "cargo-clippy", &[], "optional: rustup component add clippy"),
        Finding {
            name: "clippy for targets",
            needed_for: "./x check",
            advice: if clippy.is_some() {
                ""
            } else {
                "optional: that of the compiler, package rust-web-clippy"
            }
            .to_owned(),
            found: clippy,
        },
    ];
    findings.extend(findings_of_aarch32());
    findings
}

/// What is needed for `--arch aarch32` and its tests only.
fn findings_of_aarch32() -> Vec<Finding> {
    let compiler = |name, needed_for, target: Target, advice: &str| {
        let found = Toolchain::find(target).ok().map(|toolchain| toolchain.describe().to_owned());
        let advice = if found.is_some() { String::new() } else { advice.to_owned() };
        Finding { name, needed_for, found, advice }
    };
    let debugger = debugger::find(Arch::Aarch32);
    vec![
        compiler(
            "Rust for aarch32",
            "--arch aarch32",
            AARCH32,
            "optional: Rust 1.93 or newer with rustup target add armv7a-none-eabi, or Debian's rust-web-src",
        ),
        tool(
            "QEMU for aarch32",
            "--arch aarch32",
            Arch::Aarch32.emulator().program,
            &QEMU_MINIMUM,
            "optional: package qemu-system-arm, 7.2 or newer",
        ),
        compiler(
            "Rust for 32-bit hosts",
            "tests on 32 bits",
            HOST_32,
            "optional: rustup target add armv7-unknown-linux-gnueabihf, or Debian's rust-web-src",
        ),
        tool(
            "linker for 32-bit hosts",
            "tests on 32 bits",
            LINKER_32,
            &[],
            "optional: package gcc-arm-linux-gnueabihf",
        ),
        tool("qemu-arm", "tests on 32 bits", RUNNER_32, &[], "optional: package qemu-user"),
        Finding {
            name: "gdb for aarch32",
            needed_for: "./x debug --arch aarch32",
            found: debugger.and_then(version_line),
            advice: if debugger.is_some() { "" } else { "optional: package gdb-multiarch" }.to_owned(),
        },
    ]
}

fn tool(
    name: &'static str,
    needed_for: &'static str,
    program: &str,
    minimum: &[u32],
    advice: &'static str,
) -> Finding {
    let found = version_line(program);
    let suits = found.as_deref().is_some_and(|line| is_at_least(line, minimum));
    Finding { name, needed_for, found, advice: if suits { String::new() } else { advice.to_owned() } }
}

/// The first line of what a program says to `--version`.
pub fn version_line(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    output.status.success().then_some(line)
}

/// Whether the version in a line is not below this one.
pub fn is_at_least(line: &str, minimum: &[u32]) -> bool {
    minimum.is_empty() || version(line).is_some_and(|version| version.as_slice() >= minimum)
}

fn version(line: &str) -> Option<Version> {
    let word = line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let numbers = word.split('.').map_while(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    Some(numbers.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        assert!(is_at_least("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", &QEMU_MINIMUM));
        assert!(is_at_least("QEMU emulator version 7.2", &QEMU_MINIMUM));
        assert!(!is_at_least("QEMU emulator version 7.1.9", &QEMU_MINIMUM));
        assert!(!is_at_least("cargo 1.63.0 (fd9c4297c 2022-07-01)", &RUST_MINIMUM));
        assert!(is_at_least("cargo 1.100.0-nightly", &RUST_MINIMUM));
        assert!(!is_at_least("no version at all", &QEMU_MINIMUM));
    }
}
