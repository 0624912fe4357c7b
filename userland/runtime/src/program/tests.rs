// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::syscall::record;
use abi::start::{Channel, Contents, Region};

fn name(text: &str) -> Name {
    Name::new(text).expect("short")
}

/// A program that receives `control` and signals `frames`.
fn program() -> Program {
    let channel = |text, direction: Direction, first_slot, first_event| Channel {
        name: name(text),
        direction: direction.word() as u32,
        lines: 4,
        flags: abi::chunk::skerry::Channel::ACK,
        peer: 1,
        first_slot,
        first_event,
        reserved: 0,
        status: 0,
    };
    let contents = Contents {
        head: Head { name: name("worker"), ..Head::EMPTY },
        arguments: "rate=5 fast",
        regions: &[Region { name: name("ring"), address: 0x1000, size: 4096, rights: 2, reserved: 0 }],
        channels: &[channel("control", Direction::Receive, 4, 2), channel("frames", Direction::Send, 8, 0)],
        interrupts: &[],
        ports: &[],
        registers: &[],
        timeouts: &[],
    };
    let mut bytes = vec![0; 4096];
    contents.encode(&mut bytes).expect("it fits");
    // SAFETY: the info is well formed, and leaked.
    unsafe { Program::from_address(bytes.leak().as_ptr() as u64) }.expect("it is an info")
}

#[test]
fn what_the_description_gives_is_found_by_name() {
    let program = program();
    assert_eq!((program.name(), program.argument("rate")), ("worker", Some("5")));
    let region = program.region("ring").expect("it is given");
    assert_eq!((region.address(), region.is_writable(), region.open().is_none()), (0x1000, false, true));
    assert_eq!(program.receiver("control").map(|control| control.count()), Ok(4));
}

#[test]
fn what_it_does_not_give_is_named_with_the_key_to_add_it_to() {
    let text = program().sender("control").map(|_| ()).expect_err("it receives there").to_string();
    assert_eq!(text, "this program is not given `control`: add it to `signal` of its [[program]]");
    let long = "x".repeat(40);
    assert!(program().ports(&long).is_err_and(|error| error.to_string().contains(&long[..32])));
}

#[test]
fn a_line_that_a_channel_does_not_have_is_not_signalled() {
    let sender = program().sender("frames").expect("it is given");
    let entries = record(|| [0, 3, 4, u32::MAX].into_iter().for_each(|line| sender.signal(line)));
    assert_eq!(entries.iter().map(|entry| entry.dest).collect::<Vec<_>>(), [8, 11]);
}

#[test]
fn lines_are_acknowledged_one_by_one() {
    let control = program().receiver("control").expect("it is given");
    let entries = record(|| control.ack(0b1_0101));
    assert_eq!(entries.iter().map(|entry| entry.dest).collect::<Vec<_>>(), [4, 6]);
}

#[test]
fn a_priority_is_asked_of_init() {
    let entries = record(|| assert!(program().set_priority(120).is_ok()));
    let info = abi::MessageInfo::new(Request::SetPriority.word(), 0, 0, 1);
    let sent: Vec<_> = entries.iter().map(|entry| (entry.number, entry.dest, entry.info)).collect();
    assert_eq!(sent, [(abi::Syscall::Call, abi::start::SERVICE_SLOT, info)]);
    assert_eq!(entries[0].words[0], 120);
}
