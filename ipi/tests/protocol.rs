// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol step by step, and by real threads: what loom cannot see is that the processor's barriers are enough.
#![cfg(not(loom))]

use ipi::{Delivery, Inbox, Line, MAX_SENDERS, Memory, Mode, Outcome, Receiver, Sender, Unmasked, Work};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

fn line(number: u64) -> Line {
    Line::new(number).expect("tests name existing lines")
}

fn taken(receiver: Receiver<'_>) -> Vec<(usize, u64)> {
    let mut taken = Vec::new();
    receiver.take(|sender, lines| taken.push((sender, lines)));
    taken
}

fn sender(inbox: Inbox<'_>, from: usize) -> Sender<'_> {
    inbox.sender(from).expect("tests use existing senders")
}

#[test]
fn zeroed_memory_is_a_closed_and_empty_inbox() {
    let memory = Memory::<2>::new();
    let inbox = memory.inbox();
    assert_eq!(inbox.receiver().check(), Work::Nothing);
    assert_eq!(sender(inbox, 0).signal(line(3)), Outcome::Masked);
    assert_eq!(taken(inbox.receiver()), []);
}

#[test]
fn a_signal_sent_before_the_line_opens_is_delivered_when_it_opens() {
    let memory = Memory::<1>::new();
    let inbox = memory.inbox();
    assert_eq!(sender(inbox, 0).signal(line(63)), Outcome::Masked);
    assert_eq!(inbox.receiver().unmask(0, line(62)), Unmasked::Nothing);
    assert_eq!(inbox.receiver().unmask(0, line(63)), Unmasked::Delivered);
    assert_eq!(taken(inbox.receiver()), [], "delivery takes the signal");
}

#[test]
fn signals_of_many_senders_are_taken_with_one_doorbell_each() {
    let memory = Memory::<MAX_SENDERS>::new();
    let inbox = memory.inbox();
    for from in [0, 63, 64, 200, 255] {
        assert_eq!(inbox.receiver().unmask(from, line(0)), Unmasked::Nothing);
        assert_eq!(inbox.receiver().unmask(from, line(9)), Unmasked::Nothing);
        assert_eq!(sender(inbox, from).signal(line(9)), Outcome::RingDoorbell);
        assert_eq!(sender(inbox, from).signal(line(0)), Outcome::AlreadyPending);
    }
    assert_eq!(taken(inbox.receiver()), [0, 63, 64, 200, 255].map(|from| (from, 0x201)));
    assert_eq!(inbox.receiver().check(), Work::Nothing);
}

#[test]
fn a_delivered_line_stays_closed_until_it_is_acknowledged() {
    let memory = Memory::<1>::new();
    let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
    assert_eq!(receiver.unmask(0, line(1)), Unmasked::Nothing);
    assert_eq!(sender.signal(line(1)), Outcome::RingDoorbell);
    assert_eq!(taken(receiver), [(0, 2)]);
    assert_eq!(sender.signal(line(1)), Outcome::Masked);
    assert_eq!(sender.signal(line(1)), Outcome::AlreadyPending);
    assert_eq!(taken(receiver), []);
    assert_eq!(receiver.unmask(0, line(1)), Unmasked::Delivered);
    assert_eq!(sender.signal(line(1)), Outcome::Masked, "delivery by unmask closes the line again");
}

#[test]
fn a_continuous_line_stays_open_and_rings_for_every_delivery() {
    let memory = Memory::<1>::new();
    let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
    receiver.set_delivery(0, Delivery::Continuous);
    assert_eq!(receiver.unmask(0, line(1)), Unmasked::Nothing);
    for _ in 0..3 {
        assert_eq!(sender.signal(line(1)), Outcome::RingDoorbell);
        assert_eq!(sender.signal(line(1)), Outcome::AlreadyPending);
        assert_eq!(taken(receiver), [(0, 2)]);
    }
}

#[test]
fn a_polling_receiver_gets_no_doorbell_and_a_halted_one_does() {
    let memory = Memory::<1>::new();
    let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
    receiver.set_delivery(0, Delivery::Continuous);
    assert_eq!(receiver.unmask(0, line(0)), Unmasked::Nothing);
    assert_eq!(receiver.enter(Mode::Polling), Work::Nothing);
    assert_eq!(sender.signal(line(0)), Outcome::ReceiverPolls);
    assert_eq!(receiver.check(), Work::Pending);
    assert_eq!(receiver.enter(Mode::Halted), Work::Pending, "going to sleep finds what polling left");
    assert_eq!(taken(receiver), [(0, 1)]);
    assert_eq!(receiver.enter(Mode::Halted), Work::Nothing);
    assert_eq!(sender.signal(line(0)), Outcome::RingDoorbell);
}

#[test]
fn a_masked_line_keeps_its_signal_even_when_the_doorbell_has_rung() {
    let memory = Memory::<1>::new();
    let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
    assert_eq!(receiver.unmask(0, line(5)), Unmasked::Nothing);
    assert_eq!(sender.signal(line(5)), Outcome::RingDoorbell);
    receiver.mask(0, line(5).bit());
    assert_eq!(taken(receiver), []);
    assert_eq!(receiver.unmask(0, line(5)), Unmasked::Delivered);
}

#[test]
fn a_cleared_line_forgets_its_signal_but_not_the_next_one() {
    let memory = Memory::<1>::new();
    let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
    assert_eq!(receiver.unmask(0, line(5)), Unmasked::Nothing);
    assert_eq!(sender.signal(line(5)), Outcome::RingDoorbell);
    receiver.clear(0, line(5));
    assert_eq!(taken(receiver), []);
    assert_eq!(receiver.unmask(0, line(5)), Unmasked::Nothing, "a later handler sees no stale signal");
    receiver.clear(0, line(5));
    assert_eq!(sender.signal(line(5)), Outcome::Masked);
    assert_eq!(receiver.unmask(0, line(5)), Unmasked::Delivered);
}

#[test]
fn emptying_reports_what_was_dropped_and_leaves_a_fresh_inbox() {
    let memory = Memory::<70>::new();
    let (inbox, receiver) = (memory.inbox(), memory.inbox().receiver());
    receiver.set_delivery(69, Delivery::Continuous);
    assert_eq!(receiver.unmask(69, line(1)), Unmasked::Nothing);
    assert_eq!(sender(inbox, 69).signal(line(1)), Outcome::RingDoorbell);
    assert_eq!(sender(inbox, 69).signal(line(2)), Outcome::Masked);
    assert_eq!(sender(inbox, 0).signal(line(2)), Outcome::Masked);
    assert_eq!(receiver.empty(), 3);
    assert_eq!(receiver.enter(Mode::Halted), Work::Nothing);
    assert_eq!(receiver.unmask(69, line(1)), Unmasked::Nothing);
    assert_eq!(sender(inbox, 69).signal(line(1)), Outcome::RingDoorbell);
    assert_eq!(taken(receiver), [(69, 2)]);
    assert_eq!(sender(inbox, 69).signal(line(1)), Outcome::Masked, "lines are acknowledged by default");
}

#[test]
fn a_copy_has_every_word_of_the_inbox() {
    let [memory, copy] = [Memory::<2>::new(), Memory::new()];
    let receiver = memory.inbox().receiver();
    let _ = receiver.unmask(1, line(5));
    let _ = receiver.enter(Mode::Halted);
    receiver.set_delivery(0, Delivery::Continuous);
    assert_eq!(sender(memory.inbox(), 1).signal(line(5)), Outcome::RingDoorbell);
    copy.copy_from(&memory);
    assert_eq!(format!("{copy:?}"), format!("{memory:?}"));
    assert_eq!(taken(copy.inbox().receiver()), [(1, 1 << 5)]);
}

#[test]
fn a_restarted_sender_makes_the_receiver_look_again() {
    let memory = Memory::<1>::new();
    let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
    assert_eq!(sender.resume(), Outcome::RingDoorbell);
    assert_eq!(receiver.check(), Work::Pending);
    assert_eq!(taken(receiver), []);
}

#[test]
fn senders_and_lines_out_of_range_do_not_exist() {
    let memory = Memory::<1>::new();
    assert!(memory.inbox().sender(1).is_none());
    assert!(Line::new(64).is_none());
    assert_eq!(memory.inbox().receiver().unmask(1, line(0)), Unmasked::Nothing);
    memory.inbox().receiver().clear(1, line(0));
}

/// One step of a history for the property test below.
#[derive(Clone, Debug)]
enum Step {
    Signal(u64),
    Take,
    Unmask(u64),
    Mask(u64),
    Clear(u64),
}

mod history {
    use super::*;
    use proptest::prelude::*;

    fn step() -> impl Strategy<Value = Step> {
        let number = 0..4u64;
        prop_oneof![
            number.clone().prop_map(Step::Signal),
            Just(Step::Take),
            number.clone().prop_map(Step::Unmask),
            number.clone().prop_map(Step::Mask),
            number.prop_map(Step::Clear),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The model: a set of signalled lines and a set of open ones; a delivery needs both and ends both.
        #[test]
        fn deliveries_are_those_of_a_set_of_lines(steps in prop::collection::vec(step(), 0..60)) {
            let memory = Memory::<1>::new();
            let (receiver, sender) = (memory.inbox().receiver(), sender(memory.inbox(), 0));
            let (mut pending, mut open) = (0u64, 0u64);
            for step in steps {
                match step {
                    Step::Signal(n) => {
                        let outcome = sender.signal(line(n));
                        let expected_masked = pending & (1 << n) == 0 && open & (1 << n) == 0;
                        prop_assert_eq!(outcome == Outcome::Masked, expected_masked);
                        pending |= 1 << n;
                    }
                    Step::Take => {
                        let expected = pending & open;
                        let lines = taken(receiver).iter().fold(0, |all, (_, lines)| all | lines);
                        prop_assert_eq!(lines, expected);
                        pending &= !expected;
                        open &= !expected;
                    }
                    Step::Unmask(n) => {
                        let delivered = receiver.unmask(0, line(n)) == Unmasked::Delivered;
                        prop_assert_eq!(delivered, pending & (1 << n) != 0);
                        pending &= !(1 << n);
                        open = if delivered { open & !(1 << n) } else { open | (1 << n) };
                    }
                    Step::Mask(n) => {
                        receiver.mask(0, 1 << n);
                        open &= !(1 << n);
                    }
                    Step::Clear(n) => {
                        receiver.clear(0, line(n));
                        pending &= !(1 << n);
                        open &= !(1 << n);
                    }
                }
            }
        }
    }
}

const SIGNALS: u64 = 200_000;

/// Sender and receiver on two threads; `park` stands for `hlt`, `unpark` for the doorbell, which likewise is kept when
/// it comes early. Ends only when the receiver has seen the last number that was published before a signal.
fn stress(idle: Mode, delivery: Delivery) {
    let memory = Memory::<1>::new();
    let published = AtomicU64::new(0);
    let receiver = memory.inbox().receiver();
    receiver.set_delivery(0, delivery);
    assert_eq!(receiver.unmask(0, line(0)), Unmasked::Nothing);
    let receiving = thread::current();
    thread::scope(|scope| {
        scope.spawn(|| {
            let sender = sender(memory.inbox(), 0);
            for number in 1..=SIGNALS {
                published.store(number, Ordering::Relaxed);
                if sender.signal(line(0)) == Outcome::RingDoorbell {
                    receiving.unpark();
                }
            }
        });
        let mut seen = 0;
        while seen < SIGNALS {
            receiver.take(|_, _| seen = published.load(Ordering::Relaxed));
            while delivery == Delivery::UntilAck && receiver.unmask(0, line(0)) == Unmasked::Delivered {
                seen = published.load(Ordering::Relaxed);
            }
            match (seen < SIGNALS && receiver.enter(idle) == Work::Nothing, idle) {
                (true, Mode::Polling) => thread::yield_now(),
                (true, _) => thread::park(),
                (false, _) => {}
            }
        }
    });
}

#[test]
fn two_threads_lose_no_wake_up_when_the_receiver_halts() {
    stress(Mode::Halted, Delivery::UntilAck);
    stress(Mode::Halted, Delivery::Continuous);
}

#[test]
fn two_threads_lose_no_wake_up_when_the_receiver_polls() {
    stress(Mode::Polling, Delivery::UntilAck);
}
