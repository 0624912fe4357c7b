// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a PC is, from the loader's start record, ACPI and the processor.

use alloc::string::String;

use bootstrap::acpi::LOCAL_APIC;
use bootstrap::memory_map::MemoryMap;
use bootstrap::options::Options;
use bootstrap::pvh::{self, StartInfo};
use memory_partition::{Firmware, Module};
use skerry_system::MemoryRange;

use super::acpi::{self, Mapped, Topology};
use super::error::MachineError;
use super::posture;
use super::time::{self, Clocks};
use super::{apic, cpu, hazards, map};
use crate::boot::console::say;
use crate::boot::error::BootError;
use crate::boot::machine::{self, Machine};

/// The command line alone, before anything else is known.
pub(crate) fn command_line(start_info: u64) -> String {
    pvh::command_line(start_info, &Mapped)
}

/// Finds out what the machine is and brings the boot core into the posture of all cores.
pub(crate) fn discover(start_info: u64, options: Options) -> Result<Machine, BootError> {
    let began = cpu::timestamp();
    posture::check()?;
    let start = pvh::read(start_info, &Mapped).map_err(MachineError::Start)?;
    let memory = MemoryMap::new(&start.memory, cpu::physical_top());
    map::map_memory(memory.readable());
    check_modules(&start)?;
    apic::check_base()?;
    let is_memory = |range| hazards::is_memory(&memory, range);
    let topology = acpi::read(start.rsdp, &is_memory).map_err(MachineError::Acpi)?;
    apic::mask_pics();
    let clocks = time::calibrate()?;
    apic::enable();
    let posture = posture::apply();
    let mut firmware = firmware(&start, &memory, &topology);
    hazards::add_consoles(&mut firmware.hazards, &options);
    let machine = Machine {
        options,
        began,
        rsdp: Some(topology.root.bytes),
        firmware,
        ticks_per_us: clocks.tsc_mhz,
        timer_ratio: clocks.timer_ratio(),
        posture,
        local_apic_page: (!apic::is_x2apic()).then_some(LOCAL_APIC),
    };
    report(&machine, &memory, &topology, &clocks);
    Ok(machine)
}

/// A module is read before the plan says what memory there is.
fn check_modules(start: &StartInfo) -> Result<(), MachineError> {
    for (index, module) in start.modules.iter().enumerate() {
        let range = module_range(module);
        if range.size() != module.length || !map::is_all_memory(range) {
            return Err(MachineError::Module { index, start: module.start, length: module.length });
        }
    }
    Ok(())
}

fn module_range(module: &pvh::Module) -> MemoryRange {
    MemoryRange::of_size(module.start, module.length)
}

/// The neutral record of the machine.
fn firmware(start: &StartInfo, memory: &MemoryMap, topology: &Topology) -> Firmware {
    let module = |module| Module { range: module_range(module), command_line: String::new() };
    Firmware {
        usable: memory.usable.clone(),
        other: memory.other.clone(),
        cores: topology.cores.clone(),
        boot_apic_id: cpu::core_id(),
        io_apics: topology.io_apics.clone(),
        hazards: topology.hazards.clone(),
        modules: start.modules.iter().map(module).collect(),
        command_line: start.command_line.clone(),
        rsdp: topology.root.address,
        occupied: machine::image().into(),
        ..Firmware::default()
    }
}

fn report(machine: &Machine, memory: &MemoryMap, topology: &Topology, clocks: &Clocks) {
    let Machine { firmware, posture, .. } = machine;
    for cut in &memory.cut {
        say!("memory: {cut}");
    }
    for note in topology.notes.iter() {
        say!("ACPI: {note}");
    }
    if topology.notes.more() > 0 {
        say!("ACPI: {} more of this kind", topology.notes.more());
    }
    for range in &firmware.usable {
        say!("memory: {range} usable");
    }
    let enabled = firmware.cores.iter().filter(|core| core.enabled).count();
    let mode = if apic::is_x2apic() { "x2APIC" } else { "xAPIC" };
    say!("cores: {enabled} enabled of {}, boot core {}, {mode}", firmware.cores.len(), firmware.boot_apic_id);
    for chip in &firmware.io_apics {
        say!("interrupts: IOAPIC at {:#x}, {} pins from {}", chip.address, chip.pins, chip.gsi_base);
    }
    for skipped in &topology.skipped_io_apics {
        say!("interrupts: {skipped}");
    }
    for rerouted in &topology.overrides {
        say!("interrupts: IRQ {} is pin {}, flags {:#x}", rerouted.irq, rerouted.pin, rerouted.flags);
    }
    let timer = clocks.apic_timer_hz / 1000;
    say!("clocks: TSC {} MHz ({}), local-APIC timer {timer} kHz", clocks.tsc_mhz, clocks.source);
    say!("posture: {posture}");
}
