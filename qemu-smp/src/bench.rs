// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bench`: counts the instructions of kernel paths, by running the system that measures them.

use crate::cli::{BenchOptions, RunOptions, SystemOptions};
use crate::compile::Profile;
use crate::failure::{Exit, Failure};
use crate::run::run;
use crate::workspace::Workspace;

/// The system that measures the paths every change is judged by, and the one that measures everything.
const QUICK: &str = "systems/bench-quick.toml";
const COMPLETE: &str = "systems/bench.toml";

/// Runs the measuring system with instructions counted.
pub fn bench(options: &BenchOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let system = workspace.root().join(if options.quick { QUICK } else { COMPLETE });
    let what = SystemOptions {
        system: Some(system),
        cpus: None,
        root_task: None,
        memory: None,
        profile: Profile::Bench,
    };
    run(&RunOptions { icount: true, quiet: true, json: options.json.clone(), ..RunOptions::new(what) })
}
