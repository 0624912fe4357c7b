// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a PC is, from the loader's start record, ACPI and the processor.

use alloc::string::String;

use abi::chunk::RSDP_PAYLOAD;
use bootstrap::options::Options;
use bootstrap::pvh::{self, MemoryEntry, StartInfo};
use memory_partition::{Firmware, Module, OtherRange};
use skerry_system::MemoryRange;

use super::acpi::{self, Topology};
use super::error::MachineError;
use super::posture;
use super::time::{self, Clocks};
use super::{apic, cpu, map};
use crate::boot::console::say;
use crate::boot::error::BootError;
use crate::boot::machine::{self, Machine};
use crate::boot::physical;

/// Type of usable memory in the loader's map.
const USABLE: u32 = 1;

/// The command line alone, before anything else is known.
pub(crate) fn command_line(start_info: u64) -> String {
    pvh::command_line(start_info, byte)
}

fn byte(address: u64) -> u8 {
    physical::bytes(address, 1)[0]
}

/// Finds out what the machine is and brings the boot core into the posture of all cores.
pub(crate) fn discover(start_info: u64, options: Options) -> Result<Machine, BootError> {
    let began = cpu::timestamp();
    posture::check()?;
    let start =
        pvh::read(start_info, byte).map_err(|error| BootError::Machine(MachineError::Start(error)))?;
    let ends =
        start.memory.iter().filter(|range| range.kind == USABLE).map(|range| range.start + range.length);
    map::map_up_to(ends.max().unwrap_or(0));
    let topology = acpi::read(start.rsdp).map_err(BootError::Machine)?;
    apic::mask_pics();
    apic::set_base(topology.local_apic);
    let clocks = time::calibrate()?;
    apic::enable();
    let posture = posture::apply();
    let firmware = firmware(&start, &topology);
    let machine = Machine {
        options,
        began,
        rsdp: Some(rsdp(firmware.rsdp)),
        firmware,
        ticks_per_us: clocks.tsc_mhz,
        timer_ratio: clocks.timer_ratio(),
        posture,
        local_apic_page: (!apic::is_x2apic()).then_some(topology.local_apic),
    };
    report(&machine, &topology, &clocks);
    Ok(machine)
}

/// The neutral record of the machine.
fn firmware(start: &StartInfo, topology: &Topology) -> Firmware {
    let range = |memory: &MemoryEntry| MemoryRange::of_size(memory.start, memory.length);
    let (usable, other): (alloc::vec::Vec<_>, _) =
        start.memory.iter().partition(|memory| memory.kind == USABLE);
    Firmware {
        usable: usable.into_iter().map(range).collect(),
        other: other
            .into_iter()
            .map(|memory| OtherRange { range: range(memory), kind: memory.kind })
            .collect(),
        cores: topology.cores.clone(),
        boot_apic_id: cpu::core_id(),
        io_apics: topology.io_apics.clone(),
        modules: start.modules.iter().map(module).collect(),
        command_line: start.command_line.clone(),
        rsdp: start.rsdp.unwrap_or(0),
        occupied: machine::image().into(),
        ..Firmware::default()
    }
}

fn module(module: &pvh::Module) -> Module {
    Module { range: MemoryRange::of_size(module.start, module.length), command_line: Default::default() }
}

/// The ACPI root pointer in its newer layout; an old one has only the first 20 bytes.
fn rsdp(address: u64) -> [u8; RSDP_PAYLOAD] {
    const REVISION: usize = 15;
    const OLD_LENGTH: usize = 20;
    let mut copy = [0; RSDP_PAYLOAD];
    if address != 0 {
        let length = if byte(address + REVISION as u64) == 0 { OLD_LENGTH } else { RSDP_PAYLOAD };
        copy[..length].copy_from_slice(physical::bytes(address, length as u64));
    }
    copy
}

fn report(machine: &Machine, topology: &Topology, clocks: &Clocks) {
    let Machine { firmware, posture, .. } = machine;
    for range in &firmware.usable {
        say!("memory: {range} usable");
    }
    let enabled = firmware.cores.iter().filter(|core| core.enabled).count();
    let mode = if apic::is_x2apic() { "x2APIC" } else { "xAPIC" };
    say!("cores: {enabled} enabled of {}, boot core {}, {mode}", firmware.cores.len(), firmware.boot_apic_id);
    for chip in &firmware.io_apics {
        say!("interrupts: IOAPIC at {:#x}, {} pins from {}", chip.address, chip.pins, chip.gsi_base);
    }
    for rerouted in &topology.overrides {
        say!("interrupts: IRQ {} is pin {}, flags {:#x}", rerouted.irq, rerouted.pin, rerouted.flags);
    }
    let timer = clocks.apic_timer_hz / 1000;
    say!("clocks: TSC {} MHz ({}), local-APIC timer {timer} kHz", clocks.tsc_mhz, clocks.source);
    say!("posture: {posture}");
}
