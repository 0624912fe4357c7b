// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages through a ring in memory, both ends in this thread: what is done without any kernel.

use crate::lab::Lab;
use crate::series::Series;
use crate::stub::stamp;
use shared_region::{Consumer, Memory, Message, Producer, RegionLayout};
use userland::AllocError;

/// Slots of each ring.
const CAPACITY: u32 = 8;
/// Words of memory for a ring: a page.
const MEMORY: usize = 512;

/// Measures writing, and reading, one message of so many words.
pub(crate) fn messages(lab: &Lab<'_>) -> Result<(), AllocError> {
    size::<1>(lab)?;
    size::<8>(lab)?;
    size::<16>(lab)?;
    size::<32>(lab)
}

#[inline(never)]
fn size<const WORDS: usize>(lab: &Lab<'_>) -> Result<(), AllocError> {
    let memory = Memory::<MEMORY>::new();
    let region = memory.region();
    let layout = RegionLayout::new(size_of::<Memory<MEMORY>>()).ring(CAPACITY, WORDS);
    let ends = layout.ok().and_then(|ring| Some((region.producer(&ring)?, region.consumer(&ring)?)));
    let (mut producer, mut consumer) = ends.ok_or(AllocError::Slots)?;
    // Each end looks at the other before and after it was seen itself.
    for _ in 0..2 {
        let _ = producer.observe();
        let _ = consumer.observe();
    }
    let [write, read] = Series::take_two(|| {
        let start = stamp();
        write::<WORDS>(&mut producer);
        let end = stamp();
        let before_read = stamp();
        let message = read::<WORDS>(&mut consumer);
        let after_read = stamp();
        assert!(message.is_some(), "what was written can be read");
        Ok([end - start, after_read - before_read])
    })?;
    write.report(format_args!("ring, write {WORDS} words"), lab.cost.pair);
    read.report(format_args!("ring, read {WORDS} words"), lab.cost.pair);
    Ok(())
}

#[inline(never)]
fn write<const WORDS: usize>(producer: &mut Producer<'_>) {
    if producer.write_slot(|slot| [7; WORDS].encode(slot)).is_ok() {
        producer.publish();
    }
}

#[inline(never)]
fn read<const WORDS: usize>(consumer: &mut Consumer<'_>) -> Option<[u64; WORDS]> {
    let message = consumer.read_slot(<[u64; WORDS]>::decode).ok().flatten();
    consumer.release();
    message
}
