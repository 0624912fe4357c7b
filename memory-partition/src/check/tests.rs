// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::{string::ToString, vec, vec::Vec};

use super::*;
use crate::{Core, Footprint, IoApic, OtherRange, UntypedRange, plan};
use skerry_system::Description;

const FOOTPRINT: Footprint = Footprint { reserve_bytes: 0x10_0000, record_bytes: PAGE };

fn machine() -> Firmware {
    let core = |apic_id| Core { apic_id, enabled: true, node: 0 };
    Firmware {
        usable: vec![MemoryRange::new(0, 0x9_fc00), MemoryRange::new(0x10_0000, 0x1000_0000)],
        cores: Vec::from([core(0), core(1)]),
        io_apics: vec![IoApic { address: 0xfec0_0000, pins: 24, gsi_base: 0 }],
        ..Firmware::default()
    }
}

/// What the checker says after `spoil` changed a correct plan.
fn verdict(spoil: impl FnOnce(&mut Plan)) -> Result<(), Violation> {
    let firmware = machine();
    let mut plan =
        plan(&firmware, &Description::equal(2, "ping"), &[FOOTPRINT; 2]).expect("the description fits");
    spoil(&mut plan);
    plan.check(&firmware)
}

/// The two places of an overlap.
fn overlap(spoil: impl FnOnce(&mut Plan)) -> (Place, Place) {
    match verdict(spoil) {
        Err(Violation::Overlap { first, second, .. }) => (first, second),
        other => panic!("not an overlap: {other:?}"),
    }
}

#[test]
fn a_correct_plan_passes() {
    assert_eq!(verdict(|_| ()), Ok(()));
}

#[test]
fn partitions_that_overlap_are_found() {
    let pair = overlap(|plan| {
        let start = plan.instances[1].partition[0].start;
        plan.instances[0].partition.push(MemoryRange::of_size(start, PAGE));
    });
    assert_eq!(pair, (Place::Partition(0), Place::Partition(1)));
}

#[test]
fn a_shared_page_on_an_inbox_is_found() {
    let pair = overlap(|plan| plan.instances[1].status = plan.instances[0].inbox);
    assert_eq!(pair, (Place::Inbox(0), Place::Status(1)));
}

#[test]
fn a_region_over_a_log_is_found() {
    let pair = overlap(|plan| plan.regions[0].range = plan.instances[1].log);
    assert_eq!(pair, (Place::Log(1), Place::Region(0)));
}

#[test]
fn a_device_untyped_over_a_partition_is_found() {
    let pair = overlap(|plan| {
        let base = plan.instances[1].partition[0].start;
        plan.instances[0].untyped.push(UntypedRange { base, size_bits: 12, device: true });
    });
    assert_eq!(pair, (Place::Device(0), Place::Partition(1)));
}

#[test]
fn a_device_untyped_over_the_interrupt_window_a_chip_or_the_trampoline_is_found() {
    let device_at = |base| {
        move |plan: &mut Plan| {
            plan.instances[1].untyped.push(UntypedRange { base, size_bits: 12, device: true });
        }
    };
    assert_eq!(overlap(device_at(0xfeef_f000)), (Place::MsiWindow, Place::Device(1)));
    assert_eq!(overlap(device_at(0xfec0_0000)), (Place::Device(1), Place::IoApic(0)));
    assert_eq!(overlap(device_at(0x8000)), (Place::Kept, Place::Device(1)));
}

#[test]
fn untypeds_that_overlap_each_other_or_the_reserve_are_found() {
    let pair = overlap(|plan| {
        let normal = plan.instances[1].untyped[0];
        plan.instances[1].untyped.push(normal);
    });
    assert_eq!(pair, (Place::Untyped(1), Place::Untyped(1)));
    let pair = overlap(|plan| {
        let base = plan.instances[1].reserve.start;
        plan.instances[1].untyped.push(UntypedRange { base, size_bits: 12, device: false });
    });
    assert_eq!(pair, (Place::Untyped(1), Place::Reserve(1)));
}

#[test]
fn an_untyped_of_another_partition_is_found() {
    let found = verdict(|plan| {
        let foreign = plan.instances[1].untyped[0];
        plan.instances[0].untyped.push(foreign);
    });
    let is_foreign = |violation| matches!(violation, Violation::Outside { place: Place::Untyped(0), .. });
    assert!(found.is_err_and(is_foreign));
}

#[test]
fn a_place_outside_usable_memory_is_found() {
    let beyond = MemoryRange::new(0x2000_0000, 0x2000_1000);
    // Device memory reaches there too, so it has to go first.
    let found = verdict(|plan| {
        plan.instances[0].untyped.retain(|untyped| !untyped.device);
        plan.instances[1].boot_record = beyond;
    });
    let place = Place::BootRecord(1);
    assert_eq!(found, Err(Violation::NotUsable { place, range: beyond, address: beyond.start }));

    let mut firmware = machine();
    let plan = plan(&firmware, &Description::equal(2, "ping"), &[FOOTPRINT; 2]).expect("it fits");
    firmware.other.push(OtherRange { range: plan.regions[0].range, kind: 2 });
    let not_usable = |violation| matches!(violation, Violation::NotUsable { place: Place::Region(0), .. });
    assert!(plan.check(&firmware).is_err_and(not_usable));
}

#[test]
fn usable_memory_that_belongs_to_nobody_is_found() {
    let found = verdict(|plan| plan.instances[1].log = MemoryRange::default());
    assert!(found.is_err_and(|violation| matches!(violation, Violation::Lost { .. })));
    let found = verdict(|plan| {
        plan.instances[1].untyped.pop();
    });
    assert!(found.is_err_and(|violation| matches!(violation, Violation::Lost { .. })));
}

#[test]
fn a_list_longer_than_bootinfo_is_found() {
    let found = verdict(|plan| {
        let one = plan.instances[1].untyped[0];
        plan.instances[1].untyped.resize(231, one);
    });
    assert_eq!(found, Err(Violation::ListTooLong { instance: 1, entries: 231 }));
}

#[test]
fn two_instances_on_one_core_are_found() {
    let found = verdict(|plan| plan.instances[1].apic_id = 0);
    assert_eq!(found, Err(Violation::SameCore { first: 0, second: 1, apic_id: 0 }));
}

#[test]
fn a_violation_names_both_ranges() {
    let found = verdict(|plan| plan.instances[1].status = plan.instances[0].inbox);
    let text = found.expect_err("the pages overlap").to_string();
    assert_eq!(text.matches("0x").count(), 4, "{text}");
}

#[test]
fn an_interrupt_controller_that_is_listed_twice_or_shares_inputs_is_found() {
    let with_second = |address, gsi_base| {
        verdict(|plan| {
            let first = plan.io_apics[0];
            plan.io_apics.push(crate::IoApicOwner { address, gsi_base, owner: 1, ..first });
        })
    };
    let twice = Err(Violation::SameChip { first: 0, second: 1 });
    assert_eq!(with_second(0xfec0_0000, 24), twice, "one chip");
    assert_eq!(with_second(0xfec0_0100, 24), twice, "one page");
    assert_eq!(with_second(0xfec0_1000, 23), twice, "the last input");
    assert_eq!(with_second(0xfec0_1000, 24), Ok(()));
}

#[test]
fn ports_that_reach_beyond_their_owner_are_found_with_one() {
    let given = |port: u16| {
        verdict(|plan| {
            let all = crate::PortOwner { first: port, last: port, owner: Some(1), unit: None };
            plan.ports.push(all);
        })
    };
    assert_eq!(given(0x51b), Err(Violation::Reaches { instance: 1, unit: Unit::FwCfg, at: 0x51b }));
    assert_eq!(given(0x51c), Ok(()));
}
