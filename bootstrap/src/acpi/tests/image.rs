// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory with tables in it, made by hand.

use core::cell::Cell;

use crate::memory::Memory;

/// Length of a root pointer before revision 2.
pub(super) const SHORT: usize = 20;
const HEADER: usize = 36;
const CHECKSUM: usize = 9;
/// Where the first table goes; the others follow.
const FIRST: u64 = 0x7fe_0000;

/// Pieces of memory; what is between them cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pieces: Vec<(u64, Vec<u8>)>,
    next: u64,
    reads: Cell<usize>,
}

impl Memory for Image {
    fn byte(&self, address: u64) -> Option<u8> {
        self.reads.set(self.reads.get() + 1);
        self.pieces
            .iter()
            .find_map(|(start, bytes)| bytes.get(usize::try_from(address.checked_sub(*start)?).ok()?))
            .copied()
    }
}

impl Image {
    /// Memory with these tables behind an RSDT and a root pointer of revision 0, whose address comes second.
    pub(super) fn of(tables: &[Vec<u8>]) -> (Self, u64) {
        let mut image = Image::default();
        let tables = image.put_all(tables);
        let rsdt = image.put_rsdt(&tables);
        let pointer = image.put_pointer(0, rsdt, 0);
        (image, pointer)
    }

    /// Puts bytes behind the last ones that were put so; where.
    pub(super) fn put(&mut self, bytes: &[u8]) -> u64 {
        let at = FIRST + self.next;
        // A gap behind every piece: reading over an end is seen.
        self.next += (bytes.len() as u64 + 64).next_multiple_of(64);
        self.pieces.push((at, bytes.to_vec()));
        at
    }

    pub(super) fn put_all(&mut self, tables: &[Vec<u8>]) -> Vec<u64> {
        tables.iter().map(|table| self.put(table)).collect()
    }

    pub(super) fn put_rsdt(&mut self, tables: &[u64]) -> u64 {
        let entries: Vec<u8> = tables.iter().flat_map(|address| (*address as u32).to_le_bytes()).collect();
        self.put(&table(b"RSDT", &entries))
    }

    pub(super) fn put_xsdt(&mut self, tables: &[u64]) -> u64 {
        let entries: Vec<u8> = tables.iter().flat_map(|address| address.to_le_bytes()).collect();
        self.put(&table(b"XSDT", &entries))
    }

    pub(super) fn put_pointer(&mut self, revision: u8, rsdt: u64, xsdt: u64) -> u64 {
        let mut bytes = b"RSD PTR \0SKERRY".to_vec();
        bytes.push(revision);
        bytes.extend((rsdt as u32).to_le_bytes());
        bytes.extend(36u32.to_le_bytes());
        bytes.extend(xsdt.to_le_bytes());
        bytes.extend([0; 4]);
        let at = self.put(&bytes);
        self.sum_pointer(at);
        at
    }

    /// Corrects both checksums of a root pointer.
    pub(super) fn sum_pointer(&mut self, at: u64) {
        let mut bytes = self.bytes(at, 36).expect("it is there");
        bytes[8] = 0;
        bytes[8] = missing(&bytes[..SHORT]);
        bytes[32] = 0;
        bytes[32] = missing(&bytes);
        self.put_at(at, &bytes);
    }

    /// Overwrites bytes, or makes a piece of them.
    pub(super) fn put_at(&mut self, address: u64, bytes: &[u8]) {
        for (start, piece) in &mut self.pieces {
            let offset = address.checked_sub(*start).map_or(usize::MAX, |offset| offset as usize);
            if let Some(place) = piece.get_mut(offset..offset.saturating_add(bytes.len())) {
                return place.copy_from_slice(bytes);
            }
        }
        self.pieces.push((address, bytes.to_vec()));
    }

    pub(super) fn change(&mut self, address: u64, byte: u8) {
        self.put_at(address, &[byte]);
    }

    /// Bytes that were asked for.
    pub(super) fn reads(&self) -> usize {
        self.reads.get()
    }

    pub(super) fn forget_reads(&self) {
        self.reads.set(0);
    }
}

/// What makes the sum of all bytes zero.
fn missing(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}

/// A table with its checksum corrected.
pub(super) fn summed(mut table: Vec<u8>) -> Vec<u8> {
    table[CHECKSUM] = 0;
    table[CHECKSUM] = missing(&table);
    table
}

/// A table with this body.
pub(super) fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes.extend((HEADER as u32 + body.len() as u32).to_le_bytes());
    bytes.extend([2, 0]);
    bytes.extend(b"SKERRYtables  \x01\0\0\0made\x01\0\0\0");
    bytes.extend(body);
    summed(bytes)
}

pub(super) fn madt(entries: &[Vec<u8>]) -> Vec<u8> {
    let fixed = [0xfee0_0000u32.to_le_bytes(), 1u32.to_le_bytes()].concat();
    table(b"APIC", &[fixed, entries.concat()].concat())
}

pub(super) fn srat(revision: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = table(b"SRAT", &[vec![0; 12], entries.concat()].concat());
    bytes[8] = revision;
    summed(bytes)
}

pub(super) fn core(id: u8, flags: u8) -> Vec<u8> {
    vec![0, 8, 0, id, flags, 0, 0, 0]
}

pub(super) fn core_x2(id: u32, flags: u32) -> Vec<u8> {
    [&[9, 16, 0, 0], &id.to_le_bytes()[..], &flags.to_le_bytes(), &[0; 4]].concat()
}

pub(super) fn io_apic(address: u32, gsi_base: u32) -> Vec<u8> {
    [&[1, 12, 0, 0], &address.to_le_bytes()[..], &gsi_base.to_le_bytes()].concat()
}

pub(super) fn isa_override(irq: u8, pin: u32, flags: u16) -> Vec<u8> {
    [&[2, 10, 0, irq], &pin.to_le_bytes()[..], &flags.to_le_bytes()].concat()
}

pub(super) fn local_apic_address(address: u64) -> Vec<u8> {
    [&[5, 12, 0, 0], &address.to_le_bytes()[..]].concat()
}
