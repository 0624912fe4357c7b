// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be booted: a description and where its programs come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use memory_partition::Description;

use crate::compile::Compiler;
use crate::failure::{Doing, Failure};
use crate::image::{Program, check_program, system_image};

/// A system that can be built.
#[derive(Debug, Clone)]
pub struct System {
    /// Its description.
    pub description: Description,
    /// Programs that are files; the others are packages under `userland/`.
    pub files: BTreeMap<String, PathBuf>,
    /// Whether the only program is the boot module itself, without an archive around it.
    pub plain: bool,
}

impl System {
    /// A system of workspace programs only.
    pub fn of_packages(description: Description) -> Self {
        System { description, files: BTreeMap::new(), plain: false }
    }

    /// One root task from a file, owning the machine; or the same one on each of `instances` instances.
    pub fn of_root_task(file: &Path, instances: Option<u32>) -> Self {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let name: String = stem.chars().map(allowed).take(memory_partition::MAX_NAME).collect();
        match instances {
            None => {
                let description = Description::plain();
                let name = description.instances[0].root_task.name.clone();
                System { description, files: BTreeMap::from([(name, file.to_owned())]), plain: true }
            }
            Some(count) => System {
                description: Description::split(count as usize, &name),
                files: BTreeMap::from([(name, file.to_owned())]),
                plain: false,
            },
        }
    }

    /// Compiles and reads the programs and makes the boot module.
    pub fn module(&self, compiler: &Compiler<'_>) -> Result<Vec<u8>, Failure> {
        let mut programs = self.programs(compiler)?;
        match programs.pop() {
            Some(program) if self.plain => Ok(program.bytes),
            last => {
                programs.extend(last);
                system_image(&self.description, &programs)
            }
        }
    }

    fn programs(&self, compiler: &Compiler<'_>) -> Result<Vec<Program>, Failure> {
        let mut names: Vec<&str> =
            self.description.instances.iter().map(|instance| instance.root_task.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let read = |name: &str| {
            let path = match self.files.get(name) {
                Some(file) => file.clone(),
                None => compiler.program(name)?,
            };
            let bytes = fs::read(&path).doing(format_args!("reading the program {}", path.display()))?;
            check_program(&path.display().to_string(), &bytes)?;
            Ok(Program { name: name.to_owned(), bytes })
        };
        names.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_task_alone_owns_the_machine_and_is_the_module_itself() {
        let system = System::of_root_task(Path::new("/tmp/probe1.elf"), None);
        assert!(system.plain);
        assert_eq!(system.description, Description::plain());
    }

    #[test]
    fn a_root_task_on_several_instances_is_named_after_its_file() {
        let system = System::of_root_task(Path::new("/tmp/my probe.elf"), Some(3));
        assert!(!system.plain);
        assert!(system.description.instances.iter().all(|instance| instance.root_task.name == "my-probe"));
        assert_eq!(system.description.instances.len(), 3);
        assert_eq!(system.files.keys().collect::<Vec<_>>(), ["my-probe"]);
    }
}
