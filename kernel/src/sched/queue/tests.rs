// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order table of docs/abi/ipc-and-scheduling.md row by row, and events against 256 plain lists.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::object::tcb::ThreadState;
use crate::testing::TestKernel;

type Thread = ObjRef<Tcb>;

/// A kernel with one running thread per priority given, none queued but by the test; the first is current.
fn running<const N: usize>(priorities: [u8; N]) -> (TestKernel, [Thread; N]) {
    let mut test = TestKernel::new();
    let threads = priorities.map(|priority| test.schedulable_thread(priority));
    for tcb in threads {
        test.kernel.set_thread_state(tcb, ThreadState::Running);
    }
    test.run(threads[0]);
    (test, threads)
}

fn block(test: &mut TestKernel, tcb: Thread) {
    test.kernel.set_thread_state(tcb, ThreadState::BlockedOnReply);
}

fn queue(test: &TestKernel, priority: u8) -> Vec<Thread> {
    let mut next = test.kernel.sched.ready[usize::from(priority)].head;
    let mut list = Vec::new();
    while let Some(tcb) = next {
        list.push(tcb);
        next = test.kernel.objs[tcb].sched_next;
    }
    list
}

fn finish(test: &mut TestKernel) -> Thread {
    test.kernel.finish_event();
    test.kernel.check_queues();
    test.kernel.current()
}

#[test]
fn a_yielding_thread_goes_to_the_tail() {
    let (mut test, [a, b, c]) = running([7, 7, 7]);
    test.kernel.enqueue_tail(b);
    test.kernel.enqueue_tail(c);
    test.kernel.yield_current();
    assert_eq!(finish(&mut test), b);
    assert_eq!(queue(&test, 7), [c, a]);
}

#[test]
fn a_thread_preempted_by_a_better_candidate_goes_to_the_head() {
    let (mut test, [a, b, better]) = running([7, 7, 8]);
    test.kernel.enqueue_tail(b);
    test.kernel.wake_candidate(better);
    assert_eq!(finish(&mut test), better);
    assert_eq!(queue(&test, 7), [a, b]);
    assert_eq!(queue(&test, 8), []);
}

#[test]
fn a_candidate_of_the_same_priority_goes_to_the_tail_and_the_current_thread_continues() {
    let (mut test, [a, b, candidate]) = running([7, 7, 7]);
    test.kernel.enqueue_tail(b);
    test.kernel.wake_candidate(candidate);
    assert_eq!(finish(&mut test), a);
    assert_eq!(queue(&test, 7), [b, candidate]);
}

#[test]
fn a_candidate_of_lower_priority_goes_to_the_head_of_its_queue() {
    let (mut test, [a, b, candidate]) = running([7, 5, 5]);
    test.kernel.enqueue_tail(b);
    test.kernel.wake_candidate(candidate);
    assert_eq!(finish(&mut test), a);
    assert_eq!(queue(&test, 5), [candidate, b]);
}

#[test]
fn a_candidate_as_good_as_the_best_ready_thread_is_switched_to_when_the_current_one_blocks() {
    let (mut test, [a, ready, candidate]) = running([9, 5, 5]);
    test.kernel.enqueue_tail(ready);
    block(&mut test, a);
    test.kernel.wake_candidate(candidate);
    assert_eq!(finish(&mut test), candidate);
    assert_eq!(queue(&test, 5), [ready]);
}

#[test]
fn the_idle_thread_is_no_measure_for_a_candidate() {
    let (mut test, [ready, candidate]) = running([5, 4]);
    let idle = test.kernel.sched.idle;
    test.run(idle);
    test.kernel.set_thread_state(idle, ThreadState::Idle);
    test.kernel.enqueue_tail(ready);
    test.kernel.wake_candidate(candidate);
    assert_eq!(finish(&mut test), ready);
    assert_eq!(queue(&test, 4), [candidate]);
}

#[test]
fn a_candidate_waits_at_the_head_when_a_better_thread_is_ready() {
    let (mut test, [a, ready, other, candidate]) = running([9, 6, 5, 5]);
    test.kernel.enqueue_tail(ready);
    test.kernel.enqueue_tail(other);
    block(&mut test, a);
    test.kernel.wake_candidate(candidate);
    assert_eq!(finish(&mut test), ready);
    assert_eq!(queue(&test, 5), [candidate, other]);
}

#[test]
fn two_candidates_go_to_the_heads_in_turn_and_the_choice_is_made_among_all() {
    let (mut test, [a, other, first, second]) = running([7, 7, 7, 7]);
    test.kernel.enqueue_tail(other);
    test.kernel.wake_candidate(first);
    test.kernel.wake_candidate(second);
    assert_eq!(finish(&mut test), a);
    assert_eq!(queue(&test, 7), [second, first, other]);
}

#[test]
fn set_priority_moves_a_ready_thread_to_the_head_of_its_new_queue() {
    let (mut test, [a, b, c]) = running([7, 5, 3]);
    test.kernel.enqueue_tail(b);
    test.kernel.enqueue_tail(c);
    test.kernel.execute_tcb(crate::object::tcb::Invocation::SetPriority(c, 5)).expect("is not preempted");
    assert_eq!(finish(&mut test), a);
    assert_eq!(queue(&test, 5), [c, b]);
    assert_eq!(queue(&test, 3), []);
}

#[test]
fn set_priority_of_the_current_thread_leads_to_a_choice() {
    let (mut test, [a, same, b]) = running([7, 5, 6]);
    test.kernel.enqueue_tail(same);
    test.kernel.enqueue_tail(b);
    test.kernel.execute_tcb(crate::object::tcb::Invocation::SetPriority(a, 5)).expect("is not preempted");
    assert_eq!(finish(&mut test), b);
    assert_eq!(queue(&test, 5), [a, same]);
}

#[test]
fn binding_a_scheduling_context_puts_the_thread_at_the_head() {
    let (mut test, [a, b, bound]) = running([7, 5, 5]);
    test.kernel.enqueue_tail(b);
    let sc = test.kernel.objs[bound].sched_context.expect("it has one");
    test.kernel.unbind_sched_context(sc);
    test.kernel.bind_sched_context(sc, bound);
    assert_eq!(finish(&mut test), a);
    assert_eq!(queue(&test, 5), [bound, b]);
}

#[test]
fn a_released_thread_is_a_candidate() {
    let (mut test, [a, same]) = running([7, 7]);
    test.kernel.sched.now = arch::Ticks(10);
    test.kernel.enqueue_release(same);
    assert!(!test.kernel.is_schedulable(same));
    assert_eq!(finish(&mut test), a);
    assert_eq!(queue(&test, 7), [same]);
    assert_eq!(test.kernel.sched.release.head, None);
}

#[test]
fn the_release_queue_is_ordered_by_time_and_first_come_first_served() {
    let (mut test, [a, b, c, d]) = running([1, 1, 1, 1]);
    for (tcb, time) in [(b, 30), (c, 10), (d, 30), (a, 20)] {
        let sc = test.kernel.objs[tcb].sched_context.expect("it has one");
        test.kernel.objs[sc.refill(0)].time = arch::Ticks(time);
        test.kernel.sched.reprogram = false;
        test.kernel.enqueue_release(tcb);
        assert_eq!(test.kernel.sched.reprogram, tcb == b || tcb == c, "only a new head moves the deadline");
    }
    for expected in [c, a, b, d] {
        let head = test.kernel.sched.release.head.expect("somebody waits");
        assert_eq!(head, expected);
        test.kernel.sched.reprogram = false;
        test.kernel.dequeue_release(head);
        assert!(test.kernel.sched.reprogram);
    }
    assert_eq!(test.kernel.sched.release.tail, None);
}

#[test]
fn a_thread_leaves_the_middle_of_the_release_queue() {
    let (mut test, [a, b, c]) = running([1, 1, 1]);
    for tcb in [a, b, c] {
        test.kernel.enqueue_release(tcb);
    }
    test.kernel.sched.reprogram = false;
    test.kernel.leave_queues(b);
    assert!(!test.kernel.sched.reprogram);
    assert_eq!(test.kernel.objs[a].sched_next, Some(c));
    assert_eq!(test.kernel.objs[c].sched_prev, Some(a));
}

#[test]
fn a_candidate_that_stopped_again_is_not_switched_to() {
    let (mut test, [a, candidate, other]) = running([5, 7, 3]);
    test.kernel.enqueue_tail(other);
    test.kernel.wake_candidate(candidate);
    test.kernel.suspend(candidate);
    assert_eq!(finish(&mut test), a);
    test.kernel.set_thread_state(candidate, ThreadState::Running);
    test.kernel.wake_candidate(candidate);
    test.kernel.suspend(candidate);
    block(&mut test, a);
    assert_eq!(finish(&mut test), other);
}

#[test]
fn waking_the_current_thread_changes_nothing() {
    let (mut test, [a]) = running([5]);
    test.kernel.wake_candidate(a);
    assert_eq!(test.kernel.sched.action, Action::ResumeCurrent);
    assert_eq!(finish(&mut test), a);
}

#[test]
fn nobody_runs_without_a_configured_context_or_while_blocked() {
    let (mut test, [a, b]) = running([5, 6]);
    let sc = test.kernel.objs[b].sched_context.expect("it has one");
    test.kernel.objs[sc].max_refills = 0;
    test.kernel.wake_candidate(b);
    assert_eq!(finish(&mut test), a);
    test.kernel.unbind_sched_context(sc);
    test.kernel.wake_candidate(b);
    assert_eq!(finish(&mut test), a);
    block(&mut test, a);
    assert_eq!(finish(&mut test), test.kernel.sched.idle);
}

/// Priorities at the edges of the bitmap words, few enough to meet often.
const PRIORITIES: [u8; 7] = [0, 1, 63, 64, 127, 128, 255];

#[derive(Clone, Debug)]
enum Event {
    /// The current thread blocks or not, and threads are woken.
    Wake {
        block: bool,
        threads: Vec<usize>,
    },
    Yield,
    SetPriority(usize, u8),
    Suspend(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let thread = 0..12usize;
    let event = prop_oneof![
        6 => (any::<bool>(), prop::collection::vec(thread.clone(), 0..4))
            .prop_map(|(block, threads)| Event::Wake { block, threads }),
        2 => Just(Event::Yield),
        1 => (thread.clone(), prop::sample::select(&PRIORITIES[..])).prop_map(|(t, p)| Event::SetPriority(t, p)),
        1 => thread.prop_map(Event::Suspend),
    ];
    prop::collection::vec(event, 1..300)
}

/// 256 lists and the rules of the order table.
struct Model {
    lists: Vec<VecDeque<usize>>,
    priority: Vec<u8>,
    runnable: Vec<bool>,
    current: Option<usize>,
}

impl Model {
    fn list(&mut self, thread: usize) -> &mut VecDeque<usize> {
        &mut self.lists[usize::from(self.priority[thread])]
    }

    fn best(&self) -> Option<usize> {
        self.lists.iter().rev().find_map(|list| list.front().copied())
    }

    fn remove(&mut self, thread: usize) -> bool {
        let list = self.list(thread);
        let before = list.len();
        list.retain(|&other| other != thread);
        list.len() != before
    }

    fn choose(&mut self) {
        if let Some(current) = self.current.filter(|&current| self.runnable[current])
            && !self.list(current).contains(&current)
        {
            self.list(current).push_front(current);
        }
        self.current = self.best();
        if let Some(chosen) = self.current {
            self.list(chosen).pop_front();
        }
    }

    fn wake_one(&mut self, candidate: usize) {
        let priority = self.priority[candidate];
        match self.current.filter(|&current| self.runnable[current]) {
            Some(current) if priority > self.priority[current] => {
                self.list(current).push_front(current);
                self.current = Some(candidate);
            }
            Some(current) if priority == self.priority[current] => self.list(candidate).push_back(candidate),
            Some(_) => self.list(candidate).push_front(candidate),
            None if self.best().is_none_or(|best| priority >= self.priority[best]) => {
                self.current = Some(candidate);
            }
            None => {
                self.list(candidate).push_front(candidate);
                self.choose();
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Wake { block, ref threads } => {
                if let (true, Some(current)) = (block, self.current) {
                    self.runnable[current] = false;
                }
                let blocked = self.current.filter(|&current| !self.runnable[current]);
                let mut woken = Vec::new();
                for &thread in threads {
                    if !self.runnable[thread] && Some(thread) != blocked {
                        self.runnable[thread] = true;
                        woken.push(thread);
                    }
                }
                match woken[..] {
                    [] if blocked.is_some() => self.choose(),
                    [] => {}
                    [candidate] => self.wake_one(candidate),
                    _ => {
                        woken.iter().for_each(|&thread| self.list(thread).push_front(thread));
                        self.choose();
                    }
                }
            }
            Event::Yield => {
                if let Some(current) = self.current {
                    self.list(current).push_back(current);
                    self.choose();
                }
            }
            Event::SetPriority(thread, priority) => {
                let was_queued = self.remove(thread);
                self.priority[thread] = priority;
                if was_queued {
                    self.list(thread).push_front(thread);
                }
                if was_queued || self.current == Some(thread) {
                    self.choose();
                }
            }
            Event::Suspend(thread) => {
                self.runnable[thread] = false;
                self.remove(thread);
                if self.current == Some(thread) {
                    self.choose();
                }
            }
        }
    }
}

fn apply(test: &mut TestKernel, threads: &[Thread], event: &Event) {
    let current = test.kernel.current();
    let is_idle = current == test.kernel.sched.idle;
    match *event {
        Event::Wake { block: blocks, threads: ref woken } => {
            if blocks && !is_idle {
                block(test, current);
            }
            for &thread in woken {
                let tcb = threads[thread];
                if !test.kernel.objs[tcb].state().is_runnable() && tcb != current {
                    test.kernel.set_thread_state(tcb, ThreadState::Running);
                    test.kernel.wake_candidate(tcb);
                }
            }
        }
        Event::Yield if is_idle => {}
        Event::Yield => test.kernel.yield_current(),
        Event::SetPriority(thread, priority) => {
            let invocation = crate::object::tcb::Invocation::SetPriority(threads[thread], priority);
            test.kernel.execute_tcb(invocation).expect("is not preempted");
        }
        Event::Suspend(thread) => {
            // Nobody holds a reply object here, so there is nothing to cancel.
            test.kernel.set_thread_state(threads[thread], ThreadState::Inactive);
            test.kernel.suspend(threads[thread]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_event_leaves_the_order_that_256_plain_lists_have(events in events()) {
        let mut test = TestKernel::new();
        let threads: Vec<Thread> = (0..12)
            .map(|index| test.schedulable_thread(PRIORITIES[index % PRIORITIES.len()]))
            .collect();
        let mut model = Model {
            lists: vec![VecDeque::new(); 256],
            priority: threads.iter().map(|&tcb| test.kernel.objs[tcb].priority).collect(),
            runnable: vec![false; threads.len()],
            current: None,
        };
        for event in events {
            apply(&mut test, &threads, &event);
            test.kernel.finish_event();
            model.apply(&event);
            test.kernel.check_queues();
            let current = model.current.map_or(test.kernel.sched.idle, |current| threads[current]);
            prop_assert_eq!(test.kernel.current(), current, "{:?}", event);
            for (priority, list) in model.lists.iter().enumerate() {
                let expected: Vec<Thread> = list.iter().map(|&thread| threads[thread]).collect();
                prop_assert_eq!(queue(&test, priority as u8), expected, "{:?}", event);
            }
        }
    }
}
