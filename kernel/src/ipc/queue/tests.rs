// SPDX-License-Identifier: MIT OR Apache-2.0
//! The queue against a sorted vector.

use super::*;
use crate::cap::Cap;
use crate::testing::{Random, TestKernel};

/// The queue from head to tail; its links must agree in both directions.
fn threads(test: &TestKernel, queue: Queue) -> Vec<ObjRef<Tcb>> {
    let mut threads = Vec::new();
    let (mut next, mut before) = (queue.head, None);
    while let Some(tcb) = next {
        assert_eq!(test.kernel.objs[tcb].ipc_prev, before);
        threads.push(tcb);
        (before, next) = (next, test.kernel.objs[tcb].ipc_next);
    }
    assert_eq!(queue.tail, before);
    threads
}

/// Puts `tcb` behind everybody of at least its priority.
fn insert(model: &mut Vec<ObjRef<Tcb>>, test: &TestKernel, tcb: ObjRef<Tcb>) {
    let objs = &test.kernel.objs;
    let place = model.iter().position(|&other| objs[other].priority < objs[tcb].priority);
    model.insert(place.unwrap_or(model.len()), tcb);
}

#[test]
fn a_queue_agrees_with_a_sorted_vector() {
    for seed in 1..=20 {
        let mut test = TestKernel::new();
        let mut random = Random::new(seed);
        let all: Vec<_> = (0..24).map(|_| test.thread(Cap::Null)).collect();
        let mut model = Vec::new();
        let mut queue = Queue::EMPTY;
        for _ in 0..400 {
            let tcb = all[random.below(all.len())];
            if let Some(place) = model.iter().position(|&other| other == tcb) {
                model.remove(place);
                queue = test.kernel.unqueue(queue, tcb);
                assert_eq!(test.kernel.objs[tcb].ipc_next, None);
                assert_eq!(test.kernel.objs[tcb].ipc_prev, None);
            } else {
                test.kernel.objs[tcb].priority = random.below(4) as u8 * 80;
                insert(&mut model, &test, tcb);
                queue = test.kernel.queue_by_priority(queue, tcb);
            }
            assert_eq!(threads(&test, queue), model);
        }
    }
}

#[test]
fn equal_priorities_are_served_first_come_first_served() {
    let mut test = TestKernel::new();
    let [low, first, second, high] = [1, 5, 5, 9].map(|priority| {
        let tcb = test.thread(Cap::Null);
        test.kernel.objs[tcb].priority = priority;
        tcb
    });
    let mut queue = Queue::EMPTY;
    for tcb in [first, low, second, high] {
        queue = test.kernel.queue_by_priority(queue, tcb);
    }
    assert_eq!(threads(&test, queue), [high, first, second, low]);
}
