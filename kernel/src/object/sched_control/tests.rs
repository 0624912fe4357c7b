// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order, and what a new rate does to a thread.

use super::*;
use crate::cap::slot::SlotRef;
use crate::object::tcb::{Tcb, ThreadState};
use crate::testing::{TestKernel, time_words};

/// The longest period in µs of a kernel whose clock ticks 1000 times in a µs.
const LONGEST: u64 = u64::MAX / 1000 / 8;

struct Fixture {
    test: TestKernel,
    caller: ObjRef<Tcb>,
    sc: ObjRef<SchedContext>,
    slot: SlotRef,
}

impl Fixture {
    fn new() -> Self {
        let mut test = TestKernel::new();
        let caller = test.schedulable_thread(5);
        test.run(caller);
        let sc = test.object(8);
        let slot = test.slot_with(Cap::SchedContext { sc, size_bits: 8 });
        Self { test, caller, sc, slot }
    }

    fn decode_label(
        &mut self,
        label: Label,
        words: &[u64],
        slots: &[SlotRef],
    ) -> Result<Invocation, SyscallError> {
        let message = self.test.message(self.caller, label.word(), words, slots);
        self.test.kernel.decode_sched_control(0, &Args::new(&self.test.kernel.objs, &message))
    }

    /// A node of a multicore build that no core stands behind.
    fn refusal_of_node(&mut self, node: u8) -> SyscallError {
        let slot = self.slot;
        let words = words(100, 1000, [0; 3]);
        let label = Label::SchedControlConfigureFlags;
        let message = self.test.message(self.caller, label.word(), &words, &[slot]);
        let args = Args::new(&self.test.kernel.objs, &message);
        self.test.kernel.decode_sched_control(node, &args).expect_err("there is one node")
    }

    fn decode(&mut self, words: &[u64], slots: &[SlotRef]) -> Result<Invocation, SyscallError> {
        self.decode_label(Label::SchedControlConfigureFlags, words, slots)
    }

    fn refusal(&mut self, budget: u64, period: u64, extra: u64) -> SyscallError {
        let slot = self.slot;
        self.decode(&words(budget, period, [extra, 0, 0]), &[slot]).expect_err("is refused")
    }

    fn configure(&mut self, budget: u64, period: u64) {
        let slot = self.slot;
        let invocation = self.decode(&words(budget, period, [0; 3]), &[slot]).expect("is accepted");
        self.test.kernel.execute_sched_control(invocation).expect("is not preempted");
    }

    fn bind(&mut self, priority: u8) -> ObjRef<Tcb> {
        let tcb = self.test.thread(Cap::Null);
        self.test.kernel.objs[tcb].priority = priority;
        self.test.kernel.bind_sched_context(self.sc, tcb);
        tcb
    }
}

/// The words of ConfigureFlags: budget, period, extra refills, data, flags.
fn words(budget: u64, period: u64, rest: [u64; 3]) -> Vec<u64> {
    time_words(budget).chain(time_words(period)).chain(rest).collect()
}

const fn range(min: u64, max: u64) -> SyscallError {
    SyscallError::RangeError { min, max }
}

#[test]
fn labels_of_other_objects_are_illegal_before_anything_else() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.decode_label(Label::SchedContextBind, &[], &[]), Err(SyscallError::IllegalOperation));
}

#[test]
fn two_times_three_words_and_a_capability_are_wanted() {
    let mut fixture = Fixture::new();
    const WORDS: usize = 3 + 2 * TIME_WORDS;
    let slot = fixture.slot;
    assert_eq!(fixture.decode(&[0; WORDS - 1], &[slot]), Err(SyscallError::TruncatedMessage));
    assert_eq!(fixture.decode(&[0; WORDS], &[]), Err(SyscallError::TruncatedMessage));
}

#[test]
fn budget_and_period_are_checked_against_the_limits_then_against_each_other() {
    let mut fixture = Fixture::new();
    let limits = range(20, LONGEST);
    assert_eq!(fixture.refusal(LONGEST + 1, 100, 0), limits);
    assert_eq!(fixture.refusal(100, LONGEST + 1, 0), limits);
    assert_eq!(fixture.refusal(19, 100, 0), limits);
    assert_eq!(fixture.refusal(100, 19, 0), limits);
    assert_eq!(fixture.refusal(100, 99, 0), range(20, 99));
    assert_eq!(fixture.refusal(u64::MAX, u64::MAX, 0), limits);
}

#[test]
fn times_are_checked_before_the_capability_and_that_before_the_refills() {
    let mut fixture = Fixture::new();
    let other = fixture.test.slot_with(Cap::Domain);
    assert_eq!(fixture.decode(&words(19, 100, [0, 0, 0]), &[other]), Err(range(20, LONGEST)));
    assert_eq!(fixture.decode(&words(101, 100, [0, 0, 0]), &[other]), Err(range(20, 100)));
    let wrong = Err(SyscallError::InvalidCapability(1));
    assert_eq!(fixture.decode(&words(20, 100, [u64::MAX, 0, 0]), &[other]), wrong);
    assert_eq!(fixture.refusal(20, 100, 9), range(0, 8));
    assert_eq!(fixture.refusal(20, 100, u64::MAX), range(0, 8));
}

#[test]
fn the_limits_themselves_are_accepted() {
    let mut fixture = Fixture::new();
    let slot = fixture.slot;
    for (budget, period) in [(20, 20), (20, LONGEST), (LONGEST, LONGEST)] {
        let invocation = fixture.decode(&words(budget, period, [8, 7, u64::MAX]), &[slot]);
        let Ok(Invocation::Configure { rate, data, is_sporadic, .. }) = invocation else {
            panic!("{invocation:?}");
        };
        assert_eq!((rate.budget.0, rate.period.0, rate.max_refills), (budget * 1000, period * 1000, 10));
        assert_eq!((data, is_sporadic), (7, true));
    }
    let Ok(Invocation::Configure { is_sporadic, .. }) =
        fixture.decode(&words(20, 20, [0, 0, 0xfffe]), &[slot])
    else {
        panic!("other flags are ignored");
    };
    assert!(!is_sporadic);
}

#[test]
fn equal_budget_and_period_give_round_robin() {
    let mut fixture = Fixture::new();
    fixture.configure(100, 100);
    let context = &fixture.test.kernel.objs[fixture.sc];
    assert!(context.is_round_robin());
    assert_eq!((context.budget.0, context.max_refills), (100_000, 2));
    fixture.test.kernel.check_refills(fixture.sc);
}

#[test]
fn a_fresh_context_makes_its_runnable_thread_a_candidate() {
    let mut fixture = Fixture::new();
    let tcb = fixture.bind(6);
    fixture.test.kernel.set_thread_state(tcb, ThreadState::Running);
    fixture.configure(100, 300);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), tcb);
    fixture.test.kernel.check_queues();
}

#[test]
fn a_context_in_use_keeps_what_is_left_of_its_head() {
    let mut fixture = Fixture::new();
    let tcb = fixture.bind(6);
    fixture.configure(100, 300);
    let kernel = &mut fixture.test.kernel;
    kernel.charge_refills(fixture.sc, arch::Ticks(60_000));
    kernel.set_thread_state(tcb, ThreadState::Running);
    fixture.configure(100, 200);
    assert_eq!(fixture.test.kernel.head_refill(fixture.sc).amount.0, 40_000);
    fixture.test.kernel.check_refills(fixture.sc);
    fixture.test.kernel.set_thread_state(tcb, ThreadState::Inactive);
    fixture.configure(100, 200);
    assert_eq!(
        fixture.test.kernel.head_refill(fixture.sc).amount.0,
        100_000,
        "a stopped thread starts afresh"
    );
}

#[test]
fn a_thread_whose_head_is_not_ready_is_put_back_into_the_release_queue() {
    let mut fixture = Fixture::new();
    let tcb = fixture.bind(6);
    fixture.configure(100, 300);
    let kernel = &mut fixture.test.kernel;
    kernel.charge_refills(fixture.sc, arch::Ticks(100_000));
    kernel.set_thread_state(tcb, ThreadState::Running);
    kernel.enqueue_release(tcb);
    fixture.configure(50, 200);
    assert_eq!(fixture.test.kernel.objs[tcb].in_release_queue, 1);
    assert_eq!(fixture.test.kernel.release_time(tcb).0, 300_000);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.caller);
    fixture.test.kernel.check_queues();
}

#[test]
fn the_callers_own_context_is_charged_first_and_the_timer_set_anew() {
    let mut fixture = Fixture::new();
    let sc = fixture.test.kernel.sched.current_sc;
    fixture.sc = sc;
    fixture.slot = fixture.test.slot_with(Cap::SchedContext { sc, size_bits: 7 });
    fixture.test.kernel.machine.time = arch::Ticks(30_000);
    fixture.test.kernel.update_time();
    fixture.configure(100, 300);
    fixture.test.kernel.finish_event();
    let kernel = &fixture.test.kernel;
    assert_eq!(kernel.current(), fixture.caller);
    assert_eq!(kernel.objs[sc].consumed.0, 30_000);
    assert_eq!(kernel.head_refill(sc).amount.0, 100_000);
    assert_eq!(kernel.machine.deadline.0, 129_000);
    kernel.check_queues();
}

#[test]
fn data_and_flag_are_stored() {
    let mut fixture = Fixture::new();
    let slot = fixture.slot;
    let invocation = fixture.decode(&words(20, 100, [0, 42, 1]), &[slot]).expect("is accepted");
    fixture.test.kernel.execute_sched_control(invocation).expect("is not preempted");
    let context = &fixture.test.kernel.objs[fixture.sc];
    assert_eq!((context.data, context.sporadic), (42, 1));
    fixture.configure(20, 100);
    assert_eq!(fixture.test.kernel.objs[fixture.sc].sporadic, 0);
}

#[test]
fn control_over_other_nodes_exists_and_refuses() {
    let mut fixture = Fixture::new();
    for node in [1, 15, u8::MAX] {
        assert_eq!(fixture.refusal_of_node(node), SyscallError::IllegalOperation);
    }
}
