// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be booted: a description and where its programs come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use abi::Variant;
use memory_partition::{InstancePlan, Plan};
use skerry_system::{Description, Device, DeviceKind};

use crate::arch::Arch;
use crate::cli::SystemOptions;
use crate::compile::{Compiler, Profile};
use crate::description::{self, Loaded};
use crate::failure::{Doing, Failure};
use crate::image::{Program, check_program, system_image};
use crate::launch::{self, LaunchError};
use crate::machine::{BOOT_PORT, CONSOLE_PORT};
use crate::paths;
use crate::progress;
use crate::variant;
use crate::workspace::Workspace;

/// The description that runs when nothing is said, from where one is.
const OWN_SYSTEM: &str = "system.toml";
/// The one that runs when there is none, from the root of the tree.
const DEFAULT_SYSTEM: &str = "systems/ping-pong.toml";
/// The program that runs when only a number of instances is given.
const RING_PROGRAM: &str = "ping-pong";
/// Memory of a machine unless it is said, and what each instance adds when there are many.
const DEFAULT_MEMORY: u64 = 512 << 20;
const MEMORY_PER_INSTANCE: u64 = 16 << 20;

/// A system that can be built.
#[derive(Debug, Clone)]
pub struct System {
    /// What it is built for.
    pub arch: Arch,
    /// Its description.
    pub description: Description,
    /// Programs that are files or directories of crates; the others are programs of this tree.
    pub files: BTreeMap<String, PathBuf>,
    /// Whether the only program is the boot module itself, without an archive around it.
    pub plain: bool,
    /// Where the description came from, for messages about it.
    loaded: Option<Rc<Loaded>>,
    /// Bytes of memory that each instance has for programs, as far as it was planned.
    untyped: Vec<u64>,
    /// Number of processors of its machine.
    pub cpus: u32,
    /// Memory of its machine in bytes.
    pub memory: u64,
}

impl System {
    /// The system that the options ask for; a description must fit its machine.
    pub fn choose(options: &SystemOptions, workspace: &Workspace) -> Result<Self, Failure> {
        options.arch.check_system(options)?;
        if let Some(file) = &options.root_task {
            check_root_task(options.arch, file)?;
            return Self::of_root_task(file, options);
        }
        let mut system = Self::described(options, workspace)?;
        if let Some(text) = &options.abi {
            let variant = options.arch.check_variant(variant_named(text)?)?;
            system.description.set_default_variant(variant);
        }
        if options.profile == Profile::Release && options.arch == Arch::X86_64 {
            system.give_consoles();
        }
        Ok(system)
    }

    /// The system of a description, of the default one, or of a number of instances.
    fn described(options: &SystemOptions, workspace: &Workspace) -> Result<Self, Failure> {
        let own = Path::new(OWN_SYSTEM);
        let own = own.is_file().then_some(own);
        let path = match (options.system.as_deref().or(own), options.cpus) {
            (Some(path), _) => path,
            (None, None) => &workspace.root().join(DEFAULT_SYSTEM),
            (None, Some(count)) => {
                let description = Description::equal(count as usize, RING_PROGRAM);
                return Ok(Self::new(description, BTreeMap::new(), options));
            }
        };
        let loaded = description::load(path, &workspace.programs()?)?;
        loaded.check_available(options.arch)?;
        check_consoles(options.arch, &loaded.description)?;
        let system = Self::new(loaded.description.clone(), loaded.files.clone(), options);
        let plan = loaded.plan(&options.arch.firmware(system.cpus, system.memory))?;
        Ok(System { untyped: untyped(&plan), loaded: Some(Rc::new(loaded)), ..system })
    }

    /// A release kernel prints nothing for its programs: each gets its instance's console port, and is told so, unless
    /// its arguments name a console already.
    fn give_consoles(&mut self) {
        for (owner, instance) in self.description.instances.iter_mut().enumerate() {
            let program = &mut instance.root_task;
            if program.arguments.contains("console=") {
                continue;
            }
            let port = CONSOLE_PORT as u16 + owner as u16;
            let separator = if program.arguments.is_empty() { "" } else { " " };
            program.arguments += &format!("{separator}console=debugcon:{port:#x}");
            let kind = DeviceKind::IoPorts { first: port, last: port };
            self.description.devices.push(Device {
                name: format!("console-{owner}"),
                owner,
                kind,
                trusted: false,
            });
        }
    }

    fn new(description: Description, files: BTreeMap<String, PathBuf>, options: &SystemOptions) -> Self {
        let instances = description.instances.len() as u32;
        let highest_core = description.instances.iter().filter_map(|instance| instance.core).max();
        let needed = highest_core.map_or(instances, |core| instances.max(core.saturating_add(1)));
        let cpus = options.cpus.unwrap_or(needed.min(options.arch.most_cpus()));
        let enough = DEFAULT_MEMORY.max(MEMORY_PER_INSTANCE * u64::from(instances));
        System {
            arch: options.arch,
            description,
            files,
            plain: false,
            loaded: None,
            untyped: Vec::new(),
            cpus,
            memory: options.memory.unwrap_or(enough),
        }
    }

    /// One root task from a file, owning the machine; or, with a number of CPUs, the same one on each.
    fn of_root_task(file: &Path, options: &SystemOptions) -> Result<Self, Failure> {
        let mut description = match options.cpus {
            None => Description::plain(),
            Some(count) => Description::split(count as usize, &member_name(file)),
        };
        if let Some(variant) = variant_of(file, options)? {
            description.set_default_variant(options.arch.check_variant(variant)?);
        }
        if let Some(bits) = options.cnode_bits {
            description.instances.iter_mut().for_each(|instance| instance.cnode_bits = bits);
        }
        // A module that is the program itself says nothing else: the boot code takes it for the description of old.
        let plain = description == Description::plain();
        let name = description.instances.first().map(|instance| instance.root_task.name.clone());
        let files = name.map(|name| (name, file.to_owned())).into_iter().collect();
        Ok(System { plain, ..Self::new(description, files, options) })
    }

    /// Compiles and reads the programs and makes the boot module.
    pub fn module(&self, compiler: &Compiler<'_>) -> Result<Vec<u8>, Failure> {
        let find = |name: &str, given: Option<&Path>| Self::compile(name, given, compiler);
        self.module_of(&self.members(find)?)
    }

    /// Compiles a program and says where it is.
    pub fn place(&self, name: &str, compiler: &Compiler<'_>) -> Result<PathBuf, Failure> {
        Self::compile(name, self.files.get(name).map(PathBuf::as_path), compiler)
    }

    fn compile(name: &str, given: Option<&Path>, compiler: &Compiler<'_>) -> Result<PathBuf, Failure> {
        match given {
            Some(path) if path.is_dir() => compiler.crate_in(path),
            Some(path) if is_c(path) => compiler.c_file(path),
            Some(file) => Ok(file.to_owned()),
            None => compiler.program(name),
        }
    }

    /// Makes the boot module of its members.
    pub fn module_of(&self, members: &[Program]) -> Result<Vec<u8>, Failure> {
        match members {
            [program] if self.plain => Ok(program.bytes.clone()),
            _ => system_image(&self.description, members),
        }
    }

    /// Reads the root tasks as the boot module holds them. `find` says where a program is, by its name and by the file or
    /// directory that was given for it.
    pub fn members(
        &self,
        find: impl Fn(&str, Option<&Path>) -> Result<PathBuf, Failure>,
    ) -> Result<Vec<Program>, Failure> {
        let programs = self.programs(find)?;
        if self.plain {
            return Ok(programs);
        }
        launch::root_tasks(self.arch, &self.description, &programs, &self.untyped)
            .map_err(|error| self.refusal(error))
    }

    /// What is wrong with programs, at the places of the description that name them.
    fn refusal(&self, error: LaunchError) -> Failure {
        match (error, &self.loaded) {
            (LaunchError::Failure(failure), _) => failure,
            (LaunchError::Mistakes(mistakes), Some(loaded)) => loaded.image_mistakes(&mistakes),
            (LaunchError::Mistakes(mistakes), None) => {
                let texts: Vec<&str> = mistakes.iter().map(|mistake| mistake.text.as_str()).collect();
                Failure::bad_input(texts.join("\n"))
            }
        }
    }

    fn programs(
        &self,
        find: impl Fn(&str, Option<&Path>) -> Result<PathBuf, Failure>,
    ) -> Result<Vec<Program>, Failure> {
        let root_tasks = self.description.instances.iter().map(|instance| instance.root_task.name.as_str());
        let started = self.description.programs.iter().map(|program| program.image.as_str());
        let mut names: Vec<&str> = root_tasks.chain(started).collect();
        names.sort_unstable();
        names.dedup();
        let read = |name: &str| {
            let path = find(name, self.files.get(name).map(PathBuf::as_path))?;
            let bytes = fs::read(&path).doing(format_args!("reading the program {}", path.display()))?;
            check_program(self.arch, &path.display().to_string(), &bytes)?;
            Ok(Program { name: name.to_owned(), bytes })
        };
        names.into_iter().map(read).collect()
    }
}

/// Refuses a program with the console of a kernel: what it wrote there would be taken for what its instance says.
fn check_consoles(arch: Arch, description: &Description) -> Result<(), Failure> {
    let consoles = BOOT_PORT..CONSOLE_PORT + description.instances.len() as u32;
    let is_console = |kind: DeviceKind| {
        matches!(kind, DeviceKind::IoPorts { first, last }
            if u32::from(first) < consoles.end && u32::from(last) >= consoles.start)
    };
    for program in description.programs.iter().filter(|_| arch == Arch::X86_64) {
        let devices = program.ports.iter().filter_map(|&index| description.devices.get(index));
        if let Some(device) = devices.into_iter().find(|device| is_console(device.kind)) {
            return Err(Failure::bad_input(format!(
                "program `{}`, ports: device `{}` has the console of a kernel, where only the instance may speak\n  \
                 expected: ports outside {:#x} to {:#x}; a program prints through init",
                program.name,
                device.name,
                consoles.start,
                consoles.end - 1
            )));
        }
    }
    Ok(())
}

/// Refuses, before anything is compiled, a root task that could not be booted.
fn check_root_task(arch: Arch, file: &Path) -> Result<(), Failure> {
    if file.is_dir() {
        return paths::check_crate(file);
    }
    let bytes = fs::read(file).doing(format_args!("reading the program {}", file.display()))?;
    if is_c(file) { Ok(()) } else { check_program(arch, &file.display().to_string(), &bytes) }
}

fn is_c(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "c")
}

/// Bytes of untyped memory of each instance.
fn untyped(plan: &Plan) -> Vec<u64> {
    let memory = |instance: &InstancePlan| {
        instance.untyped.iter().filter(|piece| !piece.device).map(|piece| piece.range().size()).sum()
    };
    plan.instances.iter().map(memory).collect()
}

/// The variant that `--abi` names.
fn variant_named(text: &str) -> Result<Variant, Failure> {
    variant::resolve(text, Path::new("")).map_err(|error| Failure::bad_input(format!("--abi: {error}")))
}

/// The variant of a root task: that of `--abi`, or of the build whose options lie beside it, which is said.
fn variant_of(file: &Path, options: &SystemOptions) -> Result<Option<Variant>, Failure> {
    if let Some(text) = &options.abi {
        return variant_named(text).map(Some);
    }
    let Some(path) = variant::beside(file) else { return Ok(None) };
    let found = variant::from_file(&path).map_err(|error| Failure::bad_input(error.to_string()))?;
    if !progress::is_quiet() {
        let name = found.name().unwrap_or("a variant without a name");
        anstream::eprintln!("ABI variant: {name}, from {}", path.display());
    }
    Ok(Some(found))
}

/// The name of a file without its ending, as far as a name may have its characters.
fn member_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    stem.chars().map(allowed).take(skerry_system::MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(system: &Path, cpus: Option<u32>) -> SystemOptions {
        let system = Some(system.to_owned());
        SystemOptions { system, cpus, ..SystemOptions::default() }
    }

    fn choose(text: &str, cpus: Option<u32>, memory: Option<u64>) -> Result<System, Failure> {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let file = dir.path().join("s.toml");
        fs::write(&file, text).expect("the file can be written");
        System::choose(&SystemOptions { memory, ..options(&file, cpus) }, &Workspace::find()?)
    }

    /// The message for a description that does not fit its machine, from its first mistake on.
    fn refusal(text: &str, cpus: Option<u32>) -> String {
        let failure = choose(text, cpus, Some(64 << 20)).expect_err("it does not fit");
        let message = anstream::adapter::strip_str(&failure.message).to_string();
        message.split_once("error: ").map(|(_, rest)| rest.to_owned()).unwrap_or(message)
    }

    const A: &str = "[[instance]]\nname = 'a'\nprogram = 'ping-pong'\n";
    const B: &str = "[[instance]]\nname = 'b'\nprogram = 'ping-pong'\n";

    #[test]
    fn a_root_task_alone_owns_the_machine_and_is_the_module_itself() {
        let system = System::of_root_task(Path::new("/tmp/probe1.elf"), &options(Path::new(""), None))
            .expect("nothing beside it is read");
        assert!(system.plain);
        assert_eq!(system.description, Description::plain());
        assert_eq!(system.cpus, 1);
    }

    #[test]
    fn a_root_task_that_cannot_be_booted_is_refused_before_anything_is_compiled() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let refusal = |root_task: PathBuf| {
            let options = SystemOptions { root_task: Some(root_task), ..SystemOptions::default() };
            System::choose(&options, &workspace).expect_err("it is no program").message
        };
        assert!(refusal(dir.path().join("none.elf")).contains("none.elf: No such file"));
        let empty = dir.path().join("empty.elf");
        fs::write(&empty, "").expect("the file can be written");
        assert!(refusal(empty).contains("empty.elf: the file is empty\n"));
        assert!(refusal(dir.path().to_owned()).contains("has no Cargo.toml\n  expected: "));
    }

    #[test]
    fn programs_of_a_release_kernel_get_a_console_port_of_their_own() {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let options =
            SystemOptions { system: None, profile: Profile::Release, ..options(Path::new(""), Some(2)) };
        let system = System::choose(&options, &workspace).expect("two instances fit");
        let arguments = |index: usize| system.description.instances[index].root_task.arguments.as_str();
        assert!(arguments(0).ends_with("console=debugcon:0x8e00"), "{}", arguments(0));
        assert!(arguments(1).ends_with("console=debugcon:0x8e01"), "{}", arguments(1));
        assert!(system.description.validate().is_empty(), "{:?}", system.description.validate());
        let own = DeviceKind::IoPorts { first: 0x8e01, last: 0x8e01 };
        assert!(system.description.devices.iter().any(|device| device.owner == 1 && device.kind == own));
    }

    #[test]
    fn a_root_task_on_several_instances_is_named_after_its_file() {
        let system = System::of_root_task(Path::new("/tmp/my probe.elf"), &options(Path::new(""), Some(3)))
            .expect("nothing beside it is read");
        assert!(!system.plain);
        assert!(system.description.instances.iter().all(|instance| instance.root_task.name == "my-probe"));
        assert_eq!(system.description.instances.len(), 3);
        assert_eq!(system.files.keys().collect::<Vec<_>>(), ["my-probe"]);
    }

    #[test]
    fn a_machine_has_a_core_for_each_instance_and_the_ones_that_are_named() {
        let cpus = |text: &str| choose(text, None, None).map(|system| system.cpus).ok();
        assert_eq!(cpus(&format!("{A}{B}")), Some(2));
        assert_eq!(cpus(&format!("{A}{B}core = 4\n")), Some(5));
        assert_eq!(choose(&format!("{A}{B}"), Some(6), None).map(|system| system.cpus).ok(), Some(6));
    }

    #[test]
    fn more_instances_than_cores_are_shown_at_the_first_that_has_none() {
        let message = refusal(&format!("{A}{B}"), Some(1));
        assert!(message.starts_with("2 instances need as many cores, the machine has 1\n --> "), "{message}");
        assert!(message.contains("s.toml:4:1") && message.contains("run with --cpus 2"), "{message}");
    }

    #[test]
    fn what_does_not_fit_is_shown_at_its_size() {
        let message = refusal(&format!("{A}memory = '1G'\n"), None);
        assert!(
            message.starts_with("instance `a`, memory: 1 GiB wanted,") && message.contains(":4:10"),
            "{message}"
        );
        let region = "[[region]]\nname = 'r'\nsize = '1G'\nmembers = [{ instance = 'a' }]\n";
        let message = refusal(&format!("{A}{region}"), None);
        assert!(
            message.starts_with("region `r`, size: 1 GiB wanted") && message.contains(":6:8"),
            "{message}"
        );
    }

    #[test]
    fn a_program_does_not_get_the_console_of_a_kernel() {
        let text = |first: &str, last: &str| {
            format!(
                "[[instance]]\nname = 'a'\n[[device]]\nname = 'd'\nowner = 'a'\nkind = 'ports'\nfirst = {first}\nlast = \
                 {last}\n[[program]]\nname = 'p'\ninstance = 'a'\nimage = 'crew'\nports = ['d']\n"
            )
        };
        for (first, last) in [("0x8dff", "0x8dff"), ("0x8e00", "0x8e00"), ("0x8000", "0x8fff")] {
            let message = choose(&text(first, last), None, None).expect_err("it is a console").message;
            let expected = "program `p`, ports: device `d` has the console of a kernel";
            assert!(message.starts_with(expected) && message.contains("0x8dff to 0x8e00"), "{message}");
        }
        assert!(choose(&text("0x8e01", "0x8e01"), None, None).is_ok());
    }

    #[test]
    fn cores_and_devices_that_the_machine_does_not_have_are_shown_at_their_keys() {
        let message = refusal(&format!("{A}{B}core = 7\n"), Some(2));
        assert!(message.contains("there is no core 7") && message.contains(":7:8"), "{message}");
        let device = "[[device]]\nname = 'd'\nowner = 'a'\nkind = ";
        let message = refusal(&format!("{A}{device}'ioapic'\nindex = 3\n"), None);
        assert!(message.contains("there is no IOAPIC 3") && message.contains(":8:9"), "{message}");
        let message = refusal(&format!("{A}{device}'mmio'\nbase = 0x100000\nsize = 4096\n"), None);
        assert!(message.contains("overlaps usable memory") && message.contains(":8:8"), "{message}");
    }
}
