// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links the boot image by the script of its architecture, on bare metal.

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    if env::var("CARGO_CFG_TARGET_OS")? == "none" {
        let architecture = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
            "arm" => "aarch32".to_owned(),
            name => name.to_owned(),
        };
        let script = format!("{}/link/{architecture}.ld", env::var("CARGO_MANIFEST_DIR")?);
        println!("cargo:rerun-if-changed={script}");
        println!("cargo:rustc-link-arg-bins=-T{script}");
    }
    Ok(())
}
