// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order, and what parameters a thread ends up with.

use abi::{Label, Rights};
use arch::{Effect, FpuAccess};

use super::super::tests::{Fixture, ILLEGAL, TRUNCATED};
use super::*;

const PARAMS: Label = Label::TcbSetSchedParams;
const BIND: Label = Label::TcbBindNotification;

const fn above(max: u64) -> SyscallError {
    SyscallError::RangeError { min: 0, max }
}

/// A fixture, and a slot that names an authority with a maximum of 100.
fn with_authority() -> (Fixture, SlotRef) {
    let mut fixture = Fixture::new();
    let authority = fixture.test.thread(Cap::Null);
    fixture.test.kernel.objs[authority].mcp = 100;
    let slot = fixture.test.slot_with(Cap::Thread(authority));
    (fixture, slot)
}

fn notification(fixture: &mut Fixture, rights: Rights) -> (ObjRef<Notification>, SlotRef) {
    let notification = fixture.test.object(6);
    let slot = fixture.test.slot_with(Cap::Notification { notification, badge: 0, rights });
    (notification, slot)
}

fn context(fixture: &mut Fixture) -> (ObjRef<SchedContext>, SlotRef) {
    let sc = fixture.test.sched_context();
    let slot = fixture.test.slot_with(Cap::SchedContext { sc, size_bits: 7 });
    (sc, slot)
}

#[test]
fn priorities_are_checked_against_the_authority_as_full_words() {
    for label in [Label::TcbSetPriority, Label::TcbSetMcPriority] {
        let (mut fixture, authority) = with_authority();
        let other = fixture.test.slot_with(Cap::Domain);
        assert_eq!(fixture.refusal(label, &[], &[authority]), TRUNCATED);
        assert_eq!(fixture.refusal(label, &[101], &[]), TRUNCATED);
        assert_eq!(fixture.refusal(label, &[101], &[other]), SyscallError::InvalidCapability(1));
        assert_eq!(fixture.refusal(label, &[101], &[authority]), above(100));
        assert_eq!(fixture.refusal(label, &[1 << 31], &[authority]), above(100));
        fixture.invoke(label, &[100], &[authority]);
    }
}

#[test]
fn priority_and_maximum_are_independent() {
    let (mut fixture, authority) = with_authority();
    fixture.invoke(Label::TcbSetPriority, &[80], &[authority]);
    fixture.invoke(Label::TcbSetMcPriority, &[10], &[authority]);
    let thread = &fixture.test.kernel.objs[fixture.target];
    assert_eq!((thread.priority, thread.mcp), (80, 10));
}

#[test]
fn sched_params_check_words_authority_and_priorities_first() {
    let (mut fixture, authority) = with_authority();
    let other = fixture.test.slot_with(Cap::Domain);
    assert_eq!(fixture.refusal(PARAMS, &[200], &[other, other, other]), TRUNCATED);
    assert_eq!(fixture.refusal(PARAMS, &[200, 200], &[other, other]), TRUNCATED);
    let wrong = SyscallError::InvalidCapability(1);
    assert_eq!(fixture.refusal(PARAMS, &[200, 200], &[other, other, other]), wrong);
    assert_eq!(fixture.refusal(PARAMS, &[101, 0], &[authority, other, other]), above(100));
    assert_eq!(fixture.refusal(PARAMS, &[0, 101], &[authority, other, other]), above(100));
    let wrong = SyscallError::InvalidCapability(2);
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, other, other]), wrong);
    let (_, free) = context(&mut fixture);
    let wrong = SyscallError::InvalidCapability(3);
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, free, other]), wrong);
}

#[test]
fn sched_params_refuse_a_context_or_thread_that_is_taken() {
    let (mut fixture, authority) = with_authority();
    let other = fixture.test.slot_with(Cap::Domain);
    let (taken, taken_slot) = context(&mut fixture);
    let somebody = fixture.test.thread(Cap::Null);
    fixture.test.kernel.bind_sched_context(taken, somebody);
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, taken_slot, other]), ILLEGAL);
    let (own, _) = context(&mut fixture);
    fixture.test.kernel.bind_sched_context(own, fixture.target);
    let (_, free) = context(&mut fixture);
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, free, other]), ILLEGAL);
}

#[test]
fn sched_params_refuse_a_blocked_thread_unless_the_context_is_released_even_its_own() {
    let (mut fixture, authority) = with_authority();
    let (sc, slot) = context(&mut fixture);
    let null = fixture.test.object(5);
    fixture.test.kernel.objs[sc].max_refills = 0;
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::BlockedOnReply);
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, slot, null]), ILLEGAL);
    fixture.test.kernel.bind_sched_context(sc, fixture.target);
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, slot, null]), ILLEGAL);
    fixture.test.kernel.objs[sc].max_refills = 2;
    assert!(fixture.decode(PARAMS, &[0, 0], &[authority, slot, null]).is_ok());
}

#[test]
fn sched_params_do_not_take_the_callers_own_context_away() {
    let (mut fixture, authority) = with_authority();
    let (null, other) = (fixture.test.object(5), fixture.test.slot_with(Cap::Domain));
    fixture.target_caller();
    assert_eq!(fixture.refusal(PARAMS, &[0, 0], &[authority, null, other]), ILLEGAL);
}

#[test]
fn sched_params_bind_keep_and_unbind() {
    let (mut fixture, authority) = with_authority();
    let (sc, slot) = context(&mut fixture);
    let null = fixture.test.object(5);
    let endpoint = Cap::Endpoint { endpoint: fixture.test.object(4), badge: 0, rights: Rights::ALL };
    let handler = fixture.test.slot_with(endpoint);
    for _ in 0..2 {
        fixture.invoke(PARAMS, &[90, 80], &[authority, slot, handler]);
        let thread = &fixture.test.kernel.objs[fixture.target];
        assert_eq!((thread.mcp, thread.priority, thread.sched_context), (90, 80, Some(sc)));
        let installed = fixture.test.kernel.objs[fixture.target.slot(TcbSlot::FaultHandler)].cap;
        assert_eq!(installed.unpack(), endpoint);
    }
    for _ in 0..2 {
        fixture.invoke(PARAMS, &[0, 0], &[authority, null, null]);
        assert_eq!(fixture.test.kernel.objs[fixture.target].sched_context, None);
        assert_eq!(fixture.test.kernel.objs[sc].tcb, None);
        assert!(fixture.test.kernel.objs[fixture.target.slot(TcbSlot::FaultHandler)].is_empty());
    }
}

#[test]
fn flags_are_cleared_then_set_and_only_known_ones_stay() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.refusal(Label::TcbSetFlags, &[0], &[]), TRUNCATED);
    let mut flags = |clear, set| match fixture.invoke(Label::TcbSetFlags, &[clear, set], &[]) {
        Answer::Word(word) => word,
        other => panic!("{other:?}"),
    };
    assert_eq!(flags(0, u64::MAX), 1);
    assert_eq!(flags(u64::MAX - 1, 0), 1);
    assert_eq!(flags(1, 1), 1);
    assert_eq!(flags(1, 0), 0);
    assert_eq!(fixture.test.kernel.objs[fixture.target].flags, 0);
}

#[test]
fn the_callers_floating_point_flag_takes_effect_at_once() {
    let mut fixture = Fixture::new();
    fixture.target_caller();
    for (clear, set, access) in [(1, 0, FpuAccess::Enabled), (0, 1, FpuAccess::Disabled)] {
        fixture.test.kernel.machine.take_effects();
        fixture.invoke(Label::TcbSetFlags, &[clear, set], &[]);
        assert_eq!(fixture.test.kernel.machine.take_effects(), [Effect::FpuAccess(access)]);
    }
}

#[test]
fn debug_calls_are_taken_away_for_good() {
    let mut fixture = Fixture::new();
    for _ in 0..2 {
        fixture.invoke(Label::TcbForbidDebug, &[], &[]);
        assert_eq!(fixture.test.kernel.objs[fixture.target].debug_forbidden, 1);
    }
    fixture.invoke(Label::TcbSetFlags, &[u64::MAX, 0], &[]);
    assert_eq!(fixture.test.kernel.objs[fixture.target].debug_forbidden, 1, "it is no flag");
}

#[test]
fn bind_notification_checks_thread_capability_right_and_notification() {
    let mut fixture = Fixture::new();
    let other = fixture.test.slot_with(Cap::Domain);
    let (_, deaf) = notification(&mut fixture, Rights::NO_READ);
    let (taken, taken_slot) = notification(&mut fixture, Rights::ALL);
    let somebody = fixture.test.thread(Cap::Null);
    fixture.test.kernel.bind_notification(somebody, taken);
    let (busy, busy_slot) = notification(&mut fixture, Rights::ALL);
    fixture.test.kernel.objs[busy].set_state(NotificationState::Waiting);
    assert_eq!(fixture.refusal(BIND, &[], &[]), TRUNCATED);
    for slot in [other, deaf, taken_slot, busy_slot] {
        assert_eq!(fixture.refusal(BIND, &[], &[slot]), ILLEGAL);
    }
    let (active, slot) = notification(&mut fixture, Rights::READ);
    fixture.test.kernel.objs[active].set_state(NotificationState::Active);
    fixture.invoke(BIND, &[], &[slot]);
    assert_eq!(fixture.test.kernel.objs[fixture.target].bound_notification, Some(active));
    let (_, free) = notification(&mut fixture, Rights::ALL);
    assert_eq!(fixture.refusal(BIND, &[], &[free]), ILLEGAL, "the thread has one");
}

#[test]
fn unbind_notification_wants_something_bound() {
    let mut fixture = Fixture::new();
    let label = Label::TcbUnbindNotification;
    assert_eq!(fixture.refusal(label, &[], &[]), ILLEGAL);
    let (bound, _) = notification(&mut fixture, Rights::ALL);
    fixture.test.kernel.bind_notification(fixture.target, bound);
    fixture.invoke(label, &[], &[]);
    assert_eq!(fixture.test.kernel.objs[bound].bound_tcb, None);
}
