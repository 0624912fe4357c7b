// SPDX-License-Identifier: MIT OR Apache-2.0
//! `validate`: reads a description and says whether it is right, without booting it.

use crate::cli::{SystemOptions, ValidateOptions};
use crate::compile::{Compiler, Profile};
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::report::text::counted;
use crate::system::System;
use crate::terminal;
use crate::workspace::Workspace;

/// Checks a description; all its mistakes are in the failure.
pub fn validate(options: &ValidateOptions) -> Result<Exit, Failure> {
    let what = SystemOptions {
        system: Some(options.system.clone()),
        arch: options.arch,
        cpus: options.cpus,
        memory: options.memory,
        profile: Profile::Debug,
        ..SystemOptions::default()
    };
    let workspace = Workspace::find()?;
    let system = System::choose(&what, &workspace)?;
    if !system.description.programs.is_empty() {
        // Whether programs fit is known once they are compiled.
        match Compiler::new(&workspace, options.arch) {
            Ok(compiler) => drop(system.module(&compiler)?),
            Err(failure) => {
                anstream::eprintln!("the programs were not looked at: {}", terminal::styled(&failure.message))
            }
        }
    }
    let description = system.description;
    let (instances, regions) = (description.instances.len(), description.regions.len());
    let (channels, programs) = (description.channels.len(), description.programs.len());
    if progress::is_quiet() {
        return Ok(Exit::Success);
    }
    anstream::println!(
        "{}: right: {}, {}, {}, {}",
        terminal::line(&options.system.display().to_string()),
        counted(instances, "instance"),
        counted(programs, "program"),
        counted(regions, "shared region"),
        counted(channels, "channel")
    );
    Ok(Exit::Success)
}
