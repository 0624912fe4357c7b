// SPDX-License-Identifier: MIT OR Apache-2.0
//! What entries of page tables mean, from the processor manuals: SDM vol. 3, 4.5.4, and ARM DDI 0406, B3.6.
//!
//! Written a second time: nothing here comes from the mapper.

use memory_partition::Architecture;

use super::Half;

const ADDRESS_X86_64: u64 = 0x000f_ffff_ffff_f000;
const ADDRESS_AARCH32: u64 = 0x0000_00ff_ffff_f000;

/// The addresses that a top-level table covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The address of its first entry.
    pub(super) start: u64,
    /// Its entries.
    pub(super) entries: u64,
    /// Entries below this number are user code's.
    pub(super) first_kernel_entry: u64,
    /// Address bits below the index of an entry.
    pub(super) shift: u32,
}

/// Rights that hold over all levels.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub(super) writable: bool,
    pub(super) user: bool,
    pub(super) executable: bool,
    pub(super) cached: bool,
}

impl Rights {
    /// Everything, above the first level.
    pub(super) const ALL: Self = Self { writable: true, user: true, executable: true, cached: true };
}

/// What an entry refers to.
pub(super) enum Entry {
    /// Nothing: an access faults.
    Nothing,
    /// A table at this address, below which no more than these rights hold.
    Table(u64, Rights),
    /// A page at this address.
    Page(u64, Rights),
}

/// What the top-level table of a half covers. On x86_64 every such table covers both.
pub(super) fn span(architecture: Architecture, half: Half) -> Span {
    match (architecture, half) {
        (Architecture::X86_64, _) => Span { start: 0, entries: 512, first_kernel_entry: 256, shift: 39 },
        (Architecture::AArch32, Half::User) => {
            Span { start: 0, entries: 2, first_kernel_entry: 2, shift: 30 }
        }
        (Architecture::AArch32, Half::Kernel) => {
            Span { start: 0x8000_0000, entries: 2, first_kernel_entry: 0, shift: 30 }
        }
    }
}

/// Reads an entry of a table whose entries span `1 << shift` bytes.
pub(super) fn decode(architecture: Architecture, shift: u32, entry: u64, above: Rights) -> Entry {
    match architecture {
        Architecture::X86_64 => decode_x86_64(shift, entry, above),
        Architecture::AArch32 => decode_aarch32(shift, entry, above),
    }
}

fn is_set(entry: u64, number: u32) -> bool {
    entry >> number & 1 != 0
}

fn decode_x86_64(shift: u32, entry: u64, above: Rights) -> Entry {
    let bit = |number| is_set(entry, number);
    if !bit(0) {
        return Entry::Nothing;
    }
    let rights = Rights {
        writable: above.writable && bit(1),
        user: above.user && bit(2),
        executable: above.executable && !bit(63),
        cached: !(bit(3) && bit(4)),
    };
    let frame = entry & ADDRESS_X86_64;
    match shift == 12 || (shift <= 30 && bit(7)) {
        true => Entry::Page(frame & !((1 << shift) - 1), rights),
        false => Entry::Table(frame, rights),
    }
}

/// Bit 1 tells tables from blocks, and at the last level pages from reserved entries, which fault. An entry for a table
/// takes rights away from everything below.
fn decode_aarch32(shift: u32, entry: u64, above: Rights) -> Entry {
    const NO_EXECUTE: u64 = 0b11 << 53;
    const NO_EXECUTE_BELOW: u64 = 0b11 << 59;
    /// AttrIndx of the second memory type, device.
    const DEVICE: u64 = 1;
    let bit = |number| is_set(entry, number);
    if !bit(0) || (shift == 12 && !bit(1)) {
        return Entry::Nothing;
    }
    if shift > 12 && bit(1) {
        let rights = Rights {
            writable: above.writable && !bit(62),
            user: above.user && !bit(61),
            executable: above.executable && entry & NO_EXECUTE_BELOW == 0,
            cached: above.cached,
        };
        return Entry::Table(entry & ADDRESS_AARCH32, rights);
    }
    let rights = Rights {
        writable: above.writable && !bit(7),
        user: above.user && bit(6),
        executable: above.executable && entry & NO_EXECUTE == 0,
        cached: entry >> 2 & 7 != DEVICE,
    };
    Entry::Page(entry & ADDRESS_AARCH32 & !((1 << shift) - 1), rights)
}
