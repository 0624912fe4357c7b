// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn name(text: &str) -> Name {
    Name::new(text).expect("short")
}

/// An info with one entry of each kind, and its bytes.
fn encoded() -> (Contents<'static>, Vec<u8>) {
    const REGION: &[Region] =
        &[Region { name: Name([b'r'; 32]), address: REGIONS, size: 4096, rights: 3, reserved: 0 }];
    let contents = Contents {
        head: Head { name: name("north"), starts: 2, ..Head::EMPTY },
        arguments: "one two",
        regions: REGION,
        channels: &[],
        interrupts: &[],
        ports: &[],
        registers: &[],
        timeouts: &[Timeout { name: Name([b't'; 32]), number: 7 }],
    };
    let mut bytes = vec![0xff; 4096];
    let len = contents.encode(&mut bytes).expect("fits");
    bytes.truncate(len);
    (contents, bytes)
}

#[test]
fn an_info_is_read_as_it_was_written() {
    let (_, bytes) = encoded();
    let info = StartInfo::parse(&bytes).expect("well formed");
    assert_eq!((info.head.name, info.head.starts, info.head.len), (name("north"), 2, bytes.len() as u32));
    assert_eq!(info.arguments(), "one two");
    let regions: Vec<_> = info.regions().map(|region| (region.address, region.size)).collect();
    assert_eq!(regions, [(REGIONS, 4096)]);
    assert_eq!(info.channels().count() + info.interrupts().count() + info.ports().count(), 0);
    assert_eq!(info.registers().count(), 0);
    assert_eq!(info.timeouts().map(|timeout| timeout.number).collect::<Vec<_>>(), [7]);
}

#[test]
fn the_fixed_part_has_the_documented_offsets() {
    let offsets = [
        core::mem::offset_of!(Head, magic),
        core::mem::offset_of!(Head, name),
        core::mem::offset_of!(Head, service),
        core::mem::offset_of!(Head, budget_us),
        core::mem::offset_of!(Head, arguments),
        core::mem::offset_of!(Head, registers),
        core::mem::offset_of!(Head, timeout_reply),
    ];
    assert_eq!(offsets, [16, 32, 96, 120, 136, 176, 200]);
}

#[test]
fn what_is_no_info_is_refused() {
    let (contents, bytes) = encoded();
    assert!(StartInfo::parse(&bytes[..bytes.len() - 1]).is_none(), "it was cut");
    for (offset, value) in [(16, 0), (24, 2)] {
        let mut wrong = bytes.clone();
        wrong[offset] = value;
        assert!(StartInfo::parse(&wrong).is_none(), "byte {offset}");
    }
    assert!(contents.encode(&mut [0; 100]).is_none(), "no room");
}

#[test]
fn a_table_outside_the_info_has_no_entries() {
    let (_, mut bytes) = encoded();
    bytes[144..148].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes[136..140].copy_from_slice(&u32::MAX.to_le_bytes());
    let info = StartInfo::parse(&bytes).expect("the fixed part is well formed");
    assert_eq!((info.regions().count(), info.arguments()), (0, ""));
}

#[test]
fn a_stack_of_any_size_stays_clear_of_the_pages_below() {
    const { assert!(STACK_END - MAX_STACK - 4096 > STATUS + 256 * 4096) };
    const { assert!(STACK_END < crate::limits::USER_TOP_PAGE && INFO + INFO_BYTES <= BUFFER) };
}
