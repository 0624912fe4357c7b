// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plan before anything boots: the planner's own code, given what QEMU and the boot code would say of the machine.
//!
//! With the files of the last build the plan is that of a boot, to the byte (a boot test compares). Without them kernel
//! and programs are taken to need the least that any do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bootstrap::footprint;
use bootstrap::program::Program;
use memory_partition::{Firmware, Module, Occupant, Occupied, Plan, plan};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSymbol};
use skerry_system::{Description, Instance, MemoryRange, Mode};

use crate::arch::Arch;
use crate::compile::{self, Kernel, Profile};
use crate::description::least_footprints;
use crate::failure::{Doing, Failure};
use crate::q35;
use crate::system::System;
use crate::workspace::Workspace;

/// What runs on the machine, as compiled.
#[derive(Debug, Clone)]
pub struct Files {
    /// The ELF file of the kernel of an instance.
    pub kernel: Vec<u8>,
    /// The ELF files of the root tasks by their names in the boot module.
    pub members: BTreeMap<String, Vec<u8>>,
    /// The page of the local APIC that kernels map; none in x2APIC mode.
    pub local_apic: Option<u64>,
}

/// A plan and what it was made of.
#[derive(Debug)]
pub struct Model {
    /// The description that was planned.
    pub description: Description,
    /// The plan.
    pub plan: Plan,
    /// The files; none when something is not compiled yet.
    pub files: Option<Files>,
}

impl Files {
    /// Reads the kernel and what was compiled last of the programs; nothing when a file is missing.
    pub fn of(system: &System, kernel: &Kernel, workspace: &Workspace) -> Option<Self> {
        let kernel = fs::read(&kernel.program).ok()?;
        let members = system.members(|name, given| compiled(workspace, system.arch, name, given)).ok()?;
        let members = members.into_iter().map(|member| (member.name, member.bytes)).collect();
        Some(Files { kernel, members, local_apic: None })
    }

    /// The root tasks of a system in its order; nothing when one is missing or no image.
    fn root_tasks(&self, system: &System) -> Option<Vec<Program<'_>>> {
        let names = system.description.instances.iter().map(Instance::member);
        names.map(|name| Program::root_task(self.members.get(&name)?).ok()).collect()
    }

    /// The description that the boot code plans by: a plain root task has a CNode for all its pages.
    pub fn description(&self, system: &System) -> Description {
        let mut description = system.description.clone();
        if let (Mode::Plain, Some([task])) = (description.mode, self.root_tasks(system).as_deref()) {
            footprint::fit_cnode(&mut description, task);
        }
        description
    }
}

impl Model {
    /// Plans a system for the machine that the runner would start.
    pub fn of(system: &System, profile: Profile, workspace: &Workspace) -> Result<Self, Failure> {
        let exact = || Self::of_files(system, profile, workspace);
        match system.arch.is_planned_exactly().then(exact).flatten() {
            Some(model) => model,
            None => Self::estimated(system),
        }
    }

    fn estimated(system: &System) -> Result<Self, Failure> {
        let description = system.description.clone();
        let firmware = system.arch.firmware(system.cpus, system.memory);
        let plan = plan(&firmware, &description, &least_footprints(&description)).map_err(refusal)?;
        Ok(Model { description, plan, files: None })
    }

    /// Nothing when a file is missing or cannot be read as an image; then there is only an estimate.
    fn of_files(system: &System, profile: Profile, workspace: &Workspace) -> Option<Result<Self, Failure>> {
        let kernel = compile::kernel_files(workspace, system.arch, profile);
        let files = Files::of(system, &kernel, workspace)?;
        let boot = fs::read(kernel.boot).ok()?;
        let members = system.members(|name, given| compiled(workspace, system.arch, name, given)).ok()?;
        let module = system.module_of(&members).ok()?.len() as u64;
        let description = files.description(system);
        let firmware = Firmware {
            modules: vec![Module { range: q35::module(system.memory, module), command_line: String::new() }],
            occupied: occupied(&boot)?.into(),
            ..q35::firmware(system.cpus, system.memory)
        };
        let kernel = Program::kernel(&files.kernel).ok()?;
        let tasks = files.root_tasks(system)?;
        let footprints = footprint::footprints(&firmware, &description, &kernel, &tasks).ok()?;
        let planned = plan(&firmware, &description, &footprints).map_err(refusal);
        Some(planned.map(|plan| Model { description, plan, files: Some(files) }))
    }
}

/// Where a program is once it was compiled. A crate outside this tree is named in its manifest.
fn compiled(workspace: &Workspace, arch: Arch, name: &str, given: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(path) = given else { return Ok(compile::program_file(workspace, arch, name)) };
    if path.extension().is_some_and(|extension| extension == "c") {
        return Ok(compile::c_program_file(workspace, arch, path));
    }
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let manifest = path.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).doing(format_args!("reading {}", manifest.display()))?;
    let table: toml::Table = text.parse().doing(format_args!("reading {}", manifest.display()))?;
    let package = table.get("package").and_then(|package| package.get("name")?.as_str());
    let package = package.ok_or_else(|| Failure::bad_input(format!("{}: no package", manifest.display())))?;
    Ok(compile::program_file(workspace, arch, package))
}

fn refusal(error: memory_partition::PlanError) -> Failure {
    Failure::bad_input(error.to_string())
}

/// The two parts of the boot image, between the symbols of its linker script.
fn occupied(boot: &[u8]) -> Option<[Occupied; 2]> {
    let file = ElfFile64::<object::Endianness>::parse(boot).ok()?;
    let address =
        |name: &str| file.symbols().find(|symbol| symbol.name() == Ok(name)).map(|symbol| symbol.address());
    let [start, middle, end] = [address("image_start")?, address("kept_end")?, address("image_end")?];
    Some([
        Occupied { range: MemoryRange::new(start, middle), occupant: Occupant::BootImage },
        Occupied { range: MemoryRange::new(middle, end), occupant: Occupant::BootData },
    ])
}
