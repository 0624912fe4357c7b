// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/ipc-and-scheduling.md, "Message transfer": every rule.

use abi::Rights;
use abi::ipc_buffer::MAX_LENGTH;
use arch::PageSize;

use super::*;
use crate::ipc::testing::World;
use crate::testing::DEPTH;

/// A sender and a receiver at an endpoint whose capability is in slot 1.
struct Pair {
    world: World,
    sender: ObjRef<Tcb>,
    receiver: ObjRef<Tcb>,
    endpoint: ObjRef<Endpoint>,
}

impl Pair {
    fn new() -> Self {
        let mut world = World::new();
        let endpoint = world.endpoint(1);
        let (sender, receiver) = (world.thread(5), world.thread(5));
        Self { world, sender, receiver, endpoint }
    }

    /// Sends a message of `length` ascending words and tells how many arrived.
    fn send_words(&mut self, length: usize) -> usize {
        let words: Vec<u64> = (0..length as u64).map(|word| 1000 + word).collect();
        self.world.write_message(self.sender, 42, &words, &[]);
        self.transfer(true).length()
    }

    fn transfer(&mut self, can_grant: bool) -> MessageInfo {
        let Self { sender, receiver, endpoint, .. } = *self;
        let endpoint = Some(endpoint);
        self.world.kernel.transfer_message(Transfer { sender, receiver, endpoint, badge: 5, can_grant });
        let (badge, info, _) = self.world.message_of(receiver);
        assert_eq!(badge, 5);
        info
    }

    /// Sends the capabilities in these slots, received into slot 40.
    fn send_caps(&mut self, caps: &[u64]) -> (u64, usize) {
        self.name_receive_slot(0, 40, DEPTH);
        self.world.write_message(self.sender, 0, &[], caps);
        let info = self.transfer(true);
        (info.caps_unwrapped(), info.extra_caps())
    }

    /// The receiver wants capabilities in the slot (index, depth) below the capability at `root`.
    fn name_receive_slot(&mut self, root: u64, index: u64, depth: u64) {
        let buffer = self.world.buffer(self.receiver);
        let objs = &mut self.world.kernel.objs;
        buffer.write(objs, RECEIVE_CNODE_OFFSET, root);
        buffer.write(objs, RECEIVE_INDEX_OFFSET, index);
        buffer.write(objs, RECEIVE_DEPTH_OFFSET, depth);
    }

    fn badge_received(&self, index: usize) -> u64 {
        self.world.buffer(self.receiver).read(&self.world.kernel.objs, cap_offset(index))
    }
}

/// A pair whose CSpace root is also in slot 0, and three capabilities to send: a notification in slot 2, the
/// endpoint with badge 0x5a in slot 3, another endpoint in slot 4.
fn pair_with_caps() -> Pair {
    let mut pair = Pair::new();
    let root = pair.world.kernel.objs[pair.sender.slot(TcbSlot::CSpace)].cap.unpack();
    pair.world.put(0, root);
    pair.world.notification(2);
    let endpoint = pair.endpoint;
    pair.world.put(3, Cap::Endpoint { endpoint, badge: 0x5a, rights: Rights::ALL });
    pair.world.endpoint(4);
    pair
}

#[test]
fn words_beyond_the_registers_go_from_buffer_to_buffer() {
    for length in [0, 1, 3, 4, 5, 10, 120] {
        let mut pair = Pair::new();
        assert_eq!(pair.send_words(length), length);
        for index in 0..length {
            assert_eq!(pair.world.word_of(pair.receiver, index), 1000 + index as u64);
        }
        let (_, info, _) = pair.world.message_of(pair.receiver);
        assert_eq!((info.label(), info.extra_caps(), info.caps_unwrapped()), (42, 0, 0));
    }
}

#[test]
fn registers_beyond_the_length_keep_their_contents() {
    let mut pair = Pair::new();
    pair.world.write_message(pair.receiver, 0, &[1, 2, 3, 4], &[]);
    pair.send_words(2);
    assert_eq!(pair.world.message_of(pair.receiver).2, [1000, 1001, 3, 4]);
}

#[test]
fn a_length_above_the_maximum_counts_as_the_maximum() {
    let mut pair = Pair::new();
    pair.send_words(MAX_LENGTH);
    pair.world.kernel.objs[pair.sender].context.set_info(127);
    assert_eq!(pair.transfer(true).length(), MAX_LENGTH);
}

#[test]
fn without_a_usable_buffer_on_either_side_four_words_arrive() {
    for side in 0..2 {
        let mut pair = Pair::new();
        let words = [7; 10];
        pair.world.write_message(pair.sender, 0, &words, &[]);
        let tcb = [pair.sender, pair.receiver][side];
        pair.world.drop_buffer(tcb);
        assert_eq!(pair.transfer(true).length(), 4);
    }
}

#[test]
fn a_read_only_buffer_sends_and_does_not_receive() {
    let mut pair = Pair::new();
    pair.world.write_message(pair.sender, 0, &[7; 10], &[]);
    pair.world.set_buffer(pair.sender, PageAccess::ReadOnly, false);
    assert_eq!(pair.transfer(true).length(), 10);
    pair.world.set_buffer(pair.receiver, PageAccess::ReadOnly, false);
    assert_eq!(pair.transfer(true).length(), 4);
}

#[test]
fn device_and_kernel_only_frames_are_no_buffers() {
    let mut pair = Pair::new();
    pair.world.set_buffer(pair.sender, PageAccess::ReadWrite, true);
    pair.world.set_buffer(pair.receiver, PageAccess::KernelOnly, false);
    assert_eq!(pair.world.kernel.buffer_of(pair.sender, BufferAccess::Read), None);
    assert_eq!(pair.world.kernel.buffer_of(pair.receiver, BufferAccess::Read), None);
}

#[test]
fn the_buffer_lies_at_its_address_modulo_the_frame_size() {
    let mut pair = Pair::new();
    let base = PhysAddr(0x20_0000);
    let mut cap = |size, address| {
        let frame = Cap::Frame { base, size, access: PageAccess::ReadWrite, is_device: false, mapping: None };
        pair.world.kernel.objs[pair.sender.slot(TcbSlot::Buffer)].cap = frame.pack();
        pair.world.kernel.objs[pair.sender].buffer = address;
        pair.world.kernel.buffer_of(pair.sender, BufferAccess::Read)
    };
    assert_eq!(cap(PageSize::Small, 0x1234_5c00), Some(UserFrame::new(PhysAddr(0x20_0c00))));
    assert_eq!(cap(PageSize::Large, 0x1234_5c00), Some(UserFrame::new(PhysAddr(0x34_5c00))));
}

#[test]
fn the_example_of_the_manual_arrives_as_written() {
    let mut pair = pair_with_caps();
    assert_eq!(pair.send_caps(&[2, 3, 1]), (0b110, 3));
    assert_eq!((pair.badge_received(1), pair.badge_received(2)), (0x5a, 0));
    assert!(matches!(pair.world.cap(40), Cap::Notification { .. }));
    assert!(matches!(pair.world.cap(2), Cap::Notification { .. }));
}

#[test]
fn without_a_receive_slot_handling_stops_at_the_first_real_capability() {
    let mut pair = pair_with_caps();
    pair.name_receive_slot(0, 2, DEPTH);
    pair.world.write_message(pair.sender, 0, &[], &[2, 3, 1]);
    let info = pair.transfer(true);
    assert_eq!((info.caps_unwrapped(), info.extra_caps()), (0, 0));
}

#[test]
fn one_capability_arrives_and_the_second_stops() {
    let mut pair = pair_with_caps();
    assert_eq!(pair.send_caps(&[3, 4, 2]), (0b001, 2));
    assert!(matches!(pair.world.cap(40), Cap::Endpoint { .. }));
}

#[test]
fn a_bad_receive_slot_is_no_slot() {
    for (root, index, depth) in
        [(9, 40, DEPTH), (2, 40, DEPTH), (0, 40, 0), (0, 40, DEPTH + 1), (0, 40, 5), (0, 4, DEPTH)]
    {
        let mut pair = pair_with_caps();
        pair.name_receive_slot(root, index, depth);
        pair.world.write_message(pair.sender, 0, &[], &[2]);
        assert_eq!(pair.transfer(true).extra_caps(), 0, "{root} {index} {depth}");
    }
}

#[test]
fn no_capability_arrives_without_grant_or_when_one_does_not_resolve() {
    let mut pair = pair_with_caps();
    pair.name_receive_slot(0, 40, DEPTH);
    pair.world.write_message(pair.sender, 0, &[], &[1, 2]);
    assert_eq!(pair.transfer(false).extra_caps(), 0);
    assert_eq!(pair.send_caps(&[1, 1 << 20]), (0, 0));
    assert!(pair.world.cap(40).is_null());
}

#[test]
fn an_empty_slot_resolves_and_stops_the_transfer() {
    let mut pair = pair_with_caps();
    assert_eq!(pair.send_caps(&[3, 30, 2]), (0b001, 1));
}

#[test]
fn nothing_is_unwrapped_in_a_reply() {
    let mut pair = pair_with_caps();
    pair.name_receive_slot(0, 40, DEPTH);
    pair.world.write_message(pair.sender, 0, &[], &[1, 3]);
    let (sender, receiver) = (pair.sender, pair.receiver);
    pair.world.kernel.transfer_message(Transfer {
        sender,
        receiver,
        endpoint: None,
        badge: 0,
        can_grant: true,
    });
    let (badge, info, _) = pair.world.message_of(receiver);
    assert_eq!((badge, info.caps_unwrapped(), info.extra_caps()), (0, 0, 1));
}
