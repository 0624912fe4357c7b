// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refills against a list that follows the rules word by word.

use proptest::prelude::*;

use super::*;
use crate::testing::TestKernel;

/// 1 µs in ticks.
const US: u64 = 1000;
const LEAST: u64 = MIN_BUDGET_US * US;

fn rate(budget: u64, period: u64, max_refills: u64) -> Rate {
    Rate { budget: Ticks(budget), period: Ticks(period), max_refills }
}

fn refills(test: &TestKernel, sc: ObjRef<SchedContext>) -> Vec<(u64, u64)> {
    let context = &test.kernel.objs[sc];
    let mut index = context.head;
    let mut list = Vec::new();
    loop {
        let refill = test.kernel.objs[sc.refill(index)];
        list.push((refill.time.0, refill.amount.0));
        if index == context.tail {
            return list;
        }
        index = context.after(index);
    }
}

fn configured(budget: u64, period: u64, max_refills: u64) -> (TestKernel, ObjRef<SchedContext>) {
    let mut test = TestKernel::new();
    let sc = test.object(9);
    test.kernel.set_refills(sc, rate(budget, period, max_refills));
    (test, sc)
}

/// The rules of docs/abi/ipc-and-scheduling.md on a plain list.
struct Model {
    list: Vec<(u64, u64)>,
    period: u64,
    max: usize,
}

impl Model {
    fn append(&mut self, time: u64, amount: u64) {
        let full = self.list.len() == self.max;
        match self.list.last_mut() {
            Some(tail) if tail.0 + tail.1 >= time => tail.1 += amount,
            Some(tail) if full => *tail = (time - tail.1, tail.1 + amount),
            _ => self.list.push((time, amount)),
        }
    }

    fn charge(&mut self, mut used: u64) {
        while used >= self.list[0].1 {
            let (time, amount) = self.list[0];
            used -= amount;
            if self.list.len() == 1 {
                self.list[0].0 += self.period;
            } else {
                self.list.remove(0);
                self.append(time + self.period, amount);
            }
        }
        if used > 0 {
            self.append(self.list[0].0 + self.period, used);
            self.list[0].1 -= used;
            self.list[0].0 += used;
        }
        while self.list[0].1 < LEAST {
            let (_, amount) = self.list.remove(0);
            self.list[0].1 += amount;
            self.list[0].0 -= amount;
        }
    }

    fn unblock(&mut self, now: u64) {
        if self.list[0].0 > now {
            return;
        }
        self.list[0].0 = now;
        while self.list.len() > 1 && self.list[1].0 <= self.list[0].0 + self.list[0].1 {
            let (_, amount) = self.list.remove(1);
            self.list[0].1 += amount;
        }
    }

    fn update(&mut self, now: u64, budget: u64, period: u64, max: usize) {
        let (mut time, amount) = self.list[0];
        if time <= now {
            time = now;
        }
        self.list = vec![(time, amount.min(budget))];
        if amount < budget {
            self.list.push((time + period, budget - amount));
        }
        self.period = period;
        self.max = max;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Use(u64),
    Unblock,
    Update { budget: u64, period: u64, max: u64 },
}

fn parameters() -> impl Strategy<Value = (u64, u64, u64)> {
    (LEAST..50 * LEAST, 1..100 * LEAST, MIN_REFILLS..12).prop_map(|(b, slack, n)| (b, b + slack, n))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..150 * LEAST).prop_map(Step::Wait),
        6 => (1..60 * LEAST).prop_map(Step::Use),
        6 => (1..3 * LEAST).prop_map(Step::Use),
        2 => Just(Step::Unblock),
        1 => parameters().prop_map(|(budget, period, max)| Step::Update { budget, period, max }),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn refills_follow_the_rules_and_keep_their_sum_and_order(
        (budget, period, max) in parameters(),
        steps in steps(),
    ) {
        let (mut test, sc) = configured(budget, period, max);
        let mut model = Model { list: vec![(0, budget)], period, max: max as usize };
        let mut sum = budget;
        for step in steps {
            let kernel = &mut test.kernel;
            match step {
                Step::Wait(time) => kernel.sched.now += Ticks(time),
                Step::Use(used) => {
                    kernel.charge_refills(sc, Ticks(used));
                    model.charge(used);
                }
                Step::Unblock => {
                    kernel.unblock_check(sc);
                    model.unblock(kernel.sched.now.0);
                }
                Step::Update { budget, period, max } => {
                    kernel.update_refills(sc, rate(budget, period, max));
                    model.update(kernel.sched.now.0, budget, period, max as usize);
                    sum = budget;
                }
            }
            let list = refills(&test, sc);
            prop_assert_eq!(&list, &model.list);
            prop_assert_eq!(list.iter().map(|r| r.1).sum::<u64>(), sum);
            prop_assert!(list.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{:?}", list);
            prop_assert!(list.len() as u64 <= test.kernel.objs[sc].max_refills);
            prop_assert!(list[0].1 >= LEAST);
            test.kernel.check_refills(sc);
        }
    }
}

#[test]
fn a_fresh_budget_is_one_refill_that_is_ready_now() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    assert_eq!(refills(&test, sc), [(0, 100 * US)]);
    assert!(test.kernel.is_released(sc));
    test.kernel.sched.now = Ticks(50);
    test.kernel.set_refills(sc, rate(60 * US, 90 * US, 2));
    assert_eq!(refills(&test, sc), [(50, 60 * US)]);
}

#[test]
fn an_unconfigured_context_is_never_released() {
    let mut test = TestKernel::new();
    let sc = test.object(7);
    assert!(!test.kernel.is_released(sc));
}

#[test]
fn used_time_comes_back_one_period_after_its_refill_began() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    test.kernel.charge_refills(sc, Ticks(30 * US));
    assert_eq!(refills(&test, sc), [(30 * US, 70 * US), (300 * US, 30 * US)]);
    test.kernel.charge_refills(sc, Ticks(70 * US));
    assert_eq!(refills(&test, sc), [(300 * US, 100 * US)], "touching refills are merged");
    assert!(!test.kernel.is_ready(sc));
    test.kernel.sched.now = Ticks(300 * US);
    assert!(test.kernel.is_ready(sc));
}

#[test]
fn a_full_ring_delays_the_tail() {
    let (mut test, sc) = configured(100 * US, 300 * US, 2);
    test.kernel.charge_refills(sc, Ticks(30 * US));
    test.kernel.sched.now = Ticks(200 * US);
    test.kernel.unblock_check(sc);
    assert_eq!(refills(&test, sc), [(200 * US, 70 * US), (300 * US, 30 * US)]);
    test.kernel.charge_refills(sc, Ticks(10 * US));
    assert_eq!(refills(&test, sc), [(210 * US, 60 * US), (470 * US, 40 * US)]);
}

#[test]
fn a_rest_below_the_least_budget_joins_the_next_refill() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    test.kernel.charge_refills(sc, Ticks(90 * US));
    assert_eq!(refills(&test, sc), [(290 * US, 100 * US)]);
}

#[test]
fn overrun_is_taken_from_later_periods() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    test.kernel.charge_refills(sc, Ticks(230 * US));
    assert_eq!(refills(&test, sc), [(630 * US, 70 * US), (900 * US, 30 * US)]);
}

#[test]
fn unblocking_restarts_what_is_ready_and_leaves_what_is_not() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    test.kernel.charge_refills(sc, Ticks(30 * US));
    test.kernel.sched.now = Ticks(250 * US);
    test.kernel.unblock_check(sc);
    assert_eq!(refills(&test, sc), [(250 * US, 100 * US)], "the next refill overlaps and is merged");
    assert!(test.kernel.sched.reprogram);
    test.kernel.charge_refills(sc, Ticks(100 * US));
    test.kernel.sched.reprogram = false;
    test.kernel.unblock_check(sc);
    assert_eq!(refills(&test, sc), [(550 * US, 100 * US)]);
    assert!(!test.kernel.sched.reprogram);
}

#[test]
fn unblocking_merges_a_refill_that_begins_where_the_head_ends_and_no_later_one() {
    for (now, expected) in [(230, vec![(230, 100)]), (229, vec![(229, 70), (300, 30)])] {
        let (mut test, sc) = configured(100 * US, 300 * US, 4);
        test.kernel.charge_refills(sc, Ticks(30 * US));
        test.kernel.sched.now = Ticks(now * US);
        test.kernel.unblock_check(sc);
        let expected: Vec<_> = expected.into_iter().map(|(time, amount)| (time * US, amount * US)).collect();
        assert_eq!(refills(&test, sc), expected);
    }
}

#[test]
fn round_robin_is_always_ready_and_keeps_the_used_part_beside_the_rest() {
    let (mut test, sc) = configured(100 * US, 100 * US, 2);
    assert!(test.kernel.objs[sc].is_round_robin());
    test.kernel.charge_slice(sc, Ticks(30 * US));
    assert_eq!(refills(&test, sc), [(0, 70 * US), (0, 30 * US)]);
    test.kernel.unblock_check(sc);
    assert_eq!(refills(&test, sc), [(0, 70 * US), (0, 30 * US)], "the unblock check does nothing");
    assert!(test.kernel.is_ready(sc) && test.kernel.is_sufficient(sc));
    test.kernel.renew_slice(sc);
    assert_eq!(refills(&test, sc), [(0, 100 * US), (0, 0)]);
}

#[test]
fn an_update_keeps_the_head_and_schedules_the_difference() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    test.kernel.charge_refills(sc, Ticks(30 * US));
    test.kernel.sched.now = Ticks(40 * US);
    test.kernel.update_refills(sc, rate(200 * US, 500 * US, 2));
    assert_eq!(refills(&test, sc), [(40 * US, 70 * US), (540 * US, 130 * US)]);
    test.kernel.update_refills(sc, rate(50 * US, 80 * US, 2));
    assert_eq!(refills(&test, sc), [(40 * US, 50 * US)]);
}

#[test]
fn an_update_does_not_advance_a_head_that_is_not_ready() {
    let (mut test, sc) = configured(100 * US, 300 * US, 4);
    test.kernel.charge_refills(sc, Ticks(100 * US));
    test.kernel.update_refills(sc, rate(60 * US, 90 * US, 2));
    assert_eq!(refills(&test, sc), [(300 * US, 60 * US)]);
}

#[test]
fn refills_near_the_end_of_time_do_not_wrap() {
    let (mut test, sc) = configured(100 * US, u64::MAX / 8, 2);
    for _ in 0..20 {
        test.kernel.charge_refills(sc, Ticks(100 * US));
        test.kernel.check_refills(sc);
    }
    assert!(refills(&test, sc)[0].0 >= LAST_RELEASE.0);
}
