// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes of programs: nobody gets what its instance does not have, nor what another program has.

use alloc::string::String;

use abi::limits::{MIN_BUDGET_US, USER_VECTORS};
use abi::start;

use super::Findings;
use crate::MemoryRange;
use crate::description::error::{Item, List, Problem, ProgramProblem};
use crate::description::program::{
    INIT, Interrupt, InterruptSource, MAX_PRIORITY, Mapped, OnFault, OnTimeout, Program,
};
use crate::description::{Access, Channel, DeviceKind, Instance};
use crate::layout::PAGE;

/// The longest period: an hour, far below what any clock limits it to.
const MAX_PERIOD_US: u64 = 3_600_000_000;
/// Inputs that an interrupt controller can have.
const MAX_PIN: u64 = 255;
/// Devices on a PCI bus, and functions of a device, from 0.
const MAX_PCI_DEVICE: u64 = 31;
const MAX_PCI_FUNCTION: u64 = 7;

impl Findings<'_> {
    /// An instance whose root task starts programs has some.
    pub(super) fn programs_of(&mut self, i: usize, instance: &Instance) {
        let mut programs = self.description.programs.iter();
        if instance.root_task.name == INIT && !programs.any(|program| program.instance == i) {
            self.program_problem(
                Item::Instance(i),
                &instance.name,
                "root_task",
                ProgramProblem::NothingToStart,
            );
        }
    }

    pub(super) fn program(&mut self, i: usize, program: &Program) {
        let (item, name) = (Item::Program(i), &program.name);
        self.name(item, name, self.description.programs[..i].iter().map(|other| &other.name));
        self.reference(item, name, "instance", program.instance);
        if program.image.is_empty() {
            self.add(item, name, "image", Problem::BadName);
        }
        if let Some(instance) = self.description.instances.get(program.instance)
            && instance.root_task.name != INIT
        {
            let problem = ProgramProblem::OtherRootTask { instance: instance.name.clone() };
            self.program_problem(item, name, "instance", problem);
        }
        self.numbers(item, program);
        self.limits(i, program);
        self.timeouts(i, program);
        for (position, mapped) in program.regions.iter().enumerate() {
            self.mapped(i, position, mapped);
        }
        self.channels(i, program);
        for (position, interrupt) in program.interrupts.iter().enumerate() {
            self.interrupt(i, position, interrupt);
        }
        self.devices(i, List::Ports, &program.ports);
        self.devices(i, List::Mmio, &program.mmio);
        self.addresses(i, program);
    }

    fn program_problem(&mut self, item: Item, name: &str, field: &'static str, problem: ProgramProblem) {
        self.add(item, name, field, Problem::Program(problem));
    }

    fn numbers(&mut self, item: Item, program: &Program) {
        let name = &program.name;
        self.number(item, name, "priority", program.priority.into(), (0, MAX_PRIORITY.into()));
        // By default the two are the same, and so would be the mistake.
        if program.mcp != program.priority {
            self.number(item, name, "mcp", program.mcp.into(), (0, MAX_PRIORITY.into()));
        }
        self.number(item, name, "period_us", program.period_us, (MIN_BUDGET_US, MAX_PERIOD_US));
        let longest = program.period_us.clamp(MIN_BUDGET_US, MAX_PERIOD_US);
        self.number(item, name, "budget_us", program.budget_us, (MIN_BUDGET_US, longest));
        self.number(item, name, "stack", program.stack, (PAGE, start::MAX_STACK));
        if let OnFault::Restart { limit } = program.on_fault {
            self.number(item, name, "restart_limit", limit.into(), (1, u32::MAX.into()));
        }
    }

    /// What a program can be told, and woken by.
    fn limits(&mut self, i: usize, program: &Program) {
        let (item, name) = (Item::Program(i), &program.name);
        let events = program.events(self.description);
        if events > start::MAX_EVENTS {
            self.program_problem(item, name, "receive", ProgramProblem::TooManyEvents { count: events });
        }
        let bytes = self.description.info_bytes(i);
        if bytes > start::INFO_BYTES {
            self.program_problem(item, name, "arguments", ProgramProblem::TooMuchToTell { bytes });
        }
    }

    /// Who handles the timeouts of a program is beside it and does not wait for it in turn.
    fn timeouts(&mut self, i: usize, program: &Program) {
        let (item, name, description) = (Item::Program(i), &program.name, self.description);
        let field = match program.on_timeout {
            OnTimeout::Wait => return,
            OnTimeout::Report | OnTimeout::Fault => "on_timeout",
            OnTimeout::Handler(_) => "timeout_handler",
        };
        if program.budget_us == program.period_us {
            self.program_problem(item, name, field, ProgramProblem::NeverTimesOut);
        }
        let OnTimeout::Handler(index) = program.on_timeout else { return };
        let Some(handler) = description.programs.get(index) else {
            let problem = ProgramProblem::NoSuchItem { index, count: description.programs.len() };
            return self.program_problem(item, name, field, problem);
        };
        let handler_name = handler.name.clone();
        if handler.instance != program.instance {
            let instance = self.instance_name(handler.instance);
            let problem = ProgramProblem::HandlerElsewhere { handler: handler_name, instance };
            self.program_problem(item, name, field, problem);
        } else if self.waits_for(index, i) {
            self.program_problem(item, name, field, ProgramProblem::HandlerWaits { handler: handler_name });
        }
    }

    /// Whether the timeouts of a program are handled by `other`, at the end of a chain of handlers that is not longer
    /// than there are programs.
    fn waits_for(&self, program: usize, other: usize) -> bool {
        let programs = &self.description.programs;
        let next = |index: &usize| match programs.get(*index)?.on_timeout {
            OnTimeout::Handler(handler) => Some(handler),
            _ => None,
        };
        core::iter::successors(Some(program), next).take(programs.len()).any(|index| index == other)
    }

    /// Adds a mistake of an entry in one of the lists of program `i`.
    fn entry(
        &mut self,
        i: usize,
        (list, position): (List, usize),
        field: &'static str,
        problem: ProgramProblem,
    ) {
        let name = &self.description.programs[i].name;
        self.program_problem(Item::Entry { program: i, list, position }, name, field, problem);
    }

    pub(super) fn instance_name(&self, instance: usize) -> String {
        self.description.instances.get(instance).map(|instance| instance.name.clone()).unwrap_or_default()
    }

    fn mapped(&mut self, i: usize, position: usize, mapped: &Mapped) {
        let (description, at) = (self.description, (List::Regions, position));
        let program = &description.programs[i];
        let Some(region) = description.regions.get(mapped.region) else {
            let problem =
                ProgramProblem::NoSuchItem { index: mapped.region, count: description.regions.len() };
            return self.entry(i, at, "name", problem);
        };
        if program.regions[..position].iter().any(|other| other.region == mapped.region) {
            self.entry(i, at, "name", ProgramProblem::Twice);
        }
        let instance = self.instance_name(program.instance);
        match region.members.iter().find(|member| member.instance == program.instance) {
            None => {
                self.entry(
                    i,
                    at,
                    "name",
                    ProgramProblem::NotMember { region: region.name.clone(), instance },
                );
            }
            Some(member) if member.access == Access::ReadOnly && mapped.access == Access::ReadWrite => {
                self.entry(i, at, "rights", ProgramProblem::ReadOnlyHere { instance });
            }
            Some(_) => {}
        }
        if let Some(address) = mapped.address
            && !address.is_multiple_of(region.alignment())
        {
            self.entry(i, at, "address", ProgramProblem::Misaligned { alignment: region.alignment() });
        }
    }

    fn channels(&mut self, i: usize, program: &Program) {
        let earlier = &self.description.programs[..i];
        for (position, &channel) in program.receive.iter().enumerate() {
            let at = (List::Receive, position);
            self.end(i, at, channel);
            if program.receive[..position].contains(&channel) {
                self.entry(i, at, "", ProgramProblem::Twice);
            } else if let Some(other) = earlier.iter().find(|other| other.receive.contains(&channel)) {
                self.entry(i, at, "", ProgramProblem::Taken { by: other.name.clone() });
            }
        }
        for (position, &channel) in program.signal.iter().enumerate() {
            self.end(i, (List::Signal, position), channel);
            if program.signal[..position].contains(&channel) {
                self.entry(i, (List::Signal, position), "", ProgramProblem::Twice);
            } else {
                self.heard(i, (List::Signal, position), channel);
            }
        }
    }

    /// What program `i` signals within its instance, another program receives.
    fn heard(&mut self, i: usize, at: (List, usize), index: usize) {
        let description = self.description;
        let own = description.programs[i].instance;
        let within = |channel: &&Channel| channel.is_within_instance() && channel.from == own;
        let Some(channel) = description.channels.get(index).filter(within) else { return };
        let channel = channel.name.clone();
        match description.receiver(index) {
            None => self.entry(i, at, "", ProgramProblem::NobodyReceives { channel }),
            Some((receiver, _)) if receiver == i => {
                self.entry(i, at, "", ProgramProblem::SignalsItself { channel });
            }
            Some(_) => {}
        }
    }

    /// The end of a channel that program `i` asks for belongs to its instance.
    fn end(&mut self, i: usize, at: (List, usize), index: usize) {
        let description = self.description;
        let Some(channel) = description.channels.get(index) else {
            let problem = ProgramProblem::NoSuchItem { index, count: description.channels.len() };
            return self.entry(i, at, "", problem);
        };
        let end = if at.0 == List::Receive { channel.to } else { channel.from };
        if end != description.programs[i].instance {
            let problem =
                ProgramProblem::OtherEnd { channel: channel.name.clone(), instance: self.instance_name(end) };
            self.entry(i, at, "", problem);
        }
    }

    fn interrupt(&mut self, i: usize, position: usize, interrupt: &Interrupt) {
        let (description, at) = (self.description, (List::Interrupts, position));
        let program = &description.programs[i];
        let item = Item::Entry { program: i, list: at.0, position };
        self.name(item, &interrupt.name, program.interrupts[..position].iter().map(|other| &other.name));
        let of_instance = |other: &&Program| other.instance == program.instance;
        let before = description.programs[..i].iter().filter(of_instance);
        // What is before it, this program's own interrupts last.
        let before = before.map(|other| (other, other.interrupts.as_slice()));
        let before = before.chain([(program, &program.interrupts[..position])]);
        let taken = |is_same: &dyn Fn(&Interrupt) -> bool| {
            let mut before = before.clone();
            before.find(|(_, interrupts)| interrupts.iter().any(is_same)).map(|(other, _)| other.name.clone())
        };
        let field = self.source(i, at, interrupt.source);
        if let Some(by) = taken(&|other| description.is_same_source(other.source, interrupt.source)) {
            self.entry(i, at, field, ProgramProblem::Taken { by });
        }
        if let Some(vector) = interrupt.vector {
            self.number(item, &program.name, "vector", vector.into(), (0, USER_VECTORS - 1));
            if let Some(by) = taken(&|other| other.vector == interrupt.vector) {
                self.entry(i, at, "vector", ProgramProblem::Taken { by });
            }
        } else if description.vector(i, position).is_none() {
            let instance = self.instance_name(program.instance);
            self.entry(i, at, "", ProgramProblem::NoVector { instance });
        }
    }

    /// An interrupt comes from where the instance can get it from; returns the field that says so.
    fn source(&mut self, i: usize, at: (List, usize), source: InterruptSource) -> &'static str {
        let item = Item::Entry { program: i, list: at.0, position: at.1 };
        let name = &self.description.programs[i].name;
        match source {
            InterruptSource::Pin { io_apic, pin, .. } => {
                self.number(item, name, "pin", pin.into(), (0, MAX_PIN));
                match io_apic {
                    Some(device) => self.device(i, at, device, "ioapic"),
                    None => self.controller(i, at),
                }
                "pin"
            }
            InterruptSource::Message { device, function, .. } => {
                self.number(item, name, "pci", device.into(), (0, MAX_PCI_DEVICE));
                self.number(item, name, "pci", function.into(), (0, MAX_PCI_FUNCTION));
                "pci"
            }
        }
    }

    /// Without the name of a controller, the instance's first one is meant: instance 0 has those nobody else has.
    fn controller(&mut self, i: usize, at: (List, usize)) {
        let (description, instance) = (self.description, self.description.programs[i].instance);
        let mut devices = description.devices.iter();
        let owned = devices.any(|d| d.owner == instance && matches!(d.kind, DeviceKind::IoApic { .. }));
        if instance != 0 && !owned {
            self.entry(
                i,
                at,
                "ioapic",
                ProgramProblem::NoController { instance: self.instance_name(instance) },
            );
        }
    }

    fn devices(&mut self, i: usize, list: List, devices: &[usize]) {
        let wanted = if list == List::Ports { "ports" } else { "mmio" };
        let earlier = &self.description.programs[..i];
        for (position, index) in devices.iter().enumerate() {
            self.device(i, (list, position), *index, wanted);
            let has = |other: &&Program| other.ports.contains(index) || other.mmio.contains(index);
            if devices[..position].contains(index) {
                self.entry(i, (list, position), "", ProgramProblem::Twice);
            } else if let Some(other) = earlier.iter().find(has) {
                self.entry(i, (list, position), "", ProgramProblem::Taken { by: other.name.clone() });
            }
        }
    }

    /// A device that program `i` asks for is of the right kind and belongs to its instance.
    fn device(&mut self, i: usize, at: (List, usize), index: usize, wanted: &'static str) {
        let description = self.description;
        let field = if at.0 == List::Interrupts { "ioapic" } else { "" };
        let Some(device) = description.devices.get(index) else {
            let problem = ProgramProblem::NoSuchItem { index, count: description.devices.len() };
            return self.entry(i, at, field, problem);
        };
        let kind = match device.kind {
            DeviceKind::Mmio { .. } => "mmio",
            DeviceKind::IoPorts { .. } => "ports",
            DeviceKind::IoApic { .. } => "ioapic",
        };
        if kind != wanted {
            self.entry(i, at, field, ProgramProblem::OtherKind { device: device.name.clone(), wanted });
        } else if device.owner != description.programs[i].instance {
            let owner = self.instance_name(device.owner);
            self.entry(i, at, field, ProgramProblem::OtherOwner { device: device.name.clone(), owner });
        }
    }

    /// Mappings lie where programs may have them, and not over each other.
    fn addresses(&mut self, i: usize, program: &Program) {
        let allowed = MemoryRange::new(PAGE, start::AREA);
        let occupied = program.occupied(self.description);
        // Entries that name no item have no range; then positions would not fit, and the mistake is known already.
        let (regions, devices) = (program.regions.len(), program.mmio.len());
        if occupied.len() != regions + devices {
            return;
        }
        for (n, (range, _)) in occupied.iter().enumerate() {
            let (at, field) = match n.checked_sub(regions) {
                None => ((List::Regions, n), "address"),
                Some(device) => ((List::Mmio, device), ""),
            };
            if !allowed.contains(*range) {
                self.entry(i, at, field, ProgramProblem::OutsideAddresses { range: *range });
            } else if let Some((_, other)) = occupied[..n].iter().find(|(other, _)| other.overlaps(*range)) {
                self.entry(i, at, field, ProgramProblem::Overlap { other: (*other).into() });
            }
        }
    }
}

#[cfg(test)]
mod tests;
