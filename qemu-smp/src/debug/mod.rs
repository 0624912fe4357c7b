// SPDX-License-Identifier: MIT OR Apache-2.0
//! `debug`: boots a system whose processors wait for gdb, which starts with the symbols of one core.
//!
//! Every instance runs its kernel at the same virtual address and its programs at theirs: gdb is given the symbols of the
//! core that was asked for, and stops where that core, one of gdb's threads, enters its kernel.

mod batch;
pub mod debugger;
mod script;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use memory_partition::Plan;

use crate::cli::{DebugOptions, RunOptions};
use crate::compile::{Compiler, Kernel};
use crate::failure::{Doing, Exit, Failure};
use crate::log::{Log, Show};
use crate::machine::{Accelerator, Machine};
use crate::model::Model;
use crate::prerequisites;
use crate::progress;
use crate::qemu::{Event, Qemu};
use crate::run::{self, Follower};
use crate::session::{Ending, Session};
use crate::system::System;
use crate::terminal;
use crate::workspace::Workspace;
use script::Target;

/// A debugged system ends when its user says so: in a year at the latest.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Boots a system that waits, and starts gdb or says how.
pub fn debug(options: &DebugOptions) -> Result<Exit, Failure> {
    let arch = options.what.arch;
    prerequisites::require_qemu(arch)?;
    let workspace = Workspace::find()?;
    let system = System::choose(&options.what, &workspace)?;
    let plan = Model::of(&system, options.what.profile, &workspace)?.plan;
    let instance = instance_on(&plan, &system, options.core)?;
    let compiler = Compiler::new(&workspace, arch)?;
    let kernel = compiler.kernel(options.what.profile)?;
    let module = tempfile::NamedTempFile::new().doing("making a file for the system image")?;
    fs::write(module.path(), system.module(&compiler)?).doing("writing the system image")?;
    let program = program(&system, &compiler, instance, options)?;

    let port = free_port(options.port)?;
    let debugger = debugger::find(arch);
    let target = Target {
        arch,
        debugger: debugger.unwrap_or(debugger::recommended(arch)),
        system: &system.description.name,
        core: options.core,
        instance: &system.description.instances[instance].name,
        kernel: &kernel,
        program: (&program.0, &program.1),
        port,
    };
    let dir = workspace.target_dir().join("skerry").join("gdb");
    fs::create_dir_all(&dir).doing(format_args!("making {}", dir.display()))?;
    let file = dir.join(script_name(options));
    let batch = if options.commands.is_empty() { String::new() } else { batch::marked(&options.commands) };
    fs::write(&file, target.script()? + &batch).doing(format_args!("writing {}", file.display()))?;

    let machine = machine(options, &system, &kernel, module.path(), port);
    if debugger.is_none() && !options.commands.is_empty() {
        return Err(Failure::bad_input(format!(
            "--command: there is no gdb for {} here\n  try: install the package {}",
            arch.name(),
            debugger::recommended(arch)
        )));
    }
    if options.print || debugger.is_none() {
        anstream::println!("{}", target.instructions(&file, workspace.root())?);
        return wait_for_debugger(&system, &kernel, &machine);
    }
    start_gdb(options, (&system, &kernel), &machine, (&target, &file, &dir))
}

/// The instance that runs on a core.
fn instance_on(plan: &Plan, system: &System, core: u32) -> Result<usize, Failure> {
    plan.instances.iter().position(|instance| instance.apic_id == core).ok_or_else(|| {
        let cores = plan.instances.iter().map(|instance| format!("{} ({})", instance.apic_id, instance.name));
        Failure::bad_input(format!(
            "--core {core}: no instance of system {} runs there\n  expected: one of {}",
            system.description.name,
            cores.collect::<Vec<_>>().join(", ")
        ))
    })
}

/// Name and file of the program whose symbols gdb gets: the root task, or the one that was asked for.
fn program(
    system: &System,
    compiler: &Compiler<'_>,
    instance: usize,
    options: &DebugOptions,
) -> Result<(String, PathBuf), Failure> {
    let description = &system.description;
    let Some(wanted) = &options.program else {
        let name = &description.instances[instance].root_task.name;
        return Ok((name.clone(), system.place(name, compiler)?));
    };
    let own = || description.programs.iter().filter(|program| program.instance == instance);
    let found = own().find(|program| program.name == *wanted).ok_or_else(|| {
        let names: Vec<&str> = own().map(|program| program.name.as_str()).collect();
        let expected =
            if names.is_empty() { "none: it has only its root task".to_owned() } else { names.join(", ") };
        Failure::bad_input(format!(
            "--program {wanted}: instance {} starts no such program\n  expected: {expected}",
            description.instances[instance].name
        ))
    })?;
    Ok((wanted.clone(), system.place(&found.image, compiler)?))
}

/// The port asked for, if it is free; any that is for 0.
fn free_port(wanted: u16) -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).map_err(|error| {
        Failure::bad_input(format!(
            "--port {wanted}: {error}\n  expected: a port of this machine that is free; 0 takes any"
        ))
    })?;
    Ok(listener.local_addr().doing("looking for a port")?.port())
}

fn machine(options: &DebugOptions, system: &System, kernel: &Kernel, module: &Path, port: u16) -> Machine {
    let extra = ["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")].map(str::to_owned).into();
    let run = RunOptions { accel: Accelerator::Tcg, extra, ..RunOptions::new(options.what.clone()) };
    run::machine(&run, system, kernel, module, &[])
}

/// Shows the log here while gdb runs elsewhere.
fn wait_for_debugger(system: &System, kernel: &Kernel, machine: &Machine) -> Result<Exit, Failure> {
    let log = Log::new(Show::Terminal, machine.consoles, None)?;
    let mut follower = follower(log, system, kernel, machine);
    let (mut qemu, sender, events) = Qemu::start(machine)?;
    run::on_interrupt(sender)?;
    let ending = follower.follow(&events, Instant::now() + FOREVER)?;
    follower.check_started(&ending, &mut qemu)?;
    let quitting = thread::spawn(move || qemu.quit());
    follower.drain(&events)?;
    drop(quitting.join());
    anstream::println!("{}", terminal::line(&ending.reason));
    Ok(if ending.exit == Exit::Interrupted { Exit::Success } else { ending.exit })
}

/// Gives the terminal to gdb; the log goes to files.
fn start_gdb(
    options: &DebugOptions,
    (system, kernel): (&System, &Kernel),
    machine: &Machine,
    (target, script, dir): (&Target<'_>, &Path, &Path),
) -> Result<Exit, Failure> {
    let logs = dir.join("log");
    let log = Log::new(Show::Nothing, machine.consoles, Some(&logs))?;
    let follower = follower(log, system, kernel, machine);
    if !progress::is_quiet() {
        anstream::println!("{}\nlog of all cores: {}", target.describe(), logs.join("merged.log").display());
    }
    // Ctrl-C is for gdb, which stops the machine; QEMU is out of its reach.
    ctrlc::set_handler(|| {}).doing("preparing for Ctrl-C")?;
    let (qemu, sender, events) = Qemu::start(machine)?;
    drop(sender);
    let following = thread::spawn(move || follow_to_the_end(follower, &events));
    let mut gdb = Command::new(target.debugger);
    gdb.arg("-quiet").arg("-x").arg(script).args(&options.gdb);
    let ended = if options.commands.is_empty() {
        let status = gdb.stdin(Stdio::inherit()).status();
        let status = status.doing(format_args!("starting {}", target.debugger));
        status.map(|status| if status.success() { Exit::Success } else { Exit::RootTask })
    } else {
        let ended = batch::run(&mut gdb, &options.commands, Duration::from_secs(options.timeout));
        drop(fs::remove_file(script));
        ended
    };
    qemu.quit();
    if let Ok(followed) = following.join() {
        followed?;
    }
    ended
}

/// The script of a session without a person is in no other's way.
fn script_name(options: &DebugOptions) -> String {
    match options.commands.as_slice() {
        [] => format!("core-{}.gdb", options.core),
        [..] => format!("core-{}-{}.gdb", options.core, std::process::id()),
    }
}

fn follower(log: Log, system: &System, kernel: &Kernel, machine: &Machine) -> Follower {
    let session = Session::new(&system.description, None, None);
    Follower::new(log, &kernel.program, session, machine)
}

/// A system may end while its user still looks at it: its consoles are read until the machine is gone.
fn follow_to_the_end(mut follower: Follower, events: &Receiver<Event>) -> Result<(), Failure> {
    let _: Ending = follower.follow(events, Instant::now() + FOREVER)?;
    follower.drain_for(events, FOREVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::SystemOptions;

    fn system() -> (System, Plan) {
        let what = SystemOptions { cpus: Some(2), ..SystemOptions::default() };
        let workspace = Workspace::find().expect("the tests run in the tree");
        let system = System::choose(&what, &workspace).expect("two instances fit");
        let plan = Model::of(&system, what.profile, &workspace).expect("two instances fit").plan;
        (system, plan)
    }

    #[test]
    fn a_core_without_an_instance_is_refused_with_those_that_have_one() {
        let (system, plan) = system();
        assert_eq!(instance_on(&plan, &system, 1).ok(), Some(1));
        let failure = instance_on(&plan, &system, 7).expect_err("there are two");
        assert_eq!(failure.exit, Exit::BadInput);
        assert_eq!(
            failure.message,
            "--core 7: no instance of system ping-pong runs there\n  expected: one of 0 (instance-0), 1 (instance-1)"
        );
    }

    #[test]
    fn a_taken_port_is_refused_and_zero_takes_any() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = taken.local_addr().expect("it has an address").port();
        let failure = free_port(port).expect_err("it is taken");
        assert!(failure.message.starts_with(&format!("--port {port}: ")), "{failure}");
        assert!(failure.message.contains("0 takes any"), "{failure}");
        assert!(free_port(0).is_ok_and(|port| port > 0));
    }
}
