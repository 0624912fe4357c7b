// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order, and what registers a thread ends up with.

use abi::Label;
use arch::{BaseRegisters, Context, EntryKind};

use super::super::ThreadState;
use super::super::tests::{Fixture, ILLEGAL, TRUNCATED};
use super::*;
use crate::invocation::Reply as Answer;
use crate::testing::enter_call;

/// Registers of a thread.
const COUNT: u64 = Register::COUNT as u64;

const READ: Label = Label::TcbReadRegisters;
const WRITE: Label = Label::TcbWriteRegisters;
const COPY: Label = Label::TcbCopyRegisters;

#[test]
fn read_checks_length_count_and_caller_in_this_order() {
    let mut fixture = Fixture::new();
    let range = SyscallError::RangeError { min: 1, max: COUNT };
    fixture.target_caller();
    assert_eq!(fixture.refusal(READ, &[0], &[]), TRUNCATED);
    assert_eq!(fixture.refusal(READ, &[0, 0], &[]), range);
    assert_eq!(fixture.refusal(READ, &[0, COUNT + 1], &[]), range);
    assert_eq!(fixture.refusal(READ, &[0, u64::MAX], &[]), range);
    assert_eq!(fixture.refusal(READ, &[0, COUNT], &[]), ILLEGAL);
}

#[test]
fn read_suspends_the_source_if_asked() {
    let mut fixture = Fixture::new();
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::Running);
    let answer = fixture.invoke(READ, &[0xff00, 3], &[]);
    assert!(matches!(answer, Answer::Registers { source, count: 3 } if source == fixture.target));
    assert_eq!(fixture.state(), ThreadState::Running);
    fixture.invoke(READ, &[1, COUNT], &[]);
    assert_eq!(fixture.state(), ThreadState::Inactive);
}

#[test]
fn write_checks_length_count_and_caller_in_this_order() {
    let mut fixture = Fixture::new();
    fixture.target_caller();
    assert_eq!(fixture.refusal(WRITE, &[0], &[]), TRUNCATED);
    assert_eq!(fixture.refusal(WRITE, &[0, 1], &[]), TRUNCATED);
    assert_eq!(fixture.refusal(WRITE, &[0, u64::MAX, 7], &[]), TRUNCATED);
    assert_eq!(fixture.refusal(WRITE, &[0, 0], &[]), ILLEGAL);
}

#[test]
fn write_sets_registers_in_order_from_registers_and_buffer() {
    let mut fixture = Fixture::new();
    let words: Vec<u64> = [0, COUNT].into_iter().chain(100..100 + COUNT).collect();
    fixture.invoke(WRITE, &words, &[]);
    let context = &fixture.test.kernel.objs[fixture.target].context;
    for (index, &register) in Register::ALL.iter().enumerate() {
        let expected = register.sanitise(100 + index as u64);
        assert_eq!(context.get(register), expected, "{}", register.name());
    }
    assert_eq!(fixture.state(), ThreadState::Inactive);
}

#[test]
fn write_ignores_registers_past_the_last() {
    let mut fixture = Fixture::new();
    let words: Vec<u64> = [1, COUNT + 5].into_iter().chain(100..105 + COUNT).collect();
    fixture.invoke(WRITE, &words, &[]);
    let last = Register::ALL[Register::COUNT - 1];
    assert_eq!(fixture.register(last), 99 + COUNT);
    assert_eq!(fixture.state(), ThreadState::Restart, "resumed as asked");
}

#[test]
fn write_makes_values_harmless() {
    let mut fixture = Fixture::new();
    let bad_address = if abi::WORD_BITS == 64 { 1 << 47 } else { 1 };
    fixture.invoke(WRITE, &[0, 3, bad_address, 0x1000, u64::MAX], &[]);
    let registers =
        [Register::IP, Register::STACK, Register::FLAGS].map(|register| fixture.register(register));
    assert_eq!(registers, [0, 0x1000, Register::FLAGS.sanitise(u64::MAX)]);
}

#[test]
fn a_written_thread_resumes_at_the_new_address_even_inside_a_system_call() {
    let mut fixture = Fixture::new();
    let context = &mut fixture.test.kernel.objs[fixture.target].context;
    enter_call(context, 0x2000);
    fixture.test.kernel.set_thread_state(fixture.target, ThreadState::BlockedOnReply);
    fixture.invoke(WRITE, &[0, 1, 0x5000], &[]);
    assert_eq!(fixture.state(), ThreadState::BlockedOnReply, "without the resume flag it stays blocked");
    let context = &mut fixture.test.kernel.objs[fixture.target].context;
    assert_eq!((context.entry(), context.fault_ip()), (EntryKind::Trap, 0x5000));
}

#[test]
fn copy_checks_length_then_the_source() {
    let mut fixture = Fixture::new();
    let (slot, other) = (fixture.slot, fixture.test.slot_with(Cap::Domain));
    assert_eq!(fixture.refusal(COPY, &[], &[slot]), TRUNCATED);
    assert_eq!(fixture.refusal(COPY, &[0], &[]), TRUNCATED);
    assert_eq!(fixture.refusal(COPY, &[0], &[other]), SyscallError::InvalidCapability(1));
}

#[test]
fn copy_takes_frame_or_integer_registers() {
    for (flags, frame, integer) in [(COPY_FRAME, true, false), (COPY_INTEGER, false, true), (0, false, false)]
    {
        let mut fixture = Fixture::new();
        let source = fixture.test.thread(Cap::Null);
        let slot = fixture.test.slot_with(Cap::Thread(source));
        for (index, &register) in Register::ALL.iter().enumerate() {
            fixture.test.kernel.objs[source].context.set(register, 100 + index as u64);
        }
        fixture.invoke(COPY, &[flags], &[slot]);
        let (from, to) =
            (&fixture.test.kernel.objs[source].context, &fixture.test.kernel.objs[fixture.target].context);
        for (index, &register) in
            Register::ALL.iter().enumerate().filter(|(_, register)| **register != Register::FLAGS)
        {
            let expected = if index < Register::FRAME_COUNT { frame } else { integer };
            assert_eq!(to.get(register) == from.get(register), expected, "{register:?}");
        }
    }
}

#[test]
fn copy_suspends_the_source_and_resumes_the_target() {
    let mut fixture = Fixture::new();
    let source = fixture.test.schedulable_thread(3);
    let slot = fixture.test.slot_with(Cap::Thread(source));
    fixture.test.kernel.set_thread_state(source, ThreadState::Running);
    fixture.invoke(COPY, &[COPY_SUSPEND_SOURCE | COPY_RESUME_TARGET], &[slot]);
    assert_eq!(fixture.test.kernel.objs[source].state(), ThreadState::Inactive);
    assert_eq!(fixture.state(), ThreadState::Restart);
}

#[test]
fn the_bases_of_the_current_thread_are_those_in_the_processor() {
    let mut fixture = Fixture::new();
    let mut context = Context::default();
    (Register::FIRST_BASE..Register::COUNT)
        .for_each(|index| context.set(Register::ALL[index], 0x111 * index as u64));
    fixture.test.kernel.machine.bases = context.bases();
    let own = fixture.test.slot_with(Cap::Thread(fixture.caller));
    fixture.invoke(COPY, &[COPY_INTEGER], &[own]);
    assert_eq!(fixture.test.kernel.objs[fixture.target].context.bases(), context.bases());
}

#[test]
fn set_tls_base_wants_a_word_and_takes_effect_at_once() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.refusal(Label::TcbSetTlsBase, &[], &[]), TRUNCATED);
    fixture.invoke(Label::TcbSetTlsBase, &[0x4000], &[]);
    assert_eq!(fixture.register(Register::TLS), 0x4000);
    assert_eq!(fixture.test.kernel.machine.bases, BaseRegisters::default(), "not the current thread's");
    let mut context = Context::default();
    (Register::FIRST_BASE..Register::COUNT).for_each(|index| context.set(Register::ALL[index], 0x99));
    fixture.test.kernel.machine.bases = context.bases();
    fixture.target_caller();
    fixture.invoke(Label::TcbSetTlsBase, &[0x6000], &[]);
    assert_eq!(fixture.test.kernel.machine.bases, context.bases().with_tls(0x6000));
    fixture.invoke(Label::TcbSetTlsBase, &[1 << 63], &[]);
    let expected = context.bases().with_tls(0);
    assert_eq!(fixture.test.kernel.machine.bases, expected, "a base that is not allowed counts as 0");
}
