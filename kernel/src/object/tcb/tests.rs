// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread's life: states, suspending, resuming, its end; and the fixture of the invocation tests.

use arch::EntryKind;

use super::*;
use crate::cap::Cap;
use crate::testing::{CALL_LENGTH, TestKernel, enter_call};

pub(super) const ILLEGAL: SyscallError = SyscallError::IllegalOperation;
pub(super) const TRUNCATED: SyscallError = SyscallError::TruncatedMessage;

/// A running caller of priority 5 and an inactive target, whose capability is in `slot`.
pub(super) struct Fixture {
    pub(super) test: TestKernel,
    pub(super) caller: ObjRef<Tcb>,
    pub(super) target: ObjRef<Tcb>,
    pub(super) slot: SlotRef,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let mut test = TestKernel::new();
        let caller = test.schedulable_thread(5);
        test.run(caller);
        let target = test.thread(Cap::Null);
        let slot = test.slot_with(Cap::Thread(target));
        Self { test, caller, target, slot }
    }

    /// Decodes an invocation of the target.
    pub(super) fn decode(
        &mut self,
        label: Label,
        words: &[u64],
        slots: &[SlotRef],
    ) -> Result<Invocation, SyscallError> {
        let message = self.test.message(self.caller, label.word(), words, slots);
        self.test.kernel.decode_tcb(self.target, self.slot, &Args::new(&self.test.kernel.objs, &message))
    }

    /// A register of the target as others see it.
    pub(super) fn register(&self, register: abi::Register) -> u64 {
        self.test.kernel.objs[self.target].context.get(register)
    }

    pub(super) fn refusal(&mut self, label: Label, words: &[u64], slots: &[SlotRef]) -> SyscallError {
        self.decode(label, words, slots).expect_err("is refused")
    }

    /// Decodes and executes an invocation of the target.
    pub(super) fn invoke(&mut self, label: Label, words: &[u64], slots: &[SlotRef]) -> Answer {
        let invocation = self.decode(label, words, slots).expect("is accepted");
        self.test.kernel.set_thread_state(self.caller, ThreadState::Restart);
        let answer = self.test.kernel.execute_tcb(invocation).expect("is not preempted");
        if self.test.kernel.objs[self.caller].state() == ThreadState::Restart {
            self.test.kernel.set_thread_state(self.caller, ThreadState::Running);
        }
        answer
    }

    /// From now on the target is the caller.
    pub(super) fn target_caller(&mut self) {
        self.target = self.caller;
        self.slot = self.test.slot_with(Cap::Thread(self.caller));
    }

    pub(super) fn state(&self) -> ThreadState {
        self.test.kernel.objs[self.target].state()
    }

    /// Gives the target a scheduling context.
    fn bind(&mut self) -> ObjRef<SchedContext> {
        let sc = self.test.sched_context();
        self.test.kernel.bind_sched_context(sc, self.target);
        sc
    }
}

#[test]
fn labels_of_other_objects_are_illegal() {
    let mut fixture = Fixture::new();
    for label in [Label::UntypedRetype, Label::CNodeRevoke, Label::SchedContextBind] {
        assert_eq!(fixture.refusal(label, &[], &[]), ILLEGAL);
    }
}

#[test]
fn suspending_stops_a_ready_thread() {
    let mut fixture = Fixture::new();
    fixture.bind();
    fixture.invoke(Label::TcbResume, &[], &[]);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.objs[fixture.target].in_ready_queue, 1);
    fixture.invoke(Label::TcbSuspend, &[], &[]);
    assert_eq!(fixture.state(), ThreadState::Inactive);
    assert_eq!(fixture.test.kernel.objs[fixture.target].in_ready_queue, 0);
    fixture.test.kernel.check_queues();
}

#[test]
fn suspending_a_thread_after_its_system_call_makes_the_call_part_of_the_past() {
    let mut fixture = Fixture::new();
    let context = &mut fixture.test.kernel.objs[fixture.target].context;
    enter_call(context, 0x1000);
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::Running);
    fixture.invoke(Label::TcbSuspend, &[], &[]);
    let context = &fixture.test.kernel.objs[fixture.target].context;
    assert_eq!((context.fault_ip(), context.entry()), (0x1000 + CALL_LENGTH, EntryKind::Trap));
}

#[test]
fn suspending_a_thread_that_restarts_keeps_its_system_call_to_be_repeated() {
    let mut fixture = Fixture::new();
    let context = &mut fixture.test.kernel.objs[fixture.target].context;
    enter_call(context, 0x1000);
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::Restart);
    fixture.invoke(Label::TcbSuspend, &[], &[]);
    assert_eq!(fixture.test.kernel.objs[fixture.target].context.fault_ip(), 0x1000);
}

#[test]
fn the_caller_may_suspend_itself() {
    let mut fixture = Fixture::new();
    fixture.target_caller();
    fixture.invoke(Label::TcbSuspend, &[], &[]);
    assert_eq!(fixture.state(), ThreadState::Inactive);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.test.kernel.sched.idle);
}

#[test]
fn resuming_restarts_stopped_and_blocked_threads_and_no_others() {
    let mut fixture = Fixture::new();
    fixture.invoke(Label::TcbResume, &[], &[]);
    assert_eq!(fixture.state(), ThreadState::Restart);
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::Running);
    fixture.invoke(Label::TcbResume, &[], &[]);
    assert_eq!(fixture.state(), ThreadState::Running);
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::BlockedOnReply);
    fixture.invoke(Label::TcbResume, &[], &[]);
    assert_eq!(fixture.state(), ThreadState::Restart);
}

#[test]
fn a_resumed_thread_without_context_does_not_run() {
    let mut fixture = Fixture::new();
    fixture.test.kernel.objs[fixture.target].priority = 9;
    fixture.invoke(Label::TcbResume, &[], &[]);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.caller);
    fixture.bind();
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.target);
}

#[test]
fn a_resumed_thread_without_budget_waits_for_its_release() {
    let mut fixture = Fixture::new();
    let sc = fixture.bind();
    let rate = crate::sched::refill::Rate {
        budget: arch::Ticks(100_000),
        period: arch::Ticks(300_000),
        max_refills: 2,
    };
    fixture.test.kernel.set_refills(sc, rate);
    fixture.test.kernel.charge_refills(sc, arch::Ticks(100_000));
    fixture.invoke(Label::TcbResume, &[], &[]);
    assert_eq!(fixture.test.kernel.objs[fixture.target].in_release_queue, 1);
    fixture.invoke(Label::TcbSuspend, &[], &[]);
    assert_eq!(fixture.test.kernel.sched.release.head, None);
}

#[test]
fn a_thread_that_goes_away_leaves_context_notification_and_queues() {
    let mut fixture = Fixture::new();
    let sc = fixture.bind();
    let notification = fixture.test.object(6);
    fixture.test.kernel.bind_notification(fixture.target, notification);
    fixture.invoke(Label::TcbResume, &[], &[]);
    fixture.test.kernel.finalise_tcb(fixture.target);
    let kernel = &fixture.test.kernel;
    assert_eq!(kernel.objs[sc].tcb, None);
    assert_eq!(kernel.objs[notification].bound_tcb, None);
    let thread = &kernel.objs[fixture.target];
    assert_eq!((thread.sched_context, thread.bound_notification), (None, None));
    assert_eq!(fixture.state(), ThreadState::Inactive);
    fixture.test.kernel.finish_event();
    fixture.test.kernel.check_queues();
}

#[test]
fn the_current_thread_may_go_away() {
    let mut fixture = Fixture::new();
    fixture.test.kernel.finalise_tcb(fixture.caller);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.test.kernel.sched.idle);
}

#[test]
fn unknown_state_numbers_are_inactive() {
    assert_eq!(ThreadState::from_raw(200), ThreadState::Inactive);
    for state in 0..8 {
        assert_eq!(ThreadState::from_raw(state) as u8, state);
    }
}
