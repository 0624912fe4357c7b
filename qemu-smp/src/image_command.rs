// SPDX-License-Identifier: MIT OR Apache-2.0
//! `image`: writes the pair of files that boots a system.

use std::fs;

use crate::cli::ImageOptions;
use crate::compile::Compiler;
use crate::failure::{Doing, Exit, Failure};
use crate::system::System;
use crate::workspace::Workspace;

/// Writes `boot.elf` and `system.img`, and says how to boot them.
pub fn write(options: &ImageOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let system = System::choose(&options.what, &workspace)?;
    let compiler = Compiler::new(&workspace)?;
    let kernel = compiler.kernel(options.what.profile)?;
    let module = system.module(&compiler)?;

    let out = &options.out;
    fs::create_dir_all(out).doing(format_args!("making {}", out.display()))?;
    let (boot, image) = (out.join("boot.elf"), out.join("system.img"));
    fs::copy(&kernel.boot, &boot).doing(format_args!("writing {}", boot.display()))?;
    fs::write(&image, &module).doing(format_args!("writing {}", image.display()))?;
    anstream::println!("{}\n{}", boot.display(), image.display());
    anstream::println!(
        "boot them with: qemu-system-x86_64 -M q35 -cpu max -smp {} -m {}B -kernel {} -initrd {} ...",
        system.cpus,
        system.memory,
        boot.display(),
        image.display()
    );
    Ok(Exit::Success)
}
