// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::string::ToString;

use super::*;
use crate::MemoryRange;

/// A description without mistakes that has one of everything.
fn correct() -> Description {
    let mut description = Description::equal(3, "ping");
    let mut device = |name: &str, owner, kind| {
        description.devices.push(Device { name: name.into(), owner, kind, trusted: false })
    };
    device("nic", 1, DeviceKind::Mmio { base: 0xfeb0_0000, size: 0x2_0000 });
    device("com1", 1, DeviceKind::IoPorts { first: 0x3f8, last: 0x3ff });
    device("chip", 0, DeviceKind::IoApic { index: 0 });
    description
}

/// The mistakes after `spoil` changed a correct description.
fn mistakes(spoil: impl FnOnce(&mut Description)) -> Vec<(Item, &'static str, Problem)> {
    let mut description = correct();
    spoil(&mut description);
    let places = description.validate().into_iter();
    places.map(|error| (error.item, error.field, error.problem)).collect()
}

#[test]
fn a_correct_description_has_no_mistakes() {
    assert_eq!(mistakes(|_| ()), []);
    assert_eq!(Description::plain().validate(), []);
    for count in [1, 2, 4, 64, 255] {
        assert_eq!(Description::equal(count, "ping").validate(), []);
    }
}

#[test]
fn the_ring_joins_each_instance_with_the_next_one_once() {
    let shape = |count| {
        let description = Description::equal(count, "ping");
        (description.channels.len(), description.regions.len())
    };
    assert_eq!([shape(1), shape(2), shape(3), shape(8)], [(0, 0), (2, 1), (6, 3), (16, 8)]);
    let last = &Description::equal(4, "ping").regions[3];
    let members: Vec<_> = last.members.iter().map(|member| member.instance).collect();
    assert_eq!((last.name.as_str(), members), ("hop-3-0", [3, 0].into()));
}

#[test]
fn the_number_of_instances_is_bounded() {
    let empty = Description { instances: Vec::new(), ..Description::plain() };
    assert_eq!(empty.validate()[0].problem, Problem::InstanceCount { count: 0 });
    let many = Description::split(256, "ping");
    assert_eq!(many.validate()[0].problem, Problem::InstanceCount { count: 256 });
}

#[test]
fn names_are_short_plain_and_unique_within_their_kind() {
    let long = "x".repeat(33);
    for name in ["", "two words", "ö", long.as_str()] {
        let found = mistakes(|d| d.regions[0].name = name.into());
        assert_eq!(found, [(Item::Region(0), "name", Problem::BadName)]);
    }
    let found = mistakes(|d| d.instances[2].name = "instance-0".into());
    assert_eq!(found, [(Item::Instance(2), "name", Problem::SameName { earlier: 0 })]);
    assert_eq!(mistakes(|d| d.channels[0].name = "hop-0-1".into()), [], "a region may have the same name");
    assert_eq!(mistakes(|d| d.name = "a b".into()), [(Item::System, "name", Problem::BadName)]);
    let found = mistakes(|d| d.instances[1].root_task.name = "".into());
    assert_eq!(found, [(Item::Instance(1), "root_task", Problem::BadName)]);
}

#[test]
fn sizes_are_not_zero_and_shares_stay_within_the_whole() {
    let found = mistakes(|d| d.instances[1].memory = Size::Bytes(0));
    assert_eq!(found, [(Item::Instance(1), "memory", Problem::ZeroSize)]);
    let found = mistakes(|d| d.instances[1].memory = Size::Percent(0));
    assert_eq!(found, [(Item::Instance(1), "memory", Problem::BadPercent { percent: 0 })]);
    let found = mistakes(|d| {
        d.instances[0].memory = Size::Percent(60);
        d.instances[2].memory = Size::Percent(41);
    });
    assert_eq!(found, [(Item::System, "instances", Problem::PercentSum { sum: 101 })]);
    assert_eq!(mistakes(|d| d.regions[1].size = 0), [(Item::Region(1), "size", Problem::ZeroSize)]);
}

#[test]
fn core_0_belongs_to_instance_0_and_other_cores_to_one_instance() {
    let found = mistakes(|d| d.instances[0].core = Some(1));
    assert_eq!(found, [(Item::Instance(0), "core", Problem::BootCore)]);
    let found = mistakes(|d| d.instances[1].core = Some(0));
    assert_eq!(found, [(Item::Instance(1), "core", Problem::BootCore)]);
    let found = mistakes(|d| d.instances[1..].iter_mut().for_each(|instance| instance.core = Some(5)));
    assert_eq!(
        found,
        [(Item::Instance(2), "core", Problem::SameCore { core: 5, earlier: 1, name: "instance-1".into() })]
    );
}

#[test]
fn numbers_stay_within_their_limits() {
    let found = mistakes(|d| d.instances[0].cnode_bits = 8);
    let problem = Problem::OutOfRange { value: 8, min: 9, max: 20 };
    assert_eq!(found, [(Item::Instance(0), "cnode_bits", problem)]);
    let found = mistakes(|d| d.instances[0].boot_slice_us = 19);
    let problem = Problem::OutOfRange { value: 19, min: 20, max: u64::from(u32::MAX) };
    assert_eq!(found, [(Item::Instance(0), "boot_slice_us", problem)]);
    for lines in [0, 65] {
        let problem = Problem::OutOfRange { value: u64::from(lines), min: 1, max: 64 };
        assert_eq!(mistakes(|d| d.channels[1].lines = lines), [(Item::Channel(1), "lines", problem)]);
    }
}

#[test]
fn references_name_an_instance() {
    let problem = Problem::NoSuchInstance { index: 3, count: 3 };
    assert_eq!(mistakes(|d| d.channels[0].from = 3), [(Item::Channel(0), "from", problem.clone())]);
    assert_eq!(mistakes(|d| d.channels[0].to = 3), [(Item::Channel(0), "to", problem.clone())]);
    assert_eq!(mistakes(|d| d.devices[0].owner = 3), [(Item::Device(0), "owner", problem.clone())]);
    let found = mistakes(|d| d.regions[1].members[1].instance = 3);
    assert_eq!(found, [(Item::Member { region: 1, member: 1 }, "instance", problem)]);
}

#[test]
fn a_region_has_members_and_each_once() {
    let found = mistakes(|d| d.regions[0].members.clear());
    assert_eq!(found, [(Item::Region(0), "members", Problem::NoMembers)]);
    let found = mistakes(|d| d.regions[0].members[1].instance = 0);
    let item = Item::Member { region: 0, member: 1 };
    assert_eq!(found, [(item, "instance", Problem::SameMember { instance: 0, name: "instance-0".into() })]);
}

#[test]
fn a_channel_joins_two_instances_and_each_pair_once() {
    let found = mistakes(|d| d.channels[0].to = 0);
    assert_eq!(found, [(Item::Channel(0), "to", Problem::ChannelToItself)], "the root task is no init");
    let found = mistakes(|d| (d.channels[1].from, d.channels[1].to) = (0, 1));
    assert_eq!(
        found,
        [(
            Item::Channel(1),
            "to",
            Problem::SameChannel { earlier: 0, name: correct().channels[0].name.clone() }
        )]
    );
}

#[test]
fn registers_are_whole_pages_outside_the_interrupt_window() {
    let registers =
        |base, size| move |d: &mut Description| d.devices[0].kind = DeviceKind::Mmio { base, size };
    let at = Item::Device(0);
    for (base, size) in [(0x1001, 0x1000), (0x1000, 0x10)] {
        let problem = Problem::NotPages { base, size };
        assert_eq!(mistakes(registers(base, size)), [(at, "base", problem)]);
    }
    let problem = Problem::WrapsAround { base: !0xfff, size: 0x2000 };
    assert_eq!(mistakes(registers(!0xfff, 0x2000)), [(at, "base", problem.clone())]);
    assert_eq!(
        problem.to_string(),
        "0x2000 bytes at 0xfffffffffffff000 end beyond the highest address; lower one of the two"
    );
    assert_eq!(mistakes(registers(0x1000, 0)), [(at, "size", Problem::ZeroSize)]);
    let range = MemoryRange::new(0xfee0_0000, 0xfee0_2000);
    let found = mistakes(registers(0xfedf_0000, 0x1_2000));
    assert_eq!(found, [(at, "base", Problem::MsiWindow { range })]);
}

#[test]
fn devices_do_not_overlap() {
    let problem = Problem::SameDevice { earlier: 0, name: "nic".into() };
    let found = mistakes(|d| d.devices[2].kind = DeviceKind::Mmio { base: 0xfeb1_f000, size: 0x1000 });
    assert_eq!(found, [(Item::Device(2), "base", problem)]);
    let problem = Problem::SameDevice { earlier: 1, name: "com1".into() };
    let found = mistakes(|d| d.devices[2].kind = DeviceKind::IoPorts { first: 0x3ff, last: 0x400 });
    assert_eq!(found, [(Item::Device(2), "first", problem)]);
    let found = mistakes(|d| d.devices[1].kind = DeviceKind::IoApic { index: 0 });
    assert_eq!(found, [(Item::Device(2), "index", Problem::SameDevice { earlier: 1, name: "com1".into() })]);
    let found = mistakes(|d| d.devices[1].kind = DeviceKind::IoPorts { first: 2, last: 1 });
    assert_eq!(found, [(Item::Device(1), "last", Problem::PortOrder { first: 2, last: 1 })]);
}

#[test]
fn messages_name_the_other_item() {
    let text = |spoil: fn(&mut Description)| mistakes(spoil)[0].2.to_string();
    let device = text(|d| d.devices[2].kind = DeviceKind::IoPorts { first: 0x3ff, last: 0x400 });
    assert_eq!(device, "device `com1` overlaps it; a device has one owner");
    let core = text(|d| d.instances[1..].iter_mut().for_each(|instance| instance.core = Some(5)));
    assert!(core.starts_with("core 5 belongs to instance `instance-1`;"), "{core}");
    let member = text(|d| d.regions[0].members[1].instance = 0);
    assert!(member.starts_with("instance `instance-0` is a member already;"), "{member}");
    let channel = text(|d| (d.channels[1].from, d.channels[1].to) = (0, 1));
    let first = &correct().channels[0].name;
    assert!(channel.starts_with(&alloc::format!("channel `{first}` joins")), "{channel}");
}

#[test]
fn all_mistakes_are_found_at_once() {
    let found = mistakes(|d| {
        d.instances[0].memory = Size::Bytes(0);
        d.regions[0].members.clear();
        d.channels[0].lines = 0;
        d.devices[0].owner = 9;
    });
    assert_eq!(found.len(), 4);
}

#[test]
fn a_message_names_item_field_and_a_way_out() {
    let mut description = correct();
    description.channels[0].to = 0;
    assert_eq!(
        description.validate()[0].to_string(),
        "channel `from-0-to-1`, to: the channel ends where it starts; it can join programs that init starts, a root \
         task makes a Notification"
    );
}

#[test]
fn a_description_survives_its_encoding() {
    let description = correct();
    let packed = postcard::to_allocvec(&description).expect("a description can be encoded");
    assert_eq!(postcard::from_bytes(&packed), Ok(description));
}
