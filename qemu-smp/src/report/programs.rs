// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of an instance in a report, with names for what they get.

use skerry_system::{Access, Description, OnFault, OnTimeout};

use super::document::{Interrupt, Mapped, Program, Started};

/// The root task of an instance, then what it starts.
pub(super) fn programs(description: &Description, index: usize) -> Vec<Program> {
    let root_task = description.instances.get(index).map(|instance| Program {
        name: instance.root_task.name.clone(),
        image: instance.root_task.name.clone(),
        arguments: instance.root_task.arguments.clone(),
        started: None,
    });
    let others = description.programs_of(index).map(|(index, program)| Program {
        name: program.name.clone(),
        image: program.image.clone(),
        arguments: program.arguments.clone(),
        started: Some(started(description, (index, program))),
    });
    root_task.into_iter().chain(others).collect()
}

/// Rights in one or two letters.
pub(super) fn rights(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "r",
        Access::ReadWrite => "rw",
    }
}

fn started(description: &Description, (index, program): (usize, &skerry_system::Program)) -> Started {
    let channels = |list: &[usize]| names(list, |index| Some(&description.channels.get(index)?.name));
    let (on_fault, restart_limit) = match program.on_fault {
        OnFault::Stop => ("stop", None),
        OnFault::Restart { limit } => ("restart", Some(limit)),
    };
    Started {
        priority: program.priority,
        mcp: program.mcp,
        budget_us: program.budget_us,
        period_us: program.period_us,
        stack_bytes: program.stack_bytes(),
        on_fault,
        restart_limit,
        on_timeout: match program.on_timeout {
            OnTimeout::Wait => "wait",
            OnTimeout::Report => "report",
            OnTimeout::Fault => "fault",
            OnTimeout::Handler(_) => "handler",
        },
        timeout_handler: match program.on_timeout {
            OnTimeout::Handler(handler) => {
                description.programs.get(handler).map(|handler| handler.name.clone())
            }
            _ => None,
        },
        timeouts: description.handled_by(index).map(|(_, program)| program.name.clone()).collect(),
        mapped: mapped(description, program),
        receive: channels(&program.receive),
        signal: channels(&program.signal),
        interrupts: interrupts(description, (index, program)),
        ports: names(&program.ports, |index| Some(&description.devices.get(index)?.name)),
    }
}

fn interrupts(
    description: &Description,
    (index, program): (usize, &skerry_system::Program),
) -> Vec<Interrupt> {
    let of = program.interrupts.iter().enumerate().map(|(position, interrupt)| Interrupt {
        name: interrupt.name.clone(),
        source: interrupt.source.to_string(),
        vector: description.vector(index, position).map(|vector| abi::vector::FIRST_USER + vector),
    });
    of.collect()
}

fn mapped(description: &Description, program: &skerry_system::Program) -> Vec<Mapped> {
    let addresses = program.addresses(description);
    let regions = program.regions.iter().zip(addresses.regions).filter_map(|(mapped, address)| {
        let name = description.regions.get(mapped.region)?.name.clone();
        Some(Mapped { name, address, rights: rights(mapped.access) })
    });
    let registers = program.mmio.iter().zip(addresses.mmio).filter_map(|(&device, address)| {
        let name = description.devices.get(device)?.name.clone();
        Some(Mapped { name, address, rights: rights(Access::ReadWrite) })
    });
    regions.chain(registers).collect()
}

fn names<'a>(list: &[usize], name: impl Fn(usize) -> Option<&'a String>) -> Vec<String> {
    list.iter().filter_map(|&index| name(index).cloned()).collect()
}
