// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same audit on tables of the long-descriptor format.

use super::*;
use crate::testing::{ARM_KERNEL, CONSOLE, DISTRIBUTOR, arm_firmware, built_on, planned_on};

const TABLE: u64 = 1 << 1;
const OPEN_TO_USER: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const ARM_ADDRESS: u64 = 0x0000_00ff_ffff_f000;
const KERNEL_HALF: u64 = 0x8000_0000;

/// A system whose tables are as they should be, each root task's empty.
struct Arm {
    memory: Sparse,
    plan: Plan,
    kernels: Vec<u64>,
}

impl Arm {
    fn new() -> Self {
        let (mut memory, plan) = (Sparse::default(), planned_on(&arm_firmware()));
        let kernels = built_on(&mut memory, &plan, Architecture::AArch32);
        Arm { memory, plan, kernels }
    }

    /// The top-level table of a root task, and the pages below that a test makes its tables of.
    fn user_tables(&self, instance: usize) -> [u64; 3] {
        [1, 2, 3].map(|page| self.plan.instances[instance].reserve.end - page * 0x1000)
    }

    fn audit(&self) -> Result<Report, Violation> {
        let roots = self.kernels.iter().enumerate().map(|(instance, kernel)| Roots {
            instance,
            kernel: *kernel,
            users: vec![self.user_tables(instance)[0]],
        });
        let read = |address| self.memory.read(address);
        Audit::new(Architecture::AArch32, &self.plan, None, read).run(&roots.collect::<Vec<_>>())
    }

    /// Address of the last-level entry that maps `address` in the kernel's tables of `instance`.
    fn entry(&self, instance: usize, address: u64) -> u64 {
        let mut at = self.kernels[instance] + (address >> 30 & 1) * 8;
        for shift in [21, 12] {
            let entry = self.memory.read(at);
            if entry & TABLE == 0 {
                return at;
            }
            at = (entry & ARM_ADDRESS) + (address >> shift & 0x1ff) * 8;
        }
        at
    }

    /// Changes that entry and gives what the audit finds.
    fn change(&mut self, instance: usize, address: u64, change: impl Fn(u64) -> u64) -> Violation {
        let at = self.entry(instance, address);
        let entry = self.memory.read(at);
        self.memory.write(at, change(entry));
        self.audit().expect_err("the audit finds the defect")
    }

    fn own_page(&self, instance: usize) -> u64 {
        Format::AARCH32.window_base + self.plan.instances[instance].status.start
    }

    /// Maps `frame` for the root task of instance 0 at 0x1000.
    fn map_for_user(&mut self, leaf: u64) {
        let [top, directory, table] = self.user_tables(0);
        self.memory.write(top, directory | TABLE | PRESENT);
        self.memory.write(directory, table | TABLE | PRESENT);
        self.memory.write(table + 8, leaf | OPEN_TO_USER | TABLE | PRESENT);
    }
}

#[test]
fn tables_built_from_the_plan_pass() {
    let report = Arm::new().audit().expect("nothing is wrong");
    assert_eq!(report.instances, 3);
    assert!(report.mappings > 3 * 20, "{report}");
}

#[test]
fn a_page_of_another_partition_is_found_with_both_ranges() {
    let mut fixture = Arm::new();
    let foreign = fixture.plan.instances[2].partition[0];
    let address = fixture.own_page(1);
    let found = fixture.change(1, address, |entry| entry & !ARM_ADDRESS | foreign.start);
    assert_eq!(found.mapped, MemoryRange::of_size(foreign.start, 0x1000));
    assert_eq!((found.instance, found.address, found.reached), (1, address, foreign));
    assert_eq!(found.fault, Fault::Foreign(Owner::Partition(2)));
}

#[test]
fn a_block_that_reaches_further_than_the_partition_is_found() {
    let mut fixture = Arm::new();
    let large = fixture.plan.instances[1].partition[0].start.next_multiple_of(1 << 21);
    fixture.plan.instances[1].partition[0].end -= 0x1000;
    let last = (fixture.plan.instances[1].partition[0].end - 1) & !((1 << 21) - 1);
    let address = Format::AARCH32.window_base + large;
    let found = fixture.change(1, address, |entry| entry & !ARM_ADDRESS | last);
    assert_eq!(found.mapped.size(), 1 << 21);
    assert_eq!(found.fault, Fault::Foreign(Owner::Nobody));
}

#[test]
fn writable_text_is_found() {
    let found = Arm::new().change(1, ARM_KERNEL, |entry| entry & !READ_ONLY);
    assert_eq!((found.fault, found.address), (Fault::WritableAndExecutable, ARM_KERNEL));
}

#[test]
fn a_kernel_page_open_to_user_code_is_found_unless_a_table_above_forbids_it() {
    let mut fixture = Arm::new();
    let found = fixture.change(0, ARM_KERNEL, |entry| entry | OPEN_TO_USER);
    assert_eq!(found.fault, Fault::OpenToUser);
    let top = fixture.kernels[0] + 8;
    let entry = fixture.memory.read(top);
    fixture.memory.write(top, entry | 1 << 61);
    assert!(fixture.audit().is_ok(), "APTable forbids user accesses below");
}

#[test]
fn registers_are_device_memory_and_no_users() {
    let address = Format::AARCH32.device_base + DISTRIBUTOR;
    let found = Arm::new().change(1, address, |entry| entry & !(0b111 << 2));
    assert_eq!(found.fault, Fault::CachedDevice(Owner::KernelRegisters(0)));
    let mut fixture = Arm::new();
    fixture.map_for_user(DISTRIBUTOR);
    let found = fixture.audit().expect_err("a program could mask any interrupt");
    assert_eq!(found.fault, Fault::Foreign(Owner::KernelRegisters(0)));
}

#[test]
fn the_console_of_one_instance_is_mapped_by_no_other() {
    let address = Format::AARCH32.device_base + DISTRIBUTOR;
    let found = Arm::new().change(1, address, |entry| entry & !ARM_ADDRESS | CONSOLE);
    assert_eq!(found.fault, Fault::Foreign(Owner::KernelRegisters(2)));
}

#[test]
fn user_pages_outside_the_own_partition_are_found_and_own_ones_pass() {
    let mut fixture = Arm::new();
    fixture.map_for_user(fixture.plan.instances[0].partition[0].start);
    assert!(fixture.audit().is_ok());
    fixture.map_for_user(fixture.plan.instances[1].partition[0].start);
    let found = fixture.audit().expect_err("user code reaches what it must not");
    assert_eq!((found.address, found.fault), (0x1000, Fault::Foreign(Owner::Partition(1))));
}

#[test]
fn a_table_in_another_partition_is_found() {
    let mut fixture = Arm::new();
    let foreign = fixture.plan.instances[1].reserve.start;
    let top = fixture.kernels[0];
    fixture.memory.write(top, foreign | TABLE | PRESENT);
    let found = fixture.audit().expect_err("another instance could write this table");
    assert_eq!((found.address, found.fault), (KERNEL_HALF, Fault::TableOutside(Owner::Partition(1))));
}

#[test]
fn an_entry_that_the_processor_faults_on_maps_nothing() {
    let mut fixture = Arm::new();
    let whole = fixture.audit().expect("nothing is wrong").mappings;
    let at = fixture.entry(0, ARM_KERNEL);
    let entry = fixture.memory.read(at);
    fixture.memory.write(at, entry & !TABLE);
    assert_eq!(fixture.audit().expect("reserved at the last level").mappings, whole - 1);
}

#[test]
fn every_planted_defect_is_found() {
    for (name, defect) in Plant::NAMES {
        let mut fixture = Arm::new();
        let root = (fixture.kernels[0], &Format::AARCH32);
        assert!(plant(&mut fixture.memory, &fixture.plan, root, defect).is_some(), "{name}");
        let found = fixture.audit().expect_err(name).fault;
        let expected = match defect {
            Plant::ForeignPartition => Fault::Foreign(Owner::Partition(1)),
            Plant::WritableText => Fault::WritableAndExecutable,
            Plant::MsiWindow => Fault::MsiWindow,
            Plant::ForeignInbox => Fault::Foreign(Owner::Inbox(2)),
        };
        assert_eq!(found, expected, "{name}");
    }
}
