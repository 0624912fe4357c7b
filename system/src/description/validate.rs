// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes in a description that can be seen without knowing the machine.

mod programs;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use abi::limits::{MAX_INSTANCES, MAX_LINES, MAX_NAME, MIN_BUDGET_US};

use super::{
    Channel, Description, Device, DeviceKind, Instance, Region, Size,
    error::{DescriptionError, Item, Problem},
    program::INIT,
};
use crate::{
    MemoryRange,
    layout::{MSI_WINDOW, PAGE},
};

/// Root CNode sizes that hold the initial capabilities and stay within reason.
const CNODE_BITS: core::ops::RangeInclusive<u8> = 9..=20;

/// Regions, channels, devices or programs of one system: more than any machine has room for.
const MAX_ITEMS: usize = 4096;

impl Description {
    /// Every mistake that can be seen without knowing the machine, in the order of the items.
    pub fn validate(&self) -> Vec<DescriptionError> {
        let mut found = Findings { description: self, errors: Vec::new() };
        found.system();
        if found.has_too_many() {
            return found.errors;
        }
        self.instances.iter().enumerate().for_each(|(i, instance)| found.instance(i, instance));
        self.regions.iter().enumerate().for_each(|(i, region)| found.region(i, region));
        self.channels.iter().enumerate().for_each(|(i, channel)| found.channel(i, channel));
        self.devices.iter().enumerate().for_each(|(i, device)| found.owned_device(i, device));
        self.programs.iter().enumerate().for_each(|(i, program)| found.program(i, program));
        found.errors
    }
}

struct Findings<'a> {
    description: &'a Description,
    errors: Vec<DescriptionError>,
}

impl Findings<'_> {
    fn add(&mut self, item: Item, name: &str, field: &'static str, problem: Problem) {
        self.errors.push(DescriptionError { item, name: name.to_string(), field, problem });
    }

    fn name<'a>(&mut self, item: Item, name: &str, mut earlier: impl Iterator<Item = &'a String>) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
            self.add(item, name, "name", Problem::BadName);
        } else if let Some(earlier) = earlier.position(|other| other == name) {
            self.add(item, name, "name", Problem::SameName { earlier });
        }
    }

    fn number(&mut self, item: Item, name: &str, field: &'static str, value: u64, limits: (u64, u64)) {
        let (min, max) = limits;
        if !(min..=max).contains(&value) {
            self.add(item, name, field, Problem::OutOfRange { value, min, max });
        }
    }

    fn reference(&mut self, item: Item, name: &str, field: &'static str, index: usize) {
        let count = self.description.instances.len();
        if index >= count {
            self.add(item, name, field, Problem::NoSuchInstance { index, count });
        }
    }

    fn system(&mut self) {
        let description = self.description;
        self.name(Item::System, &description.name, [].iter());
        let count = description.instances.len();
        if count == 0 || count > MAX_INSTANCES {
            self.add(Item::System, &description.name, "instances", Problem::InstanceCount { count });
        }
        let percents = description.instances.iter().map(|instance| match instance.memory {
            Size::Percent(percent) => u32::from(percent),
            _ => 0,
        });
        let sum = percents.sum();
        if sum > 100 {
            self.add(Item::System, &description.name, "instances", Problem::PercentSum { sum });
        }
    }

    /// Whether there are more items than a system has, so that comparing each with each would take for ever.
    fn has_too_many(&mut self) -> bool {
        let description = self.description;
        let lists = [
            ("regions", description.regions.len()),
            ("channels", description.channels.len()),
            ("devices", description.devices.len()),
            ("programs", description.programs.len()),
        ];
        for (field, count) in lists {
            let (value, max) = (count as u64, MAX_ITEMS as u64);
            self.number(Item::System, &description.name, field, value, (0, max));
        }
        description.instances.len() > MAX_INSTANCES || lists.iter().any(|(_, count)| *count > MAX_ITEMS)
    }

    fn instance(&mut self, i: usize, instance: &Instance) {
        let (item, name, all) = (Item::Instance(i), &instance.name, &self.description.instances);
        self.name(item, name, all[..i].iter().map(|other| &other.name));
        match instance.memory {
            Size::Bytes(0) => self.add(item, name, "memory", Problem::ZeroSize),
            Size::Percent(percent) if percent == 0 || percent > 100 => {
                self.add(item, name, "memory", Problem::BadPercent { percent });
            }
            _ => {}
        }
        if let Some(core) = instance.core {
            if (core == 0) != (i == 0) {
                self.add(item, name, "core", Problem::BootCore);
            } else if let Some(earlier) = all[..i].iter().position(|other| other.core == Some(core)) {
                self.add(
                    item,
                    name,
                    "core",
                    Problem::SameCore { core, earlier, name: all[earlier].name.clone() },
                );
            }
        }
        let cnode_limits = (u64::from(*CNODE_BITS.start()), u64::from(*CNODE_BITS.end()));
        self.number(item, name, "cnode_bits", u64::from(instance.cnode_bits), cnode_limits);
        let slice_limits = (MIN_BUDGET_US, u64::from(u32::MAX));
        self.number(item, name, "boot_slice_us", u64::from(instance.boot_slice_us), slice_limits);
        if instance.root_task.name.is_empty() {
            self.add(item, name, "root_task", Problem::BadName);
        }
        self.programs_of(i, instance);
    }

    fn region(&mut self, i: usize, region: &Region) {
        let (item, name) = (Item::Region(i), &region.name);
        self.name(item, name, self.description.regions[..i].iter().map(|other| &other.name));
        if region.size == 0 {
            self.add(item, name, "size", Problem::ZeroSize);
        }
        if region.members.is_empty() {
            self.add(item, name, "members", Problem::NoMembers);
        }
        for (m, member) in region.members.iter().enumerate() {
            let (item, instance) = (Item::Member { region: i, member: m }, member.instance);
            self.reference(item, name, "instance", instance);
            if region.members[..m].iter().any(|other| other.instance == instance) {
                self.add(
                    item,
                    name,
                    "instance",
                    Problem::SameMember { instance, name: self.instance_name(instance) },
                );
            }
        }
    }

    fn channel(&mut self, i: usize, channel: &Channel) {
        let (item, name) = (Item::Channel(i), &channel.name);
        let before = &self.description.channels[..i];
        self.name(item, name, before.iter().map(|other| &other.name));
        self.reference(item, name, "from", channel.from);
        self.reference(item, name, "to", channel.to);
        self.number(item, name, "lines", u64::from(channel.lines), (1, MAX_LINES as u64));
        if channel.is_within_instance() {
            // What init makes of it costs no kernel anything, so there may be several.
            let instance = self.description.instances.get(channel.from);
            if instance.is_some_and(|instance| instance.root_task.name != INIT) {
                self.add(item, name, "to", Problem::ChannelToItself);
            }
            return;
        }
        let same = |other: &Channel| (other.from, other.to) == (channel.from, channel.to);
        if let Some(earlier) = before.iter().position(same) {
            self.add(item, name, "to", Problem::SameChannel { earlier, name: before[earlier].name.clone() });
        }
    }

    fn owned_device(&mut self, i: usize, device: &Device) {
        let (item, name) = (Item::Device(i), &device.name);
        let before = &self.description.devices[..i];
        self.name(item, name, before.iter().map(|other| &other.name));
        self.reference(item, name, "owner", device.owner);
        match device.kind {
            DeviceKind::Mmio { size: 0, .. } => self.add(item, name, "size", Problem::ZeroSize),
            DeviceKind::Mmio { base, size } => self.registers(item, name, base, size),
            DeviceKind::IoPorts { first, last } if first > last => {
                self.add(item, name, "last", Problem::PortOrder { first, last });
            }
            DeviceKind::IoPorts { .. } | DeviceKind::IoApic { .. } => {}
        }
        if let Some(earlier) = before.iter().position(|other| other.kind.overlaps(device.kind)) {
            self.add(
                item,
                name,
                device.kind.field(),
                Problem::SameDevice { earlier, name: before[earlier].name.clone() },
            );
        }
    }

    fn registers(&mut self, item: Item, name: &str, base: u64, size: u64) {
        if base.checked_add(size).is_none() {
            return self.add(item, name, "base", Problem::WrapsAround { base, size });
        }
        if !base.is_multiple_of(PAGE) || !size.is_multiple_of(PAGE) {
            return self.add(item, name, "base", Problem::NotPages { base, size });
        }
        let range = MemoryRange::of_size(base, size).intersection(MSI_WINDOW);
        if !range.is_empty() {
            self.add(item, name, "base", Problem::MsiWindow { range });
        }
    }
}

impl DeviceKind {
    fn overlaps(self, other: DeviceKind) -> bool {
        match (self, other) {
            (DeviceKind::Mmio { base, size }, DeviceKind::Mmio { base: other, size: other_size }) => {
                MemoryRange::of_size(base, size).overlaps(MemoryRange::of_size(other, other_size))
            }
            (
                DeviceKind::IoPorts { first, last },
                DeviceKind::IoPorts { first: other_first, last: other_last },
            ) => first <= other_last && other_first <= last,
            (DeviceKind::IoApic { index }, DeviceKind::IoApic { index: other }) => index == other,
            _ => false,
        }
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: DeviceKind) -> bool {
        match (self, other) {
            (DeviceKind::Mmio { base, size }, DeviceKind::Mmio { base: other, size: other_size }) => {
                MemoryRange::of_size(base, size).contains(MemoryRange::of_size(other, other_size))
            }
            (
                DeviceKind::IoPorts { first, last },
                DeviceKind::IoPorts { first: other_first, last: other_last },
            ) => first <= other_first && other_last <= last,
            _ => false,
        }
    }

    /// The key that says where it is.
    pub fn field(self) -> &'static str {
        match self {
            DeviceKind::Mmio { .. } => "base",
            DeviceKind::IoPorts { .. } => "first",
            DeviceKind::IoApic { .. } => "index",
        }
    }
}
