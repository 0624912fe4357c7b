// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the bootinfo tells of a machine with ACPI.

use crate::check::{Outcome, same, tests};
use crate::env::Env;
use abi::chunk::{ChunkId, MEMORY_MAP_LEN, RSDP_LEN, RSDP_PAYLOAD, TSC_LEN};

tests!(
    bootinfo_untypeds_leave_out_the_msi_window,
    bootinfo_names_the_chunks_in_order,
    bootinfo_holds_the_acpi_root_pointer
);

fn bootinfo_untypeds_leave_out_the_msi_window(env: &mut Env) -> Outcome {
    let (start, end) = (0xfee0_0000, 0xfef0_0000);
    let inside = |desc: abi::UntypedDesc| desc.paddr < end && desc.paddr + (1 << desc.size_bits) > start;
    same(env.boot.untypeds().find(|&(_, desc)| inside(desc)).map(|(cap, _)| cap), None)
}

fn bootinfo_names_the_chunks_in_order(env: &mut Env) -> Outcome {
    let mut chunks = env.boot.chunks();
    let mut next = || chunks.next().map(|chunk| (chunk.id, chunk.bytes.len()));
    same(next(), Some((ChunkId::X86Rsdp.word(), RSDP_LEN)))?;
    same(next(), Some((ChunkId::X86MemoryMap.word(), MEMORY_MAP_LEN)))?;
    same(next(), Some((ChunkId::X86TscFrequency.word(), TSC_LEN)))?;
    match next() {
        Some((id, _)) => same(id, ChunkId::Skerry.word()),
        None => Ok(()),
    }
}

fn bootinfo_holds_the_acpi_root_pointer(env: &mut Env) -> Outcome {
    const SUMMED: usize = 20;
    // The first chunk, as the test above holds.
    let chunk = env.boot.chunks().next();
    let pointer = chunk.map_or(&[][..], |chunk| &chunk.bytes[RSDP_LEN - RSDP_PAYLOAD..]);
    same(pointer.get(..8), Some(&b"RSD PTR "[..]))?;
    same(pointer[..SUMMED].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0)
}
