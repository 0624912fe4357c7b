// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every number of `abi` agrees with the tables under `docs/abi/`.
//!
//! The pages are the second, independent copy. A table is compared when its second column is "Name"; its first
//! column says with which enum. A row that is missing on either side fails.

mod markdown;

use abi::chunk::{ChunkId, skerry};
use abi::{
    CapTag, ErrorCode, FaultKind, Label, LookupFailureKind, ObjectType, Syscall, aarch32, slots, start,
    status, x86_64,
};
use markdown::{Table, docs, number, read, tables};
use std::collections::BTreeSet;

type Rows = BTreeSet<(u64, String)>;

/// Labels with the numbers of the tables: two of them differ on AArch32, which docs/abi/aarch32.md says.
fn as_on_x86(labels: &Rows) -> Rows {
    let number = |number| match number {
        47 => 51,
        51 => 47,
        other => other,
    };
    labels.iter().map(|(label, name)| (number(*label), name.clone())).collect()
}

macro_rules! enums {
    ($($column:literal: $kind:path,)+) => {
        /// The rows of every enum, by the first column of its table.
        fn enums() -> Vec<(&'static str, Rows)> {
            let mut all: Vec<(&'static str, Rows)> = vec![
                $(($column, <$kind>::ALL.iter().map(|row| (row.word(), row.name().into())).collect()),)+
            ];
            if cfg!(target_arch = "arm") {
                all.iter_mut().filter(|(column, _)| *column == "Label").for_each(|(_, rows)| *rows = as_on_x86(rows));
            }
            all
        }
    };
}

enums! {
    "Number": Syscall,
    "Cache label": aarch32::CacheLabel,
    "Label": Label,
    "Type": ObjectType,
    "Tag": CapTag,
    "Code": ErrorCode,
    "Failure": LookupFailureKind,
    "Fault": FaultKind,
    "Register": x86_64::Register,
    "AArch32 register": aarch32::Register,
    "Id": ChunkId,
    "Direction": skerry::Direction,
    "Device": skerry::DeviceKind,
    "Word": status::Word,
    "State": status::State,
    "Request": start::Request,
}

/// Every table of every page under `docs/abi/`.
fn all_tables() -> Vec<Table> {
    let pages = std::fs::read_dir(docs().join("abi")).expect("docs/abi is there");
    let mut found = Vec::new();
    for page in pages {
        let path = page.expect("docs/abi can be listed").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            found.extend(tables(&read(&path)));
        }
    }
    found
}

/// The tables that stand for enums.
fn named_tables() -> Vec<Table> {
    all_tables().into_iter().filter(|table| table.head.get(1).is_some_and(|name| name == "Name")).collect()
}

/// The one table with this first column.
fn named_table(column: &str) -> Table {
    let mut found: Vec<Table> = named_tables().into_iter().filter(|table| table.head[0] == column).collect();
    assert_eq!(found.len(), 1, "tables whose columns start with | {column} | Name |");
    found.remove(0)
}

fn rows(table: &Table) -> Rows {
    let numbered: Vec<(u64, String)> = table
        .rows
        .iter()
        .map(|row| (number(&row[0]).unwrap_or_else(|| panic!("no number: {row:?}")), row[1].clone()))
        .collect();
    let rows: Rows = numbered.iter().cloned().collect();
    assert_eq!(rows.len(), numbered.len(), "a row is written twice in the table of {}", table.head[0]);
    rows
}

/// Says which rows one side has and the other has not.
fn differences(code: &Rows, page: &Rows) -> Vec<String> {
    let missing = code.difference(page).map(|(number, name)| format!("not on the page: {number:#x} {name}"));
    let surplus = page.difference(code).map(|(number, name)| format!("not in the code: {number:#x} {name}"));
    missing.chain(surplus).collect()
}

#[test]
fn every_enum_agrees_with_its_table() {
    for (column, code) in enums() {
        let found = differences(&code, &rows(&named_table(column)));
        assert!(found.is_empty(), "{column}: {found:#?}");
    }
}

#[test]
fn every_table_of_names_stands_for_an_enum() {
    for table in named_tables() {
        assert!(enums().iter().any(|(column, _)| *column == table.head[0]), "no enum: {:?}", table.head);
    }
}

#[test]
fn a_row_missing_on_either_side_is_a_difference() {
    let table = &tables("| Number | Name |\n|---|---|\n| -1 | `Call` |\n| 0x2 | `Other` |\n")[0];
    let page = rows(table);
    let code: Rows = [(u64::MAX, "Call".into()), (3, "Third".into())].into();
    assert_eq!(differences(&code, &page), ["not on the page: 0x3 Third", "not in the code: 0x2 Other"]);
}

#[test]
fn object_sizes_agree_with_the_page() {
    for row in named_table("Type").rows {
        let kind = number(&row[0]).and_then(ObjectType::from_word).expect("compared with the enum");
        match row[2].parse::<u32>() {
            Ok(bits) => assert_eq!((kind.size_bits(10), kind.size_bits(11)), (bits, bits), "{}", row[1]),
            Err(_) => assert_ne!(kind.size_bits(10), kind.size_bits(11), "{} has one size", row[1]),
        }
    }
}

#[test]
fn register_offsets_and_lookup_lengths_agree_with_the_pages() {
    for (table, word) in
        [("Register", size_of::<x86_64::Word>()), ("AArch32 register", size_of::<aarch32::Word>())]
    {
        for row in named_table(table).rows {
            let index = number(&row[0]).expect("compared with the enum");
            assert_eq!(number(&row[2]), Some(index * word as u64), "{}", row[1]);
        }
    }
    for row in named_table("Failure").rows {
        let kind = number(&row[0]).and_then(LookupFailureKind::from_word).expect("compared with the enum");
        assert_eq!(number(&row[5]), Some(kind.words() as u64), "{}", row[1]);
    }
}

#[test]
fn fixed_slots_agree_with_the_page() {
    let code: Rows = [
        (slots::NULL, "NULL"),
        (slots::INIT_TCB, "INIT_TCB"),
        (slots::INIT_CNODE, "INIT_CNODE"),
        (slots::INIT_VSPACE, "INIT_VSPACE"),
        (slots::IRQ_CONTROL, "IRQ_CONTROL"),
        (slots::ASID_CONTROL, "ASID_CONTROL"),
        (slots::INIT_ASID_POOL, "INIT_ASID_POOL"),
        (slots::IO_PORT_CONTROL, "IO_PORT_CONTROL"),
        (slots::IO_SPACE, "IO_SPACE"),
        (slots::BOOT_INFO_FRAME, "BOOT_INFO_FRAME"),
        (slots::INIT_IPC_BUFFER, "INIT_IPC_BUFFER"),
        (slots::DOMAIN, "DOMAIN"),
        (slots::SMMU_SID_CONTROL, "SMMU_SID_CONTROL"),
        (slots::SMMU_CB_CONTROL, "SMMU_CB_CONTROL"),
        (slots::INIT_SCHED_CONTEXT, "INIT_SCHED_CONTEXT"),
        (slots::SMC, "SMC"),
        (slots::FIRST_FREE, "FIRST_FREE"),
    ]
    .map(|(slot, name)| (slot, name.to_owned()))
    .into();
    let tables = all_tables();
    let table = tables.iter().find(|table| table.head.starts_with(&["Slot".into(), "Constant".into()]));
    let found = differences(&code, &rows(table.expect("bootinfo.md has the table")));
    assert!(found.is_empty(), "{found:#?}");
}
