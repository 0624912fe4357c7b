// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root pointer and root table: which tables there are.
//!
//! ```text
//!   RSDP   0 "RSD PTR "   8 checksum of 20 bytes   9 OEM id   15 revision   16 RSDT
//!          20 length   24 XSDT   32 checksum of all, 33 reserved         revision 2 or later
//! ```

use alloc::vec::Vec;

use super::table::HEADER;
use super::{AcpiError, Note, Notes, Problem, Signature, Table, is_sum_zero};
use crate::bytes::{u32_at, u64_at};
use crate::memory::Memory;

const POINTER_SIGNATURE: &[u8] = b"RSD PTR ";
/// Length of a root pointer before revision 2.
const SHORT: usize = 20;
/// Length of a root pointer.
const LONG: usize = 36;
/// Root pointers are not longer than this: the standard has nothing behind byte 36.
const LONGEST: usize = 4096;
const REVISION: usize = 15;
const RSDT: usize = 16;
const LENGTH: usize = 20;
const XSDT: usize = 24;

/// Where the segment of the extended BIOS data area stands.
const EXTENDED_AREA_SEGMENT: u64 = 0x40e;
/// Bytes of that area that are searched.
const EXTENDED_AREA: u64 = 1024;
/// The area of the BIOS that is searched.
const BIOS_AREA: core::ops::Range<u64> = 0xe_0000..0x10_0000;
/// Root pointers lie at multiples of this.
const STEP: usize = 16;

/// The root pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootPointer {
    /// Where it is.
    pub address: u64,
    /// Its bytes in the newer layout; an old one has only the first 20.
    pub bytes: [u8; LONG],
}

/// The root table: signatures and addresses of all tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What led here.
    pub pointer: RootPointer,
    /// What was left out so far.
    pub notes: Notes,
    signature: Signature,
    address: u64,
    tables: Vec<(Signature, u64)>,
}

impl Root {
    /// Reads the root table that the root pointer at `pointer` leads to; searches for the pointer when there is none.
    pub fn read(memory: &impl Memory, pointer: Option<u64>) -> Result<Self, AcpiError> {
        let address = match pointer {
            Some(address) => address,
            None => search(memory).ok_or(AcpiError::NoRootPointer)?,
        };
        let pointer =
            read_pointer(memory, address).map_err(|problem| AcpiError::RootPointer { address, problem })?;
        let mut notes = Notes::default();
        let (signature, table) = root_table(memory, &pointer, &mut notes)?;
        let table = Table::read(memory, signature, table, HEADER)?;
        let tables = tables(memory, &table, &mut notes);
        Ok(Root { pointer, notes, signature, address: table.address(), tables })
    }

    /// Which of the two root tables it is.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// Signature and address of every table, in the order of the root table.
    pub fn tables(&self) -> impl Iterator<Item = (Signature, u64)> {
        self.tables.iter().copied()
    }

    /// The first table with this signature, whose fixed part has `fixed` bytes, header included.
    pub fn table(
        &mut self,
        memory: &impl Memory,
        signature: Signature,
        fixed: usize,
    ) -> Result<Option<Table>, AcpiError> {
        let mut found = self.tables.iter().filter(|(name, _)| *name == signature);
        let Some((_, address)) = found.next() else { return Ok(None) };
        if let Some((table, address)) = found.find(|(_, other)| other != address) {
            self.notes.push(Note::SecondTable { table: *table, address: *address });
        }
        Table::read(memory, signature, *address, fixed).map(Some)
    }

    /// Every table with this signature; a wrong one is left out.
    pub fn all(&mut self, memory: &impl Memory, signature: Signature) -> Vec<Table> {
        let mut found: Vec<Table> = Vec::new();
        for (_, address) in self.tables.iter().filter(|(name, _)| *name == signature) {
            match Table::read(memory, signature, *address, HEADER) {
                Ok(table) if found.iter().all(|known| known.address() != *address) => found.push(table),
                Ok(_) => {}
                Err(error) => self.notes.push(Note::LeftOut(error)),
            }
        }
        found
    }

    /// As [`Root::table`], for a table that a boot cannot do without.
    pub fn needed(
        &mut self,
        memory: &impl Memory,
        signature: Signature,
        fixed: usize,
    ) -> Result<Table, AcpiError> {
        let (root, address, tables) = (self.signature, self.address, self.tables.len());
        let missing = AcpiError::Missing { table: signature, root, address, tables };
        self.table(memory, signature, fixed)?.ok_or(missing)
    }

    /// As [`Root::table`], for a table that a boot can do without: a wrong one is left out.
    pub fn optional(&mut self, memory: &impl Memory, signature: Signature, fixed: usize) -> Option<Table> {
        match self.table(memory, signature, fixed) {
            Ok(table) => table,
            Err(error) => {
                self.notes.push(Note::LeftOut(error));
                None
            }
        }
    }
}

/// Looks where BIOSes put the root pointer.
fn search(memory: &impl Memory) -> Option<u64> {
    let [low, high] = [0, 1].map(|offset| memory.byte(EXTENDED_AREA_SEGMENT + offset).unwrap_or(0));
    let extended = u64::from(u16::from_le_bytes([low, high])) << 4;
    let areas = [extended..extended + EXTENDED_AREA, BIOS_AREA];
    let places = areas.into_iter().filter(|area| area.start != 0).flat_map(|area| area.step_by(STEP));
    places.into_iter().find(|address| read_pointer(memory, *address).is_ok())
}

/// The root pointer at `address`, as far as all of them go: signature and checksum of the first part.
fn read_pointer(memory: &impl Memory, address: u64) -> Result<RootPointer, Problem> {
    let short = memory.bytes(address, SHORT).ok_or(Problem::Unreadable)?;
    if !short.starts_with(POINTER_SIGNATURE) {
        return Err(Problem::Signature([short[0], short[1], short[2], short[3]]));
    }
    if !is_sum_zero(&short) {
        return Err(Problem::Checksum);
    }
    let mut bytes = [0; LONG];
    bytes[..SHORT].copy_from_slice(&short);
    if short[REVISION] > 1
        && let Some(long) = memory.bytes(address, LONG)
    {
        bytes.copy_from_slice(&long);
    }
    Ok(RootPointer { address, bytes })
}

/// Which root table a root pointer means, and where it is.
fn root_table(
    memory: &impl Memory,
    pointer: &RootPointer,
    notes: &mut Notes,
) -> Result<(Signature, u64), AcpiError> {
    let rsdt = u64::from(u32_at(&pointer.bytes, RSDT));
    let xsdt = u64_at(&pointer.bytes, XSDT);
    let is_new = pointer.bytes[REVISION] > 1;
    let is_whole = is_new && is_extended_part_whole(memory, pointer);
    if is_new && !is_whole {
        notes.push(Note::ExtendedRootPointer { address: pointer.address });
    }
    match (is_whole, xsdt, rsdt) {
        (true, 1.., _) => Ok((Signature::XSDT, xsdt)),
        (_, _, 1..) => Ok((Signature::RSDT, rsdt)),
        _ => Err(AcpiError::RootPointer { address: pointer.address, problem: Problem::NoRoot }),
    }
}

fn is_extended_part_whole(memory: &impl Memory, pointer: &RootPointer) -> bool {
    let length = u32_at(&pointer.bytes, LENGTH) as usize;
    (LONG..=LONGEST).contains(&length)
        && memory.bytes(pointer.address, length).is_some_and(|bytes| is_sum_zero(&bytes))
}

/// Signature and address of every table that a root table leads to.
fn tables(memory: &impl Memory, root: &Table, notes: &mut Notes) -> Vec<(Signature, u64)> {
    let size = if root.signature() == Signature::XSDT { size_of::<u64>() } else { size_of::<u32>() };
    let entries = root.bytes()[HEADER..].chunks_exact(size);
    let mut found = Vec::with_capacity(entries.len());
    let mut zeros = 0;
    for (index, entry) in entries.enumerate() {
        let address = if size == size_of::<u64>() { u64_at(entry, 0) } else { u64::from(u32_at(entry, 0)) };
        if address == 0 {
            zeros += 1;
            continue;
        }
        match memory.bytes(address, HEADER) {
            Some(header) => {
                found.push((Signature([header[0], header[1], header[2], header[3]]), address));
            }
            None => notes.push(Note::LostEntry { root: root.signature(), index, address }),
        }
    }
    if zeros > 0 {
        notes.push(Note::NullEntries { root: root.signature(), count: zeros });
    }
    found
}
