// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance is told of a machine of Arm.

use bootstrap::options::Uart;
use kernel::handover::{Handover, IoApicRecord};
use memory_partition::{KernelUnit, Plan};

use super::{gic, start};
use crate::boot::machine::Machine;

/// Values of [`Handover::debug_port`].
const SILENT: u64 = 0;
const TAGGED: u64 = 1;
const PLAIN: u64 = 2;
/// Most interrupts of a distributor that a kernel counts.
const MAX_PINS: u32 = 255;

/// Fills in what only this kind of machine has.
pub(crate) fn describe(machine: &Machine, plan: &Plan, index: usize, record: &mut Handover) {
    let registers = |unit| {
        let mut own = plan.kernel_registers.iter();
        own.find(|registers| registers.unit == unit && registers.owner.is_none_or(|owner| owner == index))
            .map(|registers| registers.range.start)
    };
    let console = registers(KernelUnit::Console);
    record.debug_port = match (console, machine.options.uart) {
        (None, _) => SILENT,
        (_, Uart::Tagged) => TAGGED,
        (_, Uart::Plain) => PLAIN,
    };
    record.console_paddr = console.unwrap_or(0);
    record.gic_distributor = registers(KernelUnit::Distributor).unwrap_or(0);
    record.gic_cpu = registers(KernelUnit::CpuInterface).unwrap_or(0);
    record.gic_targets = gic::targets();
    record.psci = start::conduit().word();
    record.has_huge_pages = 1;
    let chips = plan.io_apics.iter().filter(|chip| chip.owner == index);
    for (slot, chip) in record.io_apics.iter_mut().zip(chips) {
        *slot = IoApicRecord { paddr: chip.address, pins: u64::from(chip.pins.min(MAX_PINS)) };
        record.io_apic_count += 1;
    }
}
