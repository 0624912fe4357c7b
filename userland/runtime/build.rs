// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells the build scripts of programs where the linker script for the bare machine is.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let script = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("link.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    if std::env::var("CARGO_CFG_TARGET_OS")? == "none" {
        println!("cargo::metadata=link_script={}", script.display());
    }
    Ok(())
}
