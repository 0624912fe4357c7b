// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel program: the kernel library on the real machine.
//!
//! The boot core copies this image into the memory of every instance and jumps to `kernel_start` with the address of
//! the `kernel::handover::Handover`. From then on the core enters only through the functions that the stubs in
//! `entry/*/stubs.s` call.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod entry;

/// The image makes sense on bare metal only.
#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("`kernel` runs without an operating system: build it for bare metal (`./x image` does)");
    std::process::exit(2);
}
