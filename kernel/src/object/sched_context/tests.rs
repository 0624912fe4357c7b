// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order, binding, lending, and every way a YieldTo can end.

use abi::{Register, Rights};

use super::*;
use crate::cap::slot::SlotRef;
use crate::object::tcb::ThreadState;
use crate::sched::refill::Rate;
use crate::testing::{TestKernel, set_registers};

const ILLEGAL: SyscallError = SyscallError::IllegalOperation;

/// A running caller of priority 5, and what it invokes.
struct Fixture {
    test: TestKernel,
    caller: ObjRef<Tcb>,
    sc: ObjRef<SchedContext>,
}

impl Fixture {
    fn new() -> Self {
        let mut test = TestKernel::new();
        let caller = test.schedulable_thread(5);
        test.kernel.objs[caller].mcp = 255;
        test.run(caller);
        let sc = test.sched_context();
        Self { test, caller, sc }
    }

    fn decode(&mut self, label: Label, slots: &[SlotRef]) -> Result<Invocation, SyscallError> {
        let message = self.test.message(self.caller, label.word(), &[], slots);
        self.test.kernel.decode_sched_context(self.sc, &Args::new(&self.test.kernel.objs, &message))
    }

    fn execute(&mut self, invocation: Invocation) -> Answer {
        self.test.kernel.set_thread_state(self.caller, ThreadState::Restart);
        self.test.kernel.execute_sched_context(invocation).expect("is not preempted")
    }

    /// A thread without a context, and a slot that names it.
    fn passive(&mut self, priority: u8) -> (ObjRef<Tcb>, SlotRef) {
        let tcb = self.test.thread(Cap::Null);
        self.test.kernel.objs[tcb].priority = priority;
        (tcb, self.test.slot_with(Cap::Thread(tcb)))
    }

    fn notification(&mut self) -> (ObjRef<Notification>, SlotRef) {
        let notification = self.test.object(6);
        let cap = Cap::Notification { notification, badge: 0, rights: Rights::NONE };
        (notification, self.test.slot_with(cap))
    }

    /// A runnable thread of `priority` on the invoked context.
    fn target(&mut self, priority: u8) -> ObjRef<Tcb> {
        let (tcb, _) = self.passive(priority);
        self.test.kernel.set_thread_state(tcb, ThreadState::Running);
        self.test.kernel.bind_sched_context(self.sc, tcb);
        self.test.kernel.finish_event();
        assert_eq!(self.test.kernel.current(), self.caller);
        tcb
    }

    fn call_yield_to(&mut self) -> Answer {
        let context = &mut self.test.kernel.objs[self.caller].context;
        set_registers(context, &[(Register::NUMBER, Syscall::Call.word()), (Register::ARGUMENT, 99)]);
        context.entry_word = 1;
        self.execute(Invocation::YieldTo(self.sc))
    }

    /// What the caller has received: badge, message info, first word.
    fn received(&self) -> (u64, u64, u64) {
        let context = &self.test.kernel.objs[self.caller].context;
        (context.cap_register(), context.info_register(), context.message_register(0))
    }
}

const A_TIME: u64 = MessageInfo::new(0, 0, 0, TIME_WORDS).word();

#[test]
fn labels_of_other_objects_are_illegal() {
    let mut fixture = Fixture::new();
    for label in [Label::TcbSuspend, Label::SchedControlConfigureFlags, Label::PdptMap] {
        assert_eq!(fixture.decode(label, &[]), Err(ILLEGAL));
    }
}

#[test]
fn bind_checks_the_capability_given_before_the_context() {
    let mut fixture = Fixture::new();
    let bind = Label::SchedContextBind;
    let other = fixture.test.slot_with(Cap::Domain);
    let (tcb, thread) = fixture.passive(5);
    let (notification, signal) = fixture.notification();
    assert_eq!(fixture.decode(bind, &[]), Err(SyscallError::TruncatedMessage));
    assert_eq!(fixture.decode(bind, &[other]), Err(SyscallError::InvalidCapability(1)));
    assert_eq!(fixture.decode(bind, &[thread]), Ok(Invocation::BindThread(fixture.sc, tcb)));
    let expected = Invocation::BindNotification(fixture.sc, notification);
    assert_eq!(fixture.decode(bind, &[signal]), Ok(expected));
}

#[test]
fn bind_refuses_a_context_or_thread_that_is_taken() {
    let mut fixture = Fixture::new();
    let bind = Label::SchedContextBind;
    let (tcb, slot) = fixture.passive(5);
    let taken = fixture.test.schedulable_thread(5);
    let taken_slot = fixture.test.slot_with(Cap::Thread(taken));
    assert_eq!(fixture.decode(bind, &[taken_slot]), Err(ILLEGAL));
    fixture.execute(Invocation::BindThread(fixture.sc, tcb));
    let (_, free_slot) = fixture.passive(5);
    assert_eq!(fixture.decode(bind, &[free_slot]), Err(ILLEGAL));
    assert_eq!(fixture.decode(bind, &[slot]), Err(ILLEGAL));
}

#[test]
fn bind_refuses_a_blocked_thread_unless_the_context_is_released() {
    let mut fixture = Fixture::new();
    let (tcb, slot) = fixture.passive(5);
    for state in [
        ThreadState::BlockedOnReceive,
        ThreadState::BlockedOnSend,
        ThreadState::BlockedOnReply,
        ThreadState::BlockedOnNotification,
    ] {
        fixture.test.kernel.set_thread_state(tcb, state);
        assert!(fixture.decode(Label::SchedContextBind, &[slot]).is_ok());
        let configured = core::mem::take(&mut fixture.test.kernel.objs[fixture.sc].max_refills);
        assert_eq!(fixture.decode(Label::SchedContextBind, &[slot]), Err(ILLEGAL));
        fixture.test.kernel.objs[fixture.sc].max_refills = configured;
    }
    fixture.test.kernel.set_thread_state(tcb, ThreadState::Inactive);
    fixture.test.kernel.objs[fixture.sc].max_refills = 0;
    assert!(fixture.decode(Label::SchedContextBind, &[slot]).is_ok());
}

#[test]
fn bind_refuses_a_notification_bond_that_exists_on_either_side() {
    let mut fixture = Fixture::new();
    let (notification, slot) = fixture.notification();
    fixture.execute(Invocation::BindNotification(fixture.sc, notification));
    let (_, free) = fixture.notification();
    assert_eq!(fixture.decode(Label::SchedContextBind, &[free]), Err(ILLEGAL));
    fixture.sc = fixture.test.sched_context();
    assert_eq!(fixture.decode(Label::SchedContextBind, &[slot]), Err(ILLEGAL));
}

#[test]
fn unbind_refuses_the_callers_own_context() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.decode(Label::SchedContextUnbind, &[]), Ok(Invocation::Unbind(fixture.sc)));
    fixture.sc = fixture.test.kernel.sched.current_sc;
    assert_eq!(fixture.decode(Label::SchedContextUnbind, &[]), Err(ILLEGAL));
}

#[test]
fn unbind_object_wants_what_is_bound_and_not_the_caller() {
    let mut fixture = Fixture::new();
    let label = Label::SchedContextUnbindObject;
    let other = fixture.test.slot_with(Cap::Domain);
    let (tcb, thread) = fixture.passive(5);
    let (notification, signal) = fixture.notification();
    assert_eq!(fixture.decode(label, &[]), Err(SyscallError::TruncatedMessage));
    assert_eq!(fixture.decode(label, &[other]), Err(SyscallError::InvalidCapability(1)));
    assert_eq!(fixture.decode(label, &[thread]), Err(ILLEGAL));
    assert_eq!(fixture.decode(label, &[signal]), Err(ILLEGAL));
    fixture.execute(Invocation::BindThread(fixture.sc, tcb));
    fixture.execute(Invocation::BindNotification(fixture.sc, notification));
    assert_eq!(fixture.decode(label, &[thread]), Ok(Invocation::UnbindThread(fixture.sc)));
    assert_eq!(fixture.decode(label, &[signal]), Ok(Invocation::UnbindNotification(fixture.sc)));
    let own = fixture.test.slot_with(Cap::Thread(fixture.caller));
    fixture.sc = fixture.test.kernel.sched.current_sc;
    assert_eq!(fixture.decode(label, &[own]), Err(ILLEGAL));
}

#[test]
fn yield_to_checks_thread_caller_and_priority() {
    let mut fixture = Fixture::new();
    let label = Label::SchedContextYieldTo;
    assert_eq!(fixture.decode(label, &[]), Err(ILLEGAL), "no thread");
    let tcb = fixture.target(5);
    fixture.test.kernel.objs[fixture.caller].mcp = 4;
    assert_eq!(fixture.decode(label, &[]), Err(ILLEGAL), "priority above the caller's maximum");
    fixture.test.kernel.objs[tcb].priority = 4;
    assert_eq!(fixture.decode(label, &[]), Ok(Invocation::YieldTo(fixture.sc)));
    fixture.sc = fixture.test.kernel.sched.current_sc;
    fixture.test.kernel.objs[fixture.caller].mcp = 255;
    assert_eq!(fixture.decode(label, &[]), Err(ILLEGAL), "the caller itself");
}

#[test]
fn binding_makes_a_runnable_thread_ready_and_unbinding_stops_it() {
    let mut fixture = Fixture::new();
    let tcb = fixture.target(5);
    assert_eq!(fixture.test.kernel.objs[tcb].in_ready_queue, 1);
    fixture.execute(Invocation::UnbindThread(fixture.sc));
    assert_eq!(fixture.test.kernel.objs[tcb].in_ready_queue, 0);
    assert_eq!(fixture.test.kernel.objs[tcb].sched_context, None);
    assert_eq!(fixture.test.kernel.objs[fixture.sc].tcb, None);
    fixture.test.kernel.check_queues();
}

#[test]
fn a_thread_bound_to_a_context_without_budget_waits_for_its_release() {
    let mut fixture = Fixture::new();
    let (tcb, _) = fixture.passive(9);
    let kernel = &mut fixture.test.kernel;
    kernel.set_refills(fixture.sc, Rate { budget: Ticks(100_000), period: Ticks(300_000), max_refills: 2 });
    kernel.charge_refills(fixture.sc, Ticks(100_000));
    kernel.set_thread_state(tcb, ThreadState::Running);
    kernel.bind_sched_context(fixture.sc, tcb);
    assert_eq!(kernel.objs[tcb].in_release_queue, 1);
    kernel.unbind_sched_context(fixture.sc);
    assert_eq!(kernel.objs[tcb].in_release_queue, 0);
}

#[test]
fn unbind_takes_thread_notification_and_chain() {
    let mut fixture = Fixture::new();
    let tcb = fixture.target(5);
    let (notification, _) = fixture.notification();
    fixture.execute(Invocation::BindNotification(fixture.sc, notification));
    let reply: ObjRef<Reply> = fixture.test.object(5);
    fixture.test.kernel.objs[reply].set_above(Above::SchedContext(fixture.sc));
    fixture.test.kernel.objs[fixture.sc].reply = Some(reply);
    fixture.execute(Invocation::Unbind(fixture.sc));
    let kernel = &fixture.test.kernel;
    assert_eq!(kernel.objs[tcb].sched_context, None);
    assert_eq!(kernel.objs[notification].sched_context, None);
    assert_eq!(kernel.objs[reply].above(), Above::Nothing);
    let context = &kernel.objs[fixture.sc];
    assert_eq!((context.tcb, context.notification, context.reply), (None, None, None));
}

#[test]
fn a_donated_context_leaves_its_thread() {
    let mut fixture = Fixture::new();
    let tcb = fixture.target(5);
    let (to, _) = fixture.passive(5);
    fixture.test.kernel.donate(fixture.sc, to);
    let kernel = &fixture.test.kernel;
    assert_eq!((kernel.objs[tcb].sched_context, kernel.objs[tcb].in_ready_queue), (None, 0));
    assert_eq!(kernel.objs[to].sched_context, Some(fixture.sc));
    assert_eq!(kernel.objs[fixture.sc].tcb, Some(to));
}

#[test]
fn a_notification_lends_its_context_once_and_gets_it_back() {
    let mut fixture = Fixture::new();
    let (notification, _) = fixture.notification();
    let (first, _) = fixture.passive(5);
    let (second, _) = fixture.passive(5);
    fixture.execute(Invocation::BindNotification(fixture.sc, notification));
    let kernel = &mut fixture.test.kernel;
    kernel.lend_from_notification(notification, first);
    kernel.lend_from_notification(notification, second);
    kernel.lend_from_notification(notification, fixture.caller);
    assert_eq!(kernel.objs[first].sched_context, Some(fixture.sc));
    assert_eq!(kernel.objs[second].sched_context, None, "somebody has it");
    assert_ne!(kernel.objs[fixture.caller].sched_context, Some(fixture.sc), "it has its own");
    kernel.return_to_notification(fixture.caller, notification);
    assert!(kernel.objs[fixture.caller].sched_context.is_some(), "its own is not the notification's");
    kernel.return_to_notification(first, notification);
    assert_eq!(kernel.objs[first].sched_context, None);
    assert_eq!(kernel.objs[fixture.sc].tcb, None);
}

#[test]
fn a_lent_context_without_budget_postpones_the_thread() {
    let mut fixture = Fixture::new();
    let (notification, _) = fixture.notification();
    let (tcb, _) = fixture.passive(5);
    fixture.execute(Invocation::BindNotification(fixture.sc, notification));
    let kernel = &mut fixture.test.kernel;
    kernel.set_refills(fixture.sc, Rate { budget: Ticks(100_000), period: Ticks(300_000), max_refills: 2 });
    kernel.charge_refills(fixture.sc, Ticks(100_000));
    kernel.set_thread_state(tcb, ThreadState::Running);
    kernel.lend_from_notification(notification, tcb);
    assert_eq!(kernel.objs[tcb].in_release_queue, 1);
}

#[test]
fn consumed_is_reported_in_microseconds_and_cleared() {
    let mut fixture = Fixture::new();
    fixture.test.kernel.objs[fixture.sc].consumed = Ticks(12_999);
    assert!(matches!(fixture.execute(Invocation::Consumed(fixture.sc)), Answer::Time(12)));
    assert!(matches!(fixture.execute(Invocation::Consumed(fixture.sc)), Answer::Time(0)));
}

#[test]
fn yielding_to_a_thread_that_cannot_run_returns_at_once() {
    let mut fixture = Fixture::new();
    let tcb = fixture.target(5);
    fixture.test.kernel.suspend(tcb);
    fixture.test.kernel.objs[fixture.sc].consumed = Ticks(5_000);
    assert!(matches!(fixture.call_yield_to(), Answer::Time(5)));
    assert_eq!(fixture.test.kernel.objs[fixture.caller].state(), ThreadState::Restart);
}

#[test]
fn yielding_to_a_thread_without_budget_postpones_it_and_returns_at_once() {
    let mut fixture = Fixture::new();
    let tcb = fixture.target(5);
    let kernel = &mut fixture.test.kernel;
    kernel.set_refills(fixture.sc, Rate { budget: Ticks(100_000), period: Ticks(300_000), max_refills: 2 });
    kernel.charge_refills(fixture.sc, Ticks(100_000));
    assert!(matches!(fixture.call_yield_to(), Answer::Time(0)));
    assert_eq!(fixture.test.kernel.objs[tcb].in_release_queue, 1);
}

#[test]
fn yielding_to_a_lower_priority_moves_it_to_the_head_and_returns_at_once() {
    let mut fixture = Fixture::new();
    let other = fixture.test.schedulable_thread(3);
    let tcb = fixture.target(3);
    fixture.test.kernel.set_thread_state(other, ThreadState::Running);
    fixture.test.kernel.enqueue_head(other);
    assert!(matches!(fixture.call_yield_to(), Answer::Time(0)));
    assert_eq!(fixture.test.kernel.sched.ready[3].head, Some(tcb));
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.caller);
}

#[test]
fn yielding_to_an_equal_priority_runs_it_first_and_answers_when_the_caller_runs_again() {
    let mut fixture = Fixture::new();
    let tcb = fixture.target(5);
    assert!(matches!(fixture.call_yield_to(), Answer::Later));
    fixture.test.kernel.check_bonds(fixture.caller);
    fixture.test.kernel.finish_event();
    fixture.test.kernel.check_queues();
    assert_eq!(fixture.test.kernel.current(), tcb);
    assert_eq!(fixture.test.kernel.sched.ready[5].head, Some(fixture.caller));
    assert_eq!(fixture.test.kernel.objs[fixture.caller].state(), ThreadState::Running);
    fixture.test.kernel.machine.time = Ticks(7_000);
    fixture.test.kernel.update_time();
    fixture.test.kernel.set_thread_state(tcb, ThreadState::BlockedOnReply);
    fixture.test.kernel.finish_event();
    assert_eq!(fixture.test.kernel.current(), fixture.caller);
    assert_eq!(fixture.received(), (0, A_TIME, 7));
    assert_eq!(fixture.test.kernel.objs[fixture.caller].yield_to, None);
    assert_eq!(fixture.test.kernel.objs[fixture.sc].yield_from, None);
}

#[test]
fn a_second_yielder_completes_the_first() {
    let mut fixture = Fixture::new();
    fixture.target(5);
    fixture.call_yield_to();
    fixture.test.kernel.objs[fixture.sc].consumed = Ticks(3_000);
    let first = fixture.caller;
    fixture.test.kernel.finish_event();
    let second = fixture.test.schedulable_thread(5);
    fixture.test.kernel.leave_queues(fixture.test.kernel.objs[fixture.sc].tcb.expect("the target"));
    fixture.test.run(second);
    fixture.caller = second;
    fixture.call_yield_to();
    fixture.caller = first;
    assert_eq!(fixture.received(), (0, A_TIME, 3));
    assert_eq!(fixture.test.kernel.objs[first].yield_to, None);
    assert_eq!(fixture.test.kernel.objs[fixture.sc].yield_from, Some(second));
}

#[test]
fn a_yield_ends_with_the_context_or_its_thread() {
    for ends_with_thread in [true, false] {
        let mut fixture = Fixture::new();
        let tcb = fixture.target(5);
        fixture.call_yield_to();
        fixture.test.kernel.objs[fixture.sc].consumed = Ticks(4_000);
        if ends_with_thread {
            fixture.test.kernel.finalise_tcb(tcb);
        } else {
            fixture.test.kernel.finalise_sched_context(fixture.sc);
            assert!(!fixture.test.kernel.is_configured(fixture.sc));
        }
        assert_eq!(fixture.received(), (0, A_TIME, 4));
        assert_eq!(fixture.test.kernel.objs[tcb].sched_context, None);
        fixture.test.kernel.finish_event();
        assert_eq!(fixture.test.kernel.current(), fixture.caller);
    }
}

#[test]
fn a_yield_that_did_not_come_by_call_is_not_answered() {
    let mut fixture = Fixture::new();
    fixture.target(5);
    let context = &mut fixture.test.kernel.objs[fixture.caller].context;
    set_registers(context, &[(Register::NUMBER, Syscall::Send.word()), (Register::ARGUMENT, 99)]);
    context.entry_word = 1;
    let before = fixture.received();
    fixture.execute(Invocation::YieldTo(fixture.sc));
    fixture.test.kernel.finalise_sched_context(fixture.sc);
    assert_eq!(fixture.received(), before);
}

#[test]
fn a_yielder_whose_registers_were_written_is_not_answered() {
    let mut fixture = Fixture::new();
    fixture.target(5);
    fixture.call_yield_to();
    fixture.test.kernel.objs[fixture.caller].context.set(Register::IP, 0x1000);
    fixture.test.kernel.finalise_sched_context(fixture.sc);
    assert_eq!(fixture.received().0, 99);
}
