// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links the programs where the runtime says, on the bare machine.

fn main() {
    if let Ok(script) = std::env::var("DEP_SKERRY_USERLAND_LINK_SCRIPT") {
        println!("cargo::rustc-link-arg-bins=-T{script}");
    }
}
