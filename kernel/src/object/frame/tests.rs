// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals row by row, effects one by one, and random address spaces against a map from page to frame.

mod model;

use arch::{Effect, Level, PageAccess};

use super::*;
use crate::error::{LookupFailure, LookupSide};
use crate::object::asid::AsidPool;
use crate::testing::{Call, Caller, Defect, check_order};

const VSPACE: usize = 2;
const FRAME: usize = 3;
const OTHER: usize = 4;
const BASE: PhysAddr = PhysAddr(0x4_8000_0000);
/// Aligned to every size.
const ADDRESS: u64 = 0x7a00_4000_0000;

fn frame(size: PageSize) -> Cap {
    Cap::Frame { base: BASE, size, access: PageAccess::ReadWrite, is_device: false, mapping: None }
}

fn root(caller: &Caller) -> PhysAddr {
    match caller.cap(VSPACE) {
        Cap::VSpace { root, .. } => root,
        other => panic!("{other:?} is no VSpace"),
    }
}

/// The entry for `address` in the table of `level`.
fn entry(caller: &Caller, level: Level) -> u64 {
    let place = find_entry(&caller.test.kernel.objs, root(caller), ADDRESS, level).expect("tables");
    caller.test.kernel.objs[place].0
}

fn set_entry(caller: &mut Caller, level: Level, value: u64) {
    let place = find_entry(&caller.test.kernel.objs, root(caller), ADDRESS, level).expect("tables");
    caller.test.kernel.objs[place].0 = value;
}

/// A caller with an address space, number 1, that has tables of all levels above `size`, and a frame.
fn ready_to_map(size: PageSize) -> (Caller, Call) {
    let mut caller = Caller::new();
    let root = caller.test.memory(12);
    let pool: ObjRef<AsidPool> = caller.test.object(12);
    caller.test.kernel.asids[0] = Some(pool);
    caller.test.kernel.objs[pool].roots[1] = root.0;
    caller.put(VSPACE, Cap::VSpace { root, asid: Some(Asid(1)) });
    for level in [Level::Pml4, Level::Pdpt, Level::PageDirectory] {
        if level > size.level() {
            let table = caller.test.memory(12);
            set_entry(&mut caller, level, TableEntry::user_table(table, 0).0);
        }
    }
    caller.put(FRAME, frame(size));
    (caller, Call::new(FRAME, Label::PageMap, &[ADDRESS, 3, 0], &[VSPACE]))
}

fn missing(bits_left: u64) -> SyscallError {
    SyscallError::FailedLookup(LookupSide::Target, LookupFailure::MissingCapability { bits_left })
}

fn believe(caller: &mut Caller, address: u64, asid: Asid) {
    if let Cap::Frame { base, size, access, is_device, .. } = caller.cap(FRAME) {
        let mapping = Some(Mapping { address: VirtAddr(address), asid });
        caller.put(FRAME, Cap::Frame { base, size, access, is_device, mapping });
    }
}

const BEFORE_WALK: [Defect; 5] = [
    Defect {
        spoil: |_, call| call.label = Label::PageTableMap.word(),
        error: SyscallError::IllegalOperation,
    },
    Defect { spoil: |_, call| call.words.truncate(2), error: SyscallError::TruncatedMessage },
    Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
    Defect {
        spoil: |caller, call| {
            let root = caller.test.memory(12);
            caller.put(OTHER, Cap::VSpace { root, asid: None });
            call.caps = vec![OTHER];
        },
        error: SyscallError::InvalidCapability(1),
    },
    Defect {
        spoil: |caller, _| believe(caller, ADDRESS, Asid(2)),
        error: SyscallError::InvalidCapability(1),
    },
];

const WALK: [Defect; 3] = [
    Defect {
        spoil: |caller, _| caller.test.kernel.asids[0] = None,
        error: SyscallError::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot),
    },
    Defect {
        spoil: |caller, _| {
            if let Some(pool) = caller.test.kernel.asids[0] {
                caller.test.kernel.objs[pool].roots[1] = 0x7000;
            }
        },
        error: SyscallError::InvalidCapability(1),
    },
    Defect { spoil: |_, call| call.words[0] |= 0x800, error: SyscallError::AlignmentError },
];

#[test]
fn map_of_an_unmapped_frame_refuses_in_the_order_of_the_interface() {
    let too_high =
        Defect { spoil: |_, call| call.words[0] = USER_TOP - 0x7ff, error: SyscallError::InvalidArgument(0) };
    let no_pdpt = Defect { spoil: |caller, _| set_entry(caller, Level::Pml4, 0), error: missing(39) };
    let defects: Vec<Defect> =
        BEFORE_WALK.into_iter().chain([too_high]).chain(WALK).chain([no_pdpt]).collect();
    check_order(|| ready_to_map(PageSize::Small), &defects);
}

#[test]
fn map_of_a_mapped_frame_refuses_in_the_order_of_the_interface() {
    let mapped = || {
        let (mut caller, call) = ready_to_map(PageSize::Small);
        caller.must(&call);
        (caller, call)
    };
    let elsewhere =
        Defect { spoil: |_, call| call.words[0] = ADDRESS + 0x1000, error: SyscallError::InvalidArgument(0) };
    let [no_pool, other_root, _] = WALK;
    let defects: Vec<Defect> = BEFORE_WALK.into_iter().chain([elsewhere, no_pool, other_root]).collect();
    check_order(mapped, &defects);
}

#[test]
fn the_last_page_below_the_top_is_not_for_users() {
    let (mut caller, mut call) = ready_to_map(PageSize::Small);
    for (address, expected) in [
        (0x7fff_ffff_e000, missing(39)),
        (0x7fff_ffff_f000, SyscallError::InvalidArgument(0)),
        (0xffff_8000_0000_0000, SyscallError::InvalidArgument(0)),
        (u64::MAX - 0xfff, SyscallError::InvalidArgument(0)),
    ] {
        call.words[0] = address;
        assert_eq!(caller.invoke(&call), Err(expected), "{address:#x}");
    }
}

#[test]
fn a_missing_table_is_told_by_the_bits_left() {
    for (size, level, value, bits_left) in [
        (PageSize::Small, Level::Pdpt, 0, 30),
        (PageSize::Small, Level::Pdpt, 0x4000_0087, 30),
        (PageSize::Small, Level::PageDirectory, 0, 21),
        (PageSize::Small, Level::PageDirectory, 0x20_0087, 21),
        (PageSize::Large, Level::Pml4, 0, 39),
        (PageSize::Large, Level::Pdpt, 0, 30),
        (PageSize::Huge, Level::Pml4, 0, 39),
    ] {
        let (mut caller, call) = ready_to_map(size);
        set_entry(&mut caller, level, value);
        assert_eq!(caller.invoke(&call), Err(missing(bits_left)), "{size:?} {level:?} {value:#x}");
    }
}

#[test]
fn a_large_page_does_not_replace_a_table() {
    for (size, level) in [(PageSize::Large, Level::PageDirectory), (PageSize::Huge, Level::Pdpt)] {
        let (mut caller, call) = ready_to_map(size);
        set_entry(&mut caller, level, 0x5007);
        assert_eq!(caller.invoke(&call), Err(SyscallError::DeleteFirst));
        set_entry(&mut caller, level, 0x8000_0087);
        caller.must(&call);
    }
}

#[test]
fn rights_of_capability_and_call_are_both_needed() {
    for (access, rights, expected) in [
        (PageAccess::ReadWrite, 3, 7),
        (PageAccess::ReadWrite, 2, 5),
        (PageAccess::ReadWrite, 1, 1),
        (PageAccess::ReadWrite, 0, 1),
        (PageAccess::ReadOnly, 3, 5),
        (PageAccess::ReadOnly, 1, 1),
        (PageAccess::KernelOnly, 3, 1),
    ] {
        let (mut caller, mut call) = ready_to_map(PageSize::Small);
        let size = PageSize::Small;
        caller.put(FRAME, Cap::Frame { base: BASE, size, access, is_device: true, mapping: None });
        call.words[1] = rights;
        caller.must(&call);
        assert_eq!(entry(&caller, Level::PageTable), BASE.0 | expected, "{access:?} {rights}");
    }
}

#[test]
fn attributes_choose_the_memory_type() {
    for (size, expected) in [(PageSize::Small, 0x9f), (PageSize::Large, 0x109f), (PageSize::Huge, 0x9f)] {
        let (mut caller, mut call) = ready_to_map(size);
        call.words[2] = 0xff;
        caller.must(&call);
        assert_eq!(entry(&caller, size.level()), BASE.0 | expected, "{size:?}");
    }
}

#[test]
fn mapping_again_changes_rights_and_flushes_the_page_where_it_is_active() {
    let (mut caller, mut call) = ready_to_map(PageSize::Small);
    caller.must(&call);
    call.words[1] = 2;
    caller.must(&call);
    assert_eq!(caller.test.kernel.machine.take_effects(), [], "not active");
    caller.test.kernel.active_root = root(&caller);
    call.words[1] = 3;
    caller.must(&call);
    assert_eq!(entry(&caller, Level::PageTable), BASE.0 | 7);
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::InvalidatePage(VirtAddr(ADDRESS))]);
}

#[test]
fn a_displaced_frame_believes_in_its_mapping_and_unmapping_it_does_nothing() {
    let (mut caller, call) = ready_to_map(PageSize::Small);
    caller.must(&call);
    let (size, access) = (PageSize::Small, PageAccess::ReadWrite);
    let base = PhysAddr(BASE.0 + 0x1000);
    caller.put(OTHER, Cap::Frame { base, size, access, is_device: false, mapping: None });
    caller.must(&Call { slot: OTHER, ..call });
    assert!(matches!(caller.cap(FRAME), Cap::Frame { mapping: Some(_), .. }));
    caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
    assert_eq!(entry(&caller, Level::PageTable), base.0 | 7);
    assert!(matches!(caller.cap(FRAME), Cap::Frame { mapping: None, .. }));
}

#[test]
fn unmap_removes_the_entry_and_flushes_the_page() {
    for size in [PageSize::Small, PageSize::Large, PageSize::Huge] {
        let (mut caller, call) = ready_to_map(size);
        caller.test.kernel.active_root = root(&caller);
        caller.must(&call);
        assert_eq!(caller.test.kernel.machine.take_effects(), [], "nothing was there before");
        caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
        assert_eq!(entry(&caller, size.level()), 0);
        assert_eq!(caller.cap(FRAME), frame(size));
        assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::InvalidatePage(VirtAddr(ADDRESS))]);
        caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
    }
}

#[test]
fn get_address_answers_the_physical_address() {
    let (mut caller, _) = ready_to_map(PageSize::Small);
    let call = Call::new(FRAME, Label::PageGetAddress, &[], &[]);
    assert_eq!(caller.invoke(&call), Ok(Reply::Word(BASE.0)));
}

#[test]
fn deleting_any_capability_removes_its_own_mapping_only() {
    let (mut caller, call) = ready_to_map(PageSize::Small);
    caller.must(&call);
    let Cap::Frame { base, size, access, is_device, .. } = caller.cap(FRAME) else { panic!("no frame") };
    let (source, dest) = (caller.slot(FRAME), caller.slot(OTHER));
    let copy = Cap::Frame { base, size, access, is_device, mapping: None };
    caller.test.kernel.insert_cap(copy, source, dest);
    caller.must(&Call::new(OTHER, Label::PageMap, &[ADDRESS + 0x1000, 3, 0], &[VSPACE]));
    caller.delete(FRAME);
    assert_eq!(entry(&caller, Level::PageTable), 0);
    let place = find_entry(&caller.test.kernel.objs, root(&caller), ADDRESS + 0x1000, Level::PageTable);
    assert_eq!(caller.test.kernel.objs[place.expect("the same table")].0, BASE.0 | 7);
}

#[test]
fn a_frame_outlives_its_address_space() {
    let (mut caller, call) = ready_to_map(PageSize::Small);
    caller.must(&call);
    caller.delete(VSPACE);
    caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
    assert_eq!(caller.cap(FRAME), frame(PageSize::Small));
}
