// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU's q35 machine tells the boot code, as far as a plan depends on it: for plans before anything boots.

use crate::machine::{BOOT_PORT, CONSOLE_PORT};
use memory_partition::{Core, Firmware, Hazards, IoApic, OtherRange, PortHazard, Unit};
use skerry_system::MemoryRange;

/// Where usable memory below 1 MiB ends.
const LOW_END: u64 = 0x9_fc00;
const MIB: u64 = 1 << 20;
/// Memory below 4 GiB: all of it, unless it would reach the space for devices.
const MOST_BELOW_4_GIB: u64 = 0xb000_0000;
const SPLIT: u64 = 2 << 30;
const FOUR_GIB: u64 = 4 << 30;
/// ACPI tables and the like at the end of the memory below 4 GiB.
const FIRMWARE_TOP: u64 = 128 << 10;
/// QEMU keeps so much of the memory below 4 GiB clear of modules.
const MODULE_TOP: u64 = 160 << 10;
const PAGE: u64 = 4096;
/// Memory and windows that the firmware calls reserved, wherever memory ends.
const RESERVED: [(u64, u64); 6] = [
    (LOW_END, 0xa_0000),
    (0xf_0000, MIB),
    (0xb000_0000, 0xc000_0000),
    (0xfed1_c000, 0xfed2_0000),
    (0xfffc_0000, FOUR_GIB),
    (0xfd_0000_0000, 0x100_0000_0000),
];
/// The timers, which send messages when they are told to, although they say that they cannot unless QEMU has `hpet.msi=on`.
const HPET: MemoryRange = MemoryRange::new(0xfed0_0000, 0xfed0_0400);
/// Configuration of PCI in memory.
const ECAM: MemoryRange = MemoryRange::new(0xb000_0000, 0xc000_0000);
/// The disk controller, the only function with base address registers besides the SMBus.
const DISKS: Unit = Unit::PciFunction { bus: 0, device: 0x1f, function: 2 };
const DISKS_MEMORY: MemoryRange = MemoryRange::new(0xfebf_f000, 0xfec0_0000);
const DISKS_PORTS: PortHazard = PortHazard { unit: DISKS, first: 0xc040, last: 0xc05f, own: None };
const IO_APIC: IoApic = IoApic { address: 0xfec0_0000, pins: 24, gsi_base: 0 };

/// The record of a machine with so many cores and so much memory.
pub fn firmware(cpus: u32, memory: u64) -> Firmware {
    let below = below_4_gib(memory);
    let mut usable =
        vec![MemoryRange::new(0, LOW_END), MemoryRange::new(MIB, below.saturating_sub(FIRMWARE_TOP))];
    if memory > below {
        usable.push(MemoryRange::of_size(FOUR_GIB, memory - below));
    }
    let cores = (0..cpus).map(|apic_id| Core { apic_id, enabled: true, node: 0 });
    let tables = MemoryRange::new(below.saturating_sub(FIRMWARE_TOP), below);
    let reserved = RESERVED.iter().map(|&(start, end)| MemoryRange::new(start, end));
    let other = reserved.chain([tables]).map(|range| OtherRange { range, kind: 2 });
    Firmware {
        usable,
        other: other.collect(),
        cores: cores.collect(),
        io_apics: vec![IO_APIC],
        hazards: hazards(),
        ..Firmware::default()
    }
}

/// What reaches beyond its owner in a machine without further devices.
fn hazards() -> Hazards {
    let mut hazards = Hazards {
        registers: vec![(Unit::Hpet, HPET), (Unit::PciConfiguration, ECAM), (DISKS, DISKS_MEMORY)],
        ports: vec![DISKS_PORTS],
        harmless: vec![],
    };
    hazards.add_debug_consoles(Some(BOOT_PORT as u16), CONSOLE_PORT as u16);
    hazards
}

/// Where QEMU loads a module of so many bytes.
pub fn module(memory: u64, bytes: u64) -> MemoryRange {
    let last = below_4_gib(memory).saturating_sub(MODULE_TOP + 1);
    let start = last.saturating_sub(bytes);
    MemoryRange::of_size(start - start % PAGE, bytes)
}

fn below_4_gib(memory: u64) -> u64 {
    if memory < MOST_BELOW_4_GIB { memory } else { SPLIT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_would_reach_the_devices_goes_above_4_gib() {
        let small = firmware(1, 512 << 20);
        assert_eq!(small.usable[1], MemoryRange::new(MIB, 0x1ffe_0000));
        let large = firmware(1, 6 << 30);
        assert_eq!(large.usable[1].end, SPLIT - FIRMWARE_TOP);
        assert_eq!(large.usable[2], MemoryRange::of_size(FOUR_GIB, 4 << 30));
    }
}
