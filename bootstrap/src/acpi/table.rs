// SPDX-License-Identifier: MIT OR Apache-2.0
//! One table: a header of 36 bytes, a fixed part, then, in some, entries that begin with type and length.
//!
//! ```text
//!   0 signature   4 length   8 revision   9 checksum   10 OEM id, OEM table id and revision, creator   36 …
//! ```

use alloc::vec::Vec;
use core::fmt;

use super::{AcpiError, Problem, is_sum_zero};
use crate::bytes::{u16_at, u32_at, u64_at};
use crate::memory::Memory;

/// Length of the header that all tables have.
pub(super) const HEADER: usize = 36;
const LENGTH: usize = 4;
/// Tables that are longer are not read: no machine has so many cores or devices.
pub(super) const MOST: usize = 256 << 10;

/// Name of a table: four bytes, which firmware may choose as it likes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 4]);

impl Signature {
    /// The root table of 32-bit addresses.
    pub const RSDT: Self = Self(*b"RSDT");
    /// The root table of 64-bit addresses.
    pub const XSDT: Self = Self(*b"XSDT");
    /// The table of cores and interrupt controllers.
    pub const MADT: Self = Self(*b"APIC");
    /// The table of memory nodes.
    pub const SRAT: Self = Self(*b"SRAT");
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Copy of a table whose signature, length and checksum are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    signature: Signature,
    address: u64,
    bytes: Vec<u8>,
}

impl Table {
    /// Reads the table at `address`, which should be a `signature` with a fixed part of `fixed` bytes, header included.
    pub fn read(
        memory: &impl Memory,
        signature: Signature,
        address: u64,
        fixed: usize,
    ) -> Result<Self, AcpiError> {
        let wrong = |problem| AcpiError::Table { table: signature, address, problem };
        let header = memory.bytes(address, HEADER).ok_or(wrong(Problem::Unreadable))?;
        let found = [header[0], header[1], header[2], header[3]];
        if found != signature.0 {
            return Err(wrong(Problem::Signature(found)));
        }
        let (length, least) = (u32_at(&header, LENGTH) as usize, fixed.max(HEADER));
        if !(least..=MOST).contains(&length) {
            let [found, least, most] = [length, least, MOST].map(|bytes| bytes as u64);
            return Err(wrong(Problem::Length { found, least, most }));
        }
        let bytes = memory.bytes(address, length).ok_or(wrong(Problem::Unreadable))?;
        if !is_sum_zero(&bytes) {
            return Err(wrong(Problem::Checksum));
        }
        Ok(Table { signature, address, bytes })
    }

    /// What it is.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// Where it is in memory.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of a byte; 0 behind the end.
    pub fn u8(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Number of four bytes; 0 where some are behind the end.
    pub fn u32(&self, at: usize) -> u32 {
        u32_at(&self.bytes, at)
    }

    /// Number of eight bytes; 0 where some are behind the end.
    pub fn u64(&self, at: usize) -> u64 {
        u64_at(&self.bytes, at)
    }

    /// This table is wrong.
    pub fn wrong(&self, problem: Problem) -> AcpiError {
        AcpiError::Table { table: self.signature, address: self.address, problem }
    }

    /// The entries from byte `fixed` on, each with a byte for its type and one for its length, up to the first that is
    /// shorter than `least` says of its type or that leads out of the table.
    pub fn entries(
        &self,
        fixed: usize,
        least: impl Fn(u8) -> usize,
    ) -> impl Iterator<Item = Result<Entry<'_>, AcpiError>> {
        let mut offset = fixed;
        core::iter::from_fn(move || {
            let rest = self.bytes.get(offset..).filter(|rest| !rest.is_empty())?;
            let kind = rest[0];
            let length = rest.get(1).map_or(0, |length| usize::from(*length));
            let least = least(kind).max(2);
            if length < least || length > rest.len() {
                let problem = Problem::Entry { offset, kind, length, least, left: rest.len() };
                offset = self.bytes.len();
                return Some(Err(self.wrong(problem)));
            }
            offset += length;
            Some(Ok(Entry { kind, bytes: &rest[..length] }))
        })
    }
}

/// One entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its type.
    pub kind: u8,
    /// All of it.
    pub bytes: &'a [u8],
}

impl Entry<'_> {
    /// Number of a byte; 0 behind the end.
    pub fn u8(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Number of two bytes; 0 where some are behind the end.
    pub fn u16(&self, at: usize) -> u16 {
        u16_at(self.bytes, at)
    }

    /// Number of four bytes; 0 where some are behind the end.
    pub fn u32(&self, at: usize) -> u32 {
        u32_at(self.bytes, at)
    }

    /// Number of eight bytes; 0 where some are behind the end.
    pub fn u64(&self, at: usize) -> u64 {
        u64_at(self.bytes, at)
    }
}
