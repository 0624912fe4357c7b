// SPDX-License-Identifier: MIT OR Apache-2.0
//! `validate`: reads a description and says whether it is right, without booting it.

use crate::cli::ValidateOptions;
use crate::description;
use crate::failure::{Exit, Failure};
use crate::workspace::Workspace;

/// Checks a description; all its mistakes are in the failure.
pub fn validate(options: &ValidateOptions) -> Result<Exit, Failure> {
    let programs = Workspace::find()?.programs()?;
    let loaded = description::load(&options.system, &programs)?;
    let (instances, regions) = (loaded.description.instances.len(), loaded.description.regions.len());
    let channels = loaded.description.channels.len();
    anstream::println!(
        "{}: right: {instances} instances, {regions} shared regions, {channels} channels",
        options.system.display()
    );
    Ok(Exit::Success)
}
