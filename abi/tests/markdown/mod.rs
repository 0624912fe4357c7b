// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the tables of the project's Markdown pages.

use std::fs;
use std::path::{Path, PathBuf};

/// A table: its column names, and its rows as wide as they were written.
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// The project's `docs` directory.
pub(crate) fn docs() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is")).join("../docs")
}

/// The text of a page.
pub(crate) fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// All tables of a page, in order.
pub(crate) fn tables(text: &str) -> Vec<Table> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .split(|line| !line.starts_with('|'))
        .filter(|block| block.len() > 1)
        .map(|block| Table {
            head: cells(block[0]),
            rows: block[2..].iter().map(|line| cells(line)).collect(),
        })
        .collect()
}

/// The number a cell starts with, decimal or hexadecimal, as a word.
pub(crate) fn number(cell: &str) -> Option<u64> {
    let digits = cell.split_whitespace().next()?;
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse::<i64>().ok().map(i64::cast_unsigned),
    }
}

/// The cells of a row, without the marks of code.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_matches('|').replace("\\|", "\u{1}");
    line.split('|').map(|cell| cell.trim().trim_matches('`').replace('\u{1}', "|")).collect()
}
