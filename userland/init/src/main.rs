// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root task of an instance with programs: starts them as the system description says, serves their faults and
//! writes their lines.
//!
//! ```text
//!   launch (behind the image) ──▶ task: address space, capabilities, thread, time ──▶ start
//!                                                                                   │
//!   console ◀── line, row ── serve ◀── one endpoint, a badge per program ◀─────────┤
//!   restart or stop ◀──────── fault ◀───────────────────────────────────────────────┘
//! ```
//!
//! Init runs at the highest priority and sleeps until a program faults, prints or ends. When all programs that the
//! instance waits for have ended, so does init. `docs/design/userland.md` says more.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

#[cfg(target_os = "none")]
mod bare;
mod device_memory;
mod fault;
mod grants;
mod memory;
mod policy;
mod row;
mod serve;
mod supplies;
mod task;
mod timeouts;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use abi::start::MAX_EVENTS;
use skerry_system::launch::Launch;
use userland::{AllocError, Error, RootTask};

use serve::Server;
use supplies::Supplies;
use task::Task;

#[cfg(not(target_os = "none"))]
mod bare {
    use userland::{AllocError, RootTask};

    /// A workstation has a heap.
    pub(crate) fn make_heap(_root: &mut RootTask) -> Result<(), AllocError> {
        Ok(())
    }

    /// There is nothing behind the image of a program on a workstation.
    pub(crate) fn behind_image(_root: &RootTask) -> &'static [u8] {
        &[]
    }
}

userland::entry!(run);

/// Why the programs of an instance could not be started.
enum StartError {
    /// Behind the image is nothing that the host tool put there.
    NoLaunch,
    /// One of them could not.
    Program(&'static str, Why),
}

/// Why one program could not be started.
enum Why {
    /// The description names something that this instance does not have.
    NotHere { what: &'static str, name: &'static str },
    /// It receives more lines and interrupts than a word of this processor has bits.
    Events,
    /// Memory or slots are used up, or the kernel refused.
    Resources(AllocError),
}

impl From<AllocError> for Why {
    fn from(error: AllocError) -> Self {
        Self::Resources(error)
    }
}

impl From<Error> for Why {
    fn from(error: Error) -> Self {
        Self::Resources(error.into())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLaunch => {
                write!(f, "no programs behind the image: ./x run makes an image of init with them")
            }
            Self::Program(program, why) => write!(f, "program {program} cannot be started: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHere { what, name } => write!(f, "there is no {what} {name}"),
            Self::Events => write!(f, "it receives more than {MAX_EVENTS} lines and interrupts"),
            Self::Resources(error) => write!(f, "{error}"),
        }
    }
}

fn run(root: &mut RootTask) -> Result<i32, StartError> {
    bare::make_heap(root).map_err(|error| StartError::Program(skerry_system::INIT, error.into()))?;
    let launch = Launch::decode(bare::behind_image(root));
    // It lives as long as the image does; so do its texts.
    let launch: &'static Launch<'static> = Box::leak(Box::new(launch.ok_or(StartError::NoLaunch)?));
    let (mut server, mut tasks) =
        prepare(root, launch).map_err(|(program, why)| StartError::Program(program, why))?;
    for task in &mut tasks {
        let program = task.program.name.as_str();
        task.start(root).map_err(|error| StartError::Program(program, error.into()))?;
    }
    if tasks.iter().all(|task| task.program.background) {
        // The instance serves others, which end by themselves.
        userland::announce_exit(0);
    }
    Ok(server.serve(root, &mut tasks))
}

/// Makes all programs ready to start; on failure names the one that could not be.
fn prepare(
    root: &mut RootTask,
    launch: &'static Launch<'static>,
) -> Result<(Server, Vec<Task>), (&'static str, Why)> {
    let of_init = |error: AllocError| (skerry_system::INIT, error.into());
    let server = Server::new(root).map_err(of_init)?;
    let mut supplies = Supplies::new(root, launch).map_err(of_init)?;
    let mut tasks = Vec::new();
    for (position, (index, program)) in launch.description.programs_of(launch.instance).enumerate() {
        let task = server
            .endpoints(root, position)
            .map_err(Why::from)
            .and_then(|endpoints| Task::new(root, &mut supplies, launch, index, endpoints));
        tasks.push(task.map_err(|why| (program.name.as_str(), why))?);
    }
    Ok((server, tasks))
}
