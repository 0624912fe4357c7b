// SPDX-License-Identifier: MIT OR Apache-2.0
//! Budgets, the timer, and what a thread may use in a period.

use abi::Rights;
use proptest::prelude::*;

use super::*;
use crate::Event;
use crate::cap::Cap;
use crate::memory::objects::ObjRef;
use crate::object::tcb::ThreadState;
use crate::sched::refill::Rate;
use crate::testing::TestKernel;

type Thread = ObjRef<Tcb>;
type Context = ObjRef<SchedContext>;

/// 1 µs in ticks.
const US: u64 = 1000;

/// Which unblock rule a context follows.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    Sporadic,
    ConstantBandwidth,
}

/// A runnable thread with `budget` µs every `period` µs, in no queue.
fn thread(test: &mut TestKernel, priority: u8, budget: u64, period: u64) -> (Thread, Context) {
    let tcb = test.thread(Cap::Null);
    let sc: Context = test.object(8);
    let (budget, period) = (Ticks(budget * US), Ticks(period * US));
    let max_refills = if budget == period { 2 } else { 8 };
    test.kernel.set_refills(sc, Rate { budget, period, max_refills });
    test.kernel.objs[sc].tcb = Some(tcb);
    test.kernel.objs[tcb].sched_context = Some(sc);
    test.kernel.objs[tcb].priority = priority;
    test.kernel.set_thread_state(tcb, ThreadState::Running);
    (tcb, sc)
}

fn server(test: &mut TestKernel, sc: Context, server: Server) {
    test.kernel.objs[sc].sporadic = u64::from(server == Server::Sporadic);
}

/// A kernel whose current thread has `budget` µs every `period` µs.
fn running(budget: u64, period: u64) -> (TestKernel, Thread, Context) {
    let mut test = TestKernel::new();
    let (tcb, sc) = thread(&mut test, 5, budget, period);
    test.run(tcb);
    (test, tcb, sc)
}

/// An event at `us` µs without an operation of its own.
fn event_at(test: &mut TestKernel, us: u64) -> Budget {
    test.kernel.machine.time = Ticks(us * US);
    test.kernel.update_time();
    let budget = test.kernel.check_budget();
    test.kernel.finish_event();
    test.kernel.check_queues();
    test.kernel.check_timer();
    budget
}

fn add_timeout_handler(test: &mut TestKernel, tcb: Thread) {
    let endpoint = Cap::Endpoint { endpoint: test.object(4), badge: 0, rights: Rights::ALL };
    test.kernel.objs[tcb.slot(TcbSlot::TimeoutHandler)].cap = endpoint.pack();
}

#[test]
fn a_budget_is_left_while_a_least_budget_remains() {
    let (mut test, tcb, sc) = running(100, 300);
    assert_eq!(event_at(&mut test, 80), Budget::Left);
    assert_eq!(test.kernel.current(), tcb);
    assert_eq!(test.kernel.head_refill(sc).amount, Ticks(100 * US), "nothing is charged before it must be");
    assert_eq!(test.kernel.sched.consumed, Ticks(80 * US));
}

#[test]
fn an_exhausted_thread_waits_for_its_release() {
    let (mut test, tcb, sc) = running(100, 300);
    assert_eq!(event_at(&mut test, 81), Budget::Exhausted);
    assert_eq!(test.kernel.current(), test.kernel.sched.idle);
    assert_eq!(test.kernel.sched.release.head, Some(tcb));
    assert_eq!(test.kernel.head_refill(sc).time, Ticks(281 * US));
    assert_eq!(test.kernel.machine.deadline, Ticks(280 * US), "1 µs before the release");
    assert_eq!(test.kernel.objs[sc].consumed, Ticks(81 * US));
    test.kernel.sched.reprogram = true;
    event_at(&mut test, 280);
    assert_eq!(test.kernel.current(), test.kernel.sched.idle);
    assert_eq!(test.kernel.machine.deadline, Ticks(281 * US), "not again before the release");
    event_at(&mut test, 281);
    assert_eq!(test.kernel.current(), tcb);
    assert_eq!(test.kernel.machine.deadline, Ticks(380 * US));
}

#[test]
fn an_exhausted_thread_with_another_refill_ready_goes_to_the_tail() {
    let (mut test, tcb, sc) = running(100, 300);
    let (other, _) = thread(&mut test, 5, 100, 300);
    test.kernel.charge_refills(sc, Ticks(50 * US));
    test.kernel.enqueue_tail(other);
    test.kernel.sched.now = Ticks(350 * US);
    assert_eq!(event_at(&mut test, 390), Budget::Exhausted);
    assert_eq!(test.kernel.current(), other);
    assert_eq!(test.kernel.objs[tcb].in_ready_queue, 1);
}

#[test]
fn a_round_robin_thread_goes_to_the_tail_with_a_whole_slice() {
    let (mut test, tcb, sc) = running(100, 100);
    add_timeout_handler(&mut test, tcb);
    let (other, _) = thread(&mut test, 5, 100, 100);
    test.kernel.enqueue_tail(other);
    assert_eq!(event_at(&mut test, 95), Budget::Exhausted);
    assert_eq!(test.kernel.current(), other);
    assert_eq!(test.kernel.head_refill(sc).amount, Ticks(100 * US));
    assert_eq!(test.kernel.objs[tcb].state(), ThreadState::Running, "round robin raises no timeout");
}

#[test]
fn an_exhausted_thread_with_a_handler_raises_a_timeout() {
    let (mut test, tcb, sc) = running(100, 300);
    add_timeout_handler(&mut test, tcb);
    test.kernel.objs[sc].data = 77;
    assert_eq!(event_at(&mut test, 90), Budget::Exhausted);
    assert_eq!(test.kernel.objs[tcb].state(), ThreadState::BlockedOnSend);
    assert!(test.kernel.objs[tcb].fault.is_some());
    assert_eq!(test.kernel.objs[tcb].in_release_queue, 0);
}

#[test]
fn a_yield_gives_up_the_head_and_reports_what_was_used() {
    let (mut test, tcb, sc) = running(100, 300);
    add_timeout_handler(&mut test, tcb);
    test.kernel.machine.time = Ticks(10 * US);
    test.kernel.update_time();
    assert_eq!(test.kernel.check_budget(), Budget::Left);
    test.kernel.yield_current();
    test.kernel.finish_event();
    assert_eq!(test.kernel.current(), test.kernel.sched.idle, "no timeout, but it waits");
    assert_eq!(test.kernel.head_refill(sc).time, Ticks(300 * US));
    assert_eq!(test.kernel.take_consumed_us(sc), 10);
}

#[test]
fn consumed_time_is_charged_when_the_context_is_switched() {
    let (mut test, tcb, sc) = running(100, 300);
    let (better, better_sc) = thread(&mut test, 6, 50, 300);
    test.kernel.machine.time = Ticks(30 * US);
    test.kernel.update_time();
    test.kernel.wake_candidate(better);
    test.kernel.finish_event();
    assert_eq!(test.kernel.current(), better);
    assert_eq!(test.kernel.sched.current_sc, better_sc);
    assert_eq!(test.kernel.head_refill(sc), refill(30, 70));
    assert_eq!(test.kernel.sched.consumed, Ticks::ZERO);
    assert_eq!(test.kernel.machine.deadline, Ticks((30 + 50 - 1) * US));
    assert_eq!(test.kernel.objs[tcb].in_ready_queue, 1);
}

fn refill(time: u64, amount: u64) -> crate::object::sched_context::Refill {
    crate::object::sched_context::Refill { time: Ticks(time * US), amount: Ticks(amount * US) }
}

#[test]
fn the_first_release_can_be_before_the_end_of_the_budget() {
    let (mut test, _, _) = running(100, 300);
    let (waiting, waiting_sc) = thread(&mut test, 6, 50, 300);
    test.kernel.objs[waiting_sc.refill(0)] = refill(40, 50);
    test.kernel.enqueue_release(waiting);
    test.kernel.finish_event();
    assert_eq!(test.kernel.machine.deadline, Ticks(39 * US));
    event_at(&mut test, 40);
    assert_eq!(test.kernel.current(), waiting);
}

#[test]
fn an_event_that_changes_nothing_leaves_the_timer_alone() {
    let (mut test, _, _) = running(100, 300);
    test.kernel.machine.deadline = Ticks(1);
    event_at(&mut test, 10);
    assert_eq!(test.kernel.machine.deadline, Ticks(1));
}

#[test]
fn a_switch_to_a_longer_budget_leaves_the_timer_alone_until_it_has_fired() {
    let (mut test, _, _) = running(100, 100);
    let (better, _) = thread(&mut test, 6, 200, 200);
    test.kernel.sched.reprogram = true;
    test.kernel.finish_event();
    test.kernel.wake_candidate(better);
    event_at(&mut test, 30);
    assert_eq!(test.kernel.machine.deadline, Ticks(99 * US), "as it was for the thread before");
    test.kernel.sched.reprogram = true;
    event_at(&mut test, 99);
    assert_eq!(test.kernel.machine.deadline, Ticks((30 + 200 - 1) * US));
}

#[test]
fn a_timer_that_has_fired_is_set_by_the_next_switch() {
    let (mut test, _, _) = running(100, 300);
    let (better, _) = thread(&mut test, 6, 200, 300);
    test.kernel.wake_candidate(better);
    test.kernel.sched.alarm = Ticks(30 * US);
    event_at(&mut test, 30);
    assert_eq!(test.kernel.machine.deadline, Ticks((30 + 200 - 1) * US));
}

#[test]
fn a_timer_that_was_set_for_somebody_else_charges_nothing() {
    let (mut test, tcb, sc) = running(500, 10_000);
    test.kernel.sched.alarm = Ticks(30 * US);
    test.kernel.machine.time = Ticks(30 * US);
    test.kernel.handle(Event::Interrupt(abi::vector::TIMER));
    assert_eq!(test.kernel.current(), tcb);
    assert_eq!(test.kernel.machine.deadline, Ticks(499 * US), "the end of the budget, not counted from now");
    assert_eq!((test.kernel.head_refill(sc), test.kernel.sched.consumed), (refill(0, 500), Ticks(30 * US)));
    test.kernel.check_timer();
    test.kernel.yield_current();
    assert_eq!(test.kernel.head_refill(sc), refill(10_000, 500), "the whole refill, in one piece");
}

#[test]
fn a_timer_that_fires_a_little_before_a_release_is_set_to_it() {
    let (mut test, _, sc) = running(500, 10_000);
    let (waiting, other) = thread(&mut test, 4, 100, 300);
    test.kernel.charge_refills(other, Ticks(100 * US));
    test.kernel.enqueue_release(waiting);
    test.kernel.finish_event();
    assert_eq!(test.kernel.machine.deadline, Ticks(299 * US));
    test.kernel.machine.time = Ticks(299 * US);
    test.kernel.handle(Event::Interrupt(abi::vector::TIMER));
    assert_eq!(test.kernel.machine.deadline, Ticks(300 * US));
    test.kernel.machine.time = Ticks(300 * US);
    test.kernel.handle(Event::Interrupt(abi::vector::TIMER));
    assert_eq!(test.kernel.objs[waiting].in_ready_queue, 1);
    assert_eq!(test.kernel.machine.deadline, Ticks(499 * US));
    assert_eq!(test.kernel.head_refill(sc), refill(300, 200), "a release charges what was used");
}

#[test]
fn a_constant_bandwidth_context_restarts_when_it_is_switched_to() {
    let (mut test, tcb, _) = running(100, 300);
    let (other, sc) = thread(&mut test, 4, 50, 300);
    server(&mut test, sc, Server::ConstantBandwidth);
    test.kernel.enqueue_tail(other);
    test.kernel.set_thread_state(tcb, ThreadState::BlockedOnReply);
    test.kernel.sporadic_unblock(other);
    assert_eq!(test.kernel.head_refill(sc), refill(0, 50));
    event_at(&mut test, 60);
    assert_eq!(test.kernel.head_refill(sc), refill(60, 50));
}

#[test]
fn a_sporadic_context_restarts_when_its_thread_is_unblocked_only() {
    let (mut test, tcb, _) = running(100, 300);
    let (other, sc) = thread(&mut test, 4, 50, 300);
    server(&mut test, sc, Server::Sporadic);
    test.kernel.sched.now = Ticks(20 * US);
    test.kernel.sporadic_unblock(other);
    assert_eq!(test.kernel.head_refill(sc), refill(20, 50));
    test.kernel.enqueue_tail(other);
    test.kernel.set_thread_state(tcb, ThreadState::BlockedOnReply);
    event_at(&mut test, 60);
    assert_eq!(test.kernel.current(), other);
    assert_eq!(test.kernel.head_refill(sc), refill(20, 50));
}

#[test]
fn the_current_context_is_not_restarted() {
    let (mut test, tcb, sc) = running(100, 300);
    server(&mut test, sc, Server::Sporadic);
    test.kernel.sched.now = Ticks(20 * US);
    test.kernel.sporadic_unblock(tcb);
    assert_eq!(test.kernel.head_refill(sc), refill(0, 100));
}

#[test]
fn the_idle_thread_uses_nobodys_time() {
    let mut test = TestKernel::new();
    assert_eq!(event_at(&mut test, 1_000_000), Budget::Left);
    let (tcb, sc) = thread(&mut test, 5, 100, 300);
    test.kernel.wake_candidate(tcb);
    test.kernel.finish_event();
    assert_eq!(test.kernel.sched.consumed, Ticks::ZERO);
    assert_eq!(test.kernel.head_refill(sc), refill(1_000_000, 100));
}

#[test]
fn idling_without_anybody_to_release_sets_no_deadline() {
    let (mut test, tcb, _) = running(100, 300);
    test.kernel.set_thread_state(tcb, ThreadState::BlockedOnReply);
    test.kernel.finish_event();
    assert_eq!(test.kernel.machine.deadline, Ticks::MAX - Ticks(US));
}

#[test]
fn a_preempted_operation_is_charged_to_a_context_whose_thread_is_gone() {
    let (mut test, tcb, sc) = running(100, 300);
    test.kernel.machine.time = Ticks(40 * US);
    test.kernel.update_time();
    test.kernel.set_thread_state(tcb, ThreadState::Inactive);
    test.kernel.charge_preempted();
    test.kernel.finish_event();
    assert_eq!(test.kernel.head_refill(sc), refill(40, 60));
    assert_eq!(test.kernel.objs[sc].consumed, Ticks(40 * US));
}

#[test]
fn a_preempted_operation_that_deleted_its_context_is_charged_to_nobody() {
    let (mut test, _, sc) = running(100, 300);
    test.kernel.machine.time = Ticks(40 * US);
    test.kernel.update_time();
    test.kernel.finalise_sched_context(sc);
    test.kernel.charge_preempted();
    test.kernel.finish_event();
    assert_eq!(test.kernel.current(), test.kernel.sched.idle);
    assert_eq!(test.kernel.sched.consumed, Ticks::ZERO);
    assert_eq!(test.kernel.objs[sc].consumed, Ticks::ZERO);
}

#[test]
fn a_preempted_thread_with_budget_goes_on() {
    let (mut test, tcb, sc) = running(100, 300);
    test.kernel.charge_preempted();
    assert_eq!(test.kernel.sched.action, crate::sched::Action::ResumeCurrent);
    test.kernel.sched.consumed = Ticks(90 * US);
    test.kernel.charge_preempted();
    test.kernel.finish_event();
    assert_eq!(test.kernel.objs[tcb].in_release_queue, 1);
    assert_eq!(
        test.kernel.sched.current_sc,
        test.kernel.objs[test.kernel.sched.idle].sched_context.expect("idle")
    );
    assert!(!test.kernel.is_ready(sc));
}

#[test]
fn a_clock_that_steps_back_charges_nothing() {
    let (mut test, _, _) = running(100, 300);
    test.kernel.sched.now = Ticks(50);
    test.kernel.machine.time = Ticks(40);
    test.kernel.update_time();
    assert_eq!(test.kernel.sched.consumed, Ticks::ZERO);
}

/// (priority, budget, period) in µs.
fn rates() -> impl Strategy<Value = Vec<(u8, u64, u64)>> {
    prop::collection::vec(
        (0..4u8, 20..200u64, 0..800u64)
            .prop_map(|(priority, budget, slack)| (priority, budget, budget + slack)),
        1..5,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_constant_bandwidth_thread_gets_more_than_its_budget_in_any_period(
        rates in rates(),
        steps in prop::collection::vec((1..300u64, any::<bool>(), any::<bool>()), 1..200),
    ) {
        let mut test = TestKernel::new();
        let threads: Vec<(Thread, Context)> = rates
            .iter()
            .map(|&(priority, budget, period)| thread(&mut test, priority, budget, period))
            .collect();
        for &(tcb, sc) in &threads {
            server(&mut test, sc, Server::ConstantBandwidth);
            test.kernel.wake_candidate(tcb);
        }
        test.kernel.finish_event();
        let mut used: Vec<Vec<(u64, u64)>> = vec![Vec::new(); threads.len()];
        for (step, blocks, wakes) in steps {
            // The timer fires at its deadline; other events happen earlier.
            let now = test.kernel.machine.time;
            let end = Ticks(now.0 + step * US).min(test.kernel.machine.deadline).max(now);
            let running = threads.iter().position(|&(tcb, _)| tcb == test.kernel.current());
            if let Some(running) = running {
                used[running].push((now.0, end.0));
            }
            test.kernel.machine.time = end;
            test.kernel.update_time();
            test.kernel.sched.reprogram = true;
            let budget = test.kernel.check_budget();
            if let Some(running) = running && blocks && budget == Budget::Left {
                test.kernel.set_thread_state(threads[running].0, ThreadState::BlockedOnReply);
            }
            for &(tcb, _) in &threads {
                let is_blocked = test.kernel.objs[tcb].state().is_blocked() && tcb != test.kernel.current();
                if wakes && is_blocked {
                    test.kernel.set_thread_state(tcb, ThreadState::Running);
                    test.kernel.sporadic_unblock(tcb);
                    test.kernel.wake_candidate(tcb);
                }
            }
            test.kernel.finish_event();
            test.kernel.check_queues();
            for (&(_, sc), (&(_, budget, period), used)) in threads.iter().zip(rates.iter().zip(&used)) {
                test.kernel.check_refills(sc);
                let Some(&(_, end)) = used.last() else { continue };
                let start = end.saturating_sub(period * US);
                let sum: u64 = used.iter().map(|&(a, b)| b.saturating_sub(a.max(start))).sum();
                prop_assert!(budget == period || sum <= budget * US, "{sum} of {budget} µs in {period} µs");
            }
        }
    }
}
