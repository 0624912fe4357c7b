// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/ipc-and-scheduling.md, "The eleven system calls": every row, and what becomes of the caller.

use abi::{GuardData, Label, ObjectType, Rights, Syscall::*};
use arch::{Effect, EntryKind, Ticks};

use super::*;
use crate::ipc::testing::{SYSCALL_IP, World};
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::notification::Notification;
use crate::object::tcb::TcbSlot;
use crate::object::tcb::ThreadState::*;
use crate::testing::{DEPTH, set_registers};

/// CPtrs of the tests.
const ENDPOINT: u64 = 1;
const NOTIFICATION: u64 = 2;
const REPLY: u64 = 3;
const EMPTY: u64 = 4;
const SEND_ONLY: u64 = 5;
const RECEIVE_ONLY: u64 = 6;
const THREAD: u64 = 7;
const NOWHERE: u64 = 1 << 31;

/// The calls that only send, and those that receive with and without a reply object.
const WITH_REPLY: [Syscall; 4] = [Recv, NBRecv, ReplyRecv, NBSendRecv];
const WITHOUT_REPLY: [Syscall; 3] = [Wait, NBWait, NBSendWait];

/// What looking up [`NOWHERE`] in the CSpace gives.
const LOST: LookupFailure =
    LookupFailure::GuardMismatch { bits_left: DEPTH, guard: 0, guard_bits: DEPTH - 6 };
const MISSING: LookupFailure = LookupFailure::MissingCapability { bits_left: 0 };

/// A caller whose faults queue up on an endpoint of their own, and one capability of each kind.
struct Scene {
    world: World,
    caller: ObjRef<Tcb>,
    faults: ObjRef<Endpoint>,
    endpoint: ObjRef<Endpoint>,
    notification: ObjRef<Notification>,
    reply: ObjRef<Reply>,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        let endpoint = world.endpoint(ENDPOINT as usize);
        let notification = world.notification(NOTIFICATION as usize);
        let reply = world.reply(REPLY as usize);
        world.put(SEND_ONLY as usize, Cap::Endpoint { endpoint, badge: 8, rights: Rights::WRITE });
        world.put(RECEIVE_ONLY as usize, Cap::Endpoint { endpoint, badge: 0, rights: Rights::READ });
        let faults = world.object(4);
        let caller = world.thread(5);
        world.set_handler(caller, TcbSlot::FaultHandler, faults, 0);
        world.put(THREAD as usize, Cap::Thread(caller));
        Self { world, caller, faults, endpoint, notification, reply }
    }

    /// A system call of the caller; combined calls send to `send`, the others to `target`.
    fn call(&mut self, call: Syscall, target: u64, send: u64, reply: u64) -> Resume {
        let (r12, r13) = match call {
            NBSendWait | ReplyRecv => (send, 0),
            _ => (reply, send),
        };
        set_registers(&mut self.world.kernel.objs[self.caller].context, &[(Register::SEND, r13)]);
        self.world.syscall(self.caller, call, target, r12)
    }

    /// The fault that the caller sends, if it does.
    fn fault(&self) -> Option<Fault> {
        let fault = self.world.kernel.objs[self.caller].fault.get();
        let queued = self.world.kernel.objs[self.faults].queue().head;
        assert_eq!(queued, fault.map(|_| self.caller));
        fault
    }

    fn cap_fault(&self) -> Option<(u64, Phase, LookupFailure)> {
        self.fault().map(|fault| match fault {
            Fault::CapFault { address, phase, failure } => (address, phase, failure),
            other => panic!("{other:?}"),
        })
    }

    fn state(&self) -> ThreadState {
        self.world.state(self.caller)
    }

    /// Where the caller goes on, if it makes its system call again.
    fn repeats_at(&self) -> Option<u64> {
        let context = &self.world.kernel.objs[self.caller].context;
        (context.entry() == EntryKind::Trap).then(|| context.get(Register::IP))
    }

    /// Label and words of the kernel's answer to a Call.
    fn answer(&self) -> (u64, Vec<u64>) {
        let (badge, info, _) = self.world.message_of(self.caller);
        assert_eq!((badge, info.extra_caps(), info.caps_unwrapped()), (0, 0, 0));
        (info.label(), (0..info.length()).map(|index| self.world.word_of(self.caller, index)).collect())
    }
}

#[test]
fn a_send_cptr_that_leads_nowhere_faults_in_the_calls_that_block() {
    for call in [Send, Call] {
        let mut scene = Scene::new();
        scene.call(call, NOWHERE, 0, 0);
        assert_eq!(scene.cap_fault(), Some((NOWHERE, Phase::Send, LOST)), "{call:?}");
    }
    let mut scene = Scene::new();
    scene.call(NBSend, NOWHERE, 0, 0);
    assert_eq!((scene.cap_fault(), scene.state()), (None, Running));
}

#[test]
fn an_extra_cap_that_leads_nowhere_faults_in_the_calls_that_block() {
    for (call, target) in [(Send, ENDPOINT), (Call, ENDPOINT), (Call, THREAD), (Send, NOTIFICATION)] {
        let mut scene = Scene::new();
        scene.world.write_message(scene.caller, 0, &[], &[ENDPOINT, NOWHERE]);
        scene.call(call, target, 0, 0);
        assert_eq!(scene.cap_fault(), Some((NOWHERE, Phase::Send, LOST)), "{call:?}");
    }
    let mut scene = Scene::new();
    scene.world.write_message(scene.caller, 0, &[], &[NOWHERE]);
    scene.call(NBSend, NOTIFICATION, 0, 0);
    assert_eq!((scene.cap_fault(), scene.state()), (None, Running));
    assert!(!scene.world.kernel.objs[scene.notification].is_active());
}

#[test]
fn without_a_buffer_extra_caps_are_not_looked_at() {
    let mut scene = Scene::new();
    scene.world.write_message(scene.caller, 0, &[], &[NOWHERE]);
    scene.world.drop_buffer(scene.caller);
    scene.call(Send, NOTIFICATION, 0, 0);
    assert_eq!(scene.cap_fault(), None);
    assert!(scene.world.kernel.objs[scene.notification].is_active());
}

#[test]
fn a_refused_invocation_is_answered_to_a_call_and_to_nobody_else() {
    for (target, label, error) in [
        (EMPTY, 0, (2, vec![0])),
        (RECEIVE_ONLY, 0, (2, vec![0])),
        (THREAD, 0xfff, (3, vec![])),
        (THREAD, Label::TcbSetPriority.word(), (7, vec![])),
    ] {
        let mut scene = Scene::new();
        scene.world.write_message(scene.caller, label, &[], &[]);
        scene.call(Call, target, 0, 0);
        assert_eq!((scene.state(), scene.answer()), (Running, error));
        let mut scene = Scene::new();
        scene.world.write_message(scene.caller, label, &[], &[]);
        let (_, info, words) = scene.world.message_of(scene.caller);
        scene.call(Send, target, 0, 0);
        assert_eq!((scene.fault(), scene.world.message_of(scene.caller)), (None, (target, info, words)));
    }
}

#[test]
fn a_receive_cptr_that_leads_nowhere_faults_in_every_call() {
    for call in WITH_REPLY.into_iter().chain(WITHOUT_REPLY) {
        let mut scene = Scene::new();
        scene.call(call, NOWHERE, EMPTY, NOWHERE);
        assert_eq!(scene.cap_fault(), Some((NOWHERE, Phase::Receive, LOST)), "{call:?}");
    }
}

#[test]
fn receiving_from_the_wrong_kind_or_without_the_right_faults_in_every_call() {
    for call in WITH_REPLY.into_iter().chain(WITHOUT_REPLY) {
        for target in [EMPTY, THREAD, REPLY, SEND_ONLY] {
            let mut scene = Scene::new();
            scene.call(call, target, EMPTY, NOWHERE);
            assert_eq!(scene.cap_fault(), Some((target, Phase::Receive, MISSING)), "{call:?} {target}");
        }
    }
}

#[test]
fn an_endpoint_needs_a_reply_object_in_the_calls_that_use_one() {
    for call in [Recv, NBRecv, NBSendRecv] {
        for (cptr, failure) in [(NOWHERE, LOST), (EMPTY, MISSING), (THREAD, MISSING)] {
            let mut scene = Scene::new();
            scene.call(call, ENDPOINT, EMPTY, cptr);
            assert_eq!(scene.cap_fault(), Some((cptr, Phase::Receive, failure)), "{call:?}");
        }
    }
    for (cptr, failure) in [(NOWHERE, LOST), (EMPTY, MISSING), (THREAD, MISSING)] {
        let mut scene = Scene::new();
        scene.call(ReplyRecv, ENDPOINT, cptr, 0);
        assert_eq!(scene.cap_fault(), Some((cptr, Phase::Receive, failure)));
    }
}

#[test]
fn a_wait_on_an_endpoint_brings_no_reply_object() {
    let mut scene = Scene::new();
    assert_eq!(scene.call(Wait, ENDPOINT, 0, NOWHERE), Resume::Idle);
    assert_eq!((scene.state(), scene.world.kernel.objs[scene.caller].reply), (BlockedOnReceive, None));
}

#[test]
fn a_notification_is_received_from_without_a_look_at_the_reply_object() {
    for call in [Recv, NBRecv, Wait, NBWait] {
        let mut scene = Scene::new();
        scene.world.kernel.send_signal(scene.notification, 0x55);
        scene.call(call, NOTIFICATION, 0, NOWHERE);
        assert_eq!((scene.fault(), scene.state()), (None, Running));
        assert_eq!(scene.world.message_of(scene.caller).0, 0x55);
    }
}

#[test]
fn a_notification_bound_to_another_thread_cannot_be_received_from() {
    let mut scene = Scene::new();
    let other = scene.world.thread(5);
    scene.world.kernel.bind_notification(other, scene.notification);
    scene.call(Wait, NOTIFICATION, 0, 0);
    assert_eq!(scene.cap_fault(), Some((NOTIFICATION, Phase::Receive, MISSING)));
    let mut scene = Scene::new();
    scene.world.kernel.bind_notification(scene.caller, scene.notification);
    scene.call(Wait, NOTIFICATION, 0, 0);
    assert_eq!((scene.fault(), scene.state()), (None, BlockedOnNotification));
}

#[test]
fn without_a_message_the_calls_that_do_not_block_clear_the_badge() {
    for (call, target) in
        [(NBRecv, ENDPOINT), (NBWait, ENDPOINT), (NBRecv, NOTIFICATION), (NBWait, NOTIFICATION)]
    {
        let mut scene = Scene::new();
        scene.world.write_message(scene.caller, 3, &[1, 2, 3, 4], &[]);
        let (_, info, words) = scene.world.message_of(scene.caller);
        let resume = scene.call(call, target, 0, REPLY);
        assert_eq!(resume, Resume::Thread(scene.caller));
        assert_eq!(scene.world.message_of(scene.caller), (0, info, words));
    }
}

#[test]
fn a_send_half_that_fails_is_silent_and_the_receive_half_is_done() {
    for send in [NOWHERE, EMPTY, RECEIVE_ONLY, THREAD] {
        for (call, reply) in [(NBSendRecv, REPLY), (NBSendWait, 0)] {
            let mut scene = Scene::new();
            scene.world.write_message(scene.caller, Label::TcbSuspend.word(), &[], &[]);
            scene.call(call, ENDPOINT, send, reply);
            assert_eq!((scene.fault(), scene.state()), (None, BlockedOnReceive), "{call:?} {send}");
        }
    }
}

#[test]
fn combined_calls_signal_before_they_receive() {
    for call in [ReplyRecv, NBSendRecv, NBSendWait] {
        let mut scene = Scene::new();
        scene.call(call, NOTIFICATION, NOTIFICATION, REPLY);
        assert_eq!((scene.state(), scene.world.message_of(scene.caller).0), (Running, 1), "{call:?}");
    }
}

#[test]
fn a_server_answers_and_receives_the_next_call_on_a_borrowed_budget() {
    let mut scene = Scene::new();
    let server = scene.world.passive(5);
    scene.world.receive(server, scene.endpoint, Some(scene.reply));
    scene.world.write_message(scene.caller, 9, &[1], &[]);
    assert_eq!(scene.call(Call, ENDPOINT, 0, 0), Resume::Thread(server));
    assert_eq!((scene.state(), scene.world.state(server)), (BlockedOnReply, Running));
    scene.world.write_message(server, 10, &[2, 3], &[]);
    let resume = scene.world.syscall(server, ReplyRecv, ENDPOINT, REPLY);
    assert_eq!(resume, Resume::Thread(scene.caller));
    assert_eq!(scene.answer(), (10, vec![2, 3]));
    assert_eq!((scene.world.state(server), scene.world.sc(server)), (BlockedOnReceive, None));
    assert_eq!(scene.world.kernel.objs[scene.reply].tcb, Some(server));
}

#[test]
fn a_caller_answered_while_its_server_takes_the_next_call_goes_before_its_equals() {
    let mut scene = Scene::new();
    let priority = scene.world.kernel.objs[scene.caller].priority;
    let server = scene.world.passive(priority);
    scene.world.receive(server, scene.endpoint, Some(scene.reply));
    scene.call(Call, ENDPOINT, 0, 0);
    let (equal, next) = (scene.world.thread(priority), scene.world.thread(priority));
    scene.world.ready(equal);
    scene.world.send(next, scene.endpoint, 0, SendFlags::CALL | SendFlags::GRANT);
    let lent = scene.world.sc(next);
    scene.world.run(server);
    let resume = scene.world.syscall(server, ReplyRecv, ENDPOINT, REPLY);
    assert_eq!((resume, scene.world.sc(server)), (Resume::Thread(server), lent));
    let kernel = &scene.world.kernel;
    assert_eq!(kernel.sched.ready[usize::from(priority)].head, Some(scene.caller));
    assert_eq!(kernel.objs[scene.caller].sched_next, Some(equal));
}

#[test]
fn a_combined_call_receives_even_when_it_gives_its_budget_away() {
    let mut scene = Scene::new();
    let server = scene.world.passive(9);
    let sc = scene.world.sc(scene.caller);
    let other = scene.world.endpoint(20);
    scene.world.receive(server, other, None);
    let resume = scene.call(NBSendWait, ENDPOINT, 20, 0);
    assert_eq!(resume, Resume::Thread(server));
    assert_eq!((scene.state(), scene.world.sc(scene.caller)), (BlockedOnReceive, None));
    assert_eq!(scene.world.sc(server), sc);
}

#[test]
fn a_call_on_a_notification_or_reply_object_is_answered_with_nothing() {
    for target in [NOTIFICATION, REPLY] {
        let mut scene = Scene::new();
        scene.world.write_message(scene.caller, 77, &[1, 2], &[]);
        assert_eq!(scene.call(Call, target, 0, 0), Resume::Thread(scene.caller));
        assert_eq!((scene.state(), scene.answer()), (Running, (0, vec![])));
        assert_eq!(scene.world.message_of(scene.caller).2[..2], [1, 2]);
    }
}

#[test]
fn a_notification_without_send_right_is_an_invalid_capability() {
    let mut scene = Scene::new();
    let notification = scene.notification;
    scene.world.put(20, Cap::Notification { notification, badge: 1, rights: Rights::READ });
    scene.call(Call, 20, 0, 0);
    assert_eq!(scene.answer(), (2, vec![0]));
    assert!(!scene.world.kernel.objs[notification].is_active());
}

#[test]
fn a_send_that_does_not_block_and_finds_nobody_is_dropped() {
    let mut scene = Scene::new();
    assert_eq!(scene.call(NBSend, ENDPOINT, 0, 0), Resume::Thread(scene.caller));
    assert_eq!(scene.world.kernel.objs[scene.endpoint].state(), EndpointState::Idle);
}

#[test]
fn an_invocation_by_send_is_done_and_returns_nothing() {
    let mut scene = Scene::new();
    let other = scene.world.thread(5);
    scene.world.put(20, Cap::Thread(other));
    scene.world.write_message(scene.caller, Label::TcbResume.word(), &[], &[]);
    let (_, info, words) = scene.world.message_of(scene.caller);
    scene.call(Send, 20, 0, 0);
    assert!(scene.world.state(other).is_runnable());
    assert_eq!(scene.world.message_of(scene.caller), (20, info, words));
}

#[test]
fn reading_registers_answers_as_many_as_fit() {
    for (has_buffer, length) in [(true, Register::COUNT), (false, 4)] {
        let mut scene = Scene::new();
        let other = scene.world.thread(5);
        let last = Register::ALL[Register::FIRST_BASE - 1];
        set_registers(&mut scene.world.kernel.objs[other].context, &[(last, 0x1515)]);
        scene.world.put(20, Cap::Thread(other));
        scene.world.write_message(
            scene.caller,
            Label::TcbReadRegisters.word(),
            &[0, Register::COUNT as u64],
            &[],
        );
        if !has_buffer {
            scene.world.drop_buffer(scene.caller);
        }
        scene.call(Call, 20, 0, 0);
        let (label, words) = scene.answer();
        assert_eq!((label, words.len(), words[0]), (0, length, SYSCALL_IP));
        assert!(!has_buffer || words[Register::FIRST_BASE - 1] == 0x1515);
    }
}

#[test]
fn a_length_beyond_the_registers_counts_as_four_without_buffer() {
    let mut scene = Scene::new();
    scene
        .world
        .put(20, Cap::Untyped { base: arch::PhysAddr(0x30_0000), size_bits: 12, is_device: false, free: 0 });
    scene.world.write_message(scene.caller, Label::UntypedRetype.word(), &[0; 6], &[ENDPOINT]);
    scene.world.drop_buffer(scene.caller);
    scene.call(Call, 20, 0, 0);
    assert_eq!(scene.answer(), (7, vec![]));
}

#[test]
fn a_thread_that_suspends_itself_gets_no_answer_and_repeats_the_call_when_resumed() {
    let mut scene = Scene::new();
    scene.world.write_message(scene.caller, Label::TcbSuspend.word(), &[], &[]);
    assert_eq!(scene.call(Call, THREAD, 0, 0), Resume::Idle);
    assert_eq!((scene.state(), scene.world.message_of(scene.caller).0), (Inactive, THREAD));
    assert_eq!(scene.world.kernel.objs[scene.caller].context.fault_ip(), SYSCALL_IP);
}

/// An untyped of 64 KiB in slot 20 that must be cleared before it is used again, and the message that does so.
fn dirty_untyped(scene: &mut Scene) {
    let base = scene.world.memory(16);
    scene.world.put(20, Cap::Untyped { base, size_bits: 16, is_device: false, free: 1 << 16 });
    let root = scene.world.kernel.objs[scene.caller.slot(TcbSlot::CSpace)].cap.unpack();
    scene.world.put(0, root);
    let words = [ObjectType::Endpoint as u64, 0, 0, 0, 30, 1];
    scene.world.write_message(scene.caller, Label::UntypedRetype.word(), &words, &[0]);
    // The next look at the clock comes before all of it is cleared.
    scene.world.kernel.sched.work_units = abi::limits::WORK_UNITS_PER_PREEMPTION - 10;
}

#[test]
fn a_preempted_call_is_repeated_until_it_is_done() {
    let mut scene = Scene::new();
    dirty_untyped(&mut scene);
    scene.world.kernel.machine.interrupt_pending = true;
    let mut repeats = 0;
    loop {
        assert_eq!(scene.call(Call, 20, 0, 0), Resume::Thread(scene.caller));
        let context = &scene.world.kernel.objs[scene.caller].context;
        if context.entry() == EntryKind::Syscall {
            break;
        }
        let registers = (context.get(Register::IP), context.syscall_number(), context.cap_register());
        assert_eq!(registers, (SYSCALL_IP, Call.word(), 20));
        repeats += 1;
    }
    assert!(repeats > 0);
    assert_eq!(scene.answer(), (0, vec![]));
    assert!(matches!(scene.world.cap(30), Cap::Endpoint { .. }));
}

#[test]
fn a_preempted_send_half_skips_the_receive_half() {
    let mut scene = Scene::new();
    dirty_untyped(&mut scene);
    scene.world.kernel.machine.interrupt_pending = true;
    assert_eq!(scene.call(NBSendRecv, ENDPOINT, 20, REPLY), Resume::Thread(scene.caller));
    assert_eq!((scene.state(), scene.repeats_at()), (Running, Some(SYSCALL_IP)));
    scene.world.kernel.machine.interrupt_pending = false;
    assert_eq!(scene.call(NBSendRecv, ENDPOINT, 20, REPLY), Resume::Idle);
    assert_eq!(scene.state(), BlockedOnReceive);
    assert!(matches!(scene.world.cap(30), Cap::Endpoint { .. }));
}

#[test]
fn a_call_on_an_exhausted_budget_is_repeated_when_the_thread_runs_again() {
    let mut scene = Scene::new();
    let other = scene.world.thread(5);
    scene.world.ready(other);
    scene.world.kernel.machine.time = Ticks(6_000_000);
    assert_eq!(scene.call(Send, NOTIFICATION, 0, 0), Resume::Thread(other));
    assert!(!scene.world.kernel.objs[scene.notification].is_active());
    assert_eq!(scene.state(), Restart);
    let resume = scene.world.syscall(other, Yield, 0, 0);
    assert_eq!(resume, Resume::Thread(scene.caller));
    assert_eq!((scene.state(), scene.repeats_at()), (Running, Some(SYSCALL_IP)));
}

#[test]
fn yield_lets_an_equal_run() {
    let mut scene = Scene::new();
    let other = scene.world.thread(5);
    scene.world.ready(other);
    assert_eq!(scene.call(Yield, 0, 0, 0), Resume::Thread(other));
    assert_eq!(scene.state(), Running);
}

/// What would be the number of a call if it were sign-extended, where a program can give that.
const POSITIVE: u64 = if abi::WORD_BITS == 64 { 0xffff_ffff } else { 0x7fff_ffff };

#[test]
fn numbers_that_are_no_call_raise_a_fault() {
    for number in
        [0, 1, POSITIVE, DebugPutChar.word(), BenchmarkNullSyscall.word(), VmEnter.word(), -34_i64 as u64]
    {
        let mut scene = Scene::new();
        scene.world.run(scene.caller);
        set_registers(&mut scene.world.kernel.objs[scene.caller].context, &[(Register::NUMBER, number)]);
        assert_eq!(scene.world.kernel.handle(Event::Syscall), Resume::Idle);
        assert_eq!(scene.fault(), Some(Fault::UnknownSyscall { number }));
    }
}

#[test]
fn events_of_the_processor_raise_their_faults() {
    for (event, fault) in [
        (Event::PageFault { address: 0x1000, code: 6 }, Fault::VmFault { address: 0x1000, code: 6 }),
        (Event::Exception { vector: 13, code: 2 }, Fault::UserException { vector: 13, code: 2 }),
        (Event::UnknownSyscall { number: 160 }, Fault::UnknownSyscall { number: 160 }),
    ] {
        let mut scene = Scene::new();
        scene.world.run(scene.caller);
        assert_eq!(scene.world.kernel.handle(event), Resume::Idle);
        assert_eq!((scene.fault(), scene.state()), (Some(fault), BlockedOnSend));
    }
}

#[test]
fn set_tls_base_takes_allowed_addresses_ignores_others_and_leaves_the_other_base() {
    let mut scene = Scene::new();
    let other = Register::ALL.iter().skip(Register::FIRST_BASE).find(|&&register| register != Register::TLS);
    let mut context = arch::Context::default();
    context.set(*other.expect("there are two"), 5);
    scene.world.kernel.machine.bases = context.bases();
    scene.call(SetTLSBase, 0x7000_0000, 0, 0);
    assert_eq!(scene.world.kernel.objs[scene.caller].context.get(Register::TLS), 0x7000_0000);
    assert_eq!(scene.world.kernel.machine.bases, context.bases().with_tls(0x7000_0000));
    let refused = 0x8000_0000_0000;
    if Register::TLS.sanitise(refused) == 0 && abi::WORD_BITS == 64 {
        scene.call(SetTLSBase, refused, 0, 0);
        assert_eq!(scene.world.kernel.machine.bases, context.bases().with_tls(0x7000_0000));
    }
    assert_eq!(scene.state(), Running);
}

#[test]
fn the_timer_interrupt_ends_and_sets_a_new_deadline() {
    let mut scene = Scene::new();
    scene.world.run(scene.caller);
    scene.world.kernel.machine.time = Ticks(1_000_000);
    let resume = scene.world.kernel.handle(Event::Interrupt(abi::vector::TIMER));
    assert_eq!(resume, Resume::Thread(scene.caller));
    assert!(scene.world.kernel.machine.effects.contains(&Effect::EndOfInterrupt));
    assert!(scene.world.kernel.machine.deadline > Ticks(1_000_000));
}

#[test]
fn a_faulting_thread_that_is_answered_repeats_its_system_call() {
    let mut scene = Scene::new();
    let handler = scene.world.thread(9);
    scene.world.receive(handler, scene.faults, Some(scene.reply));
    scene.call(Call, NOWHERE, 0, 0);
    assert_eq!(scene.state(), BlockedOnReply);
    scene.world.write_message(handler, 0, &[], &[]);
    let resume = scene.world.syscall(handler, ReplyRecv, ENDPOINT, REPLY);
    assert_eq!(resume, Resume::Thread(scene.caller));
    let context = &scene.world.kernel.objs[scene.caller].context;
    assert_eq!((context.cap_register(), context.syscall_number()), (NOWHERE, Call.word()));
    assert_eq!(scene.repeats_at(), Some(SYSCALL_IP));
}

#[test]
fn a_cnode_with_a_guard_reports_where_resolution_stopped() {
    let mut scene = Scene::new();
    let node = scene.world.cnode(4);
    let Cap::CNode { slots, radix, .. } = node else { panic!("{node:?}") };
    let guard = GuardData::new(0b101, 3);
    scene
        .world
        .put(20, Cap::CNode { slots, radix, guard: guard.guard(), guard_bits: guard.guard_bits() as u8 });
    let root = Cap::CNode { slots: scene.world.at(0), radix: 6, guard: 0, guard_bits: 0 };
    scene.world.kernel.objs[scene.caller.slot(TcbSlot::CSpace)].cap = root.pack();
    scene.call(Call, 20 << (DEPTH - 6), 0, 0);
    let failure = LookupFailure::GuardMismatch { bits_left: DEPTH - 6, guard: 0b101, guard_bits: 3 };
    assert_eq!(scene.cap_fault(), Some((20 << (DEPTH - 6), Phase::Send, failure)));
}
