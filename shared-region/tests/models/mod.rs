// SPDX-License-Identifier: MIT OR Apache-2.0
//! The situations that loom explores. Loom fails when both ends touch a slot and nothing orders them, and when all
//! threads wait.

use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::thread;
use shared_region::channel::Doorbell;
use shared_region::{Consumer, Memory, Producer, RegionLayout, RingError, RingLayout};
use std::sync::Arc;

/// Two stamps and two slots of a word.
const WORDS: usize = 4;

type World = Arc<Memory<WORDS>>;

/// Words of a channel with one outstanding request of a word.
const CHANNEL_WORDS: usize = 8;

#[expect(clippy::arc_with_non_send_sync, reason = "loom checks what `Sync` promises")]
fn world() -> (World, RingLayout) {
    let ring = RegionLayout::new(WORDS * 8).ring(2, 1).expect("models use a ring that fits");
    (Arc::new(Memory::new()), ring)
}

/// Writes and publishes one message, and stays until that has worked.
fn send(producer: &mut Producer<'_>, word: u64) {
    while producer.write_slot(|mut slot| slot.set(0, word)).is_err() {
        thread::yield_now();
    }
    producer.publish();
}

/// The next message, and whether the producer was replaced before it.
fn receive(consumer: &mut Consumer<'_>) -> (u64, bool) {
    let mut restarted = false;
    loop {
        match consumer.read_slot(|slot| slot.get(0)) {
            Ok(word) => return (word, restarted),
            Err(error) => restarted |= error == RingError::Restarted,
        }
        thread::yield_now();
    }
}

/// Three messages through two slots, so that each side waits for the other.
fn stream() {
    let (memory, ring) = world();
    let filling = Arc::clone(&memory);
    let mut consumer = memory.region().consumer(&ring).expect("fits");
    let thread = thread::spawn(move || {
        let mut producer = filling.region().producer(&ring).expect("fits");
        (1..=3).for_each(|word| send(&mut producer, word));
    });
    for word in 1..=3 {
        assert_eq!(receive(&mut consumer), (word, false));
        consumer.release();
    }
    thread.join().expect("producers do not panic");
}

/// The producer is replaced while the consumer may be reading what the former one published.
fn producer_restart() {
    let (memory, ring) = world();
    let filling = Arc::clone(&memory);
    let mut consumer = memory.region().consumer(&ring).expect("fits");
    let mut producer = memory.region().producer(&ring).expect("fits");
    assert_eq!(consumer.observe(), Ok(()));
    send(&mut producer, 1);
    let thread = thread::spawn(move || {
        let mut producer = filling.region().producer(&ring).expect("fits");
        send(&mut producer, 2);
    });
    let first = receive(&mut consumer);
    consumer.release();
    match first {
        (1, false) => assert_eq!(receive(&mut consumer), (2, true)),
        other => assert_eq!(other, (2, true)),
    }
    thread.join().expect("producers do not panic");
}

/// The consumer is replaced; the producer goes on, and the new one gets only what was sent to it.
fn consumer_restart() {
    let (memory, ring) = world();
    let emptying = Arc::clone(&memory);
    let mut former = memory.region().consumer(&ring).expect("fits");
    let mut producer = memory.region().producer(&ring).expect("fits");
    assert_eq!(former.observe(), Ok(()));
    send(&mut producer, 1);
    let thread = thread::spawn(move || {
        let mut consumer = emptying.region().consumer(&ring).expect("fits");
        assert_eq!(receive(&mut consumer), (2, false));
    });
    while producer.observe() != Err(RingError::Restarted) {
        thread::yield_now();
    }
    send(&mut producer, 2);
    thread.join().expect("consumers do not panic");
}

/// What was written before a counter is read by whoever has seen the counter move.
#[expect(clippy::arc_with_non_send_sync, reason = "loom checks what `Sync` promises")]
fn counter() {
    let layout = RegionLayout::new(WORDS * 8).counter().expect("fits");
    let shared = Arc::new((Memory::<WORDS>::new(), UnsafeCell::new(0)));
    let writing = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let (memory, told) = &*writing;
        told.with_mut(|_| {});
        memory.region().counter(&layout).expect("fits").set(1);
    });
    let (memory, told) = &*shared;
    if memory.region().counter(&layout).expect("fits").get() == 1 {
        told.with(|_| {});
    }
    thread.join().expect("writers do not panic");
}

/// Ends a wait of the peer, now or the next one.
struct Bell(Arc<Notify>);

impl Doorbell for Bell {
    fn ring(&self) {
        self.0.notify();
    }
}

/// Client and server start in any order and sleep whenever there is nothing for them; a doorbell that is missing leaves
/// both asleep.
#[expect(clippy::arc_with_non_send_sync, reason = "loom checks what `Sync` promises")]
fn call() {
    let memory = Arc::new(Memory::<CHANNEL_WORDS>::new());
    let [to_client, to_server] = [(); 2].map(|()| Arc::new(Notify::new()));
    let (serving, ring_client, told) =
        (Arc::clone(&memory), Bell(Arc::clone(&to_client)), Arc::clone(&to_server));
    let layout = || RegionLayout::new(CHANNEL_WORDS * 8).channel::<u64, u64>(1).expect("fits");
    let thread = thread::spawn(move || {
        let mut server = serving.region().server(&layout(), ring_client).expect("fits");
        loop {
            match server.receive().expect("nobody restarts") {
                Some((ticket, request)) => {
                    server.reply(ticket, &(request + 1)).expect("a server has room for its answers");
                    return server.flush();
                }
                None => told.wait(),
            }
        }
    });
    let mut client = memory.region().client(&layout(), Bell(to_server)).expect("fits");
    assert_eq!(client.call(&6, || to_client.wait()), Ok(7));
    thread.join().expect("servers do not panic");
}

/// A situation and how many preemptions of a thread are tried; `None` tries all.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    preemptions: Option<usize>,
    run: fn(),
}

impl Model {
    /// Explores the situation; panics when loom finds a failure.
    pub(crate) fn check(&self) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = self.preemptions;
        builder.check(self.run);
    }
}

/// All of them.
pub(crate) const MODELS: [Model; 5] = [
    Model { name: "stream", preemptions: None, run: stream },
    Model { name: "producer restart", preemptions: None, run: producer_restart },
    Model { name: "consumer restart", preemptions: None, run: consumer_restart },
    Model { name: "counter", preemptions: None, run: counter },
    Model { name: "call", preemptions: Some(2), run: call },
];
