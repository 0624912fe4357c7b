// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::Rights;
use arch::{Level, PageAccess, PageSize, PhysAddr, SimMachine};

use super::*;
use crate::memory::objects::ObjRef;
use crate::object::irq::Irq;
use crate::object::line::Line;
use crate::testing::TestKernel;

mod model;

impl Kernel<SimMachine> {
    /// Puts `cap`, derived from nothing, into the empty slot `dest`.
    pub(crate) fn insert_root_cap(&mut self, cap: Cap, dest: SlotRef) {
        debug_assert!(self.objs[dest].is_empty(), "{dest:?} is in use");
        self.objs[dest] = Slot { cap: cap.pack(), mdb: Mdb::ROOT };
    }
}

fn at<T>(paddr: u64) -> ObjRef<T> {
    ObjRef::on_host(PhysAddr(paddr))
}

fn untyped(base: u64, size_bits: u8) -> Cap {
    Cap::Untyped { base: PhysAddr(base), size_bits, is_device: false, free: 0 }
}

fn endpoint(badge: u64) -> Cap {
    Cap::Endpoint { endpoint: at(0x1000), badge, rights: Rights::ALL }
}

fn notification(badge: u64) -> Cap {
    Cap::Notification { notification: at(0x2000), badge, rights: Rights::READ_WRITE }
}

fn frame(base: u64, size: PageSize) -> Cap {
    Cap::Frame { base: PhysAddr(base), size, access: PageAccess::ReadOnly, is_device: false, mapping: None }
}

fn signal(line: u8) -> Cap {
    Cap::LineSignal { to: 1, line: Line(line) }
}

/// A kernel and the slots of one CNode.
fn slots() -> (TestKernel, Vec<SlotRef>) {
    let mut test = TestKernel::new();
    let cnode = test.cnode(4);
    let slots = (0..16).map(|index| test.slot(cnode, index)).collect();
    (test, slots)
}

#[test]
fn an_untyped_covers_everything_with_memory_inside_it() {
    let outer = untyped(0x10_0000, 16);
    for inner in [
        untyped(0x10_0000, 16),
        untyped(0x10_8000, 12),
        frame(0x10_f000, PageSize::Small),
        Cap::Endpoint { endpoint: at(0x10_fff0), badge: 9, rights: Rights::NONE },
        Cap::Thread(at(0x10_0800)),
        Cap::CNode { slots: at(0x10_4000), radix: 9, guard: 0, guard_bits: 0 },
        Cap::Zombie { slots: at(0x10_0800), radix: 0, remaining: 5 },
        Cap::Table { table: PhysAddr(0x10_1000), level: Level::LOWER[0], mapping: None },
        Cap::VSpace { root: PhysAddr(0x10_2000), asid: None },
    ] {
        assert!(outer.covers(inner), "{inner:?}");
        assert!(inner == outer || !inner.covers(outer), "{inner:?}");
    }
    for other in [
        untyped(0x10_0000, 17),
        untyped(0x11_0000, 12),
        frame(0, PageSize::Large),
        Cap::Zombie { slots: at(0x10_8000), radix: 11, remaining: 1 },
        Cap::Domain,
        Cap::IrqHandler(Irq(3)),
        Cap::Null,
    ] {
        assert!(!outer.covers(other), "{other:?}");
    }
}

#[test]
fn an_untyped_at_the_bottom_or_top_of_the_address_space_covers_its_frames() {
    assert!(untyped(0, 47).covers(frame((1 << 47) - 0x1000, PageSize::Small)));
    assert!(untyped(0, 12).covers(frame(0, PageSize::Small)));
    assert!(!untyped(0, 12).covers(frame(0x1000, PageSize::Small)));
}

#[test]
fn only_untypeds_and_control_capabilities_cover_other_kinds() {
    assert!(Cap::IrqControl.covers(Cap::IrqHandler(Irq(0))));
    assert!(Cap::IrqControl.covers(signal(0)));
    assert!(Cap::IoPortControl.covers(Cap::IoPort { first: 1, last: 2 }));
    assert!(!Cap::IrqHandler(Irq(0)).covers(Cap::IrqControl));
    assert!(!Cap::IrqHandler(Irq(0)).covers(Cap::IrqHandler(Irq(1))));
    assert!(!Cap::IoPort { first: 1, last: 2 }.covers(Cap::IoPort { first: 1, last: 1 }));
    assert!(!signal(1).covers(signal(2)));
    assert!(!Cap::AsidControl.covers(Cap::AsidPool { pool: at(0x1000), base: crate::object::asid::Asid(0) }));
    assert!(!Cap::InstanceControl { instance: 1 }.covers(Cap::InstanceControl { instance: 2 }));
    assert!(frame(0x20_0000, PageSize::Large).covers(frame(0x20_1000, PageSize::Small)));
    let zombie = Cap::Zombie { slots: at(0x1000), radix: 4, remaining: 3 };
    assert!(!zombie.covers(zombie));
    let cnode = |radix| Cap::CNode { slots: at(0x1000), radix, guard: 0, guard_bits: 0 };
    assert!(cnode(4).covers(Cap::CNode { slots: at(0x1000), radix: 4, guard: 1, guard_bits: 2 }));
    assert!(!cnode(4).covers(cnode(5)));
}

#[test]
fn untypeds_and_signals_are_always_last_and_frames_compare_the_device_flag() {
    assert!(!untyped(0x1000, 12).is_same_object(untyped(0x1000, 12)));
    assert!(!signal(1).is_same_object(signal(1)));
    assert!(!Cap::IrqControl.is_same_object(Cap::IrqHandler(Irq(0))));
    assert!(!Cap::IoPortControl.is_same_object(Cap::IoPort { first: 0, last: 0 }));
    let memory = frame(0x20_0000, PageSize::Small);
    let device = Cap::Frame {
        base: PhysAddr(0x20_0000),
        size: PageSize::Small,
        access: PageAccess::ReadWrite,
        is_device: true,
        mapping: None,
    };
    assert!(memory.is_same_object(memory));
    assert!(!memory.is_same_object(device));
    assert!(!frame(0x20_0000, PageSize::Large).is_same_object(memory));
    assert!(endpoint(1).is_same_object(endpoint(2)));
}

#[test]
fn the_original_is_the_parent_of_copies_and_copies_have_no_children() {
    let (mut test, s) = slots();
    let k = &mut test.kernel;
    k.insert_root_cap(endpoint(0), s[0]);
    k.insert_cap(endpoint(0), s[0], s[1]);
    k.insert_cap(endpoint(0), s[1], s[2]);
    assert!(k.has_children(s[0]));
    assert!(!k.has_children(s[1]));
    assert!(!k.has_children(s[2]));
    k.check_mdb(&s);
}

#[test]
fn a_badged_capability_is_the_parent_of_its_own_copies_only() {
    for make in [endpoint as fn(u64) -> Cap, notification] {
        let (mut test, s) = slots();
        let k = &mut test.kernel;
        k.insert_root_cap(make(0), s[0]);
        k.insert_cap(make(5), s[0], s[1]);
        k.insert_cap(make(5), s[0], s[2]);
        assert!(!k.has_children(s[2]), "the second mint of a badge starts a group of its own");
        k.insert_cap(make(5), s[1], s[3]);
        assert!(k.has_children(s[1]));
        assert!(!k.has_children(s[2]));
        k.check_mdb(&s);
    }
}

#[test]
fn deleting_the_first_of_a_badge_group_makes_the_next_one_first() {
    let (mut test, s) = slots();
    let k = &mut test.kernel;
    k.insert_root_cap(endpoint(0), s[0]);
    k.insert_cap(endpoint(5), s[0], s[2]);
    k.insert_cap(endpoint(5), s[2], s[3]);
    k.insert_cap(endpoint(5), s[0], s[1]);
    k.empty_slot(s[2]);
    assert!(!k.has_children(s[1]), "the orphaned copy does not become a child of the group before it");
    k.check_mdb(&s);
}

#[test]
fn handlers_and_ports_made_by_control_are_parents_of_their_copies() {
    let (mut test, s) = slots();
    let k = &mut test.kernel;
    let (handler, port) = (Cap::IrqHandler(Irq(4)), Cap::IoPort { first: 1, last: 9 });
    k.insert_root_cap(Cap::IrqControl, s[0]);
    k.insert_root_cap(Cap::IoPortControl, s[1]);
    k.insert_cap(handler, s[0], s[2]);
    k.insert_cap(port, s[1], s[3]);
    assert!(k.is_final(s[2]) && k.is_final(s[3]));
    k.insert_cap(handler, s[2], s[4]);
    k.insert_cap(port, s[3], s[5]);
    assert!(k.has_children(s[2]) && k.has_children(s[3]));
    assert!(!k.has_children(s[4]) && !k.has_children(s[5]));
    assert!(!k.is_final(s[2]) && !k.is_final(s[5]));
}

#[test]
fn an_issued_signal_is_never_a_child_of_another_signal() {
    let (mut test, s) = slots();
    let k = &mut test.kernel;
    k.insert_root_cap(Cap::IrqControl, s[0]);
    k.insert_cap(signal(1), s[0], s[1]);
    k.insert_cap(signal(1), s[0], s[2]);
    assert!(k.has_children(s[0]));
    assert!(!k.has_children(s[2]), "the signal issued earlier follows, but is no copy");
    k.insert_cap(signal(1), s[2], s[3]);
    assert!(k.has_children(s[2]));
    assert!(!k.has_children(s[3]));
    assert!(k.is_final(s[2]) && k.is_final(s[3]), "each signal capability counts as the last");
}

#[test]
fn a_copy_of_an_untyped_is_its_child_and_fills_it() {
    let (mut test, s) = slots();
    let k = &mut test.kernel;
    k.insert_root_cap(untyped(0x10_0000, 12), s[0]);
    k.insert_cap(untyped(0x10_0000, 12), s[0], s[1]);
    let full = Cap::Untyped { base: PhysAddr(0x10_0000), size_bits: 12, is_device: false, free: 4096 };
    assert_eq!(k.objs[s[0]].cap.unpack(), full);
    assert_eq!(k.objs[s[1]].cap.unpack(), untyped(0x10_0000, 12));
    assert!(k.has_children(s[0]));
    assert!(!k.has_children(s[1]));
}

#[test]
fn a_moved_capability_keeps_its_place() {
    let (mut test, s) = slots();
    let k = &mut test.kernel;
    k.insert_root_cap(endpoint(0), s[0]);
    k.insert_cap(endpoint(5), s[0], s[1]);
    k.insert_cap(endpoint(5), s[1], s[2]);
    k.move_cap(endpoint(5), s[1], s[3]);
    assert!(k.objs[s[1]].is_empty());
    assert!(k.has_children(s[3]));
    assert_eq!(k.first_child(s[0]), Some(s[3]));
    k.check_mdb(&s);
}

#[test]
fn swapping_exchanges_places_of_neighbours_and_of_strangers() {
    for (a, b) in [(0, 1), (1, 0), (1, 2), (0, 2), (0, 3), (2, 3)] {
        let (mut test, s) = slots();
        let k = &mut test.kernel;
        k.insert_root_cap(endpoint(0), s[0]);
        k.insert_cap(endpoint(5), s[0], s[1]);
        k.insert_cap(endpoint(5), s[1], s[2]);
        k.insert_root_cap(Cap::Domain, s[3]);
        let (cap_a, cap_b) = (k.objs[s[a]].cap.unpack(), k.objs[s[b]].cap.unpack());
        k.swap_caps(cap_a, s[a], cap_b, s[b]);
        k.check_mdb(&s);
        assert_eq!(k.objs[s[a]].cap.unpack(), cap_b);
        assert_eq!(k.objs[s[b]].cap.unpack(), cap_a);
        let order = |index: usize| {
            let index = if index == a {
                b
            } else if index == b {
                a
            } else {
                index
            };
            s[index]
        };
        assert_eq!(k.first_child(order(0)), Some(order(1)), "swap {a} {b}");
        assert_eq!(k.first_child(order(1)), Some(order(2)), "swap {a} {b}");
    }
}
