// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be installed, and `doctor`, which lists it.

use std::process::Command;

use crate::browser;
use crate::failure::{Exit, Failure};
use crate::qemu;
use crate::results::new_table;
use crate::toolchain::Toolchain;

/// A version: its numbers, most significant first.
type Version = Vec<u32>;

/// Oldest QEMU that works.
const QEMU_MINIMUM: [u32; 2] = [7, 2];
/// Oldest Rust that works, as in the workspace's `rust-version`.
const RUST_MINIMUM: [u32; 2] = [1, 88];

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
pub fn require_qemu() -> Result<(), Failure> {
    let found = version_line(qemu::PROGRAM);
    if found.as_deref().is_some_and(|line| is_at_least(line, &QEMU_MINIMUM)) {
        return Ok(());
    }
    let found = found.map_or_else(|| "not found on the PATH".to_owned(), |line| format!("found: {line}"));
    Err(Failure::bad_input(format!(
        "{} is needed to boot, and is missing or too old ({found})\n  expected: QEMU 7.2 or newer\n  try: ./x doctor, or \
         install the package qemu-system-x86",
        qemu::PROGRAM
    )))
}

fn findings() -> Vec<Finding> {
    let toolchain = Toolchain::find();
    vec![
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
            qemu::PROGRAM,
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
        tool("cargo-deny", "licences in ./x check", "cargo-deny", &[], "optional: cargo install cargo-deny"),
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

fn is_at_least(line: &str, minimum: &[u32]) -> bool {
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
