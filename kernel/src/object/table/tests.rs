// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::Label;
use arch::Effect;

use super::*;
use crate::object::asid::AsidPool;
use crate::testing::{Call, Caller, Defect, check_order};

const VSPACE: usize = 2;
const PDPT: usize = 3;
const DIRECTORY: usize = 4;
const TABLE: usize = 5;
const OTHER: usize = 6;
/// Bits that are lost when the address is rounded to the span of any table.
const ADDRESS: u64 = 0x7a12_3456_7000;

/// A caller with an address space, number 1, and one table of each level, none of them mapped.
fn unmapped_tables() -> Caller {
    let mut caller = Caller::new();
    let root = caller.test.memory(12);
    let pool: ObjRef<AsidPool> = caller.test.object(12);
    caller.test.kernel.asids[0] = Some(pool);
    caller.test.kernel.objs[pool].roots[1] = root.0;
    caller.put(VSPACE, Cap::VSpace { root, asid: Some(Asid(1)) });
    for (slot, level) in [(PDPT, Level::Pdpt), (DIRECTORY, Level::PageDirectory), (TABLE, Level::PageTable)] {
        let table = caller.test.memory(12);
        caller.put(slot, Cap::Table { table, level, mapping: None });
    }
    caller
}

fn map(slot: usize) -> Call {
    let label = [Label::PdptMap, Label::PageDirectoryMap, Label::PageTableMap][slot - PDPT];
    Call::new(slot, label, &[ADDRESS, 0], &[VSPACE])
}

fn unmap(slot: usize) -> Call {
    let label = [Label::PdptUnmap, Label::PageDirectoryUnmap, Label::PageTableUnmap][slot - PDPT];
    Call::new(slot, label, &[], &[])
}

/// The same, with the tables above the one in `slot` mapped.
fn ready_to_map(slot: usize) -> (Caller, Call) {
    let mut caller = unmapped_tables();
    for upper in PDPT..slot {
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
    Defect { spoil: |_, call| call.words[0] = 0x8000_0000_0000, error: SyscallError::InvalidArgument(0) },
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

#[test]
fn pdpt_map_refuses_in_the_order_of_the_interface() {
    let in_use = Defect {
        spoil: |caller, _| set_entry(caller, Level::Pml4, 0x5007),
        error: SyscallError::DeleteFirst,
    };
    check_order(|| ready_to_map(PDPT), &with_common([in_use]));
}

#[test]
fn page_directory_map_refuses_in_the_order_of_the_interface() {
    let no_pdpt = Defect { spoil: |caller, _| set_entry(caller, Level::Pml4, 0), error: missing(39) };
    check_order(|| ready_to_map(DIRECTORY), &with_common([no_pdpt]));
    for value in [0x5007, 0x4000_0087] {
        let (mut caller, call) = ready_to_map(DIRECTORY);
        set_entry(&mut caller, Level::Pdpt, value);
        assert_eq!(caller.invoke(&call), Err(SyscallError::DeleteFirst), "{value:#x}");
    }
}

#[test]
fn page_table_map_refuses_in_the_order_of_the_interface() {
    let no_pdpt = Defect { spoil: |caller, _| set_entry(caller, Level::Pml4, 0), error: missing(39) };
    check_order(|| ready_to_map(TABLE), &with_common([no_pdpt]));
    for (level, value, error) in [
        (Level::Pdpt, 0, missing(30)),
        (Level::Pdpt, 0x4000_0087, missing(30)),
        (Level::PageDirectory, 0x5007, SyscallError::DeleteFirst),
        (Level::PageDirectory, 0x20_0087, SyscallError::DeleteFirst),
    ] {
        let (mut caller, call) = ready_to_map(TABLE);
        set_entry(&mut caller, level, value);
        assert_eq!(caller.invoke(&call), Err(error), "{level:?} {value:#x}");
    }
}

#[test]
fn the_address_is_rounded_down_to_what_the_table_spans() {
    let (mut caller, call) = ready_to_map(TABLE);
    caller.must(&call);
    assert_eq!(mapping(&caller, PDPT), Some(ADDRESS >> 39 << 39));
    assert_eq!(mapping(&caller, DIRECTORY), Some(ADDRESS >> 30 << 30));
    assert_eq!(mapping(&caller, TABLE), Some(ADDRESS >> 21 << 21));
    assert_eq!(entry(&caller, Level::PageTable), Ok(0));
}

#[test]
fn the_last_user_address_takes_tables() {
    let mut caller = unmapped_tables();
    for slot in [PDPT, DIRECTORY, TABLE] {
        let mut call = map(slot);
        call.words[0] = USER_TOP;
        caller.must(&call);
    }
}

#[test]
fn a_table_entry_is_for_users_writable_and_has_the_attributes() {
    let (mut caller, mut call) = ready_to_map(PDPT);
    let Cap::Table { table, .. } = caller.cap(PDPT) else { panic!("no table") };
    call.words[1] = !0;
    caller.must(&call);
    assert_eq!(entry(&caller, Level::Pml4), Ok(table.0 | 0x1f), "PAT has no meaning here");
    assert_eq!(caller.test.kernel.machine.take_effects(), [], "nothing to flush");
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
    set_entry(&mut caller, Level::PageTable, 0x9007);
    let Cap::Table { table, .. } = caller.cap(TABLE) else { panic!("no table") };
    caller.test.kernel.active_root = root(&caller);
    caller.must(&unmap(TABLE));
    assert_eq!(mapping(&caller, TABLE), None);
    assert_eq!(entry(&caller, Level::PageDirectory), Ok(0));
    let index = Level::PageTable.index(ADDRESS);
    assert_eq!(caller.test.kernel.objs[ObjRef::<Word>::at(table).element(index)].0, 0);
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
    set_entry(&mut caller, Level::Pdpt, 0x5007);
    caller.must(&unmap(DIRECTORY));
    assert_eq!(entry(&caller, Level::Pdpt), Ok(0x5007));
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
