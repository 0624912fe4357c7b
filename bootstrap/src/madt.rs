// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of ACPI table bytes that the `acpi` crate leaves to its caller.
//!
//! The crate walks the entries of a table by the lengths found in them: a length of zero would never end, one that is
//! too long would leave the table. [`check_entries`] is asked first.

/// Why a table of variable-length entries cannot be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryError {
    /// The table is shorter than its fixed part.
    TooShort,
    /// The entry at this offset has a length that does not fit the table or its type.
    BadLength(usize),
}

/// Length of the fixed part of the MADT: header, local-APIC address, flags.
pub const MADT_FIXED: usize = 44;
/// Length of the fixed part of the SRAT: header and twelve reserved bytes.
pub const SRAT_FIXED: usize = 48;

/// The shortest legal entry of each MADT type from 0 on that the boot core reads; 2 for the others.
fn least_madt_length(kind: u8) -> usize {
    match kind {
        0 => 8,
        1 => 12,
        2 => 10,
        9 => 16,
        _ => 2,
    }
}

/// Checks that every entry after the first `fixed` bytes of `table` can be walked by its length byte.
pub fn check_entries(table: &[u8], fixed: usize, least: impl Fn(u8) -> usize) -> Result<(), EntryError> {
    if table.len() < fixed {
        return Err(EntryError::TooShort);
    }
    let mut offset = fixed;
    while offset < table.len() {
        match table[offset..] {
            [kind, length, ..] if usize::from(length) >= least(kind).max(2) => offset += usize::from(length),
            _ => return Err(EntryError::BadLength(offset)),
        }
    }
    if offset == table.len() { Ok(()) } else { Err(EntryError::BadLength(offset)) }
}

/// Checks that the entries of a MADT can be walked.
pub fn check_madt(table: &[u8]) -> Result<(), EntryError> {
    check_entries(table, MADT_FIXED, least_madt_length)
}

/// The core entries of an SRAT as (local-APIC id, proximity domain), enabled ones only. Walked by hand: the `acpi`
/// crate takes the one-byte entry length for two bytes.
pub fn srat_cores(table: &[u8]) -> impl Iterator<Item = (u32, u32)> + '_ {
    let mut rest = table.get(SRAT_FIXED..).unwrap_or(&[]);
    core::iter::from_fn(move || {
        let length = usize::from(*rest.get(1)?).max(2);
        let entry = rest.get(..length)?;
        rest = &rest[length..];
        Some(entry)
    })
    .filter_map(srat_core)
}

fn srat_core(entry: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| Some(u32::from_le_bytes(entry.get(at..at + 4)?.try_into().ok()?));
    match entry.first()? {
        0 if word(4)? & 1 != 0 => {
            let high = word(8)? & 0xffff_ff00;
            Some((u32::from(entry[3]), high | u32::from(entry[2])))
        }
        2 if word(12)? & 1 != 0 => Some((word(8)?, word(4)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn madt(entries: &[u8]) -> Vec<u8> {
        let mut table = vec![0; MADT_FIXED];
        table.extend_from_slice(entries);
        table
    }

    #[test]
    fn a_table_of_whole_entries_is_accepted() {
        assert_eq!(check_madt(&madt(&[0, 8, 0, 0, 1, 0, 0, 0, 4, 6, 0, 0, 0, 1])), Ok(()));
        assert_eq!(check_madt(&madt(&[])), Ok(()));
    }

    #[test]
    fn an_entry_of_no_length_is_refused_instead_of_walked_for_ever() {
        assert_eq!(check_madt(&madt(&[0x7f, 0])), Err(EntryError::BadLength(44)));
    }

    #[test]
    fn an_entry_that_leaves_the_table_or_is_too_short_for_its_type_is_refused() {
        assert_eq!(check_madt(&madt(&[0, 9, 0, 0, 1, 0, 0, 0])), Err(EntryError::BadLength(53)));
        assert_eq!(check_madt(&madt(&[9, 8, 0, 0, 1, 0, 0, 0])), Err(EntryError::BadLength(44)));
        assert_eq!(check_madt(&[0; 43]), Err(EntryError::TooShort));
    }

    #[test]
    fn srat_gives_the_domain_of_enabled_cores_of_both_kinds() {
        let mut table = vec![0; SRAT_FIXED];
        table.extend([0, 16, 2, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        table.extend([0, 16, 2, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        table.extend([2, 24, 0, 0, 7, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(srat_cores(&table).collect::<Vec<_>>(), [(5, 2), (256, 7)]);
    }
}
