// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gives each bare-metal binary its linker script (`link/ARCHITECTURE/NAME.ld`).

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    if env::var("CARGO_CFG_TARGET_OS")? == "none" {
        link_scripts()?;
    }
    Ok(())
}

/// Passes every `NAME.ld` of the target's architecture to the linking of the binary of that name.
fn link_scripts() -> Result<(), Box<dyn Error>> {
    let architecture = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "arm" => "aarch32".to_owned(),
        name => name.to_owned(),
    };
    let scripts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("link").join(architecture);
    println!("cargo:rerun-if-changed={}", scripts.display());
    for entry in fs::read_dir(scripts)? {
        let path = entry?.path();
        if let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) {
            println!("cargo:rerun-if-changed={}", path.display());
            println!("cargo:rustc-link-arg-bin={name}=-T{}", path.display());
        }
    }
    Ok(())
}
