// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::Label;
use arch::{Effect, PageAccess, PageSize};

use super::*;
use crate::object::asid::AsidPool;
use crate::testing::{Call, Caller, Defect, check_order};

const VSPACE: usize = 2;
const DIRECTORY: usize = 4;
const TABLE: usize = 5;
const OTHER: usize = 6;
/// Bits that are lost when the address is rounded to the span of any table.
const ADDRESS: u64 = 0x7a12_3456_7000 & USER_TOP;
/// The first level below the top, whose tables need none above them.
const FIRST: Level = Level::LOWER[0];

/// Slot of the table of `level`.
const fn slot_of(level: Level) -> usize {
    TABLE - level as usize
}

/// Whatever an entry may refer to instead of what it should.
fn other_table() -> u64 {
    TableEntry::user_table(PhysAddr(0x5000), 0).0
}

fn large_page(size: PageSize) -> u64 {
    TableEntry::page(PhysAddr(0x4000_0000), size, PageAccess::ReadWrite, 0).0
}

/// A caller with an address space, number 1, and one table of each level, none of them mapped.
fn unmapped_tables() -> Caller {
    let mut caller = Caller::new();
    let root = caller.test.memory(12);
    let pool: ObjRef<AsidPool> = caller.test.object(12);
    caller.test.kernel.asids[0] = Some(pool);
    caller.test.kernel.objs[pool].roots[1] = root.0;
    caller.put(VSPACE, Cap::VSpace { root, asid: Some(Asid(1)) });
    for level in Level::LOWER {
        let table = caller.test.memory(12);
        caller.put(slot_of(level), Cap::Table { table, level, mapping: None });
    }
    caller
}

fn map(slot: usize) -> Call {
    let label = [Label::PageTableMap, Label::PageDirectoryMap, Label::PdptMap][TABLE - slot];
    Call::new(slot, label, &[ADDRESS, 0], &[VSPACE])
}

fn unmap(slot: usize) -> Call {
    let label = [Label::PageTableUnmap, Label::PageDirectoryUnmap, Label::PdptUnmap][TABLE - slot];
    Call::new(slot, label, &[], &[])
}

/// The same, with the tables above the one in `slot` mapped.
fn ready_to_map(slot: usize) -> (Caller, Call) {
    let mut caller = unmapped_tables();
    for upper in slot_of(FIRST)..slot {
        caller.must(&map(upper));
    }
    (caller, map(slot))
}

fn root(caller: &Caller) -> PhysAddr {
    match caller.cap(VSPACE) {
        Cap::VSpace { root, .. } => root,
        other => panic!("{other:?} is no VSpace"),
    }
}

fn mapping(caller: &Caller, slot: usize) -> Option<u64> {
    match caller.cap(slot) {
        Cap::Table { mapping, .. } => mapping.map(|mapping| mapping.address.0),
        other => panic!("{other:?} is no table"),
    }
}

fn entry(caller: &Caller, level: Level) -> Result<u64, Level> {
    let kernel = &caller.test.kernel;
    find_entry(&kernel.objs, root(caller), ADDRESS, level).map(|place| kernel.objs[place].0)
}

fn set_entry(caller: &mut Caller, level: Level, value: u64) {
    let place = find_entry(&caller.test.kernel.objs, root(caller), ADDRESS, level).expect("tables");
    caller.test.kernel.objs[place].0 = value;
}

/// Defects of every Map, in order, up to the check that a table above is there.
const COMMON: [Defect; 8] = [
    Defect { spoil: |_, call| call.label = Label::PageMap.word(), error: SyscallError::IllegalOperation },
    Defect { spoil: |_, call| call.words.truncate(1), error: SyscallError::TruncatedMessage },
    Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
    Defect {
        spoil: |caller, call| {
            if let Cap::Table { table, level, .. } = caller.cap(call.slot) {
                let mapping = Some(Mapping { address: VirtAddr(0), asid: Asid(5) });
                caller.put(call.slot, Cap::Table { table, level, mapping });
            }
        },
        error: SyscallError::InvalidCapability(0),
    },
    Defect {
        spoil: |caller, call| {
            let root = caller.test.memory(12);
            caller.put(OTHER, Cap::VSpace { root, asid: None });
            call.caps = vec![OTHER];
        },
        error: SyscallError::InvalidCapability(1),
    },
    Defect { spoil: |_, call| call.words[0] = USER_TOP + 1, error: SyscallError::InvalidArgument(0) },
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
];

fn missing(bits_left: u64) -> SyscallError {
    SyscallError::FailedLookup(LookupSide::Target, LookupFailure::MissingCapability { bits_left })
}

fn with_common(last: impl IntoIterator<Item = Defect>) -> Vec<Defect> {
    COMMON.into_iter().chain(last).collect()
}

/// What a Map whose walk ends at the first step answers.
fn nothing_below_the_top() -> Defect {
    Defect { spoil: |caller, _| set_entry(caller, Level::TOP, 0), error: missing(FIRST.span_bits().into()) }
}

#[test]
fn map_of_a_table_below_the_top_refuses_in_the_order_of_the_interface() {
    let in_use = Defect {
        spoil: |caller, _| set_entry(caller, Level::TOP, other_table()),
        error: SyscallError::DeleteFirst,
    };
    check_order(|| ready_to_map(slot_of(FIRST)), &with_common([in_use]));
}

#[test]
fn map_of_a_table_further_down_refuses_in_the_order_of_the_interface() {
    for &level in &Level::LOWER[1..] {
        check_order(|| ready_to_map(slot_of(level)), &with_common([nothing_below_the_top()]));
    }
}

#[test]
fn a_place_that_holds_a_table_or_a_page_takes_no_table() {
    for level in Level::LOWER {
        let parent = level.parent().expect("not the top");
        let page = parent.page_size().map(large_page);
        for value in core::iter::once(other_table()).chain(page) {
            let (mut caller, call) = ready_to_map(slot_of(level));
            set_entry(&mut caller, parent, value);
            assert_eq!(caller.invoke(&call), Err(SyscallError::DeleteFirst), "{level:?} {value:#x}");
        }
    }
}

#[test]
fn a_table_that_is_missing_above_is_told_by_the_bits_left() {
    let (upper, lower) = WALK[WALK.len() - 2];
    let page = upper.page_size().map(large_page);
    for value in core::iter::once(0).chain(page) {
        let (mut caller, call) = ready_to_map(TABLE);
        set_entry(&mut caller, upper, value);
        assert_eq!(caller.invoke(&call), Err(missing(lower.span_bits().into())), "{value:#x}");
    }
    assert_eq!(lower.span_bits(), abi::sizes::PAGE_DIRECTORY_SPAN_BITS);
}

#[test]
fn the_address_is_rounded_down_to_what_the_table_spans() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    for level in Level::LOWER {
        let start = ADDRESS >> level.span_bits() << level.span_bits();
        assert_eq!(mapping(&caller, slot_of(level)), Some(start), "{level:?}");
    }
    assert_eq!(entry(&caller, Level::PageTable), Ok(0));
}

#[test]
fn the_last_user_address_takes_tables() {
    let mut caller = unmapped_tables();
    for level in Level::LOWER {
        let mut call = map(slot_of(level));
        call.words[0] = USER_TOP;
        caller.must(&call);
    }
}

#[test]
fn a_table_entry_restricts_nothing_and_has_the_attributes_of_a_table() {
    let (mut caller, mut call) = ready_to_map(slot_of(FIRST));
    let Cap::Table { table, .. } = caller.cap(slot_of(FIRST)) else { panic!("no table") };
    call.words[1] = !0;
    caller.must(&call);
    assert_eq!(entry(&caller, Level::TOP), Ok(TableEntry::user_table(table, 3).0), "PAT has no meaning here");
    assert_eq!(caller.test.kernel.machine.take_effects(), [], "nothing to flush");
    assert_eq!(
        caller.test.kernel.machine.tables_published, 2,
        "what is in the table, then the entry that leads to it"
    );
}

#[test]
fn unmap_wants_the_only_capability() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    caller.copy(TABLE, OTHER);
    assert_eq!(caller.invoke(&unmap(TABLE)), Err(SyscallError::RevokeFirst));
    caller.delete(OTHER);
    caller.must(&unmap(TABLE));
}

#[test]
fn unmap_clears_the_table_and_forgets_the_pages_below() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    set_entry(&mut caller, Level::PageTable, large_page(PageSize::Small));
    let Cap::Table { table, .. } = caller.cap(TABLE) else { panic!("no table") };
    caller.test.kernel.active_root = root(&caller);
    caller.must(&unmap(TABLE));
    assert_eq!(mapping(&caller, TABLE), None);
    assert_eq!(entry(&caller, Level::PageDirectory), Ok(0));
    let index = Level::PageTable.index(ADDRESS);
    assert_eq!(caller.test.kernel.objs[ObjRef::<Word>::on_host(table).element(index)].0, 0);
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::InvalidateAll]);
    caller.must(&unmap(TABLE));
}

#[test]
fn nothing_is_flushed_for_an_address_space_that_is_not_active() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    caller.must(&unmap(TABLE));
    assert_eq!(caller.test.kernel.machine.take_effects(), []);
}

#[test]
fn unmap_leaves_an_entry_that_refers_to_another_table() {
    let (mut caller, call) = ready_to_map(DIRECTORY);
    caller.must(&call);
    let parent = Level::PageDirectory.parent().expect("not the top");
    set_entry(&mut caller, parent, other_table());
    caller.must(&unmap(DIRECTORY));
    assert_eq!(entry(&caller, parent), Ok(other_table()));
    assert_eq!(mapping(&caller, DIRECTORY), None);
}

#[test]
fn a_table_outlives_its_address_space() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    caller.delete(VSPACE);
    caller.must(&unmap(TABLE));
    caller.delete(DIRECTORY);
    assert_eq!(mapping(&caller, TABLE), None);
}

#[test]
fn deleting_the_last_capability_takes_the_table_out() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    caller.copy(DIRECTORY, OTHER);
    caller.delete(OTHER);
    assert!(entry(&caller, Level::PageTable).is_ok());
    caller.delete(DIRECTORY);
    assert_eq!(entry(&caller, Level::PageTable), Err(Level::PageDirectory));
}
