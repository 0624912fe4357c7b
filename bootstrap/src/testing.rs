// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small machine and a system on it, for tests.

use std::collections::BTreeMap;

use arch::WINDOW_BASE;
use memory_partition::{
    Core, Description, Firmware, Footprint, IoApic, MemoryRange, Module, Occupant, Occupied, Plan, plan,
};

use crate::carver::Carver;
use crate::program::PAGE;
use crate::tables::{Access, PhysicalMemory, Tables};
use crate::window::window;

/// Where the local APIC's registers are in xAPIC mode.
pub(crate) const LOCAL_APIC: u64 = 0xfee0_0000;
/// Where the kernel image is mapped.
pub(crate) const KERNEL: u64 = 0xffff_ffff_8000_0000;

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

/// Three instances; only the first signals the second.
pub(crate) fn description() -> Description {
    let mut description = Description::split(3, "program");
    description.channels = Description::equal(2, "program").channels;
    description.channels.truncate(1);
    description
}

pub(crate) fn planned() -> Plan {
    let footprint = Footprint { reserve_bytes: 0x10_0000, record_bytes: 0 };
    plan(&firmware(), &description(), &[footprint; 3]).expect("three instances fit this machine")
}

/// Tables of every instance as the boot core builds them, with one text, one constant and one data page each.
pub(crate) fn built(memory: &mut Sparse, plan: &Plan) -> Vec<u64> {
    let build = |index: usize| {
        let mut carver = Carver::new(plan.instances[index].reserve);
        let image = carver.pages(3).expect("a reserve has room");
        let mut tables = Tables::new(memory, &mut carver).expect("a reserve has room");
        let kinds = [Access::ReadExecute, Access::Read, Access::ReadWrite];
        for (page, access) in (0..).zip(kinds) {
            let frame = MemoryRange::of_size(image.start + page * PAGE, PAGE);
            tables.map(KERNEL + page * PAGE, frame, access).expect("a reserve has room");
        }
        for (range, access) in window(plan, index, Some(LOCAL_APIC)) {
            tables.map(WINDOW_BASE + range.start, range, access).expect("a reserve has room");
        }
        tables.root()
    };
    (0..plan.instances.len()).map(build).collect()
}
