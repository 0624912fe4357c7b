// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a description asks for that an architecture does not have.

use memory_partition::{DeviceKind, Idle, Item};

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
        let cores = Arch::Aarch32.most_cpus();
        let (mut mistakes, description) = (Vec::new(), &self.description);
        let mut lacks = |item: Item, field: &str, what: String, help: &str| {
            mistakes.push(Mistake::new(self.places.find(item, field), what).help(help));
        };
        for (index, instance) in description.instances.iter().enumerate() {
            let item = Item::Instance(index);
            if instance.idle == Idle::Mwait {
                let what = "there is no mwait on aarch32".to_owned();
                lacks(item, "idle", what, "use idle = 'halt', which waits as cheaply, or 'poll'");
            }
            if let Some(core) = instance.core.filter(|core| *core >= cores) {
                let what = format!("there is no core {core} on aarch32: a GICv2 has {cores} interfaces");
                lacks(item, "core", what, "use a core from 0 to 7");
            }
            if index == cores as usize {
                let count = description.instances.len();
                let what = format!("{count} instances need as many cores, aarch32 has {cores} at most");
                lacks(item, places::WHOLE, what, "leave some out");
            }
        }
        for (index, device) in description.devices.iter().enumerate() {
            let what = match device.kind {
                // Its first and only one is the distributor of a GIC.
                DeviceKind::Mmio { .. } | DeviceKind::IoApic { .. } => continue,
                DeviceKind::IoPorts { .. } => "there are no IO ports on aarch32",
            };
            lacks(Item::Device(index), "kind", what.to_owned(), "give its registers: kind = 'mmio'");
        }
        mistakes
    }
}
