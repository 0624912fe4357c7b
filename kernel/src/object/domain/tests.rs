// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order, and the little that one domain leaves to do.

use super::*;
use crate::cap::slot::SlotRef;
use crate::object::tcb::ThreadState;
use crate::testing::{TestKernel, time_words};

fn running() -> (TestKernel, ObjRef<Tcb>) {
    let mut test = TestKernel::new();
    let caller = test.schedulable_thread(5);
    test.run(caller);
    (test, caller)
}

fn decode(
    test: &mut TestKernel,
    label: Label,
    words: &[u64],
    slots: &[SlotRef],
) -> Result<Invocation, SyscallError> {
    let message = test.message(test.kernel.current(), label.word(), words, slots);
    test.kernel.decode_domain(&Args::new(&test.kernel.objs, &message))
}

#[test]
fn labels_of_other_objects_are_illegal() {
    let (mut test, _) = running();
    assert_eq!(decode(&mut test, Label::TcbSuspend, &[], &[]), Err(SyscallError::IllegalOperation));
}

#[test]
fn set_checks_length_domain_and_thread_in_this_order() {
    let (mut test, caller) = running();
    let other = test.slot_with(Cap::Domain);
    let thread = test.slot_with(Cap::Thread(caller));
    let mut set = |words: &[u64], slots: &[SlotRef]| decode(&mut test, Label::DomainSetSet, words, slots);
    assert_eq!(set(&[], &[thread]), Err(SyscallError::TruncatedMessage));
    assert_eq!(set(&[DOMAINS], &[]), Err(SyscallError::InvalidArgument(0)));
    assert_eq!(set(&[1 << 31], &[]), Err(SyscallError::InvalidArgument(0)));
    assert_eq!(set(&[0], &[]), Err(SyscallError::TruncatedMessage));
    assert_eq!(set(&[0], &[other]), Err(SyscallError::InvalidArgument(1)));
    assert_eq!(set(&[0], &[thread]), Ok(Invocation::Set(caller, 0)));
}

#[test]
fn configure_checks_index_domain_and_duration_in_this_order() {
    let (mut test, _) = running();
    let mut configure = |words: &[u64]| {
        let (numbers, durations) = words.split_at(2);
        let times = durations.iter().flat_map(|&duration| time_words(duration));
        let words: Vec<u64> = numbers.iter().copied().chain(times).collect();
        decode(&mut test, Label::DomainScheduleConfigure, &words, &[])
    };
    let range = |max| Err(SyscallError::RangeError { min: 0, max });
    assert_eq!(configure(&[9, 9]), Err(SyscallError::TruncatedMessage));
    assert_eq!(configure(&[DOMAIN_SCHEDULES - 1, DOMAINS, 1 << 56]), range(DOMAIN_SCHEDULES - 2));
    assert_eq!(configure(&[0, DOMAINS, 1 << 56]), range(DOMAINS - 1));
    assert_eq!(configure(&[0, 0, 1 << 56]), Err(SyscallError::InvalidArgument(2)));
    assert_eq!(configure(&[0, 0, 0]), Err(SyscallError::InvalidArgument(2)), "the start would be an end");
    let duration = Ticks(MAX_DOMAIN_DURATION);
    let expected = Invocation::Configure { index: 0, domain: 0, duration };
    assert_eq!(configure(&[0, 0, MAX_DOMAIN_DURATION]), Ok(expected));
}

#[test]
fn set_start_checks_length_index_and_end_marker() {
    let (mut test, _) = running();
    let mut start = |words: &[u64]| decode(&mut test, Label::DomainScheduleSetStart, words, &[]);
    assert_eq!(start(&[]), Err(SyscallError::TruncatedMessage));
    let max = DOMAIN_SCHEDULES - 1;
    assert_eq!(start(&[DOMAIN_SCHEDULES]), Err(SyscallError::RangeError { min: 0, max }));
    assert_eq!(start(&[max]), Err(SyscallError::InvalidArgument(0)));
    assert_eq!(start(&[0]), Ok(Invocation::SetStart(0)));
}

#[test]
fn moving_a_ready_thread_puts_it_at_the_head() {
    let (mut test, _) = running();
    let first = test.schedulable_thread(3);
    let second = test.schedulable_thread(3);
    for tcb in [first, second] {
        test.kernel.set_thread_state(tcb, ThreadState::Running);
        test.kernel.enqueue_tail(tcb);
    }
    test.kernel.execute_domain(Invocation::Set(second, 0)).expect("is not preempted");
    assert_eq!(test.kernel.sched.ready[3].head, Some(second));
    test.kernel.check_queues();
}

#[test]
fn the_schedule_keeps_what_was_configured() {
    let (mut test, _) = running();
    let invocation = Invocation::Configure { index: 0, domain: 0, duration: Ticks(77) };
    test.kernel.execute_domain(invocation).expect("is not preempted");
    test.kernel.execute_domain(Invocation::SetStart(0)).expect("is not preempted");
    assert_eq!(test.kernel.sched.domain_schedule[0].duration, Ticks(77));
    assert_eq!(test.kernel.sched.domain_index, 0);
}
