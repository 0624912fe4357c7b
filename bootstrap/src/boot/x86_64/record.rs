// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance is told of a PC.

use kernel::handover::{Handover, IoApicRecord};
use memory_partition::Plan;

use super::{apic, console, cpu};
use crate::boot::machine::Machine;

/// Fills in what only this kind of machine has.
pub(crate) fn describe(machine: &Machine, plan: &Plan, index: usize, record: &mut Handover) {
    record.x2apic = u64::from(apic::is_x2apic());
    record.debug_port = machine.options.console_base.map_or(0, |base| u64::from(base) + index as u64);
    record.serial_port = serial_port(machine, index);
    record.has_huge_pages = u64::from(cpu::has_huge_pages());
    record.fpu_bytes = machine.posture.fpu_bytes();
    describe_devices(plan, index, record);
}

/// Serial console of an instance that has no debug console: only one can have the port.
fn serial_port(machine: &Machine, index: usize) -> u64 {
    match machine.options.console_base {
        None if index == 0 => u64::from(machine.options.serial_port.unwrap_or(console::COM1)),
        _ => 0,
    }
}

fn describe_devices(plan: &Plan, index: usize, record: &mut Handover) {
    let chips = plan.io_apics.iter().filter(|chip| chip.owner == index);
    for (slot, chip) in record.io_apics.iter_mut().zip(chips) {
        *slot = IoApicRecord { paddr: chip.address, pins: u64::from(chip.pins) };
        record.io_apic_count += 1;
    }
    let foreign = plan.ports.iter().filter(|ports| ports.owner != Some(index));
    for port in foreign.flat_map(|ports| ports.first..=ports.last) {
        record.foreign_ports[usize::from(port) / 64] |= 1 << (port % 64);
    }
}
