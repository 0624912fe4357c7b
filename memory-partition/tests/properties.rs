// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of every plan, on machines and descriptions that nobody would write by hand.

use memory_partition::{
    Core, Firmware, Footprint, IoApic, Module, Occupant, Occupied, OtherRange, Plan, PlanError, cut, plan,
};
use proptest::{collection::vec, prelude::*, sample::select};
use skerry_system::{
    Access, Channel, Description, Device, DeviceKind, Instance, Member, MemoryRange, Mode, Region, Size,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const ENTRIES: usize = 230;
const MSI_WINDOW: MemoryRange = MemoryRange::new(0xfee0_0000, 0xfef0_0000);

/// Memory maps of a few ranges with odd ends, overlaps and holes.
fn firmware() -> impl Strategy<Value = Firmware> {
    let start = prop_oneof![MIB..256 * MIB, 4 * GIB..5 * GIB, Just(MIB), Just(0x7f_7000_0000)];
    let size = prop_oneof![1..64 * KIB, MIB..512 * MIB, (1..512u64).prop_map(|mib| mib * MIB)];
    let usable = vec((start.clone(), size).prop_map(|(start, size)| MemoryRange::of_size(start, size)), 1..6);
    let hole = (start, prop_oneof![1..16 * KIB, Just(4 * KIB), Just(2 * MIB)]);
    let other = vec(
        hole.prop_map(|(start, size)| OtherRange { range: MemoryRange::of_size(start, size), kind: 2 }),
        0..40,
    );
    let loaded = vec((0..u64::MAX, 1..4 * MIB), 0..4);
    let cores = vec((0..2000u32, any::<bool>()), 0..12);
    (usable, other, loaded, cores).prop_map(|(usable, other, loaded, cores)| {
        let core = |(apic_id, enabled)| Core { apic_id, enabled, node: 0 };
        let mut firmware = Firmware {
            usable,
            other,
            cores: cores.into_iter().map(core).chain([core((5000, true))]).collect(),
            boot_apic_id: 5000,
            io_apics: vec![IoApic { address: 0xfec0_0000, pins: 24, gsi_base: 0 }],
            ..Firmware::default()
        };
        firmware.usable.push(MemoryRange::new(0, 0x9_fc00));
        loaded.into_iter().enumerate().for_each(|(i, (at, size))| load(&mut firmware, i, at, size));
        firmware
    })
}

/// Puts the `i`-th loaded thing somewhere into usable memory: image, boot data, then modules.
fn load(firmware: &mut Firmware, i: usize, at: u64, size: u64) {
    let usable = firmware.usable[i % firmware.usable.len()];
    let range = MemoryRange::of_size(usable.start + at % usable.size(), size).intersection(usable);
    match i {
        0 => firmware.occupied.push(Occupied { range, occupant: Occupant::BootImage }),
        1 => firmware.occupied.push(Occupied { range, occupant: Occupant::BootData }),
        _ => firmware.modules.push(Module { range, command_line: String::new() }),
    }
}

fn description() -> impl Strategy<Value = Description> {
    let size = prop_oneof![
        3 => Just(Size::Rest),
        1 => (1..200 * MIB).prop_map(Size::Bytes),
        1 => (1..30u8).prop_map(Size::Percent),
    ];
    let region = (prop_oneof![1..MIB, (1..8u64).prop_map(|n| n * 2 * MIB)], any::<prop::sample::Index>());
    let device = prop_oneof![
        (0..0x4000u64, 1..64u64)
            .prop_map(|(at, pages)| DeviceKind::Mmio { base: 0xf000_0000 + (at << 12), size: pages << 12 }),
        (any::<u16>(), any::<u16>())
            .prop_map(|(a, b)| DeviceKind::IoPorts { first: a.min(b), last: a.max(b) }),
    ];
    let mode = select(vec![Mode::Described, Mode::Plain]);
    (vec(size, 1..6), vec(region, 0..4), vec((device, any::<prop::sample::Index>()), 0..4), mode).prop_map(
        |(sizes, regions, devices, mode)| {
            let count = sizes.len();
            let instance = |(i, memory)| Instance { memory, ..Instance::new(format!("i{i}"), "program") };
            let region = |(i, (size, member)): (usize, (u64, prop::sample::Index))| Region {
                name: format!("r{i}"),
                size,
                members: vec![Member { instance: member.index(count), access: Access::ReadWrite }],
            };
            let device = |(i, (kind, owner)): (usize, (DeviceKind, prop::sample::Index))| Device {
                name: format!("d{i}"),
                owner: owner.index(count),
                kind,
                trusted: i % 2 == 0,
            };
            Description {
                name: "random".into(),
                mode: if count == 1 { mode } else { Mode::Described },
                instances: sizes.into_iter().enumerate().map(instance).collect(),
                regions: regions.into_iter().enumerate().map(region).collect(),
                channels: (1..count).map(channel).collect(),
                devices: devices.into_iter().enumerate().map(device).collect(),
                programs: Vec::new(),
            }
        },
    )
}

fn channel(from: usize) -> Channel {
    Channel { name: format!("c{from}"), from, to: 0, lines: from as u32, ack: false }
}

fn footprints(description: &Description) -> Vec<Footprint> {
    vec![Footprint { reserve_bytes: 700 * KIB, record_bytes: 4 * KIB }; description.instances.len()]
}

/// Every range that has exactly one owner, or none: the leaves of the plan.
fn leaves(plan: &Plan) -> Vec<MemoryRange> {
    let mut leaves: Vec<MemoryRange> = Vec::new();
    for instance in &plan.instances {
        leaves.extend([instance.reserve, instance.inbox, instance.status, instance.log]);
        leaves.extend(instance.untyped.iter().map(|untyped| untyped.range()));
    }
    leaves.extend(plan.regions.iter().map(|region| region.range));
    leaves.extend(plan.kept.iter().map(|kept| kept.range));
    leaves.extend(plan.dropped.iter().map(|dropped| dropped.range));
    leaves.retain(|range| !range.is_empty());
    leaves
}

/// Counts, for every stretch between two boundaries of usable memory, who has it.
fn assert_every_usable_byte_is_in_one_place(firmware: &Firmware, plan: &Plan) {
    let leaves = leaves(plan);
    let other: Vec<_> = firmware.other.iter().map(|other| other.range).collect();
    let ranges = || leaves.iter().chain(&firmware.usable).chain(&other);
    let mut edges: Vec<u64> = ranges().flat_map(|range| [range.start, range.end]).collect();
    edges.extend([MIB, MSI_WINDOW.start, MSI_WINDOW.end]);
    edges.sort_unstable();
    edges.dedup();
    let is_in = |ranges: &[MemoryRange], at| ranges.iter().filter(|r| r.start <= at && at < r.end).count();
    for at in edges.into_iter().filter(|&at| at >= MIB) {
        let owners = is_in(&leaves, at);
        if is_in(&firmware.usable, at) > 0 && is_in(&other, at) == 0 {
            assert_eq!(owners, 1, "usable byte {at:#x}");
        } else {
            assert!(owners <= 1, "byte {at:#x}");
        }
    }
}

fn assert_untypeds_are_well_formed(plan: &Plan) {
    for instance in &plan.instances {
        assert!(instance.untyped.len() <= ENTRIES);
        for untyped in &instance.untyped {
            assert!((4..=47).contains(&untyped.size_bits));
            assert!(untyped.base.is_multiple_of(1 << untyped.size_bits));
            assert!(!untyped.range().overlaps(MSI_WINDOW));
        }
    }
}

fn assert_regions_are_aligned(plan: &Plan, description: &Description) {
    for (region, wanted) in plan.regions.iter().zip(&description.regions) {
        let page = 1 << region.page_bits;
        assert!(region.range.start.is_multiple_of(page) && region.range.size().is_multiple_of(page));
        assert_eq!(region.range.size(), wanted.size.next_multiple_of(4 * KIB));
    }
}

fn assert_ports_have_one_owner(plan: &Plan) {
    let first = plan.ports.first().map(|ports| ports.first);
    let last = plan.ports.last().map(|ports| ports.last);
    assert_eq!((first, last), (Some(0), Some(u16::MAX)));
    for pair in plan.ports.windows(2) {
        assert_eq!(u32::from(pair[0].last) + 1, u32::from(pair[1].first));
    }
}

fn assert_sizes_are_met(plan: &Plan, description: &Description) {
    for (instance, wanted) in plan.instances.iter().zip(&description.instances) {
        let bytes: u64 = instance.partition.iter().map(|range| range.size()).sum();
        if let Size::Bytes(wanted) = wanted.memory {
            assert_eq!(bytes, wanted.next_multiple_of(4 * KIB));
        }
        assert!(instance.partition.iter().any(|range| range.contains(instance.reserve)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn every_plan_is_disjoint_complete_and_as_described(firmware in firmware(), description in description()) {
        let footprints = footprints(&description);
        let Ok(plan) = plan(&firmware, &description, &footprints) else { return Ok(()) };
        prop_assert_eq!(plan.check(&firmware), Ok(()));
        assert_every_usable_byte_is_in_one_place(&firmware, &plan);
        assert_untypeds_are_well_formed(&plan);
        assert_regions_are_aligned(&plan, &description);
        assert_ports_have_one_owner(&plan);
        assert_sizes_are_met(&plan, &description);
    }

    #[test]
    fn the_same_input_gives_the_same_plan(firmware in firmware(), description in description()) {
        let footprints = footprints(&description);
        let twice = [(); 2].map(|()| plan(&firmware, &description, &footprints));
        prop_assert_eq!(&twice[0], &twice[1]);
    }

    #[test]
    fn the_order_of_the_memory_map_does_not_matter(firmware in firmware(), description in description()) {
        let mut turned = firmware.clone();
        turned.usable.reverse();
        turned.other.reverse();
        let footprints = footprints(&description);
        prop_assert_eq!(plan(&firmware, &description, &footprints), plan(&turned, &description, &footprints));
    }

    #[test]
    fn a_cut_covers_the_range_up_to_15_bytes_at_each_end(start in 0..1u64 << 47, size in 0..1u64 << 40) {
        let range = MemoryRange::of_size(start, size);
        let pieces = cut(range, false);
        for pair in pieces.windows(2) {
            prop_assert_eq!(pair[0].range().end, pair[1].base);
        }
        if let [first, .., last] | [first @ last] = pieces.as_slice() {
            prop_assert!(first.base - range.start < 16 && range.end - last.range().end < 16);
        } else {
            prop_assert!(range.size() < 31);
        }
    }
}

#[test]
fn the_machines_drawn_are_neither_all_refused_nor_all_accepted() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut outcome = || -> Result<Plan, PlanError> {
        let draw = (firmware(), description()).new_tree(&mut runner).expect("a value can be drawn");
        let (firmware, description) = draw.current();
        plan(&firmware, &description, &footprints(&description))
    };
    let accepted = (0..400).filter(|_| outcome().is_ok()).count();
    assert!((100..390).contains(&accepted), "{accepted} of 400 accepted");
}
