// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU's virt machine tells the boot code, as far as a plan depends on it: for plans before anything boots.

use memory_partition::{Architecture, Core, Firmware, Hazards, IoApic, KernelRegisters, KernelUnit, Unit};
use skerry_system::MemoryRange;

/// Where its memory begins.
const MEMORY: u64 = 0x4000_0000;
/// Registers of its GICv2 and of its UART.
const DISTRIBUTOR: MemoryRange = MemoryRange::new(0x0800_0000, 0x0801_0000);
const CPU_INTERFACE: MemoryRange = MemoryRange::new(0x0801_0000, 0x0802_0000);
const CONSOLE: MemoryRange = MemoryRange::new(0x0900_0000, 0x0900_1000);
/// Registers that reach beyond their owner.
const HAZARDS: [(Unit, MemoryRange); 5] = [
    (Unit::FwCfg, MemoryRange::new(0x0902_0000, 0x0902_0018)),
    (Unit::Virtio, MemoryRange::new(0x0a00_0000, 0x0a00_4000)),
    (Unit::PciConfiguration, MemoryRange::new(0x40_1000_0000, 0x40_2000_0000)),
    (Unit::MessageFrame, MemoryRange::new(0x0802_0000, 0x0802_1000)),
    (Unit::Flash, MemoryRange::new(0, 0x0800_0000)),
];
/// Interrupts of devices are behind those of a core alone.
const FIRST_INTERRUPT: u32 = 32;
const INTERRUPTS: u32 = 256;

/// The record of a machine with so many cores and so much memory.
pub fn firmware(cpus: u32, memory: u64) -> Firmware {
    let units = [
        (KernelUnit::Distributor, DISTRIBUTOR),
        (KernelUnit::CpuInterface, CPU_INTERFACE),
        (KernelUnit::Console, CONSOLE),
    ];
    let registers = units.map(|(unit, range)| KernelRegisters { unit, range, owner: None });
    let cores = (0..cpus).map(|number| Core { apic_id: number, enabled: true, node: 0 });
    Firmware {
        architecture: Architecture::AArch32,
        usable: vec![MemoryRange::of_size(MEMORY, memory)],
        cores: cores.collect(),
        io_apics: vec![IoApic { address: DISTRIBUTOR.start, pins: INTERRUPTS, gsi_base: FIRST_INTERRUPT }],
        hazards: Hazards { registers: HAZARDS.into(), ..Hazards::default() },
        kernel_registers: registers.into(),
        ..Firmware::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::least_footprints;
    use memory_partition::plan;
    use skerry_system::Description;

    #[test]
    fn eight_instances_share_the_memory_that_kernels_reach() {
        let description = Description::equal(8, "ping-pong");
        let footprints = least_footprints(&description);
        let plan = plan(&firmware(8, 4 << 30), &description, &footprints).expect("they fit");
        let mut partitions = plan.instances.iter().flat_map(|instance| &instance.partition);
        assert!(partitions.all(|range| range.start >= MEMORY && range.end <= 0xb000_0000));
        assert!(plan.ports.is_empty());
    }
}
