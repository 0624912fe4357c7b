// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a description asks for that an architecture does not have.

use abi::aarch32::start;
use skerry_system::{
    Description, DeviceKind, Idle, Instance, InterruptSource, Item, List, Mapped, MemoryRange, Program,
    Region,
};

use super::Loaded;
use super::mistakes::{Mistake, render};
use super::places;
use crate::arch::Arch;
use crate::failure::Failure;

/// Most lines and interrupts of a program: each has a bit of a word.
const MOST_EVENTS: u32 = 32;

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
            lacking.extend(surplus(index, instances).map(|lack| (item, places::WHOLE, lack)));
        }
        for (index, program) in of_programs {
            let item = Item::Program(index);
            lacking.extend(stack(program).map(|lack| (item, "stack", lack)));
            lacking.extend(events(program, description).map(|lack| (item, "receive", lack)));
            lacking.extend(self.addresses(index, program));
            lacking.extend(interrupts(index, program));
        }
        for (index, device) in description.devices.iter().enumerate() {
            lacking.extend(ports(&device.kind).map(|lack| (Item::Device(index), "kind", lack)));
        }
        let mistake = |(item, field, (what, help)): (Item, &str, Lack)| {
            Mistake::new(self.places.find(item, field), what).help(help)
        };
        lacking.into_iter().map(mistake).collect()
    }

    /// Addresses that were asked for and are not below those of init, and regions that do not fit there together.
    fn addresses(&self, index: usize, program: &Program) -> Vec<(Item, &'static str, Lack)> {
        let allowed = MemoryRange::new(0, start::AREA);
        let help = "use addresses below 0x60000000, or smaller regions";
        let region = |mapped: &Mapped| self.description.regions.get(mapped.region).map_or(0, Region::bytes);
        let asked = program.regions.iter().enumerate().filter_map(|(position, mapped)| {
            let range = MemoryRange::of_size(mapped.address?, region(mapped));
            let item = Item::Entry { program: index, list: List::Regions, position };
            let what = format!("{range} is not within the addresses for programs on aarch32");
            (!allowed.contains(range)).then_some((item, "address", (what, help)))
        });
        let mut lacking: Vec<_> = asked.collect();
        let chosen = program.regions.iter().filter(|mapped| mapped.address.is_none());
        let total = chosen.map(region).fold(0, u64::saturating_add);
        if total > start::AREA - start::REGIONS {
            let what = "these regions together are larger than the addresses for them on aarch32".to_owned();
            lacking.push((Item::Program(index), "regions", (what, help)));
        }
        lacking
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

fn stack(program: &Program) -> Option<Lack> {
    let most = start::MAX_STACK;
    let what = format!("a stack on aarch32 has {most:#x} bytes at most");
    (program.stack > most).then_some((what, "make it smaller"))
}

fn events(program: &Program, description: &Description) -> Option<Lack> {
    let count = program.events(description);
    let what =
        format!("{count} lines and interrupts are more than the {MOST_EVENTS} bits of a word on aarch32");
    (count > MOST_EVENTS).then_some((what, "let another program receive some"))
}

/// Interrupts have numbers there, neither vectors nor messages.
fn interrupts(index: usize, program: &Program) -> Vec<(Item, &'static str, Lack)> {
    let lacking = program.interrupts.iter().enumerate().filter_map(|(position, interrupt)| {
        let item = Item::Entry { program: index, list: List::Interrupts, position };
        let is_message = matches!(interrupt.source, InterruptSource::Message { .. });
        let (field, what) = match interrupt.vector {
            _ if is_message => ("pci", "there are no message-signalled interrupts on aarch32"),
            Some(_) => ("vector", "interrupts have no vectors on aarch32"),
            None => return None,
        };
        Some((item, field, (what.to_owned(), "name an input of the interrupt controller: pin = 34")))
    });
    lacking.collect()
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
