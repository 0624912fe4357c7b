// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maintenance of caches (Arm ARM, ARMv7-A, B2.2): of a range of addresses, which all cores take part in; of all by set and
//! way, which concerns the caches that this core looks through first, and does not wait for what others do meanwhile.

use aarch32_cpu::asm;
use aarch32_cpu::register::{
    BpIAll, Ccsidr, Clidr, Csselr, Ctr, Dccimvac, Dccisw, Dccmvac, Dccmvau, Iciallu,
};

use crate::CacheOperation;

/// Log2 of the bytes of a cache line that CCSIDR writes as 0.
const SMALLEST_LINE_BITS: u32 = 4;

/// Does `operation` to `bytes` from the virtual address `start` on, which is mapped.
///
/// Instructions are dropped as a whole: by address this would have to be done at every address that memory is mapped at.
pub fn maintain(operation: CacheOperation, start: u32, bytes: u32) {
    let end = start.saturating_add(bytes);
    match operation {
        // SAFETY: writing back loses nothing.
        CacheOperation::Clean => each_line(start, end, |line| unsafe { Dccmvac::write(Dccmvac(line)) }),
        CacheOperation::CleanInvalidate => {
            // SAFETY: writing back and dropping loses nothing.
            each_line(start, end, |line| unsafe { Dccimvac::write(Dccimvac(line)) });
        }
        // SAFETY: writing back loses nothing.
        CacheOperation::Unify => each_line(start, end, |line| unsafe { Dccmvau::write(Dccmvau(line)) }),
    }
    asm::dsb();
    if operation == CacheOperation::Unify {
        Iciallu::write();
        BpIAll::write();
        asm::dsb();
        asm::isb();
    }
}

/// Calls `act` with an address in every line of the data caches that the range has a part of.
#[inline(always)]
fn each_line(start: u32, end: u32, act: impl Fn(u32)) {
    /// CTR.DminLine: log2 of the words in the shortest line.
    const SHORTEST: u32 = 16;
    let line = 4 << (Ctr::read().0 >> SHORTEST & 0xf);
    let mut at = start & !(line - 1);
    while at < end {
        act(at);
        at += line;
    }
}

/// Writes back and drops all data caches up to the point of coherency, then drops the instruction cache.
pub fn flush_all() {
    asm::dsb();
    let levels = Clidr::read().0;
    let coherent = levels >> 24 & 7;
    for level in 0..coherent {
        // 2 and above: there is a data or unified cache at this level.
        if levels >> (3 * level) & 7 >= 2 {
            flush_level(level);
        }
    }
    asm::dsb();
    Iciallu::write();
    asm::dsb();
    asm::isb();
}

fn flush_level(level: u32) {
    // SAFETY: selects which cache CCSIDR describes, for the read below.
    unsafe { Csselr::write(Csselr::new_with_raw_value(level << 1)) };
    asm::isb();
    let shape = Ccsidr::read();
    let (last_way, last_set) =
        (u32::from(shape.associativity().value()), u32::from(shape.num_sets().value()));
    let line_bits = u32::from(shape.line_size().value()) + SMALLEST_LINE_BITS;
    for way in 0..=last_way {
        // The way stands at the top of the word; a cache of one way has no bits for it.
        let way = way.checked_shl(last_way.leading_zeros()).unwrap_or(0);
        for set in 0..=last_set {
            // SAFETY: writing back and dropping a line loses nothing.
            unsafe { Dccisw::write(Dccisw(way | set << line_bits | level << 1)) };
        }
    }
    // A Cortex-A7 may else do operations on the next level first (erratum 814220).
    asm::dsb();
}
