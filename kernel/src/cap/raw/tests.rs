// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packing, and what fast paths read from packed words.

use abi::sizes::WORD_BITS;

use super::*;

const PLACE: PhysAddr = PhysAddr(0x12_3000);
const ALL_RIGHTS: Rights = Rights::ALL;

fn cnode(radix: u8, guard: u64, guard_bits: u8) -> Cap {
    Cap::CNode { slots: ObjRef::on_host(PLACE), radix, guard, guard_bits }
}

/// One capability of each kind, with every bit that its kind can have where one can have several.
fn one_of_each() -> Vec<Cap> {
    let mapping = Some(Mapping { address: VirtAddr(0x7fff_f000), asid: Asid(0xfff) });
    vec![
        Cap::Null,
        Cap::Untyped { base: PLACE, size_bits: 47, is_device: true, free: u64::MAX },
        Cap::Endpoint { endpoint: ObjRef::on_host(PLACE), badge: u64::MAX, rights: ALL_RIGHTS },
        Cap::Notification { notification: ObjRef::on_host(PLACE), badge: u64::MAX, rights: ALL_RIGHTS },
        Cap::Reply { reply: ObjRef::on_host(PLACE), rights: ALL_RIGHTS },
        cnode(8, 0, WORD_BITS as u8 - 8),
        cnode(31, u64::MAX >> GUARD_SHIFT, 31),
        Cap::Thread(ObjRef::on_host(PLACE)),
        Cap::SchedContext { sc: ObjRef::on_host(PLACE), size_bits: 63 },
        Cap::SchedControl { node: 0 },
        Cap::SchedControl { node: 15 },
        Cap::IrqControl,
        Cap::IrqHandler(Irq(u32::MAX)),
        Cap::Domain,
        Cap::Zombie { slots: ObjRef::on_host(PLACE), radix: 63, remaining: usize::MAX },
        Cap::Frame {
            base: PLACE,
            size: PageSize::Huge,
            access: PageAccess::ReadWrite,
            is_device: true,
            mapping,
        },
        Cap::Table { table: PLACE, level: Level::PageTable, mapping },
        Cap::VSpace { root: PLACE, asid: Some(Asid(1)) },
        Cap::AsidControl,
        Cap::AsidPool { pool: ObjRef::on_host(PLACE), base: Asid(0xe00) },
        Cap::IoPortControl,
        Cap::IoPort { first: u16::MAX, last: u16::MAX },
        Cap::LineSignal { to: u8::MAX, line: Line(u8::MAX) },
        Cap::InstanceControl { instance: u8::MAX },
        Cap::IoPageTable { table: PhysAddr(0x5000) },
    ]
}

#[test]
fn what_is_packed_is_unpacked() {
    for cap in one_of_each() {
        assert_eq!(cap.pack().unpack(), cap);
    }
}

#[test]
fn what_a_fast_path_takes_is_of_one_kind() {
    for cap in one_of_each() {
        let raw = cap.pack();
        let is_plain = matches!(cap, Cap::CNode { guard: 0, .. });
        assert_eq!(raw.plain_slot(0).is_some(), is_plain, "{cap:?}");
        assert_eq!(raw.callable_endpoint().is_some(), matches!(cap, Cap::Endpoint { .. }), "{cap:?}");
        assert_eq!(
            raw.signallable_notification().is_some(),
            matches!(cap, Cap::Notification { .. }),
            "{cap:?}"
        );
        assert_eq!(raw.assigned_root().is_some(), matches!(cap, Cap::VSpace { .. }), "{cap:?}");
    }
}

#[test]
fn what_a_fast_path_takes_has_the_rights_for_it() {
    let endpoint = |rights| Cap::Endpoint { endpoint: ObjRef::on_host(PLACE), badge: 0, rights }.pack();
    let notification =
        |rights| Cap::Notification { notification: ObjRef::on_host(PLACE), badge: 0, rights }.pack();
    for rights in (0..16).map(Rights) {
        let is_callable = rights.can_write() && (rights.can_grant() || rights.can_grant_reply());
        assert_eq!(endpoint(rights).callable_endpoint().is_some(), is_callable, "{rights:?}");
        assert_eq!(
            notification(rights).signallable_notification().is_some(),
            rights.can_write(),
            "{rights:?}"
        );
    }
    assert_eq!(Cap::VSpace { root: PLACE, asid: None }.pack().assigned_root(), None);
}

#[test]
fn a_plain_cnode_has_as_many_slots_as_its_radix_says() {
    for radix in [1, 8, 27] {
        let raw = cnode(radix, 0, WORD_BITS as u8 - radix).pack();
        let last = (1 << radix) - 1;
        assert_eq!(raw.plain_slot(last), Some(SlotRef::on_host(PLACE).element(last as usize)));
        assert_eq!(raw.plain_slot(last + 1), None);
        assert_eq!(raw.plain_slot(u64::MAX), None);
    }
    assert_eq!(cnode(8, 0, 10).pack().plain_slot(0), None, "a guard that leaves bits over");
}
