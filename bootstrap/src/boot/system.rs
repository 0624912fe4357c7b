// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to run: description, root tasks and instance kernel, from the boot module and this image.

use alloc::string::String;
use alloc::vec::Vec;

use bootstrap::footprint;
use bootstrap::modules::{self, Module, ModuleError, SystemImage};
use bootstrap::program::{Program, ProgramError};
use memory_partition::{Architecture, Firmware};
use skerry_system::{Description, Mode};

use super::error::BootError;
use super::physical;

/// The kernel of an instance, embedded when this image was built.
static KERNEL_PROGRAM: &[u8] = include_bytes!(env!("SKERRY_KERNEL_ELF"));

/// Everything that runs on this machine.
pub(crate) struct System {
    pub(crate) description: Description,
    pub(crate) kernel: Program<'static>,
    /// Root task of each instance.
    pub(crate) programs: Vec<Program<'static>>,
}

/// Reads the first module.
pub(crate) fn load(firmware: &Firmware) -> Result<System, BootError> {
    if KERNEL_PROGRAM.is_empty() {
        return Err(BootError::NoKernel);
    }
    let kernel = Program::kernel(KERNEL_PROGRAM)
        .and_then(|kernel| kernel.for_machine(Architecture::NATIVE))
        .map_err(|error| program_error("the instance kernel", error))?;
    let module =
        firmware.modules.first().map(|module| physical::bytes(module.range.start, module.range.size()));
    match modules::identify(module).map_err(BootError::Module)? {
        Module::RootTask(file) => {
            let program = root_task(file).map_err(|error| program_error("module 0, root task", error))?;
            Ok(System { description: footprint::plain(&program), kernel, programs: [program].into() })
        }
        Module::System(image) => {
            let mut description: Description = postcard::from_bytes(image.description)
                .map_err(|_| BootError::Module(ModuleError::BadDescription))?;
            let programs = programs(&image, &description)?;
            if let (Mode::Plain, [program]) = (description.mode, programs.as_slice()) {
                footprint::fit_cnode(&mut description, program);
            }
            Ok(System { description, kernel, programs })
        }
    }
}

fn programs(
    image: &SystemImage<'static>,
    description: &Description,
) -> Result<Vec<Program<'static>>, BootError> {
    let load = |name: String| {
        let file = image.member(&name).ok_or_else(|| BootError::NoProgram { name: name.clone() })?;
        root_task(file).map_err(|error| program_error(&name, error))
    };
    description.instances.iter().map(|instance| load(instance.member())).collect()
}

fn root_task(file: &'static [u8]) -> Result<Program<'static>, ProgramError> {
    Program::root_task(file)?.for_machine(Architecture::NATIVE)
}

fn program_error(name: &str, error: ProgramError) -> BootError {
    BootError::Program { name: name.into(), error }
}
