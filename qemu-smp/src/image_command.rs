// SPDX-License-Identifier: MIT OR Apache-2.0
//! `image`: writes the pair of files that boots a system.

use std::fs;

use crate::arch::Arch;
use crate::cli::ImageOptions;
use crate::compile::Compiler;
use crate::failure::{Doing, Exit, Failure};
use crate::system::System;
use crate::terminal;
use crate::workspace::Workspace;

/// Writes boot image and `system.img`, and says how to boot them.
pub fn write(options: &ImageOptions) -> Result<Exit, Failure> {
    let arch = options.what.arch;
    let workspace = Workspace::find()?;
    let system = System::choose(&options.what, &workspace)?;
    let compiler = Compiler::new(&workspace, arch)?;
    let kernel = compiler.kernel(options.what.profile)?;
    let module = system.module(&compiler)?;

    let out = &options.out;
    fs::create_dir_all(out).doing(format_args!("making {}", out.display()))?;
    let (boot, image) = (out.join(kernel.boot.file_name().unwrap_or_default()), out.join(image_name(arch)));
    fs::copy(&kernel.boot, &boot).doing(format_args!("writing {}", boot.display()))?;
    fs::write(&image, &module).doing(format_args!("writing {}", image.display()))?;
    // They are there to be typed again.
    let [boot, image] = [boot, image].map(|path| terminal::shell_word(&path.display().to_string()));
    let [boot, image] = [boot, image].map(|word| terminal::line(&word).into_owned());
    anstream::println!("{boot}\n{image}");
    anstream::println!(
        "boot them with: {} -M {} -cpu {} -smp {} -m {}B -kernel {} -initrd {} ...",
        arch.emulator().program,
        arch.machine(),
        arch.default_cpu(),
        system.cpus,
        system.memory,
        boot,
        image
    );
    Ok(Exit::Success)
}

/// The name of the image of a system. Those of two architectures can stand in one directory, as the boot images can.
fn image_name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "system.img",
        Arch::Aarch32 => "system-aarch32.img",
    }
}
