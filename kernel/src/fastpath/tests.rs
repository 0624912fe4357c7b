// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fast path leaves what the slow path leaves, word by word.

mod doorbell;
mod fault;
mod line;
mod page;
mod twins;
mod wake;

use super::*;
use crate::ipc::storm::{FAST_KINDS, Path, Storm};
use crate::memory::objects::Word;
use crate::testing::START;

/// All memory in use, as words.
fn memory(storm: &Storm) -> Vec<u64> {
    let words = storm.world.used() / size_of::<Word>();
    let first: ObjRef<Word> = ObjRef::on_host(PhysAddr(START));
    (0..words).map(|index| storm.world.kernel.objs[first.element(index)].0).collect()
}

fn assert_same(fast: &Storm, slow: &Storm, event: usize) {
    assert_eq!(fast.world.kernel.current(), slow.world.kernel.current(), "event {event}");
    assert_eq!(fast.world.kernel.active_root, slow.world.kernel.active_root, "event {event}");
    let (fast, slow) = (memory(fast), memory(slow));
    let different = fast.iter().zip(&slow).position(|(fast, slow)| fast != slow);
    let address = different.map(|index| START + 8 * index as u64);
    assert_eq!(address, None, "event {event}");
}

/// How often each kind has to be taken at least. Senders whose message fits into registers wait rarely.
const LEAST: [usize; FAST_KINDS] = [50, 50, 50, 50, 50, 50, 3, 50];

#[test]
fn a_fast_path_leaves_what_the_slow_path_leaves() {
    let mut fast_events = [0; FAST_KINDS];
    for seed in 1..=200 {
        let (mut fast, mut slow) = (Storm::new(seed, Path::Fast), Storm::new(seed, Path::Slow));
        for event in 0..400 {
            let before = fast.fast_events;
            fast.step();
            slow.step();
            if fast.fast_events != before {
                assert_same(&fast, &slow, event);
            }
        }
        assert_same(&fast, &slow, 400);
        fast_events.iter_mut().zip(fast.fast_events).for_each(|(sum, count)| *sum += count);
    }
    assert!(
        fast_events.iter().zip(LEAST).all(|(&count, least)| count > least),
        "the storms took fast paths only {fast_events:?} times"
    );
}
