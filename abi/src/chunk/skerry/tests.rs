// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Skerry chunk survives the way through bytes.

use super::*;
use crate::chunk::{Chunks, TSC_LEN, write_tsc_frequency};

fn name(text: &str) -> Name {
    Name::new(text).expect("short enough")
}

fn peers() -> [Peer; 2] {
    let peer = Peer {
        instance: 1,
        apic_id: 300,
        name: name("network"),
        tsc_offset: -17,
        tsc_uncertainty: 5,
        status_slot: 40,
        control_slot: 0,
    };
    [peer, Peer { instance: 2, name: name("store"), control_slot: 41, ..peer }]
}

fn contents(peers: &[Peer]) -> Contents<'_> {
    const CHANNELS: [Channel; 1] =
        [Channel { peer: 1, direction: 1, lines: 64, flags: Channel::ACK, name: Name([b'c'; MAX_NAME]) }];
    const REGIONS: [Region; 1] = [Region {
        name: Name([b'r'; MAX_NAME]),
        size: 1 << 21,
        first_slot: 50,
        slot_count: 1,
        page_bits: 21,
        rights: 3,
        reserved: 0,
    }];
    const DEVICES: [Device; 1] =
        [Device { kind: 1, reserved: 0, base: 0x3f8, size: 8, name: Name([b'd'; MAX_NAME]) }];
    Contents {
        instance: 0,
        name: name("front"),
        own_status_slot: 39,
        arguments: "rounds=3 quiet",
        peers,
        channels: &CHANNELS,
        regions: &REGIONS,
        devices: &DEVICES,
    }
}

fn encoded(contents: &Contents<'_>) -> Vec<u8> {
    let mut bytes = vec![0xaa; contents.encoded_len()];
    assert_eq!(contents.encode(&mut bytes), Some(bytes.len()));
    bytes
}

#[test]
fn a_chunk_reads_back_as_it_was_written() {
    let peers = peers();
    let contents = contents(&peers);
    let bytes = encoded(&contents);
    let chunk = SkerryChunk::parse(&bytes).expect("is a chunk");
    assert_eq!((chunk.instance(), chunk.name().as_str(), chunk.own_status_slot()), (0, "front", 39));
    assert_eq!(chunk.arguments(), "rounds=3 quiet");
    assert!(chunk.peers().eq(peers));
    assert!(chunk.channels().eq(contents.channels.iter().copied()));
    assert!(chunk.regions().eq(contents.regions.iter().copied()));
    assert!(chunk.devices().eq(contents.devices.iter().copied()));
}

#[test]
fn fields_are_where_the_layout_puts_them() {
    let peers = peers();
    let bytes = encoded(&contents(&peers));
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((word(0), word(8)), (0x5352, bytes.len() as u64));
    assert_eq!((half(16), half(20), word(56)), (VERSION, 0, 39));
    assert_eq!((half(72), half(76)), (104, 2), "peers");
    assert_eq!((half(80), half(84)), (104 + 2 * 72, 1), "channels");
    assert_eq!((half(104), half(108), word(104 + 40) as i64), (1, 300, -17));
}

#[test]
fn an_empty_chunk_is_its_head_alone() {
    let bytes = encoded(&Contents::default());
    assert_eq!(bytes.len(), 104);
    let chunk = SkerryChunk::parse(&bytes).expect("is a chunk");
    assert_eq!(chunk.arguments(), "");
    assert_eq!(chunk.peers().count() + chunk.channels().count(), 0);
    assert_eq!(chunk.regions().count() + chunk.devices().count(), 0);
}

#[test]
fn the_chunk_is_found_behind_others_at_an_odd_address() {
    let peers = peers();
    let contents = contents(&peers);
    let mut extra = vec![0; 1 + TSC_LEN + contents.encoded_len()];
    write_tsc_frequency(&mut extra[1..], 1000).expect("fits");
    contents.encode(&mut extra[1 + TSC_LEN..]).expect("fits");
    assert_eq!(Chunks::new(&extra[1..]).count(), 2);
    assert_eq!(SkerryChunk::find(&extra[1..]).expect("is there").peers().count(), 2);
}

#[test]
fn a_chunk_that_does_not_fit_is_not_written() {
    let peers = peers();
    let contents = contents(&peers);
    let mut bytes = vec![0; contents.encoded_len() - 1];
    assert_eq!(contents.encode(&mut bytes), None);
}

#[test]
fn every_cut_or_changed_byte_is_read_without_a_panic() {
    let peers = peers();
    let good = encoded(&contents(&peers));
    let read = |bytes: &[u8]| {
        if let Some(chunk) = SkerryChunk::parse(bytes) {
            let _ = (chunk.arguments(), chunk.name().as_str());
            let _ = chunk.peers().count() + chunk.channels().count();
            let _ = chunk.regions().count() + chunk.devices().count();
        }
    };
    for index in 0..good.len() {
        read(&good[..index]);
        let mut bad = good.clone();
        bad[index] = 0xff;
        read(&bad);
    }
}

#[test]
fn another_version_is_not_read() {
    let mut bytes = encoded(&Contents::default());
    bytes[16] += 1;
    assert!(SkerryChunk::parse(&bytes).is_none());
}

#[test]
fn a_name_holds_thirty_two_bytes() {
    assert_eq!(name(&"x".repeat(32)).as_str().len(), 32);
    assert_eq!(Name::new(&"x".repeat(33)), None);
    assert_eq!(Name([0xff; MAX_NAME]).as_str(), "");
}
