// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::{string::ToString, vec, vec::Vec};

use super::*;
use crate::{
    Core, CoreError, DeviceError, FirmwareError, IoApic, Loaded, Module, Occupant, Occupied, OtherRange,
    Taken,
};
use skerry_system::{Access, Channel, Device, DeviceKind, Member, Problem, Size};

mod aarch32;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const FOOTPRINT: Footprint = Footprint { reserve_bytes: MIB, record_bytes: PAGE };

/// The machine of the worked example in the bootinfo page: 512 MiB, one IOAPIC.
fn machine() -> Firmware {
    let other = |start, end| OtherRange { range: MemoryRange::new(start, end), kind: 2 };
    Firmware {
        usable: vec![MemoryRange::new(0, 0x9_fc00), MemoryRange::new(0x10_0000, 0x1ffe_0000)],
        other: vec![other(0x9_fc00, 0xa_0000), other(0xf_0000, 0x10_0000), other(0x1ffe_0000, 0x2000_0000)],
        cores: cores(&[0]),
        boot_apic_id: 0,
        io_apics: vec![IoApic { address: 0xfec0_0000, pins: 24, gsi_base: 0 }],
        ..Firmware::default()
    }
}

/// A machine with four cores, a boot image, a module near the top of memory, and a memory hole.
fn large_machine() -> Firmware {
    let module = MemoryRange::new(0x7ff0_0123, 0x7ffd_f000);
    Firmware {
        usable: vec![
            MemoryRange::new(0, 0x9_fc00),
            MemoryRange::new(0x10_0000, 0x7ffe_0000),
            MemoryRange::new(4 * GIB, 8 * GIB),
        ],
        cores: cores(&[0, 1, 2, 3]),
        modules: vec![Module { range: module, command_line: "".into() }],
        occupied: vec![
            occupied(0x20_0000, 0x28_0800, Occupant::BootImage),
            occupied(0x28_1000, 0x80_0000, Occupant::BootData),
        ],
        ..machine()
    }
}

fn cores(apic_ids: &[u32]) -> Vec<Core> {
    apic_ids.iter().map(|&apic_id| Core { apic_id, enabled: true, node: 0 }).collect()
}

fn occupied(start: u64, end: u64, occupant: Occupant) -> Occupied {
    Occupied { range: MemoryRange::new(start, end), occupant }
}

fn device(name: &str, owner: usize, kind: DeviceKind) -> Device {
    Device { name: name.into(), owner, kind, trusted: false }
}

/// Plans with the usual footprints and checks the result.
fn planned(firmware: &Firmware, description: &Description) -> Result<Plan, PlanError> {
    let plan = plan(firmware, description, &vec![FOOTPRINT; description.instances.len()])?;
    assert_eq!(plan.check(firmware), Ok(()));
    Ok(plan)
}

fn plan_of(firmware: &Firmware, description: &Description) -> Plan {
    planned(firmware, description).expect("the description fits the machine")
}

fn error_of(firmware: &Firmware, description: &Description) -> PlanError {
    planned(firmware, description).expect_err("the input is wrong")
}

fn pairs<'a>(list: impl IntoIterator<Item = &'a crate::UntypedRange>) -> Vec<(u64, u8)> {
    list.into_iter().map(|piece| (piece.base, piece.size_bits)).collect()
}

#[test]
fn a_plain_root_task_gets_the_device_list_of_the_worked_example() {
    let plan = plan_of(&machine(), &Description::plain());
    let list = pairs(plan.instances[0].untyped.iter().filter(|piece| piece.device));
    assert_eq!(
        list[..6],
        [
            (0, 20),
            (0x1ffe_0000, 17),
            (0x2000_0000, 29),
            (0x4000_0000, 30),
            (0x8000_0000, 30),
            (0xc000_0000, 29)
        ]
    );
    let chip = list.iter().position(|piece| *piece == (0xfe80_0000, 22)).expect("piece below the IOAPIC");
    assert_eq!(list[chip + 1..chip + 3], [(0xfec0_1000, 12), (0xfec0_2000, 13)]);
    let window = list.iter().position(|piece| *piece == (0xfed0_0000, 20)).expect("piece below the window");
    assert_eq!(list[window + 1], (0xfef0_0000, 20), "the whole interrupt window is left out");
    let top = list.iter().position(|piece| *piece == (0x1_0000_0000, 32)).expect("piece from 4 GiB up");
    assert_eq!(list[top - 2..top], [(0xffff_ffc0, 5), (0xffff_ffe0, 4)]);
    assert_eq!(list.last(), Some(&(1 << 46, 46)));
}

#[test]
fn a_plain_root_task_gets_the_memory_of_the_boot_before_the_rest() {
    let mut firmware = machine();
    firmware.occupied = vec![
        occupied(0x10_0000, 0x18_0000, Occupant::BootImage),
        occupied(0x18_0000, 0x80_0000, Occupant::BootData),
    ];
    firmware.modules =
        vec![Module { range: MemoryRange::new(0x80_0000, 0x80_1234), command_line: "".into() }];
    let plan = plan_of(&firmware, &Description::plain());
    assert_eq!(plan.instances[0].reclaimed, [MemoryRange::new(0x10_0000, 0x80_2000)]);
    let normal = pairs(plan.instances[0].untyped.iter().filter(|piece| !piece.device));
    assert_eq!(normal[..3], [(0x10_0000, 20), (0x20_0000, 21), (0x40_0000, 22)]);
    assert!(plan.kept.iter().all(|kept| kept.reason == KeptFor::BootRecord { instance: 0 }));
    assert_eq!(plan.trampoline, None);
}

#[test]
fn equal_instances_get_aligned_partitions_of_nearly_equal_size() {
    let plan = plan_of(&large_machine(), &Description::equal(4, "ping"));
    let bytes = |i: usize| plan.instances[i].partition.iter().map(|range| range.size()).sum::<u64>();
    assert_eq!((bytes(1), bytes(2)), (bytes(2), bytes(3)));
    assert!(bytes(0) - bytes(1) < 8 * MIB, "instance 0 has what alignment left over");
    for instance in &plan.instances[1..] {
        assert!(instance.partition.iter().all(|range| range.rounded_in(2 * MIB) == *range));
        assert!(instance.untyped.iter().all(|piece| !piece.device));
    }
    assert_eq!(plan.dropped.iter().filter(|d| d.reason == DropReason::Unassigned).count(), 0);
}

#[test]
fn the_reserve_is_the_top_of_the_highest_range() {
    let plan = plan_of(&large_machine(), &Description::split(2, "ping"));
    for instance in &plan.instances {
        let highest = instance.partition.last().expect("a partition has a range");
        assert_eq!(instance.reserve, MemoryRange::new(highest.end - MIB, highest.end));
    }
}

#[test]
fn sizes_are_met_exactly_and_what_is_left_is_reported() {
    let mut description = Description::split(3, "ping");
    description.instances[1].memory = Size::Bytes(256 * MIB);
    description.instances[2].memory = Size::Percent(25);
    description.instances[0].memory = Size::Bytes(100 * MIB + 1);
    let plan = plan_of(&large_machine(), &description);
    let bytes = |i: usize| plan.instances[i].partition.iter().map(|range| range.size()).sum::<u64>();
    assert_eq!(bytes(0), 100 * MIB + PAGE);
    assert_eq!(bytes(1), 256 * MIB);
    assert!((1500 * MIB..1536 * MIB).contains(&bytes(2)));
    let unassigned = plan.dropped.iter().filter(|dropped| dropped.reason == DropReason::Unassigned);
    assert!(unassigned.map(|dropped| dropped.range.size()).sum::<u64>() > 4 * GIB);
}

#[test]
fn four_quarters_fit() {
    let mut description = Description::equal(4, "ping");
    description.instances.iter_mut().for_each(|instance| instance.memory = Size::Percent(25));
    plan_of(&large_machine(), &description);
}

#[test]
fn what_a_restart_needs_is_kept_and_the_rest_of_the_boot_goes_to_instance_0() {
    let plan = plan_of(&large_machine(), &Description::split(2, "ping"));
    let kept = |reason| plan.kept.iter().find(|kept| kept.reason == reason).map(|kept| kept.range);
    assert_eq!(kept(KeptFor::BootImage), Some(MemoryRange::new(0x20_0000, 0x28_1000)));
    assert_eq!(kept(KeptFor::Module { index: 0 }), Some(MemoryRange::new(0x7ff0_0000, 0x7ffd_f000)));
    assert_eq!(kept(KeptFor::Trampoline), Some(MemoryRange::new(0x8000, 0x9000)));
    assert_eq!(plan.trampoline, kept(KeptFor::Trampoline));
    assert_eq!(kept(KeptFor::BootRecord { instance: 1 }), Some(plan.instances[1].boot_record));
    assert_eq!(plan.instances[0].reclaimed, [MemoryRange::new(0x28_1000, 0x80_0000)]);
    assert!(plan.instances[1].reclaimed.is_empty());
}

#[test]
fn the_trampoline_avoids_modules_in_low_memory() {
    let mut firmware = large_machine();
    firmware.modules[0].range = MemoryRange::new(0x8200, 0x9_f000);
    let plan = plan_of(&firmware, &Description::split(2, "ping"));
    assert_eq!(plan.trampoline, Some(MemoryRange::new(0x7000, 0x8000)));
}

#[test]
fn a_region_is_aligned_to_the_largest_page_that_divides_it() {
    let mut description = Description::split(2, "ping");
    for (name, size) in [("odd", 5000), ("large", 6 * MIB), ("huge", GIB)] {
        let members = vec![Member { instance: 1, access: Access::ReadOnly }];
        description.regions.push(Region { name: name.into(), size, members });
    }
    let plan = plan_of(&large_machine(), &description);
    let shape = |i: usize| (plan.regions[i].range.size(), plan.regions[i].page_bits);
    assert_eq!([shape(0), shape(1), shape(2)], [(8192, 12), (6 * MIB, 21), (GIB, 30)]);
    assert!(plan.regions.iter().all(|region| region.range.start.is_multiple_of(1 << region.page_bits)));
}

#[test]
fn a_region_takes_smaller_pages_where_none_is_so_aligned() {
    let mut description = Description::split(1, "ping");
    let members = vec![Member { instance: 0, access: Access::ReadWrite }];
    description.regions.push(Region { name: "big".into(), size: GIB, members });
    let mut firmware = large_machine();
    firmware.usable.truncate(2);
    assert_eq!(plan_of(&firmware, &description).regions[0].page_bits, 21, "1 GiB is not aligned in 2 GiB");
}

#[test]
fn incoming_lines_are_numbered_consecutively_at_each_receiver() {
    let mut description = Description::split(3, "ping");
    for (from, to, lines) in [(1, 0, 5), (0, 1, 64), (2, 0, 7), (2, 1, 1)] {
        let name = alloc::format!("{from}-{to}");
        description.channels.push(Channel { name, from, to, lines, ack: true });
    }
    let plan = plan_of(&large_machine(), &description);
    let bases: Vec<_> = plan.channels.iter().map(|channel| channel.incoming_base).collect();
    assert_eq!(bases, [0, 0, 5, 64]);
    let incoming: Vec<_> = plan.instances.iter().map(|instance| instance.incoming_lines).collect();
    assert_eq!(incoming, [12, 65, 0]);
}

#[test]
fn no_kernel_hears_of_a_channel_within_an_instance() {
    let mut description = Description::split(2, skerry_system::INIT);
    description.programs =
        [0, 1].map(|i| skerry_system::Program::new(alloc::format!("p{i}"), i, "work")).into();
    let mut channel = |from, to| {
        let name = alloc::format!("from-{from}-to-{to}-{}", description.channels.len());
        description.channels.push(Channel { name, from, to, lines: 5, ack: true });
    };
    channel(1, 1);
    channel(0, 1);
    channel(1, 1);
    let plan = plan_of(&large_machine(), &description);
    let channels: Vec<_> =
        plan.channels.iter().map(|channel| (channel.name.as_str(), channel.incoming_base)).collect();
    assert_eq!((channels, plan.instances[1].incoming_lines), (vec![("from-0-to-1-1", 0)], 5));
}

#[test]
fn registers_of_another_owner_leave_the_default_list() {
    let mut description = Description::split(2, "ping");
    let mmio = DeviceKind::Mmio { base: 0xfebf_0000, size: 0x1_0000 };
    description.devices.push(device("nic", 1, mmio));
    let plan = plan_of(&large_machine(), &description);
    let nic = MemoryRange::of_size(0xfebf_0000, 0x1_0000);
    let owns = |i: usize| plan.instances[i].untyped.iter().any(|u| u.device && u.range().overlaps(nic));
    assert!(!owns(0) && owns(1));
}

#[test]
fn ports_have_one_owner_each_from_0_to_65535() {
    let mut description = Description::split(3, "ping");
    description.devices.push(device("top", 2, DeviceKind::IoPorts { first: 0xfff0, last: 0xffff }));
    description.devices.push(device("com1", 1, DeviceKind::IoPorts { first: 0x3f8, last: 0x3ff }));
    let plan = plan_of(&large_machine(), &description);
    let owner =
        |port| plan.ports.iter().find(|ports| (ports.first..=ports.last).contains(&port)).map(|p| p.owner);
    let some = [0x40, 0x3f7, 0x3f8, 0x3ff, 0x51c, 0xffef, 0xfff0, 0xffff].map(owner);
    assert_eq!(some, [0, 0, 1, 1, 0, 0, 2, 2].map(|index| Some(Some(index))));
    assert_eq!([0, 0x400, 0x510, 0x51b, 0xcf8, 0xcff].map(owner), [Some(None); 6]);
    assert!(plan.ports.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
    assert_eq!((plan.ports[0].first, plan.ports.last().map(|ports| ports.last)), (0, Some(u16::MAX)));
}

#[test]
fn a_machine_of_one_owner_keeps_nothing_back() {
    let mut firmware = large_machine();
    firmware.hazards.registers.push((crate::Unit::Hpet, MemoryRange::of_size(0xfed0_0000, 0x400)));
    let everything = crate::PortOwner { first: 0, last: u16::MAX, owner: Some(0), unit: None };
    for description in [Description::plain(), Description::split(1, "ping")] {
        let plan = plan_of(&firmware, &description);
        assert_eq!((plan.ports, plan.nobodys, plan.holes), (vec![everything], vec![], vec![]));
        assert!(
            plan.instances[0]
                .untyped
                .iter()
                .any(|u| u.range().contains(MemoryRange::of_size(0xfed0_0000, PAGE)))
        );
    }
}

#[test]
fn what_reaches_beyond_its_owner_is_nobodys_unless_the_description_trusts_the_owner() {
    let firmware = large_machine();
    let mut description = Description::split(2, "ping");
    let hpet = MemoryRange::of_size(0xfed0_0000, PAGE);
    let owners = |plan: &Plan| {
        let owns = |i: &InstancePlan| i.untyped.iter().any(|u| u.device && u.range().overlaps(hpet));
        plan.instances.iter().map(owns).collect::<Vec<_>>()
    };
    assert_eq!(owners(&plan_of(&firmware, &description)), [false, false]);
    for (owner, kind) in [
        (1, DeviceKind::Mmio { base: hpet.start, size: PAGE }),
        (0, DeviceKind::Mmio { base: hpet.start, size: PAGE }),
        (0, DeviceKind::IoPorts { first: 0xcf8, last: 0xcff }),
    ] {
        description.devices = vec![device("it", owner, kind)];
        let refused = error_of(&firmware, &description);
        assert!(matches!(refused, PlanError::Device(DeviceError::Reaches { .. })), "{refused}");
        description.devices[0].trusted = true;
        let plan = plan_of(&firmware, &description);
        assert_eq!(plan.holes.len(), 1);
        let is_hpet = matches!(kind, DeviceKind::Mmio { .. });
        assert_eq!(owners(&plan), [0, 1].map(|i| is_hpet && i == owner));
        let pci = plan.ports.iter().find(|ports| ports.last >= 0xcf8).map(|ports| ports.owner);
        assert_eq!(pci, Some((!is_hpet).then_some(0)));
        let mut untrusted = plan.clone();
        untrusted.holes.clear();
        assert!(matches!(untrusted.check(&firmware), Err(crate::Violation::Reaches { .. })));
    }
}

#[test]
fn an_interrupt_controller_belongs_to_whom_the_description_names() {
    let mut description = Description::split(2, "ping");
    description.devices.push(device("chip", 1, DeviceKind::IoApic { index: 0 }));
    assert_eq!(plan_of(&large_machine(), &description).io_apics[0].owner, 1);
    assert_eq!(plan_of(&large_machine(), &Description::plain()).io_apics[0].owner, 0);
}

#[test]
fn core_0_is_the_boot_core_and_disabled_and_repeated_cores_do_not_count() {
    let mut firmware = large_machine();
    firmware.cores = cores(&[7, 9, 300, 9, 4, 12]);
    firmware.cores[1].enabled = false;
    firmware.cores.push(Core { apic_id: 7, enabled: true, node: 0 });
    firmware.boot_apic_id = 4;
    let mut description = Description::split(4, "ping");
    description.instances[3].core = Some(2);
    let plan = plan_of(&firmware, &description);
    let ids: Vec<_> = plan.instances.iter().map(|instance| instance.apic_id).collect();
    assert_eq!(ids, [4, 7, 9, 300], "numbered 0: 4, 1: 7, 2: 300, 3: 9, 4: 12");
}

#[test]
fn the_untyped_list_never_exceeds_bootinfo_and_says_what_it_left_out() {
    let mut firmware = machine();
    // Holes of one page in every 64 KiB cut memory into many small pieces.
    let hole = |i: u64| OtherRange { range: MemoryRange::of_size(0x100_0000 + i * 0x1_0000, PAGE), kind: 2 };
    firmware.other.extend((0..200).map(hole));
    let plan = plan_of(&firmware, &Description::plain());
    assert_eq!(plan.instances[0].untyped.len(), MAX_UNTYPED_CAPS);
    let full = DropReason::ListFull { instance: 0 };
    let bytes: u64 = plan.dropped.iter().filter(|d| d.reason == full).map(|d| d.range.size()).sum();
    assert!((1..8 * MIB).contains(&bytes), "only small pieces are dropped, {bytes} bytes");
}

#[test]
fn memory_beyond_the_reach_of_kernels_is_device_memory() {
    let mut firmware = machine();
    firmware.usable.push(MemoryRange::new(1 << 40, 1 << 41));
    let plan = plan_of(&firmware, &Description::plain());
    let above = |piece: &&crate::UntypedRange| piece.range().overlaps(MemoryRange::new(1 << 40, 1 << 41));
    assert!(plan.instances[0].untyped.iter().filter(above).all(|piece| piece.device));
}

#[test]
fn usable_memory_under_the_interrupt_window_is_nobodys() {
    let mut firmware = machine();
    firmware.usable.push(MemoryRange::new(0xfe00_0000, 0xff00_0000));
    plan_of(&firmware, &Description::plain());
}

#[test]
fn two_hundred_fifty_five_instances_fit_on_a_thousand_cores() {
    let mut firmware = large_machine();
    firmware.cores = cores(&(0..1024).collect::<Vec<_>>());
    let plan = plan_of(&firmware, &Description::equal(255, "ping"));
    assert_eq!(plan.instances.len(), 255);
    assert_eq!(plan.instances[0].inbox.size(), 5 * PAGE);
}

#[test]
fn a_wrong_description_is_refused_with_its_first_mistake() {
    let mut description = Description::split(2, "ping");
    description.instances[1].memory = Size::Percent(0);
    let PlanError::Description(error) = error_of(&large_machine(), &description) else {
        panic!("the description is what is wrong")
    };
    assert_eq!(error.problem, Problem::BadPercent { percent: 0 });
}

#[test]
fn footprints_must_match_instances() {
    let error = plan(&machine(), &Description::plain(), &[]);
    assert_eq!(error, Err(PlanError::FootprintCount { instances: 1, footprints: 0 }));
}

#[test]
fn cores_that_do_not_match_are_named() {
    let mut firmware = large_machine();
    let description = Description::split(5, "ping");
    let too_few = CoreError::TooFew { instances: 5, cores: 4 };
    assert_eq!(error_of(&firmware, &description), PlanError::Core(too_few));

    let mut description = Description::split(2, "ping");
    description.instances[1].core = Some(4);
    let no_such = CoreError::NoSuchCore { instance: "instance-1".into(), core: 4, cores: 4 };
    assert_eq!(error_of(&firmware, &description), PlanError::Core(no_such));

    firmware.boot_apic_id = 77;
    let missing = CoreError::BootCoreMissing { apic_id: 77 };
    assert_eq!(error_of(&firmware, &Description::plain()), PlanError::Core(missing));
}

#[test]
fn a_memory_map_that_cannot_be_used_is_named() {
    let mut firmware = machine();
    firmware.usable.truncate(1);
    let none = FirmwareError::NoUsableMemory { ranges: 1 };
    assert_eq!(error_of(&firmware, &Description::plain()), PlanError::Firmware(none));

    let mut firmware = large_machine();
    firmware.usable[0] = MemoryRange::new(0, 0xfff);
    assert_eq!(
        error_of(&firmware, &Description::split(2, "ping")),
        PlanError::Firmware(FirmwareError::NoTrampoline)
    );
}

#[test]
fn what_was_loaded_over_something_else_is_named() {
    let mut firmware = large_machine();
    let range = MemoryRange::new(0x7ffd_f000, 0x7fff_0000);
    firmware.modules.push(Module { range, command_line: "".into() });
    let outside = FirmwareError::LoadedOutside { what: Loaded::Module(1), range };
    assert_eq!(error_of(&firmware, &Description::plain()), PlanError::Firmware(outside));

    let range = MemoryRange::new(0x28_0000, 0x28_1000);
    firmware.modules[1].range = range;
    let twice = FirmwareError::LoadedTwice {
        what: Loaded::Module(1),
        range,
        other: Loaded::BootImage,
        other_range: MemoryRange::new(0x20_0000, 0x28_0800),
    };
    assert_eq!(error_of(&firmware, &Description::plain()), PlanError::Firmware(twice));
}

#[test]
fn what_does_not_fit_is_named_with_both_sizes() {
    let firmware = machine();
    let mut description = Description::plain();
    description.instances[0].memory = Size::Bytes(GIB);
    let PlanError::Size(SizeError::Partition { instance, wanted: GIB, available }) =
        error_of(&firmware, &description)
    else {
        panic!("the partition is too large")
    };
    assert!(instance == "root" && available < 512 * MIB);

    let members = vec![Member { instance: 0, access: Access::ReadOnly }];
    let region = Region { name: "frames".into(), size: GIB, members };
    let description = Description { regions: vec![region], ..Description::plain() };
    let largest = 0x1ffe_0000 - MIB;
    let error = SizeError::Region { region: "frames".into(), wanted: GIB, largest };
    assert_eq!(error_of(&firmware, &description), PlanError::Size(error));

    let footprint = Footprint { reserve_bytes: GIB, record_bytes: 0 };
    let error = plan(&firmware, &Description::plain(), &[footprint]).expect_err("the root task is too large");
    assert!(matches!(error, PlanError::Size(SizeError::Reserve { wanted: GIB, .. })));
}

#[test]
fn missing_room_for_each_kind_of_page_is_named() {
    let needed = [PAGE, STATUS_BYTES, LOG_BYTES, PAGE];
    let kinds = [Bookkeeping::Inbox, Bookkeeping::Status, Bookkeeping::Log, Bookkeeping::BootRecord];
    let mut available = 0;
    for (what, wanted) in kinds.into_iter().zip(needed) {
        let mut firmware = machine();
        // Instance 0 is served; memory ends one page before the need of instance 1.
        let end = 0x10_0000 + needed.iter().sum::<u64>() + available + wanted - PAGE;
        firmware.usable[1].end = end;
        firmware.cores = cores(&[0, 1]);
        if what == Bookkeeping::Inbox {
            firmware.usable[1].end = 0x10_0000 + needed.iter().sum::<u64>();
        }
        let error = error_of(&firmware, &Description::split(2, "ping"));
        let PlanError::Size(SizeError::Pages { instance, what: missing, wanted: bytes, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!((instance.as_str(), missing, bytes), ("instance-1", what, wanted));
        available += wanted;
    }
}

#[test]
fn a_root_cnode_without_room_for_the_frames_of_regions_is_named() {
    let mut description = Description::split(1, "ping");
    description.instances[0].cnode_bits = 12;
    let members = vec![Member { instance: 0, access: Access::ReadWrite }];
    description.regions.push(Region { name: "odd".into(), size: 32 * MIB + PAGE, members });
    let PlanError::Size(SizeError::CNode { wanted, slots: 4096, .. }) =
        error_of(&large_machine(), &description)
    else {
        panic!("the frames do not fit")
    };
    assert_eq!(wanted, 17 + 230 + 256 + 8193 + 1);
}

#[test]
fn registers_where_the_machine_has_something_else_are_named() {
    let cases = [
        (0x10_0000, Taken::Memory),
        (0x8000, Taken::Memory),
        (0xfec0_0000, Taken::IoApic),
        (1 << 47, Taken::Nothing),
    ];
    for (base, expected) in cases {
        let mut description = Description::split(2, "ping");
        description.devices.push(device("nic", 1, DeviceKind::Mmio { base, size: PAGE }));
        let error = error_of(&large_machine(), &description);
        let PlanError::Device(DeviceError::RegistersTaken { device, range, taken, by }) = error else {
            panic!("{error}")
        };
        assert_eq!((device.as_str(), taken), ("nic", expected));
        assert!(by.overlaps(range));
    }
}

#[test]
fn interrupt_controllers_that_do_not_match_are_named() {
    let mut firmware = large_machine();
    let mut description = Description::split(2, "ping");
    description.devices.push(device("chip", 1, DeviceKind::IoApic { index: 1 }));
    let missing = DeviceError::NoSuchIoApic { device: "chip".into(), index: 1, count: 1 };
    assert_eq!(error_of(&firmware, &description), PlanError::Device(missing));

    firmware.cores = cores(&[0, 255]);
    description.devices[0].kind = DeviceKind::IoApic { index: 0 };
    let far =
        DeviceError::IoApicCannotReach { device: "chip".into(), instance: "instance-1".into(), apic_id: 255 };
    assert_eq!(error_of(&firmware, &description), PlanError::Device(far));
}

#[test]
fn messages_reach_cores_whose_id_their_address_can_hold() {
    let mut description = Description::split(2, skerry_system::INIT);
    for (instance, name) in ["near", "far"].into_iter().enumerate() {
        let source = skerry_system::InterruptSource::Message {
            bus: 0,
            device: 4,
            function: 0,
            handle: instance as u32,
        };
        let mut program = skerry_system::Program::new(name, instance, "work");
        program.interrupts.push(skerry_system::Interrupt { name: "card".into(), source, vector: None });
        description.programs.push(program);
    }
    let mut firmware = large_machine();
    firmware.cores = cores(&[0, 254]);
    plan_of(&firmware, &description);
    firmware.cores = cores(&[0, 255]);
    let text = error_of(&firmware, &description).to_string();
    let expected = "program `far`, interrupt `card`: messages reach APIC ids up to 254, it runs on 255; move it to a \
                    lower core";
    assert_eq!(text, expected);
}

#[test]
fn errors_name_the_input_and_suggest_a_way_out() {
    let firmware = machine();
    let text = error_of(&firmware, &Description::split(4, "ping")).to_string();
    assert_eq!(
        text,
        "4 instances need as many cores, the machine has 1; run with --cpus 4 or describe fewer instances"
    );
    let mut description = Description::plain();
    description.instances[0].memory = Size::Bytes(GIB);
    let text = error_of(&firmware, &description).to_string();
    assert!(text.starts_with("instance `root`, memory: 1 GiB wanted, "), "{text}");
}

#[test]
fn a_plan_survives_both_encodings() {
    let plan = plan_of(&large_machine(), &Description::equal(4, "ping"));
    let packed = postcard::to_allocvec(&plan).expect("a plan can be encoded");
    assert_eq!(postcard::from_bytes(&packed), Ok(plan.clone()));
    let text = serde_json::to_string(&plan).expect("a plan can be written");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("and read"), plan);
}
