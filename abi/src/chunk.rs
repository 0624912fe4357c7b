// SPDX-License-Identifier: MIT OR Apache-2.0
//! The extra bootinfo: a sequence of chunks without padding.
//!
//! A chunk is `{id: u64, len: u64}`, `len` counting the header, and its payload. Since nothing is aligned,
//! everything is read and written bytewise. [`Chunks`] walks any sequence; [`skerry`] is Skerry's own chunk.

pub(crate) mod wire;

pub mod skerry;

use wire::{Reader, Writer};

/// Bytes of a chunk's header.
pub const HEADER_LEN: usize = 16;

numbered! {
    /// What a chunk holds.
    ChunkId: u64 {
        /// Nothing; to be skipped.
        Padding = 0,
        /// VBE information of a Multiboot 1 loader.
        X86Vbe = 1,
        /// The firmware's memory map.
        X86MemoryMap = 2,
        /// The ACPI root pointer.
        X86Rsdp = 3,
        /// The framebuffer of a Multiboot 2 loader.
        X86Framebuffer = 4,
        /// The frequency of the TSC.
        X86TscFrequency = 5,
        /// A device tree; never on x86.
        Fdt = 6,
        /// What the plan gave this instance.
        Skerry = 0x5352,
    }
}

/// Bytes of the root pointer in ACPI 2 layout.
pub const RSDP_PAYLOAD: usize = 36;
/// Bytes of the root-pointer chunk.
pub const RSDP_LEN: usize = HEADER_LEN + RSDP_PAYLOAD;
/// Entries of the memory map, which always has its full size.
pub const MEMORY_MAP_ENTRIES: usize = 50;
/// Bytes of one of them.
pub const MEMORY_MAP_ENTRY_LEN: usize = 24;
/// Bytes of the memory-map chunk.
pub const MEMORY_MAP_LEN: usize = HEADER_LEN + 4 + MEMORY_MAP_ENTRIES * MEMORY_MAP_ENTRY_LEN;
/// Bytes of the TSC chunk.
pub const TSC_LEN: usize = HEADER_LEN + 4;
/// Bytes of the framebuffer chunk.
pub const FRAMEBUFFER_LEN: usize = 38;
/// Bytes of the VBE chunk.
pub const VBE_LEN: usize = 800;

/// A range of the firmware's memory map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryRange {
    /// The first physical address.
    pub base: u64,
    /// Bytes.
    pub length: u64,
    /// 1 for RAM; see ACPI's address range types.
    pub kind: u32,
}

impl MemoryRange {
    /// The size field of an entry: the bytes behind it.
    const SIZE_FIELD: u32 = 20;
}

/// Writes the root-pointer chunk; returns its length, or nothing if it does not fit.
pub fn write_rsdp(out: &mut [u8], rsdp: &[u8; RSDP_PAYLOAD]) -> Option<usize> {
    let mut writer = start(out, ChunkId::X86Rsdp, RSDP_LEN)?;
    writer.bytes(rsdp)?;
    Some(RSDP_LEN)
}

/// Writes the memory-map chunk; ranges that do not fit in its 50 entries are left out.
pub fn write_memory_map(out: &mut [u8], ranges: impl IntoIterator<Item = MemoryRange>) -> Option<usize> {
    out.get_mut(..MEMORY_MAP_LEN)?.fill(0);
    let mut writer = start(out, ChunkId::X86MemoryMap, MEMORY_MAP_LEN)?;
    let length_field = HEADER_LEN;
    writer.put(0u32)?;
    let mut used = 0u32;
    for range in ranges.into_iter().take(MEMORY_MAP_ENTRIES) {
        writer.put(MemoryRange::SIZE_FIELD)?;
        writer.put(range.base)?;
        writer.put(range.length)?;
        writer.put(range.kind)?;
        used += MEMORY_MAP_ENTRY_LEN as u32;
    }
    Writer::new(&mut out[length_field..]).put(used)?;
    Some(MEMORY_MAP_LEN)
}

/// Writes the TSC chunk.
pub fn write_tsc_frequency(out: &mut [u8], mhz: u32) -> Option<usize> {
    start(out, ChunkId::X86TscFrequency, TSC_LEN)?.put(mhz)?;
    Some(TSC_LEN)
}

/// Writes a header and returns the rest of the chunk.
fn start(out: &mut [u8], id: ChunkId, len: usize) -> Option<Writer<'_>> {
    let mut writer = Writer::new(out.get_mut(..len)?);
    writer.put(id.word())?;
    writer.put(len as u64)?;
    Some(writer)
}

/// One chunk of the extra bootinfo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk<'a> {
    /// Its number; see [`ChunkId`].
    pub id: u64,
    /// The whole chunk, header included.
    pub bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// What follows the header.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// The frequency in MHz, if this is the TSC chunk.
    pub fn tsc_mhz(&self) -> Option<u32> {
        if self.id != ChunkId::X86TscFrequency.word() {
            return None;
        }
        Reader::new(self.payload()).take()
    }
}

/// The chunks of an extra bootinfo, in order; a chunk that does not fit ends them.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    /// Walks the bytes of the extra bootinfo, cut to `extraLen`.
    pub const fn new(extra: &'a [u8]) -> Self {
        Self { rest: extra }
    }

    /// The first chunk of a kind.
    pub fn find(mut self, id: ChunkId) -> Option<Chunk<'a>> {
        Iterator::find(&mut self, |chunk| chunk.id == id.word())
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let mut header = Reader::new(self.rest);
        let id = header.take()?;
        let len = usize::try_from(header.take::<u64>()?).ok().filter(|&len| len >= HEADER_LEN)?;
        let bytes = self.rest.get(..len)?;
        self.rest = &self.rest[len..];
        Some(Chunk { id, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual_chunks() -> Vec<u8> {
        let mut extra = vec![0xaa; RSDP_LEN + MEMORY_MAP_LEN + TSC_LEN];
        let mut at = write_rsdp(&mut extra, &[7; RSDP_PAYLOAD]).expect("fits");
        let ranges = (0..60).map(|n| MemoryRange { base: n << 20, length: 1 << 20, kind: 1 });
        at += write_memory_map(&mut extra[at..], ranges).expect("fits");
        at += write_tsc_frequency(&mut extra[at..], 2596).expect("fits");
        assert_eq!(at, extra.len());
        extra
    }

    #[test]
    fn the_usual_chunks_have_the_usual_length() {
        assert_eq!(usual_chunks().len(), 1292);
    }

    #[test]
    fn the_walker_finds_every_chunk_in_order() {
        let extra = usual_chunks();
        let found: Vec<(u64, usize)> =
            Chunks::new(&extra).map(|chunk| (chunk.id, chunk.bytes.len())).collect();
        assert_eq!(found, [(3, 52), (2, 1220), (5, 20)]);
        let tsc = Chunks::new(&extra).find(ChunkId::X86TscFrequency).expect("is there");
        assert_eq!(tsc.tsc_mhz(), Some(2596));
        assert!(Chunks::new(&extra).find(ChunkId::Skerry).is_none());
    }

    #[test]
    fn the_memory_map_keeps_fifty_entries_and_says_how_many_bytes_are_valid() {
        let extra = usual_chunks();
        let map = Chunks::new(&extra).find(ChunkId::X86MemoryMap).expect("is there");
        assert_eq!(map.payload()[..4], 1200u32.to_le_bytes());
        assert_eq!(map.payload()[4..8], 20u32.to_le_bytes());
        let last = &map.payload()[4 + 49 * MEMORY_MAP_ENTRY_LEN..];
        assert_eq!(last[4..12], (49u64 << 20).to_le_bytes());
        assert_eq!(last[20..24], 1u32.to_le_bytes());
    }

    #[test]
    fn an_unused_memory_map_entry_is_zero() {
        let mut out = [0xaa; MEMORY_MAP_LEN];
        write_memory_map(&mut out, []).expect("fits");
        assert!(out[HEADER_LEN..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_chunk_that_does_not_fit_is_not_written() {
        assert_eq!(write_rsdp(&mut [0; RSDP_LEN - 1], &[0; RSDP_PAYLOAD]), None);
        assert_eq!(write_memory_map(&mut [0; MEMORY_MAP_LEN - 1], []), None);
        assert_eq!(write_tsc_frequency(&mut [0; TSC_LEN - 1], 1), None);
    }

    #[test]
    fn a_length_that_lies_ends_the_walk() {
        for len in [0u64, 15, 21, u64::MAX] {
            let mut extra = [0; 20];
            extra[8..16].copy_from_slice(&len.to_le_bytes());
            assert_eq!(Chunks::new(&extra).next(), None);
        }
        assert_eq!(Chunks::new(&[0; 15]).next(), None);
    }
}
