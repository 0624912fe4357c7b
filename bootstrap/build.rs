// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gives each bare-metal binary its linker script (`link/NAME.ld`) and embeds the instance image.
//!
//! `SKERRY_INSTANCE_ELF` names the built instance image. Without it (checks, host tests) the embedded image is
//! empty, and a boot image built that way says so and stops.

use std::{env, error::Error, fs, path::Path};

const INSTANCE_ELF: &str = "SKERRY_INSTANCE_ELF";

fn main() -> Result<(), Box<dyn Error>> {
    if env::var("CARGO_CFG_TARGET_OS")? == "none" {
        link_scripts()?;
    }
    embed_instance()
}

/// Passes every `link/NAME.ld` to the linking of the binary of that name.
fn link_scripts() -> Result<(), Box<dyn Error>> {
    let scripts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("link");
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

fn embed_instance() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={INSTANCE_ELF}");
    let source = match env::var(INSTANCE_ELF) {
        Ok(path) => {
            println!("cargo:rerun-if-changed={path}");
            format!("include_bytes!({path:?})")
        }
        Err(_) => "&[]".to_owned(),
    };
    fs::write(Path::new(&env::var("OUT_DIR")?).join("instance_image.rs"), source)?;
    Ok(())
}
