// SPDX-License-Identifier: MIT OR Apache-2.0

mod aarch32;

use super::*;
use crate::options::Plant;
use crate::plant::plant;
use crate::tables::{Format, PhysicalMemory};
use crate::testing::{KERNEL, LOCAL_APIC, Sparse, built, planned};

const WINDOW_BASE: u64 = Format::X86_64.window_base;
const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const LARGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// A system whose tables are as they should be.
struct Fixture {
    memory: Sparse,
    plan: Plan,
    roots: Vec<u64>,
}

impl Fixture {
    fn new() -> Self {
        let (mut memory, plan) = (Sparse::default(), planned());
        let roots = built(&mut memory, &plan);
        Fixture { memory, plan, roots }
    }

    fn audit(&self) -> Result<Report, Violation> {
        let roots: Vec<Roots> = self
            .roots
            .iter()
            .enumerate()
            .map(|(instance, root)| Roots { instance, kernel: *root, users: vec![] })
            .collect();
        let read = |address| self.memory.read(address);
        Audit::new(Architecture::X86_64, &self.plan, Some(LOCAL_APIC), read).run(&roots)
    }

    /// Address of the last-level entry that maps `address` in the tables of `instance`.
    fn entry(&self, instance: usize, address: u64) -> u64 {
        let index = |shift: u32| (address >> shift & 0x1ff) * 8;
        let mut table = self.roots[instance];
        for shift in [39, 30, 21] {
            let entry = self.memory.read(table + index(shift));
            if entry & LARGE != 0 {
                return table + index(shift);
            }
            table = entry & ADDRESS;
        }
        table + index(12)
    }

    /// Changes that entry and gives what the audit finds.
    fn change(&mut self, instance: usize, address: u64, change: impl Fn(u64) -> u64) -> Violation {
        let at = self.entry(instance, address);
        let entry = self.memory.read(at);
        self.memory.write(at, change(entry));
        self.audit().expect_err("the audit finds the defect")
    }

    fn own_page(&self, instance: usize) -> u64 {
        WINDOW_BASE + self.plan.instances[instance].status.start
    }
}

#[test]
fn tables_built_from_the_plan_pass() {
    let fixture = Fixture::new();
    let report = fixture.audit().expect("nothing is wrong");
    assert_eq!(report.instances, 3);
    assert!(report.mappings > 3 * 20, "{report}");
}

#[test]
fn a_page_of_another_partition_is_found_with_both_ranges() {
    let mut fixture = Fixture::new();
    let foreign = fixture.plan.instances[2].partition[0];
    let address = fixture.own_page(1);
    let found = fixture.change(1, address, |entry| entry & !ADDRESS | foreign.start);
    assert_eq!(found.mapped, MemoryRange::of_size(foreign.start, 0x1000));
    assert_eq!((found.instance, found.address, found.reached), (1, address, foreign));
    assert_eq!(found.fault, Fault::Foreign(Owner::Partition(2)));
    let text = found.to_string();
    assert!(text.contains(&found.mapped.to_string()) && text.contains(&foreign.to_string()), "{text}");
}

#[test]
fn a_large_page_that_reaches_one_byte_too_far_is_found() {
    let mut fixture = Fixture::new();
    let end = fixture.plan.instances[1].partition[0].end;
    let large = fixture.plan.instances[1].partition[0].start.next_multiple_of(1 << 21);
    let last = (end - 1) & !((1 << 21) - 1);
    fixture.plan.instances[1].partition[0].end = end - 0x1000;
    let found = fixture.change(1, WINDOW_BASE + large, |entry| entry & !ADDRESS | last);
    assert_eq!(found.fault, Fault::Foreign(Owner::Nobody));
    assert_eq!(found.reached, MemoryRange::new(end - 0x1000, end));
}

#[test]
fn an_inbox_without_a_channel_is_found_and_one_with_a_channel_is_not() {
    let mut fixture = Fixture::new();
    let address = fixture.own_page(0);
    let allowed = fixture.plan.instances[1].inbox;
    let entry = fixture.entry(0, address);
    let old = fixture.memory.read(entry);
    fixture.memory.write(entry, old & !ADDRESS | allowed.start);
    assert!(fixture.audit().is_ok());
    let foreign = fixture.plan.instances[2].inbox;
    let found = fixture.change(0, address, |entry| entry & !ADDRESS | foreign.start);
    assert_eq!((found.fault, found.reached), (Fault::Foreign(Owner::Inbox(2)), foreign));
}

#[test]
fn status_pages_log_rings_and_kept_memory_of_others_are_found() {
    let plan = planned();
    let cases = [
        (plan.instances[2].status.start, Fault::Foreign(Owner::Status(2))),
        (plan.instances[2].log.start, Fault::Foreign(Owner::Log(2))),
        (plan.kept[0].range.start, Fault::Foreign(Owner::Kept)),
        (0xfec0_0000, Fault::Foreign(Owner::IoApic(0))),
        (0x4000_0000, Fault::Foreign(Owner::Nobody)),
    ];
    for (frame, fault) in cases {
        let mut fixture = Fixture::new();
        let address = fixture.own_page(1);
        assert_eq!(fixture.change(1, address, |entry| entry & !ADDRESS | frame).fault, fault);
    }
}

#[test]
fn writable_text_is_found() {
    let found = Fixture::new().change(1, KERNEL, |entry| entry | WRITABLE);
    assert_eq!((found.fault, found.address), (Fault::WritableAndExecutable, KERNEL));
}

#[test]
fn a_kernel_page_open_to_user_code_is_found_only_when_every_level_opens_it() {
    let mut fixture = Fixture::new();
    let at = fixture.entry(0, KERNEL);
    let entry = fixture.memory.read(at);
    fixture.memory.write(at, entry | USER);
    assert!(fixture.audit().is_ok());
    let mut table = fixture.roots[0];
    for shift in [39, 30, 21] {
        let above = table + (KERNEL >> shift & 0x1ff) * 8;
        let entry = fixture.memory.read(above);
        fixture.memory.write(above, entry | USER);
        table = entry & ADDRESS;
    }
    assert_eq!(fixture.audit().expect_err("open").fault, Fault::OpenToUser);
}

#[test]
fn a_kernel_page_of_the_msi_window_is_found() {
    let mut fixture = Fixture::new();
    let address = fixture.own_page(0);
    assert_eq!(fixture.change(0, address, |entry| entry & !ADDRESS | 0xfeef_f000).fault, Fault::MsiWindow);
}

#[test]
fn the_local_apic_page_is_the_kernels_uncached_and_no_users() {
    let mut fixture = Fixture::new();
    let found = fixture.change(0, WINDOW_BASE + LOCAL_APIC, |entry| entry & !(0b11 << 3));
    assert_eq!(found.fault, Fault::CachedDevice(Owner::LocalApic));
    let mut fixture = Fixture::new();
    let (root, reserve) = (fixture.roots[0], fixture.plan.instances[0].reserve);
    let tables = [1, 2, 3].map(|page| reserve.end - page * 0x1000);
    fixture.memory.write(root, tables[0] | USER | WRITABLE | PRESENT);
    fixture.memory.write(tables[0], tables[1] | USER | WRITABLE | PRESENT);
    fixture.memory.write(tables[1], tables[2] | USER | WRITABLE | PRESENT);
    fixture.memory.write(tables[2], LOCAL_APIC | USER | PRESENT);
    assert_eq!(fixture.audit().expect_err("user code").fault, Fault::MsiWindow);
}

#[test]
fn a_table_in_another_partition_is_found() {
    let mut fixture = Fixture::new();
    let foreign = fixture.plan.instances[1].reserve.start;
    let top = fixture.roots[0] + 256 * 8;
    fixture.memory.write(top, foreign | WRITABLE | PRESENT);
    let found = fixture.audit().expect_err("another instance could write this table");
    assert_eq!(found.fault, Fault::TableOutside(Owner::Partition(1)));
    assert_eq!(found.mapped, MemoryRange::of_size(foreign, 0x1000));
}

#[test]
fn user_pages_outside_the_own_partition_are_found() {
    for frame in
        [0x10_0000_0000, planned().instances[0].inbox.start, planned().instances[1].partition[0].start]
    {
        let mut fixture = Fixture::new();
        let (root, reserve) = (fixture.roots[0], fixture.plan.instances[0].reserve);
        let tables = [1, 2, 3].map(|page| reserve.end - page * 0x1000);
        fixture.memory.write(root, tables[0] | USER | WRITABLE | PRESENT);
        fixture.memory.write(tables[0], tables[1] | USER | WRITABLE | PRESENT);
        fixture.memory.write(tables[1], tables[2] | USER | WRITABLE | PRESENT);
        fixture.memory.write(tables[2] + 8, frame | USER | PRESENT);
        let found = fixture.audit().expect_err("user code reaches what it must not");
        assert_eq!((found.address, matches!(found.fault, Fault::Foreign(_))), (0x1000, true));
    }
}

#[test]
fn every_planted_defect_is_found() {
    for (name, defect) in Plant::NAMES {
        let mut fixture = Fixture::new();
        let root = fixture.roots[0];
        assert!(
            plant(&mut fixture.memory, &fixture.plan, (root, &Format::X86_64), defect).is_some(),
            "{name} cannot be planted"
        );
        let found = fixture.audit().expect_err(name);
        let is_expected = match defect {
            Plant::ForeignPartition => found.fault == Fault::Foreign(Owner::Partition(1)),
            Plant::WritableText => found.fault == Fault::WritableAndExecutable,
            Plant::MsiWindow => found.fault == Fault::MsiWindow,
            Plant::ForeignInbox => found.fault == Fault::Foreign(Owner::Inbox(2)),
        };
        assert!(is_expected, "{name}: {found}");
    }
}
