// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::vec::Vec;

use super::*;
use crate::description::{Description, Device, Member, RootTask};

const NIC: usize = 0;
const COM1: usize = 1;
const CHIP: usize = 2;

/// Instances 0 and 1 have programs, instance 2 has another root task. Region `hop-0-1` is read-only for instance 1.
fn correct() -> Description {
    let mut description = Description::equal(3, "ping");
    for instance in &mut description.instances[..2] {
        instance.root_task = RootTask { name: INIT.into(), arguments: String::new() };
    }
    description.regions[0].members[1] = Member { instance: 1, access: Access::ReadOnly };
    let mut device = |name: &str, owner, kind| {
        description.devices.push(Device { name: name.into(), owner, kind, trusted: false })
    };
    device("nic", 1, DeviceKind::Mmio { base: 0xfeb0_0000, size: 0x2_0000 });
    device("com1", 1, DeviceKind::IoPorts { first: 0x3f8, last: 0x3ff });
    device("chip", 1, DeviceKind::IoApic { index: 1 });
    let mapped = |region, access| Mapped { region, access, address: None };
    let mut first = Program::new("first", 0, "work");
    first.regions = [mapped(0, Access::ReadWrite), mapped(2, Access::ReadOnly)].into();
    first.signal.push(0);
    let mut second = Program::new("second", 1, "work");
    second.regions.push(mapped(0, Access::ReadOnly));
    second.receive.push(0);
    second.ports.push(COM1);
    second.mmio.push(NIC);
    second.interrupts.push(interrupt("uart", Some(CHIP), 4));
    description.programs = [first, second].into();
    description
}

fn interrupt(name: &str, io_apic: Option<usize>, pin: u32) -> Interrupt {
    let source = InterruptSource::Pin { io_apic, pin, is_level: false, is_low: false };
    Interrupt { name: name.into(), source, vector: None }
}

/// Message `handle` of PCI function 00:`device`.0.
fn message(device: u8, handle: u32, vector: Option<u8>) -> Interrupt {
    let source = InterruptSource::Message { bus: 0, device, function: 0, handle };
    Interrupt { name: alloc::format!("message-{device}-{handle}"), source, vector }
}

/// The mistakes after `spoil` changed the programs of a correct description.
fn mistakes(spoil: impl FnOnce(&mut Description)) -> Vec<(Item, &'static str, Problem)> {
    let mut description = correct();
    spoil(&mut description);
    let places = description.validate().into_iter();
    places.map(|error| (error.item, error.field, error.problem)).collect()
}

/// The one mistake, when it is one of a program.
fn mistake(spoil: impl FnOnce(&mut Description)) -> (Item, &'static str, ProgramProblem) {
    match mistakes(spoil).as_slice() {
        [(item, field, Problem::Program(problem))] => (*item, field, problem.clone()),
        other => panic!("one mistake of a program expected: {other:?}"),
    }
}

fn entry(list: List) -> Item {
    Item::Entry { program: 1, list, position: 0 }
}

#[test]
fn correct_programs_have_no_mistakes() {
    assert_eq!(mistakes(|_| ()), []);
}

#[test]
fn programs_and_a_root_task_of_its_own_exclude_each_other() {
    let found = mistakes(|d| d.instances[0].root_task.name = "ping".into());
    let problem = ProgramProblem::OtherRootTask { instance: "instance-0".into() };
    assert_eq!(found, [(Item::Program(0), "instance", Problem::Program(problem))]);
}

#[test]
fn init_without_programs_has_nothing_to_start() {
    let found = mistake(|d| d.instances[2].root_task.name = INIT.into());
    assert_eq!(found, (Item::Instance(2), "root_task", ProgramProblem::NothingToStart));
}

#[test]
fn numbers_stay_within_their_limits() {
    let out = |value, min, max| Problem::OutOfRange { value, min, max };
    let at = |field, problem| Vec::from([(Item::Program(0), field, problem)]);
    assert_eq!(mistakes(|d| d.programs[0].priority = 255), at("priority", out(255, 0, 254)));
    assert_eq!(mistakes(|d| d.programs[0].mcp = 255), at("mcp", out(255, 0, 254)));
    assert_eq!(mistakes(|d| d.programs[0].budget_us = 5001), at("budget_us", out(5001, 20, 5000)));
    assert_eq!(mistakes(|d| d.programs[0].budget_us = 19), at("budget_us", out(19, 20, 5000)));
    assert_eq!(mistakes(|d| d.programs[0].stack = 100), at("stack", out(100, PAGE, start::MAX_STACK)));
    let restart = |d: &mut Description| d.programs[0].on_fault = OnFault::Restart { limit: 0 };
    assert_eq!(mistakes(restart), at("restart_limit", out(0, 1, u32::MAX.into())));
    assert_eq!(
        mistake(|d| d.programs[0].on_timeout = OnTimeout::Report),
        (Item::Program(0), "on_timeout", ProgramProblem::NeverTimesOut)
    );
    let found = mistakes(|d| {
        d.programs.push(Program::new("third", 0, "work"));
        d.programs[0].on_timeout = OnTimeout::Handler(2);
    });
    assert_eq!(
        found,
        [(Item::Program(0), "timeout_handler", Problem::Program(ProgramProblem::NeverTimesOut))]
    );
}

/// Programs on instance 0 after the correct ones, each with time that can be used up, and handled by those given.
fn handled(handlers: &[Option<usize>]) -> impl FnOnce(&mut Description) {
    move |d| {
        for (n, handler) in handlers.iter().enumerate() {
            let mut program = Program::new(alloc::format!("p{n}"), 0, "work");
            program.period_us = 2 * program.budget_us;
            program.on_timeout = handler.map_or(OnTimeout::Wait, OnTimeout::Handler);
            d.programs.push(program);
        }
    }
}

#[test]
fn timeouts_are_handled_by_a_program_beside() {
    assert_eq!(mistakes(handled(&[Some(4), Some(4), None])), []);
    let mut description = correct();
    handled(&[Some(4), Some(4), None])(&mut description);
    assert_eq!(description.handled_by(4).map(|(index, _)| index).collect::<Vec<_>>(), [2, 3]);
    let room = |index| description.info_bytes(index);
    assert_eq!(room(4) - room(2), 2 * size_of::<start::Timeout>() as u64);
    let field = (Item::Program(2), "timeout_handler");
    let of = |handlers| mistake(handled(handlers));
    let problem =
        ProgramProblem::HandlerElsewhere { handler: "second".into(), instance: "instance-1".into() };
    assert_eq!(of(&[Some(1)]), (field.0, field.1, problem));
    assert_eq!(of(&[Some(9)]).2, ProgramProblem::NoSuchItem { index: 9, count: 3 });
}

#[test]
fn a_handler_does_not_wait_for_what_it_handles() {
    let waits = |handler: &str| Problem::Program(ProgramProblem::HandlerWaits { handler: handler.into() });
    let at = |program, handler| (Item::Program(program), "timeout_handler", waits(handler));
    assert_eq!(mistakes(handled(&[Some(2)])), [at(2, "p0")]);
    assert_eq!(mistakes(handled(&[Some(3), Some(2)])), [at(2, "p1"), at(3, "p0")]);
    assert_eq!(mistakes(handled(&[Some(3), Some(4), Some(3)])), [at(3, "p2"), at(4, "p1")]);
    assert_eq!(mistakes(handled(&[Some(3), Some(4), None])), [], "a chain has an end");
}

#[test]
fn a_program_maps_regions_of_its_instance_with_at_most_its_rights() {
    let problem = ProgramProblem::NotMember { region: "hop-2-0".into(), instance: "instance-1".into() };
    assert_eq!(mistake(|d| d.programs[1].regions[0].region = 2), (entry(List::Regions), "name", problem));
    let problem = ProgramProblem::ReadOnlyHere { instance: "instance-1".into() };
    let found = mistake(|d| d.programs[1].regions[0].access = Access::ReadWrite);
    assert_eq!(found, (entry(List::Regions), "rights", problem));
    let problem = ProgramProblem::NoSuchItem { index: 9, count: 3 };
    assert_eq!(mistake(|d| d.programs[1].regions[0].region = 9), (entry(List::Regions), "name", problem));
}

#[test]
fn addresses_are_aligned_for_programs_and_of_one_mapping() {
    let at = |address| move |d: &mut Description| d.programs[1].regions[0].address = Some(address);
    let found = mistake(at(0x1001));
    assert_eq!(found, (entry(List::Regions), "address", ProgramProblem::Misaligned { alignment: PAGE }));
    let range = MemoryRange::of_size(start::AREA - PAGE, 64 * 1024);
    let problem = ProgramProblem::OutsideAddresses { range };
    assert_eq!(mistake(at(start::AREA - PAGE)), (entry(List::Regions), "address", problem));
    let found = mistake(|d| {
        d.programs[0].regions[0].address = Some(0x100_0000);
        d.programs[0].regions[1].address = Some(0x100_f000);
    });
    assert_eq!(found.2, ProgramProblem::Overlap { other: "hop-0-1".into() });
}

#[test]
fn chosen_addresses_avoid_those_that_were_asked_for() {
    let mut description = correct();
    description.programs[0].regions[1].address = Some(start::REGIONS + 0x1000);
    let addresses = description.programs[0].addresses(&description);
    assert_eq!(addresses.regions, [start::REGIONS + 0x1_1000, start::REGIONS + 0x1000]);
    description.regions[0].size = 2 << 20;
    let addresses = description.programs[0].addresses(&description);
    assert_eq!(addresses.regions[0], start::REGIONS + (2 << 20), "pages of 2 MiB are aligned");
    let addresses = description.programs[1].addresses(&description);
    assert_eq!(addresses.mmio, [start::REGIONS + (2 << 20)], "registers follow the regions");
}

#[test]
fn a_channel_has_one_receiver_at_its_end() {
    let problem = ProgramProblem::OtherEnd { channel: "from-1-to-0".into(), instance: "instance-0".into() };
    assert_eq!(mistake(|d| d.programs[1].receive[0] = 1), (entry(List::Receive), "", problem));
    let found = mistake(|d| {
        let mut third = Program::new("third", 1, "work");
        third.receive.push(0);
        d.programs.push(third);
    });
    assert_eq!(found.2, ProgramProblem::Taken { by: "second".into() });
    let twice = Item::Entry { program: 0, list: List::Signal, position: 1 };
    assert_eq!(mistake(|d| d.programs[0].signal.push(0)), (twice, "", ProgramProblem::Twice));
}

/// A third program, and two channels within instance 1 that it receives from, the second with lines from bit 3 on.
fn with_channels_within(d: &mut Description) {
    let channel = |name: &str, lines| Channel { name: name.into(), from: 1, to: 1, lines, ack: true };
    d.channels.extend([channel("start", 3), channel("stop", 2)]);
    let count = d.channels.len();
    let mut third = Program::new("third", 1, "work");
    third.receive = [count - 2, count - 1].into();
    d.programs[1].signal = third.receive.clone();
    d.programs.push(third);
}

#[test]
fn channels_within_an_instance_join_its_programs() {
    assert_eq!(mistakes(with_channels_within), []);
    let mut description = correct();
    with_channels_within(&mut description);
    let last = description.channels.len() - 1;
    assert_eq!([last - 1, last].map(|channel| description.receiver(channel)), [Some((2, 0)), Some((2, 3))]);
    assert_eq!(description.receiver(usize::MAX), None);
}

#[test]
fn what_is_signalled_within_an_instance_is_received_by_another_program() {
    let with = |spoil: fn(&mut Description)| {
        mistake(|d| {
            with_channels_within(d);
            spoil(d);
        })
    };
    let channel = || String::from("stop");
    let at = |program, list, position| Item::Entry { program, list, position };
    let found = with(|d| d.programs[2].receive.truncate(1));
    let problem = ProgramProblem::NobodyReceives { channel: channel() };
    assert_eq!(found, (at(1, List::Signal, 1), "", problem));
    let found = with(|d| {
        let stop = d.programs[2].receive.pop();
        d.programs[1].receive.extend(stop);
    });
    let problem = ProgramProblem::SignalsItself { channel: channel() };
    assert_eq!(found, (at(1, List::Signal, 1), "", problem));
    let found = with(|d| d.programs[0].signal.push(d.channels.len() - 1));
    let problem = ProgramProblem::OtherEnd { channel: channel(), instance: "instance-1".into() };
    assert_eq!(found, (at(0, List::Signal, 1), "", problem));
}

#[test]
fn a_program_waits_for_as_many_lines_and_interrupts_as_a_word_has_bits() {
    let problem = ProgramProblem::TooManyEvents { count: 65 };
    assert_eq!(mistake(|d| d.channels[0].lines = 64), (Item::Program(1), "receive", problem));
    assert_eq!(mistakes(|d| d.channels[0].lines = 63), []);
}

#[test]
fn a_device_belongs_to_the_instance_is_of_the_kind_and_has_one_program() {
    let problem = ProgramProblem::OtherKind { device: "nic".into(), wanted: "ports" };
    assert_eq!(mistake(|d| d.programs[1].ports[0] = NIC).2, problem);
    let found = mistakes(|d| d.devices[COM1].owner = 0);
    let problem = ProgramProblem::OtherOwner { device: "com1".into(), owner: "instance-0".into() };
    assert_eq!(found, [(entry(List::Ports), "", Problem::Program(problem))]);
    let found = mistake(|d| {
        let mut third = Program::new("third", 1, "work");
        third.mmio.push(NIC);
        d.programs.push(third);
    });
    assert_eq!(found.2, ProgramProblem::Taken { by: "second".into() });
}

#[test]
fn an_interrupt_names_a_controller_of_the_instance_and_a_free_pin() {
    // The first controller of an instance need not be named.
    for chip in [Some(CHIP), None] {
        let found = mistake(|d| d.programs[1].interrupts.push(interrupt("again", chip, 4)));
        assert_eq!((found.1, found.2), ("pin", ProgramProblem::Taken { by: "second".into() }));
    }
    let problem = ProgramProblem::OtherKind { device: "com1".into(), wanted: "ioapic" };
    assert_eq!(mistake(|d| d.programs[1].interrupts[0] = interrupt("uart", Some(COM1), 4)).2, problem);
    let found = mistake(|d| {
        d.devices[CHIP].owner = 0;
        d.programs[1].interrupts[0] = interrupt("uart", None, 4);
    });
    assert_eq!(
        (found.1, found.2),
        ("ioapic", ProgramProblem::NoController { instance: "instance-1".into() })
    );
    assert_eq!(mistakes(|d| d.programs[0].interrupts.push(interrupt("timer", None, 2))), []);
}

#[test]
fn a_message_comes_from_a_pci_function_and_has_one_program() {
    let with =
        |interrupts: Vec<Interrupt>| move |d: &mut Description| d.programs[1].interrupts.extend(interrupts);
    assert_eq!(mistakes(with([message(31, 0, None), message(31, 1, None), message(4, 0, None)].into())), []);
    let found =
        mistake(with([message(4, 7, None), Interrupt { name: "b".into(), ..message(4, 7, None) }].into()));
    let item = |position| Item::Entry { program: 1, list: List::Interrupts, position };
    assert_eq!(found, (item(2), "pci", ProgramProblem::Taken { by: "second".into() }));
    let problem = Problem::OutOfRange { value: 32, min: 0, max: 31 };
    assert_eq!(mistakes(with([message(32, 0, None)].into())), [(item(1), "pci", problem)]);
    let function = InterruptSource::Message { bus: 0, device: 0, function: 8, handle: 0 };
    let problem = Problem::OutOfRange { value: 8, min: 0, max: 7 };
    let found = mistakes(with([Interrupt { source: function, ..message(0, 0, None) }].into()));
    assert_eq!(found, [(item(1), "pci", problem)]);
}

#[test]
fn vectors_are_those_asked_for_and_else_the_first_ones_free() {
    let mut description = correct();
    let interrupts =
        [message(1, 0, Some(0)), message(2, 0, None), message(3, 0, Some(2)), message(4, 0, None)];
    description.programs[1].interrupts.extend(interrupts);
    assert_eq!(description.validate(), []);
    let vectors = [0, 1, 2, 3, 4, 5].map(|position| description.vector(1, position));
    assert_eq!(vectors, [Some(1), Some(0), Some(3), Some(2), Some(4), None]);
    description.programs[0].interrupts.push(interrupt("timer", None, 2));
    assert_eq!(description.vector(0, 0), Some(0), "every instance has its own");
}

#[test]
fn an_instance_has_so_many_vectors_and_each_once() {
    let item = |program, position| Item::Entry { program, list: List::Interrupts, position };
    let found =
        mistake(|d| d.programs[1].interrupts.extend([message(1, 0, Some(7)), message(2, 0, Some(7))]));
    assert_eq!(found, (item(1, 2), "vector", ProgramProblem::Taken { by: "second".into() }));
    let found = mistakes(|d| d.programs[1].interrupts.push(message(1, 0, Some(108))));
    let problem = Problem::OutOfRange { value: 108, min: 0, max: 107 };
    assert_eq!(found, [(item(1, 1), "vector", problem)]);
    let found = mistake(|d| {
        let mut third = Program::new("third", 1, "work");
        third.interrupts = (0..54).map(|handle| message(3, handle, None)).collect();
        d.programs[1].interrupts.extend((0..54).map(|handle| message(4, handle, None)));
        d.programs.push(third);
    });
    assert_eq!(found, (item(2, 53), "", ProgramProblem::NoVector { instance: "instance-1".into() }));
}

#[test]
fn controllers_are_counted_among_those_of_their_owner() {
    let mut description = correct();
    let chip = |name: &str, owner, index| Device {
        name: name.into(),
        owner,
        kind: DeviceKind::IoApic { index },
        trusted: false,
    };
    description.devices.extend([chip("third", 0, 2), chip("fourth", 1, 3)]);
    let numbers = [NIC, CHIP, 3, 4].map(|device| description.io_apic_number(device));
    assert_eq!(numbers, [None, Some(0), Some(1), Some(1)]);
}

#[test]
fn a_start_info_has_room_for_everything() {
    let found = mistake(|d| d.programs[0].arguments = "x".repeat(start::INFO_BYTES as usize));
    assert!(matches!(found.2, ProgramProblem::TooMuchToTell { .. }), "{found:?}");
}
