// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program that faults in a new way at each start, and finds its memory as it was at first.
#![allow(unsafe_code)] // the mistakes it makes

use core::sync::atomic::{AtomicU64, Ordering};
use userland::println;

/// An address at which nothing is mapped.
const NOTHING: *mut u64 = 0xdead_0000 as *mut u64;
const FIRST: u64 = 0x600d;

static DATA: AtomicU64 = AtomicU64::new(FIRST);
static ZEROS: AtomicU64 = AtomicU64::new(0);

/// Faults, unless it was started for the third time.
pub(crate) fn stumble(starts: u32) {
    assert_eq!(
        (DATA.load(Ordering::Relaxed), ZEROS.load(Ordering::Relaxed)),
        (FIRST, 0),
        "memory is pristine"
    );
    DATA.store(0xbad, Ordering::Relaxed);
    ZEROS.store(0xbad, Ordering::Relaxed);
    println!("start {starts}");
    match starts {
        1 => {
            // SAFETY: none: this is a store to an address that is not mapped, which init is to see.
            unsafe { NOTHING.write_volatile(1) }
        }
        2 => core::hint::black_box(overflow)(1),
        _ => println!("nothing wrong this time"),
    }
}

/// Uses up the stack: the guard page stops it.
fn overflow(depth: u64) {
    let room = core::hint::black_box([depth; 512]);
    if room[0] != 0 {
        core::hint::black_box(overflow)(room[511] + 1);
    }
    core::hint::black_box(&room);
}
