// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/messages-and-errors.md, "Faults": message layouts and replies.

use abi::INITIAL_FLAGS;
use arch::EntryKind;

use super::*;
use crate::ipc::testing::{SYSCALL_IP, World};
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::reply::Reply;
use crate::object::tcb::ThreadState::*;
use crate::testing::{CALL_LENGTH, enter_call, set_registers, time_words};

/// A thread with a handler that waits for its faults with badge 77.
struct Faulty {
    world: World,
    tcb: ObjRef<Tcb>,
    handler: ObjRef<Tcb>,
    endpoint: ObjRef<Endpoint>,
    reply: ObjRef<Reply>,
}

impl Faulty {
    fn new() -> Self {
        let mut world = World::new();
        let (endpoint, reply) = (world.endpoint(1), world.reply(2));
        let (tcb, handler) = (world.thread(5), world.thread(9));
        world.set_handler(tcb, TcbSlot::FaultHandler, endpoint, 77);
        world.set_handler(tcb, TcbSlot::TimeoutHandler, endpoint, 78);
        for (index, &register) in Register::ALL.iter().enumerate().skip(3) {
            world.kernel.objs[tcb].context.set(register, 0x100 + index as u64);
        }
        set_registers(&mut world.kernel.objs[tcb].context, &[(Register::STACK, 0x7000)]);
        enter_call(&mut world.kernel.objs[tcb].context, SYSCALL_IP);
        Self { world, tcb, handler, endpoint, reply }
    }

    /// The words of the message that `fault` gives, after checking badge and label.
    fn message(&mut self, fault: Fault, label: FaultKind) -> Vec<u64> {
        let Self { tcb, handler, endpoint, reply, .. } = *self;
        self.world.receive(handler, endpoint, Some(reply));
        self.world.fault(tcb, fault);
        self.words(77, label)
    }

    fn words(&self, badge: u64, label: FaultKind) -> Vec<u64> {
        let (received, info, _) = self.world.message_of(self.handler);
        assert_eq!((received, info.label()), (badge, label.word()));
        assert_eq!((info.extra_caps(), info.caps_unwrapped()), (0, 0));
        (0..info.length()).map(|index| self.world.word_of(self.handler, index)).collect()
    }

    /// The handler answers.
    fn answer(&mut self, label: u64, words: &[u64]) -> ThreadState {
        self.world.write_message(self.handler, label, words, &[]);
        self.world.run(self.handler);
        self.world.kernel.send_reply(self.handler, self.reply, true);
        assert!(!self.world.kernel.objs[self.tcb].fault.is_some());
        self.world.state(self.tcb)
    }

    fn register(&self, register: Register) -> u64 {
        self.world.kernel.objs[self.tcb].context.get(register)
    }
}

const UNKNOWN: Fault = Fault::UnknownSyscall { number: 99 };
const EXCEPTION: Fault = Fault::UserException { vector: 13, code: 0x402 };

#[test]
fn a_cap_fault_names_address_phase_and_failure() {
    let failures = [
        (LookupFailure::InvalidRoot, vec![1]),
        (LookupFailure::MissingCapability { bits_left: 5 }, vec![2, 5]),
        (LookupFailure::DepthMismatch { bits_left: 5, bits_found: 8 }, vec![3, 5, 8]),
        (LookupFailure::GuardMismatch { bits_left: 5, guard: 6, guard_bits: 4 }, vec![4, 5, 6, 4]),
    ];
    for (failure, encoded) in failures {
        for (phase, word) in [(Phase::Send, 0), (Phase::Receive, 1)] {
            let fault = Fault::CapFault { address: 0xabc, phase, failure };
            let words = Faulty::new().message(fault, FaultKind::CapFault);
            assert_eq!(words[..3], [SYSCALL_IP, 0xabc, word]);
            assert_eq!(words[3..], encoded);
        }
    }
}

#[test]
fn an_unknown_syscall_shows_all_registers_and_its_number() {
    let mut faulty = Faulty::new();
    let words = faulty.message(UNKNOWN, FaultKind::UnknownSyscall);
    assert_eq!(words.len(), unknown_syscall::LENGTH);
    for (index, &register) in UNKNOWN_SYSCALL_ORDER.iter().enumerate() {
        assert_eq!(words[index], faulty.register(register), "{register:?}");
    }
    let [ip, stack, number] =
        [unknown_syscall::IP, unknown_syscall::SP, unknown_syscall::NUMBER].map(|index| words[index]);
    assert_eq!((ip, stack, number), (SYSCALL_IP, 0x7000, 99));
}

#[test]
fn a_user_exception_shows_vector_and_code() {
    let mut faulty = Faulty::new();
    faulty.world.kernel.objs[faulty.tcb].context.entry_word = 0;
    let words = faulty.message(EXCEPTION, FaultKind::UserException);
    assert_eq!(words, [SYSCALL_IP + CALL_LENGTH, 0x7000, INITIAL_FLAGS, 13, 0x402]);
}

#[test]
fn a_page_fault_shows_address_fetch_and_the_bits_of_code_that_are_passed_on() {
    for (code, is_fetch) in [(0x6, 0), (0x1_8005 | 1 << FETCH_SHIFT, 1)] {
        let mut faulty = Faulty::new();
        faulty.world.kernel.objs[faulty.tcb].context.entry_word = 0;
        let fault = Fault::VmFault { address: 0xdead_b000, code };
        let words = faulty.message(fault, FaultKind::VmFault);
        assert_eq!(words, [SYSCALL_IP + CALL_LENGTH, 0xdead_b000, is_fetch, code & vm_fault::CODE_MASK]);
    }
}

#[test]
fn a_timeout_shows_data_and_the_time_consumed_until_delivery() {
    let mut faulty = Faulty::new();
    let Faulty { tcb, handler, endpoint, reply, .. } = faulty;
    let sc = faulty.world.sc(tcb).expect("an active thread");
    faulty.world.kernel.objs[sc].data = 0x1234;
    faulty.world.run(tcb);
    faulty.world.kernel.raise_timeout(tcb);
    faulty.world.kernel.objs[sc].consumed = arch::Ticks(250_999);
    faulty.world.receive(handler, endpoint, Some(reply));
    let words: Vec<u64> = core::iter::once(0x1234).chain(time_words(250)).collect();
    assert_eq!(faulty.words(78, FaultKind::Timeout), words);
    assert_eq!(faulty.world.kernel.objs[sc].consumed, arch::Ticks::ZERO);
}

#[test]
fn a_timeout_of_a_thread_that_lost_its_context_shows_data_alone() {
    let mut faulty = Faulty::new();
    let Faulty { tcb, handler, endpoint, reply, .. } = faulty;
    let sc = faulty.world.sc(tcb).expect("an active thread");
    faulty.world.kernel.objs[sc].data = 0x1234;
    faulty.world.run(tcb);
    faulty.world.kernel.raise_timeout(tcb);
    faulty.world.kernel.unbind_sched_context(sc);
    faulty.world.receive(handler, endpoint, Some(reply));
    assert_eq!(faulty.words(78, FaultKind::Timeout), [0x1234]);
}

#[test]
fn a_handler_without_buffer_sees_four_words() {
    let mut faulty = Faulty::new();
    faulty.world.drop_buffer(faulty.handler);
    let words = faulty.message(UNKNOWN, FaultKind::UnknownSyscall);
    assert_eq!(words.len(), 4);
}

#[test]
fn a_fault_waits_like_a_send_and_lends_to_a_passive_handler() {
    let mut faulty = Faulty::new();
    let Faulty { tcb, endpoint, reply, .. } = faulty;
    let passive = faulty.world.passive(9);
    let sc = faulty.world.sc(tcb);
    faulty.world.fault(tcb, UNKNOWN);
    assert_eq!(faulty.world.state(tcb), BlockedOnSend);
    assert_eq!(faulty.world.kernel.objs[endpoint].state(), EndpointState::Sending);
    faulty.world.receive(passive, endpoint, Some(reply));
    assert_eq!(faulty.world.state(tcb), BlockedOnReply);
    assert_eq!((faulty.world.sc(tcb), faulty.world.sc(passive)), (None, sc));
}

#[test]
fn a_handler_that_brings_no_reply_object_stops_the_thread() {
    let mut faulty = Faulty::new();
    faulty.world.receive(faulty.handler, faulty.endpoint, None);
    faulty.world.fault(faulty.tcb, UNKNOWN);
    assert_eq!(faulty.world.state(faulty.tcb), Inactive);
    assert!(!faulty.world.kernel.objs[faulty.tcb].fault.is_some());
}

#[test]
fn without_a_handler_the_thread_stops_and_a_line_says_why() {
    for printing in [false, true] {
        let mut world = World::new();
        world.kernel.config.profile.printing = printing;
        let tcb = world.thread(5);
        world.kernel.objs[tcb].name[..5].copy_from_slice(b"drill");
        world.fault(tcb, Fault::VmFault { address: 0xbad0, code: 4 });
        assert_eq!((world.state(tcb), world.kernel.objs[tcb].fault.is_some()), (Inactive, false));
        let line = String::from_utf8_lossy(&world.kernel.machine.console).into_owned();
        assert_eq!(line.is_empty(), !printing);
        assert!(
            !printing || ["drill", "0xbad0", "0x401000"].iter().all(|part| line.contains(part)),
            "{line}"
        );
    }
}

#[test]
fn cap_and_page_faults_restart_whatever_the_answer() {
    let failure = LookupFailure::InvalidRoot;
    let cap_fault = Fault::CapFault { address: 0, phase: Phase::Send, failure };
    for fault in [cap_fault, Fault::VmFault { address: 0, code: 4 }] {
        let mut faulty = Faulty::new();
        faulty.message(fault, if fault == cap_fault { FaultKind::CapFault } else { FaultKind::VmFault });
        let before = faulty.register(Register::ARGUMENT);
        assert_eq!(faulty.answer(5, &[1, 2, 3]), Restart);
        assert_eq!(
            (faulty.register(Register::ARGUMENT), faulty.register(Register::IP)),
            (before, SYSCALL_IP)
        );
    }
}

#[test]
fn an_answer_to_an_unknown_syscall_sets_registers_as_far_as_it_goes() {
    let mut faulty = Faulty::new();
    faulty.message(UNKNOWN, FaultKind::UnknownSyscall);
    let mut words: Vec<u64> = (0..unknown_syscall::LENGTH as u64).map(|word| 0x9000 + word).collect();
    (words[unknown_syscall::IP], words[unknown_syscall::FLAGS]) = (SYSCALL_IP + CALL_LENGTH, u64::MAX);
    assert_eq!(faulty.answer(0, &words), Restart);
    for (index, &register) in UNKNOWN_SYSCALL_ORDER.iter().enumerate() {
        assert_eq!(faulty.register(register), register.sanitise(words[index]), "{register:?}");
    }
    assert_eq!(faulty.register(Register::IP), SYSCALL_IP + CALL_LENGTH);
    assert_eq!(faulty.world.kernel.objs[faulty.tcb].context.entry(), EntryKind::Trap);
}

#[test]
fn a_short_answer_leaves_the_other_registers_and_repeats_the_call() {
    let mut faulty = Faulty::new();
    faulty.message(UNKNOWN, FaultKind::UnknownSyscall);
    let [first, second, other] = [0, 1, 3].map(|index| UNKNOWN_SYSCALL_ORDER[index]);
    let before = faulty.register(other);
    assert_eq!(faulty.answer(0, &[1, 2]), Restart);
    assert_eq!((faulty.register(first), faulty.register(second)), (1, 2));
    assert_eq!((faulty.register(other), faulty.register(Register::IP)), (before, SYSCALL_IP));
}

#[test]
fn a_label_other_than_zero_stops_the_thread() {
    for (fault, kind) in [(UNKNOWN, FaultKind::UnknownSyscall), (EXCEPTION, FaultKind::UserException)] {
        let mut faulty = Faulty::new();
        faulty.message(fault, kind);
        assert_eq!(faulty.answer(1, &[]), Inactive);
    }
}

#[test]
fn an_answer_to_an_exception_sets_three_registers_made_harmless() {
    let mut faulty = Faulty::new();
    faulty.world.kernel.objs[faulty.tcb].context.entry_word = 0;
    faulty.message(EXCEPTION, FaultKind::UserException);
    let argument = faulty.register(Register::ARGUMENT);
    let bad_address = if abi::WORD_BITS == 64 { 0x8000_0000_0000 } else { 1 };
    assert_eq!(faulty.answer(0, &[bad_address, 0x6000, u64::MAX, 5, 6]), Restart);
    let registers =
        [Register::IP, Register::STACK, Register::ARGUMENT].map(|register| faulty.register(register));
    assert_eq!(registers, [0, 0x6000, argument]);
    assert_eq!(faulty.register(Register::FLAGS), Register::FLAGS.sanitise(u64::MAX));
}

#[test]
fn an_answer_to_a_timeout_sets_the_user_context_without_the_last_registers() {
    let mut faulty = Faulty::new();
    faulty.world.receive(faulty.handler, faulty.endpoint, Some(faulty.reply));
    faulty.world.run(faulty.tcb);
    faulty.world.kernel.raise_timeout(faulty.tcb);
    let words: Vec<u64> = (0..20).map(|word| 0x9000 + word).collect();
    let rest = &Register::ALL[TIMEOUT_REPLY_ORDER.len()..];
    let before: Vec<u64> = rest.iter().map(|&register| faulty.register(register)).collect();
    assert_eq!(faulty.answer(0, &words), Restart);
    for &register in &TIMEOUT_REPLY_ORDER {
        assert_eq!(faulty.register(register), register.sanitise(0x9000 + register.word()), "{register:?}");
    }
    let after: Vec<u64> = rest.iter().map(|&register| faulty.register(register)).collect();
    assert_eq!(after, before);
}

#[test]
fn an_answer_without_buffer_sets_four_registers() {
    let mut faulty = Faulty::new();
    faulty.message(UNKNOWN, FaultKind::UnknownSyscall);
    let [fourth, fifth] = [3, 4].map(|index| UNKNOWN_SYSCALL_ORDER[index]);
    let before = faulty.register(fifth);
    faulty.world.write_message(faulty.handler, 0, &[1, 2, 3, 4, 5, 6], &[]);
    faulty.world.drop_buffer(faulty.handler);
    faulty.world.run(faulty.handler);
    faulty.world.kernel.send_reply(faulty.handler, faulty.reply, true);
    assert_eq!((faulty.register(fourth), faulty.register(fifth)), (4, before));
}
