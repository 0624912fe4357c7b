// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every system call and invocation has a row in `docs/compatibility.md`.

mod markdown;

use abi::{Label, Syscall};
use markdown::{docs, number, read, tables};
use std::collections::BTreeMap;

/// Name, status and test of each row of the table with this first column, by number.
fn documented(column: &str) -> BTreeMap<u64, [String; 3]> {
    let found = tables(&read(&docs().join("compatibility.md")));
    let table = found.iter().find(|table| table.head[0] == column).expect("compatibility.md has the table");
    assert_eq!(table.head[1..], ["Number", "Status", "Test"]);
    let rows: BTreeMap<u64, [String; 3]> = table
        .rows
        .iter()
        .map(|row| {
            let number = number(&row[1]).unwrap_or_else(|| panic!("no number: {row:?}"));
            (number, [row[0].clone(), row[2].clone(), row[3].clone()])
        })
        .collect();
    assert_eq!(rows.len(), table.rows.len(), "a row is written twice in the table of {column}");
    rows
}

/// Do the rows name exactly these calls?
fn assert_complete(column: &str, calls: impl Iterator<Item = (u64, &'static str)>) {
    let mut rows = documented(column);
    for (number, name) in calls {
        let row = rows.remove(&number).unwrap_or_else(|| panic!("no row for {name} in compatibility.md"));
        assert_eq!(row[0], name, "the name in row {number:#x}");
    }
    assert!(rows.is_empty(), "rows for what is not in the code: {rows:?}");
}

#[test]
fn every_system_call_has_a_row() {
    assert_complete("System call", Syscall::ALL.iter().map(|call| (call.word(), call.name())));
}

#[test]
fn every_invocation_has_a_row() {
    // Two numbers are others on AArch32, which docs/abi/aarch32.md says.
    let number = |label: &Label| match label {
        Label::PageGetAddress => 47,
        Label::IoPortIn8 => 51,
        label => label.word(),
    };
    assert_complete("Invocation", Label::ALL.iter().map(|label| (number(label), label.name())));
}

#[test]
fn every_row_has_a_known_status_and_a_test() {
    for column in ["System call", "Invocation"] {
        for [name, status, test] in documented(column).values() {
            let kind = status.split([':', ' ', ',', ';']).next().unwrap_or_default();
            assert!(["same", "differs", "absent", "own"].contains(&kind), "{name}: {status}");
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(!test.is_empty() && test.chars().all(is_plain), "{name}: test {test:?}");
        }
    }
}
