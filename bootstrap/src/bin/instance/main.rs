// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel image of one instance: the kernel library on the real machine.
//!
//! The boot core copies this image into the instance's partition and jumps to `instance_start` with the address
//! of the `kernel::handover::Handover`. From then on the core enters only through the functions that the stubs in
//! `arch/src/*/hw/entry.s` call.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod bare;
#[cfg(target_os = "none")]
mod failure;
#[cfg(target_os = "none")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32.rs")]
mod processor;

/// The image makes sense on bare metal only.
#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("`instance` is a kernel image: build it for bare metal (`./x image` does)");
    std::process::exit(2);
}
