// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot image: from the firmware's hand to running instances.
//!
//! A bare-metal program. Built for a workstation (checks, documentation) it is empty.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod boot;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("skerry is a boot image: build it for x86_64-unknown-none, or use ./x run");
}
