// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine without IO ports, whose kernels share a distributor of interrupts.

use super::*;
use crate::{Architecture, KernelRegisters, KernelUnit};

const DISTRIBUTOR: MemoryRange = MemoryRange::new(0x0800_0000, 0x0801_0000);
const CONSOLE: MemoryRange = MemoryRange::new(0x0900_0000, 0x0900_1000);
const WINDOW_END: u64 = 0xb000_0000;

/// Memory from 1 GiB up, more of it than a kernel can reach.
fn arm_machine() -> Firmware {
    let registers = |unit, range| KernelRegisters { unit, range, owner: None };
    Firmware {
        architecture: Architecture::AArch32,
        usable: vec![MemoryRange::new(0x4000_0000, 0xc000_0000)],
        other: Vec::new(),
        io_apics: vec![IoApic { address: DISTRIBUTOR.start, pins: 256, gsi_base: 32 }],
        kernel_registers: vec![
            registers(KernelUnit::Distributor, DISTRIBUTOR),
            registers(KernelUnit::CpuInterface, MemoryRange::new(0x0801_0000, 0x0802_0000)),
            registers(KernelUnit::Console, CONSOLE),
        ],
        modules: vec![Module { range: MemoryRange::new(0x4800_0000, 0x4801_0000), command_line: "".into() }],
        occupied: vec![
            occupied(0x4001_0000, 0x4009_0000, Occupant::BootImage),
            occupied(0x4009_0000, 0x4090_0000, Occupant::BootData),
        ],
        ..large_machine()
    }
}

fn with_registers(base: u64) -> Description {
    let mut description = Description::split(2, "ping");
    description.devices.push(device("uart", 1, DeviceKind::Mmio { base, size: PAGE }));
    description
}

#[test]
fn memory_that_no_kernel_can_reach_is_dropped_and_said_and_no_device_memory() {
    let plan = plan_of(&arm_machine(), &Description::split(4, "ping"));
    let above = MemoryRange::new(WINDOW_END, 0xc000_0000);
    assert!(plan.dropped.contains(&Dropped { range: above, reason: DropReason::Unreachable }));
    for instance in &plan.instances {
        assert!(instance.memory().all(|range| range.end <= WINDOW_END));
        assert!(instance.untyped.iter().all(|piece| !piece.range().overlaps(above)));
    }
}

#[test]
fn cores_start_anywhere_and_there_are_no_ports() {
    let plan = plan_of(&arm_machine(), &Description::split(4, "ping"));
    assert_eq!((plan.trampoline, plan.ports.len()), (None, 0));
    let mut description = Description::split(2, "ping");
    description.devices.push(device("uart", 1, DeviceKind::IoPorts { first: 0x3f8, last: 0x3ff }));
    let refused = DeviceError::NoPorts { device: "uart".into(), architecture: Architecture::AArch32 };
    assert_eq!(error_of(&arm_machine(), &description), PlanError::Device(refused));
}

#[test]
fn registers_of_the_kernels_are_in_nobodys_untyped_list() {
    let firmware = arm_machine();
    let plan = plan_of(&firmware, &Description::split(4, "ping"));
    assert_eq!(plan.kernel_registers, firmware.kernel_registers);
    let mut untyped = plan.instances.iter().flat_map(|instance| &instance.untyped);
    let is_kernels = |range: MemoryRange| plan.kernel_registers.iter().any(|own| own.range.overlaps(range));
    assert!(!untyped.any(|piece| is_kernels(piece.range())));
    let error = error_of(&firmware, &with_registers(DISTRIBUTOR.start + PAGE));
    assert!(
        matches!(error, PlanError::Device(DeviceError::RegistersTaken { taken: Taken::Kernel, .. })),
        "{error}"
    );
}

#[test]
fn a_console_that_is_given_away_is_no_longer_the_kernels() {
    let plan = plan_of(&arm_machine(), &with_registers(CONSOLE.start));
    assert!(plan.kernel_registers.iter().all(|registers| registers.unit != KernelUnit::Console));
    let has = |instance: usize| plan.instances[instance].untyped.iter().any(|piece| piece.range() == CONSOLE);
    assert!(has(1) && !has(0));
}

#[test]
fn no_untyped_is_larger_than_the_kernel_allows() {
    let plan = plan_of(&arm_machine(), &Description::split(1, "ping"));
    let mut sizes = plan.instances[0].untyped.iter().map(|piece| u32::from(piece.size_bits));
    assert!(sizes.all(|bits| bits <= abi::aarch32::MAX_UNTYPED_BITS));
}

#[test]
fn a_plan_that_gives_registers_of_the_kernels_away_is_refused() {
    let firmware = arm_machine();
    let mut plan = plan_of(&firmware, &Description::split(2, "ping"));
    plan.kernel_registers[0].range = CONSOLE;
    plan.kernel_registers[2].range = MemoryRange::of_size(0x0a00_0000, PAGE);
    assert!(matches!(plan.check(&firmware), Err(crate::Violation::Overlap { .. })));
}
