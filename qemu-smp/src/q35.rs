// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU's q35 machine tells the boot code, as far as a plan depends on it: for plans before anything boots.

use memory_partition::{Core, Firmware, IoApic};
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
    Firmware { usable, cores: cores.collect(), io_apics: vec![IO_APIC], ..Firmware::default() }
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
