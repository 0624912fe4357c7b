// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a description asks for that an architecture does not have.

use memory_partition::{DeviceKind, Idle, Instance, Item};

use super::Loaded;
use super::mistakes::{Mistake, render};
use super::places;
use crate::arch::Arch;
use crate::failure::Failure;

impl Loaded {
    /// Refuses everything in the description that there is not on this architecture, each at its place.
    pub fn check_available(&self, arch: Arch) -> Result<(), Failure> {
        let mut mistakes: Vec<Mistake> = match arch {
            Arch::X86_64 => Vec::new(),
            Arch::Aarch32 => self.not_on_aarch32(),
        };
        if mistakes.is_empty() {
            return Ok(());
        }
        mistakes.sort_by_key(|mistake| mistake.span.start);
        Err(Failure::bad_input(render(&self.source.name, &self.source.text, &mistakes)))
    }

    fn not_on_aarch32(&self) -> Vec<Mistake> {
        let description = &self.description;
        let of_instances = description.instances.iter().enumerate();
        let of_programs = description.programs.iter().enumerate();
        let (instances, mut lacking) = (description.instances.len(), Vec::new());
        for (index, instance) in of_instances {
            let item = Item::Instance(index);
            lacking.extend(idle(instance).map(|lack| (item, "idle", lack)));
            lacking.extend(core(instance).map(|lack| (item, "core", lack)));
            lacking.extend(self.program(&instance.root_task.name).map(|lack| (item, "root_task", lack)));
            lacking.extend(surplus(index, instances).map(|lack| (item, places::WHOLE, lack)));
        }
        for (index, program) in of_programs {
            lacking.extend(self.program(&program.image).map(|lack| (Item::Program(index), "image", lack)));
        }
        for (index, device) in description.devices.iter().enumerate() {
            lacking.extend(ports(&device.kind).map(|lack| (Item::Device(index), "kind", lack)));
        }
        let mistake = |(item, field, (what, help)): (Item, &str, Lack)| {
            Mistake::new(self.places.find(item, field), what).help(help)
        };
        lacking.into_iter().map(mistake).collect()
    }

    fn program(&self, name: &str) -> Option<Lack> {
        match self.files.get(name) {
            Some(file) if file.extension().is_some_and(|extension| extension == "c") => Some((
                format!("{} cannot be compiled for aarch32: include/skerry.h is for x86_64", file.display()),
                "name a crate, or an ELF file",
            )),
            None if !Arch::Aarch32.has_program(name) => Some((
                format!("{name} is a program for x86_64 only: it tries that processor's instructions"),
                "leave it out, or run the system with --arch x86_64",
            )),
            _ => None,
        }
    }
}

/// What there is not, and what to do about it.
type Lack = (String, &'static str);

fn idle(instance: &Instance) -> Option<Lack> {
    let what = "there is no mwait on aarch32".to_owned();
    (instance.idle == Idle::Mwait).then_some((what, "use 'halt', which wakes as fast, or 'poll'"))
}

fn core(instance: &Instance) -> Option<Lack> {
    let cores = Arch::Aarch32.most_cpus();
    let core = instance.core.filter(|core| *core >= cores)?;
    let what = format!("there is no core {core} on aarch32: a GICv2 has {cores} interfaces");
    Some((what, "use a core from 0 to 7"))
}

fn surplus(index: usize, instances: usize) -> Option<Lack> {
    let cores = Arch::Aarch32.most_cpus();
    let what = format!("{instances} instances need as many cores, aarch32 has {cores} at most");
    (index == cores as usize).then_some((what, "leave some out"))
}

fn ports(kind: &DeviceKind) -> Option<Lack> {
    match kind {
        // The first and only IOAPIC is the distributor of a GIC.
        DeviceKind::Mmio { .. } | DeviceKind::IoApic { .. } => None,
        DeviceKind::IoPorts { .. } => {
            Some(("there are no IO ports on aarch32".to_owned(), "give its registers: kind = 'mmio'"))
        }
    }
}
