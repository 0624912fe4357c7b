// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cleaning whole caches by set and way (Arm ARM, ARMv7-A, B2.2.7). It concerns the caches that this core looks through
//! first; what other cores do meanwhile is not waited for.

use aarch32_cpu::asm;
use aarch32_cpu::register::{Ccsidr, Clidr, Csselr, Dccisw, Iciallu};

/// Log2 of the bytes of a cache line that CCSIDR writes as 0.
const SMALLEST_LINE_BITS: u32 = 4;

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
