// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring against a queue, restarts of either end, and peers that lie.
#![cfg(not(loom))]

use proptest::prelude::*;
use shared_region::{Consumer, Counter, Memory, Producer, RegionLayout, RingError, RingLayout};
use std::collections::VecDeque;

const WORDS: usize = 128;

fn layout(capacity: u32, slot_words: usize) -> RingLayout {
    RegionLayout::new(WORDS * 8).ring(capacity, slot_words).expect("tests use rings that fit")
}

/// Both ends of a new ring, which know each other.
fn ends<'a>(memory: &'a Memory<WORDS>, ring: &RingLayout) -> (Producer<'a>, Consumer<'a>) {
    let ends = memory.region().producer(ring).zip(memory.region().consumer(ring));
    let (mut producer, consumer) = ends.expect("the ring lies in the region");
    assert_eq!(producer.observe(), Ok(()));
    (producer, consumer)
}

fn push(producer: &mut Producer<'_>, word: u64) -> Result<(), RingError> {
    producer.write_slot(|mut slot| slot.set(0, word))
}

fn pop(consumer: &mut Consumer<'_>) -> Result<u64, RingError> {
    consumer.read_slot(|slot| slot.get(0))
}

#[test]
fn a_batch_appears_at_once_and_is_returned_at_once() {
    let memory = Memory::<WORDS>::new();
    let (mut producer, mut consumer) = ends(&memory, &layout(4, 1));
    for word in 0..4 {
        assert_eq!(push(&mut producer, word), Ok(()));
    }
    assert_eq!(pop(&mut consumer), Err(RingError::Empty), "nothing is published yet");
    assert_eq!(producer.publish(), 4);
    for word in 0..4 {
        assert_eq!(pop(&mut consumer), Ok(word));
    }
    assert_eq!(push(&mut producer, 4), Err(RingError::Full), "nothing is released yet");
    assert_eq!(consumer.release(), 4);
    assert_eq!(push(&mut producer, 4), Ok(()));
    assert_eq!((producer.publish(), producer.publish()), (1, 0));
}

#[test]
fn an_end_without_a_peer_is_not_connected() {
    let memory = Memory::<WORDS>::new();
    let ring = layout(4, 1);
    let mut producer = memory.region().producer(&ring).expect("fits");
    assert_eq!(push(&mut producer, 1), Err(RingError::NotConnected));
    let mut consumer = memory.region().consumer(&ring).expect("fits");
    assert_eq!(pop(&mut consumer), Err(RingError::NotConnected));
    assert!(consumer.take_greeting(), "the consumer found the producer and should wake it");
    assert!(!consumer.take_greeting());
    assert_eq!(push(&mut producer, 1), Ok(()));
}

#[test]
fn a_restarted_producer_is_noticed_and_its_old_messages_are_gone() {
    let memory = Memory::<WORDS>::new();
    let ring = layout(4, 1);
    let (mut producer, mut consumer) = ends(&memory, &ring);
    push(&mut producer, 1).expect("empty");
    push(&mut producer, 2).expect("empty");
    producer.publish();
    assert_eq!(pop(&mut consumer), Ok(1));
    let mut reborn = memory.region().producer(&ring).expect("fits");
    assert_eq!(push(&mut reborn, 3), Err(RingError::NotConnected), "the consumer may still read old slots");
    assert_eq!(pop(&mut consumer), Ok(2), "what was seen before the restart is still whole");
    assert_eq!(pop(&mut consumer), Err(RingError::Restarted));
    assert_eq!(consumer.release(), 0, "nothing of the old life is counted in the new one");
    push(&mut reborn, 3).expect("connected");
    reborn.publish();
    assert_eq!(pop(&mut consumer), Ok(3));
}

#[test]
fn a_restarted_consumer_is_noticed_and_starts_with_an_empty_ring() {
    let memory = Memory::<WORDS>::new();
    let ring = layout(2, 1);
    let (mut producer, mut consumer) = ends(&memory, &ring);
    push(&mut producer, 1).expect("empty");
    producer.publish();
    assert_eq!(pop(&mut consumer), Ok(1));
    let mut reborn = memory.region().consumer(&ring).expect("fits");
    assert_eq!(pop(&mut reborn), Err(RingError::NotConnected));
    push(&mut producer, 2).expect("there is room, and nobody looked");
    assert_eq!(push(&mut producer, 3), Err(RingError::Restarted));
    assert_eq!(pop(&mut reborn), Err(RingError::Empty));
    push(&mut producer, 4).expect("connected");
    producer.publish();
    assert_eq!(pop(&mut reborn), Ok(4));
}

#[test]
fn positions_wrap_around() {
    let memory = Memory::<WORDS>::new();
    let (mut producer, mut consumer) = ends(&memory, &layout(2, 3));
    for word in 0..1000 {
        producer.write_slot(|mut slot| (0..3).for_each(|index| slot.set(index, word))).expect("room");
        producer.publish();
        assert_eq!(consumer.read_slot(|slot| [slot.get(0), slot.get(2)]), Ok([word; 2]));
        consumer.release();
    }
}

#[test]
fn slots_without_words_count() {
    let memory = Memory::<WORDS>::new();
    let (mut producer, mut consumer) = ends(&memory, &layout(1, 0));
    producer.write_slot(|slot| assert!(slot.is_empty())).expect("room");
    producer.publish();
    assert_eq!(consumer.read_slot(|slot| slot.len()), Ok(0));
}

#[test]
fn two_threads_pass_every_message_in_order() {
    let memory = Memory::<WORDS>::new();
    let (mut producer, mut consumer) = ends(&memory, &layout(8, 2));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for word in 0..20_000 {
                while producer
                    .write_slot(|mut slot| [0, 1].into_iter().for_each(|i| slot.set(i, word)))
                    .is_err()
                {
                    producer.publish();
                    std::thread::yield_now();
                }
                if word % 3 == 0 {
                    producer.publish();
                }
            }
            producer.publish();
        });
        for word in 0..20_000 {
            let read = loop {
                match consumer.read_slot(|slot| [slot.get(0), slot.get(1)]) {
                    Ok(read) => break read,
                    Err(_) => std::thread::yield_now(),
                }
            };
            assert_eq!(read, [word; 2]);
            consumer.release();
        }
    });
}

#[derive(Clone, Debug)]
enum Step {
    Write,
    Publish,
    Read,
    Release,
    RestartProducer,
    RestartConsumer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Write),
        4 => Just(Step::Publish),
        8 => Just(Step::Read),
        4 => Just(Step::Release),
        1 => Just(Step::RestartProducer),
        1 => Just(Step::RestartConsumer),
    ]
}

/// Both stamps of a ring at the front of a region, as a peer that writes what it likes sees them.
fn stamps<'a>(memory: &'a Memory<WORDS>) -> [Counter<'a>; 2] {
    let mut layout = RegionLayout::new(WORDS * 8);
    [(); 2].map(|()| {
        let counter = layout.counter().expect("fits");
        memory.region().counter(&counter).expect("fits")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Without restarts the ring is a queue of what was published, bounded by what was not released.
    #[test]
    fn the_ring_is_a_bounded_queue(steps in prop::collection::vec(step(), 0..200), capacity_bits in 0u32..4) {
        let memory = Memory::<WORDS>::new();
        let capacity = 1 << capacity_bits;
        let (mut producer, mut consumer) = ends(&memory, &layout(capacity, 1));
        let (mut staged, mut queue) = (VecDeque::new(), VecDeque::new());
        let mut taken = 0;
        let mut next = 0;
        for step in steps {
            match step {
                Step::Write => {
                    let used = staged.len() + queue.len() + taken;
                    let expected = if used == capacity as usize { Err(RingError::Full) } else { Ok(()) };
                    prop_assert_eq!(push(&mut producer, next), expected);
                    if expected.is_ok() {
                        staged.push_back(next);
                        next += 1;
                    }
                }
                Step::Publish => {
                    prop_assert_eq!(producer.publish() as usize, staged.len());
                    queue.append(&mut staged);
                }
                Step::Read => {
                    let expected = queue.pop_front();
                    taken += expected.iter().len();
                    prop_assert_eq!(pop(&mut consumer), expected.ok_or(RingError::Empty));
                }
                Step::Release => {
                    prop_assert_eq!(consumer.release() as usize, taken);
                    taken = 0;
                }
                Step::RestartProducer | Step::RestartConsumer => {}
            }
        }
    }

    /// With restarts, what arrives is in order, never twice, and never from before a restart that was reported.
    #[test]
    fn restarts_drop_messages_but_never_mix_lives(steps in prop::collection::vec(step(), 0..300)) {
        let memory = Memory::<WORDS>::new();
        let ring = layout(4, 1);
        let (mut producer, mut consumer) = ends(&memory, &ring);
        let (mut next, mut received, mut floor) = (1, 0, 0);
        for step in steps {
            match step {
                Step::Write => next += u64::from(push(&mut producer, next).is_ok()),
                Step::Publish => drop(producer.publish()),
                Step::Read => match pop(&mut consumer) {
                    Ok(word) => {
                        prop_assert!(word > received && word > floor && word < next);
                        received = word;
                    }
                    Err(RingError::Restarted) => floor = next - 1,
                    Err(_) => {}
                },
                Step::Release => drop(consumer.release()),
                Step::RestartProducer => producer = memory.region().producer(&ring).expect("fits"),
                Step::RestartConsumer => consumer = memory.region().consumer(&ring).expect("fits"),
            }
        }
    }

    /// Whatever a peer writes into the stamps, both ends go on without a panic and touch no slot that is not there.
    #[test]
    fn lies_in_the_stamps_are_survived(steps in prop::collection::vec((step(), any::<u64>(), 0usize..3), 0..200)) {
        let memory = Memory::<WORDS>::new();
        let ring = layout(4, 1);
        let (mut producer, mut consumer) = ends(&memory, &ring);
        let stamps = stamps(&memory);
        for (step, lie, target) in steps {
            // Lies about the position alone keep the ends connected and reach deeper.
            if let Some(stamp) = stamps.get(target) {
                stamp.set(if lie & 1 == 0 { lie } else { stamp.get() & !0xffff_ffff | lie >> 32 });
            }
            match step {
                Step::Write => drop(push(&mut producer, lie)),
                Step::Publish => drop(producer.publish()),
                Step::Read => drop(pop(&mut consumer)),
                Step::Release => drop(consumer.release()),
                Step::RestartProducer => producer = memory.region().producer(&ring).expect("fits"),
                Step::RestartConsumer => consumer = memory.region().consumer(&ring).expect("fits"),
            }
        }
    }
}
