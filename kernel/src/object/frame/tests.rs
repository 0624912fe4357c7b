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
const BASE: PhysAddr = PhysAddr(0x8000_0000);
/// Aligned to every size, and so low that a page of every size fits.
const ADDRESS: u64 = 0x7a00_4000_0000 & (USER_TOP >> 1);

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
    for (level, _) in arch::table::WALK {
        if level > size.level() {
            let table = caller.test.memory(12);
            set_entry(&mut caller, level, TableEntry::user_table(table, 0).0);
        }
    }
    caller.put(FRAME, frame(size));
    (caller, Call::new(FRAME, Label::PageMap, &[ADDRESS, 3, 0], &[VSPACE]))
}

/// The entry that maps [`BASE`].
fn page(size: PageSize, access: PageAccess) -> u64 {
    TableEntry::page(BASE, size, access, 0).0
}

/// What a walk leaves that ends at the top level.
const FIRST_BITS: u64 = Level::LOWER[0].span_bits() as u64;

/// What a walk for `address` answers when only the tables for [`ADDRESS`] are there.
fn missing_for(address: u64) -> SyscallError {
    let mut walk = arch::table::WALK.into_iter();
    let differs = walk.find(|(level, _)| level.index(address) != level.index(ADDRESS));
    missing(differs.map_or(0, |(_, lower)| lower.span_bits().into()))
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
    let no_table = Defect { spoil: |caller, _| set_entry(caller, Level::TOP, 0), error: missing(FIRST_BITS) };
    let defects: Vec<Defect> =
        BEFORE_WALK.into_iter().chain([too_high]).chain(WALK).chain([no_table]).collect();
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
        (USER_TOP - 0x1fff, missing_for(USER_TOP)),
        (USER_TOP - 0xfff, SyscallError::InvalidArgument(0)),
        (!USER_TOP, SyscallError::InvalidArgument(0)),
        (u64::MAX - 0xfff, SyscallError::InvalidArgument(0)),
    ] {
        call.words[0] = address;
        assert_eq!(caller.invoke(&call), Err(expected), "{address:#x}");
    }
}

#[test]
fn a_missing_table_is_told_by_the_bits_left() {
    for size in [PageSize::Small, PageSize::Large, PageSize::Huge] {
        for (level, lower) in arch::table::WALK.into_iter().filter(|&(level, _)| level > size.level()) {
            let page = level.page_size().map(|size| page(size, PageAccess::ReadWrite));
            for value in core::iter::once(0).chain(page) {
                let (mut caller, call) = ready_to_map(size);
                set_entry(&mut caller, level, value);
                let expected = missing(lower.span_bits().into());
                assert_eq!(caller.invoke(&call), Err(expected), "{size:?} {level:?} {value:#x}");
            }
        }
    }
}

#[test]
fn a_large_page_does_not_replace_a_table() {
    for size in [PageSize::Large, PageSize::Huge] {
        let (mut caller, call) = ready_to_map(size);
        set_entry(&mut caller, size.level(), TableEntry::user_table(PhysAddr(0x5000), 0).0);
        assert_eq!(caller.invoke(&call), Err(SyscallError::DeleteFirst));
        set_entry(&mut caller, size.level(), TableEntry::page(PhysAddr(0), size, PageAccess::ReadOnly, 0).0);
        caller.must(&call);
    }
}

#[test]
fn rights_of_capability_and_call_are_both_needed() {
    use PageAccess::{KernelOnly, ReadOnly, ReadWrite};
    for (access, rights, expected) in [
        (ReadWrite, 3, ReadWrite),
        (ReadWrite, 2, ReadOnly),
        (ReadWrite, 1, KernelOnly),
        (ReadWrite, 0, KernelOnly),
        (ReadOnly, 3, ReadOnly),
        (ReadOnly, 1, KernelOnly),
        (KernelOnly, 3, KernelOnly),
    ] {
        let (mut caller, mut call) = ready_to_map(PageSize::Small);
        let size = PageSize::Small;
        caller.put(FRAME, Cap::Frame { base: BASE, size, access, is_device: true, mapping: None });
        call.words[1] = rights;
        caller.must(&call);
        assert_eq!(entry(&caller, Level::PageTable), page(size, expected), "{access:?} {rights}");
    }
}

#[test]
fn attributes_choose_the_memory_type() {
    for size in [PageSize::Small, PageSize::Large, PageSize::Huge] {
        let (mut caller, mut call) = ready_to_map(size);
        call.words[2] = 0xff;
        caller.must(&call);
        let attributes = VmAttributes(0xff).pat_index();
        let expected = TableEntry::page(BASE, size, PageAccess::ReadWrite, attributes).0;
        assert_eq!(entry(&caller, size.level()), expected, "{size:?}");
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
    assert_eq!(entry(&caller, Level::PageTable), page(PageSize::Small, PageAccess::ReadWrite));
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
    assert_eq!(TableEntry(entry(&caller, Level::PageTable)).page_address(size), base);
    assert!(matches!(caller.cap(FRAME), Cap::Frame { mapping: None, .. }));
}

#[test]
fn unmap_removes_the_entry_and_flushes_the_page() {
    for size in [PageSize::Small, PageSize::Large, PageSize::Huge] {
        let (mut caller, call) = ready_to_map(size);
        caller.test.kernel.active_root = root(&caller);
        caller.must(&call);
        assert_eq!(caller.test.kernel.machine.take_effects(), [], "nothing was there before");
        assert_eq!(caller.test.kernel.machine.tables_published, 1, "a walk finds it");
        caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
        assert_eq!(entry(&caller, size.level()), 0);
        assert_eq!(caller.cap(FRAME), frame(size));
        assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::InvalidatePage(VirtAddr(ADDRESS))]);
        caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
    }
}

#[test]
fn the_machine_hears_of_a_page_taken_from_an_address_space_that_is_not_active() {
    let (mut caller, call) = ready_to_map(PageSize::Small);
    caller.must(&call);
    caller.must(&call);
    caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
    let told = (root(&caller), Some(VirtAddr(ADDRESS)));
    assert_eq!(caller.test.kernel.machine.inactive, [told, told], "changed, then taken away");
    assert_eq!(caller.test.kernel.machine.take_effects(), []);
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
    let there = caller.test.kernel.objs[place.expect("the same table")].0;
    assert_eq!(there, page(PageSize::Small, PageAccess::ReadWrite));
}

#[test]
fn a_frame_outlives_its_address_space() {
    let (mut caller, call) = ready_to_map(PageSize::Small);
    caller.must(&call);
    caller.delete(VSPACE);
    caller.must(&Call::new(FRAME, Label::PageUnmap, &[], &[]));
    assert_eq!(caller.cap(FRAME), frame(PageSize::Small));
}
