// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::GuardData;
use arch::{Level, PageSize, PhysAddr, VirtAddr};

use super::*;
use crate::cap::Mapping;
use crate::memory::objects::ObjRef;
use crate::object::asid::Asid;
use crate::testing::TestKernel;

const MAPPED: Option<Mapping> = Some(Mapping { address: VirtAddr(0x1000), asid: Asid(1) });

fn endpoint(badge: u64, rights: Rights) -> Cap {
    Cap::Endpoint { endpoint: ObjRef::on_host(PhysAddr(0x1000)), badge, rights }
}

fn frame(access: PageAccess, mapping: Option<Mapping>) -> Cap {
    Cap::Frame { base: PhysAddr(0x2000), size: PageSize::Small, access, is_device: false, mapping }
}

fn cnode(radix: u8, guard: u64, guard_bits: u8) -> Cap {
    Cap::CNode { slots: ObjRef::on_host(PhysAddr(0x4000)), radix, guard, guard_bits }
}

#[test]
fn endpoint_and_reply_rights_are_intersected() {
    let cap = endpoint(3, Rights::ALL).mask_rights(Rights(Rights::WRITE.0 | Rights::GRANT.0));
    assert_eq!(cap, endpoint(3, Rights(Rights::WRITE.0 | Rights::GRANT.0)));
    assert_eq!(endpoint(3, Rights::READ).mask_rights(Rights::ALL), endpoint(3, Rights::READ));
    let reply = |rights| Cap::Reply { reply: ObjRef::on_host(PhysAddr(0x3000)), rights };
    assert_eq!(reply(Rights::GRANT).mask_rights(Rights::READ_WRITE), reply(Rights::NONE));
}

#[test]
fn frame_rights_lose_write_first_and_write_without_read_is_nothing() {
    use PageAccess::{KernelOnly, ReadOnly, ReadWrite};
    for (access, rights, left) in [
        (ReadWrite, Rights::READ_WRITE, ReadWrite),
        (ReadWrite, Rights::READ, ReadOnly),
        (ReadWrite, Rights::WRITE, KernelOnly),
        (ReadWrite, Rights::NONE, KernelOnly),
        (ReadOnly, Rights::ALL, ReadOnly),
        (ReadOnly, Rights::WRITE, KernelOnly),
        (KernelOnly, Rights::ALL, KernelOnly),
    ] {
        assert_eq!(frame(access, None).mask_rights(rights), frame(left, None), "{access:?} {rights:?}");
    }
}

#[test]
fn other_capabilities_have_no_rights_to_mask() {
    let signal = Cap::LineSignal { to: 1, line: crate::object::line::Line(2) };
    for cap in [cnode(4, 0, 0), signal, Cap::Domain, Cap::InstanceControl { instance: 1 }] {
        assert_eq!(cap.mask_rights(Rights::NONE), cap);
    }
}

#[test]
fn a_badge_is_set_once_and_by_mint_only() {
    assert_eq!(endpoint(0, Rights::ALL).update_data(7, DataRule::Mint), endpoint(7, Rights::ALL));
    assert_eq!(endpoint(0, Rights::ALL).update_data(0, DataRule::Mint), endpoint(0, Rights::ALL));
    assert_eq!(endpoint(7, Rights::ALL).update_data(7, DataRule::Mint), Cap::Null);
    assert_eq!(endpoint(0, Rights::ALL).update_data(7, DataRule::Mutate), Cap::Null);
    let notification = |badge| Cap::Notification {
        notification: ObjRef::on_host(PhysAddr(0x40)),
        badge,
        rights: Rights::ALL,
    };
    assert_eq!(notification(0).update_data(u64::MAX, DataRule::Mint), notification(u64::MAX));
    assert_eq!(notification(1).update_data(0, DataRule::Mint), Cap::Null);
    assert_eq!(notification(0).update_data(0, DataRule::Mutate), Cap::Null);
}

#[test]
fn a_guard_is_cut_to_its_size_and_must_fit_with_the_radix() {
    let data = |guard: u64, bits: u32| GuardData::new(guard, bits).word();
    let most = WORD_BITS - 8;
    for rule in [DataRule::Mint, DataRule::Mutate] {
        assert_eq!(cnode(8, 0, 0).update_data(data(0b1101, 3), rule), cnode(8, 0b101, 3));
        assert_eq!(cnode(8, 5, 3).update_data(0, rule), cnode(8, 0, 0));
        assert_eq!(cnode(8, 0, 0).update_data(data(1, most), rule), cnode(8, 1, most as u8));
        assert_eq!(cnode(8, 0, 0).update_data(data(1, most + 1), rule), Cap::Null);
    }
}

#[test]
fn data_of_other_capabilities_is_ignored() {
    assert_eq!(Cap::Domain.update_data(5, DataRule::Mint), Cap::Domain);
    assert_eq!(
        frame(PageAccess::ReadOnly, MAPPED).update_data(5, DataRule::Mutate),
        frame(PageAccess::ReadOnly, MAPPED)
    );
}

#[test]
fn control_capabilities_and_zombies_have_no_copies() {
    let mut test = TestKernel::new();
    let root = test.cnode(4);
    let slot = test.slot(root, 0);
    let zombie = Cap::Zombie { slots: slot, radix: 4, remaining: 16 };
    for cap in [Cap::Null, zombie, Cap::IrqControl, Cap::IoPortControl] {
        assert_eq!(test.kernel.derive_cap(slot, cap), Ok(Cap::Null));
    }
    for cap in
        [Cap::Domain, Cap::SchedControl { node: 0 }, Cap::AsidControl, Cap::InstanceControl { instance: 1 }]
    {
        assert_eq!(test.kernel.derive_cap(slot, cap), Ok(cap));
    }
}

#[test]
fn a_copy_of_a_frame_is_unmapped_and_tables_must_be_mapped() {
    let mut test = TestKernel::new();
    let root = test.cnode(4);
    let slot = test.slot(root, 0);
    let derive = |cap| test.kernel.derive_cap(slot, cap);
    assert_eq!(derive(frame(PageAccess::ReadWrite, MAPPED)), Ok(frame(PageAccess::ReadWrite, None)));
    let table = |mapping| Cap::Table { table: PhysAddr(0x5000), level: Level::PageTable, mapping };
    assert_eq!(derive(table(None)), Err(SyscallError::IllegalOperation));
    assert_eq!(derive(table(MAPPED)), Ok(table(MAPPED)));
    let vspace = |asid| Cap::VSpace { root: PhysAddr(0x6000), asid };
    assert_eq!(derive(vspace(None)), Err(SyscallError::IllegalOperation));
    assert_eq!(derive(vspace(Some(Asid(1)))), Ok(vspace(Some(Asid(1)))));
}

#[test]
fn an_untyped_with_children_has_no_copies() {
    let mut test = TestKernel::new();
    let root = test.cnode(4);
    let (slot, child) = (test.slot(root, 0), test.slot(root, 1));
    let untyped = Cap::Untyped { base: PhysAddr(0x10_0000), size_bits: 12, is_device: false, free: 16 };
    test.kernel.insert_root_cap(untyped, slot);
    assert_eq!(test.kernel.derive_cap(slot, untyped), Ok(untyped));
    let endpoint =
        Cap::Endpoint { endpoint: ObjRef::on_host(PhysAddr(0x10_0000)), badge: 0, rights: Rights::ALL };
    test.kernel.insert_new_cap(endpoint, slot, child);
    assert_eq!(test.kernel.derive_cap(slot, untyped), Err(SyscallError::RevokeFirst));
}
