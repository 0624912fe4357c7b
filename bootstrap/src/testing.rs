// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small machines and a system on them, for tests.

use std::collections::BTreeMap;

use memory_partition::{
    Architecture, Core, Firmware, Footprint, IoApic, KernelRegisters, KernelUnit, Module, Occupant, Occupied,
    Plan, plan,
};
use skerry_system::{Description, MemoryRange};

use crate::carver::Carver;
use crate::program::PAGE;
use crate::tables::{Access, Format, PhysicalMemory, Tables};
use crate::window::window;

/// Where the local APIC's registers are in xAPIC mode.
pub(crate) const LOCAL_APIC: u64 = 0xfee0_0000;
/// Where the kernel image is mapped.
pub(crate) const KERNEL: u64 = 0xffff_ffff_8000_0000;
/// The same on Arm.
pub(crate) const ARM_KERNEL: u64 = 0xf000_0000;
/// Where the distributor of interrupts is on Arm.
pub(crate) const DISTRIBUTOR: u64 = 0x0800_0000;
/// Where the console is on Arm.
pub(crate) const CONSOLE: u64 = 0x0900_0000;

/// Physical memory that is zero where nothing was stored.
#[derive(Default)]
pub(crate) struct Sparse(pub(crate) BTreeMap<u64, u64>);

impl PhysicalMemory for Sparse {
    fn read(&self, address: u64) -> u64 {
        self.0.get(&address).copied().unwrap_or(0)
    }

    fn write(&mut self, address: u64, value: u64) {
        self.0.insert(address, value);
    }
}

pub(crate) fn firmware() -> Firmware {
    let core = |apic_id| Core { apic_id, enabled: true, node: 0 };
    let occupied = |start, end, occupant| Occupied { range: MemoryRange::new(start, end), occupant };
    Firmware {
        usable: [(0, 0x9_fc00), (0x10_0000, 0x0800_0000)].map(|(from, to)| MemoryRange::new(from, to)).into(),
        cores: [0, 1, 2, 5].map(core).into(),
        io_apics: [IoApic { address: 0xfec0_0000, pins: 24, gsi_base: 0 }].into(),
        modules: [Module { range: MemoryRange::new(0x07ff_0000, 0x07ff_8000), command_line: String::new() }]
            .into(),
        occupied: [
            occupied(0x20_0000, 0x28_0000, Occupant::BootImage),
            occupied(0x28_0000, 0x70_0000, Occupant::BootData),
        ]
        .into(),
        ..Firmware::default()
    }
}

/// A machine of Arm with four cores; its console is the first instance's.
pub(crate) fn arm_firmware() -> Firmware {
    let registers =
        |unit, start: u64, end, owner| KernelRegisters { unit, range: MemoryRange::new(start, end), owner };
    let moved = |occupied: &Occupied| Occupied {
        range: MemoryRange::of_size(occupied.range.start + 0x4000_0000, occupied.range.size()),
        ..*occupied
    };
    let pc = firmware();
    Firmware {
        architecture: Architecture::AArch32,
        usable: vec![MemoryRange::new(0x4000_0000, 0x4800_0000)],
        io_apics: vec![IoApic { address: DISTRIBUTOR, pins: 96, gsi_base: 32 }],
        kernel_registers: vec![
            registers(KernelUnit::Distributor, DISTRIBUTOR, 0x0801_0000, None),
            registers(KernelUnit::CpuInterface, 0x0801_0000, 0x0802_0000, None),
            registers(KernelUnit::Console, CONSOLE, CONSOLE + PAGE, Some(0)),
        ],
        modules: vec![Module {
            range: MemoryRange::new(0x47ff_0000, 0x47ff_8000),
            command_line: String::new(),
        }],
        occupied: pc.occupied.iter().map(moved).collect(),
        ..pc
    }
}

/// Three instances; only the first signals the second.
pub(crate) fn description() -> Description {
    let mut description = Description::split(3, "program");
    description.channels = Description::equal(2, "program").channels;
    description.channels.truncate(1);
    description
}

pub(crate) fn planned() -> Plan {
    planned_on(&firmware())
}

pub(crate) fn planned_on(firmware: &Firmware) -> Plan {
    let footprint = Footprint { reserve_bytes: 0x10_0000, record_bytes: 0 };
    plan(firmware, &description(), &[footprint; 3]).expect("three instances fit this machine")
}

/// Top-level tables of every kernel as the boot core builds them, with one text, one constant and one data page each.
pub(crate) fn built(memory: &mut Sparse, plan: &Plan) -> Vec<u64> {
    built_on(memory, plan, Architecture::X86_64)
}

/// The same on another machine.
pub(crate) fn built_on(memory: &mut Sparse, plan: &Plan, architecture: Architecture) -> Vec<u64> {
    let format = Format::of(architecture);
    let (kernel, local_apic) = match architecture {
        Architecture::X86_64 => (KERNEL, Some(LOCAL_APIC)),
        Architecture::AArch32 => (ARM_KERNEL, None),
    };
    let build = |index: usize| {
        let mut carver = Carver::new(plan.instances[index].reserve);
        let image = carver.pages(3).expect("a reserve has room");
        let mut tables = Tables::new(memory, &mut carver, format).expect("a reserve has room");
        let kinds = [Access::ReadExecute, Access::Read, Access::ReadWrite];
        for (page, access) in (0..).zip(kinds) {
            let frame = MemoryRange::of_size(image.start + page * PAGE, PAGE);
            tables.map(kernel + page * PAGE, frame, access).expect("a reserve has room");
        }
        for (range, access) in window(plan, index, local_apic) {
            let address = format.kernel_address(range.start, access);
            tables.map(address, range, access).expect("a reserve has room");
        }
        tables.root()
    };
    (0..plan.instances.len()).map(build).collect()
}
