// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel image of one instance: the kernel library on the real machine.
//!
//! The boot core copies this image into the instance's partition and jumps to `instance_start` with the address
//! of the `kernel::handover::Handover`. From then on the core enters only through `instance_syscall`, `instance_trap` and, when
//! something is badly wrong, `instance_kernel_fault`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod bare;
#[cfg(target_os = "none")]
mod failure;

/// The image makes sense on bare metal only.
#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("`instance` is a kernel image: build it for x86_64-unknown-none (`./x image` does)");
    std::process::exit(2);
}
