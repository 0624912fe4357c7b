// SPDX-License-Identifier: MIT OR Apache-2.0
//! QUEUED and BOUND as far as messages are concerned, and a storm of random system calls under them.

use core::ops::Range;

use abi::{Label, Rights, Syscall};
use arch::{Machine, PhysAddr, Ticks};

use super::testing::World;
use crate::cap::Cap;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Endpoint, EndpointState, Receive};
use crate::object::notification::{Notification, NotificationState};
use crate::object::reply::Above;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::Queue;
use crate::testing::Random;
use crate::{Event, Kernel, Resume};

impl<M: Machine> Kernel<M> {
    /// Checks that a thread is queued, holds a reply object and is bound exactly as its state says.
    pub(crate) fn check_thread_ipc(&self, tcb: ObjRef<Tcb>) {
        let thread = &self.objs[tcb];
        let blocked_on = PhysAddr(thread.blocked_on);
        match thread.state() {
            ThreadState::BlockedOnSend => self.check_queued(tcb, blocked_on, EndpointState::Sending),
            ThreadState::BlockedOnReceive => self.check_queued(tcb, blocked_on, EndpointState::Receiving),
            ThreadState::BlockedOnNotification => {
                let notification: &Notification = &self.objs[ObjRef::at(blocked_on)];
                assert_eq!(notification.state(), NotificationState::Waiting);
                self.check_queue(Queue { head: notification.head, tail: notification.tail }, tcb);
            }
            ThreadState::BlockedOnReply => assert!(thread.reply.is_some(), "{tcb:?} waits for nobody"),
            _ => {}
        }
        let may_have_reply =
            matches!(thread.state(), ThreadState::BlockedOnReceive | ThreadState::BlockedOnReply);
        assert!(may_have_reply || thread.reply.is_none(), "{tcb:?} keeps a reply object");
        assert!(thread.state().is_blocked() || (thread.ipc_next, thread.ipc_prev) == (None, None));
        assert!(thread.reply.is_none_or(|reply| self.objs[reply].tcb == Some(tcb)), "REPLY of {tcb:?}");
        let bound = thread.bound_notification;
        assert!(bound.is_none_or(|notification| self.objs[notification].bound_tcb == Some(tcb)));
        assert!(thread.sched_context.is_none_or(|sc| self.objs[sc].tcb == Some(tcb)), "BOUND of {tcb:?}");
    }

    fn check_queued(&self, tcb: ObjRef<Tcb>, endpoint: PhysAddr, state: EndpointState) {
        let endpoint: &Endpoint = &self.objs[ObjRef::at(endpoint)];
        assert_eq!(endpoint.state(), state);
        self.check_queue(endpoint.queue(), tcb);
    }

    /// Checks that `queue` contains `tcb` once, by descending priority, with links that agree.
    fn check_queue(&self, queue: Queue, tcb: ObjRef<Tcb>) {
        let (mut next, mut before, mut found) = (queue.head, None, 0);
        while let Some(member) = next {
            let thread = &self.objs[member];
            assert_eq!(thread.ipc_prev, before);
            assert!(before.is_none_or(|other: ObjRef<Tcb>| self.objs[other].priority >= thread.priority));
            found += usize::from(member == tcb);
            (before, next) = (next, thread.ipc_next);
        }
        assert_eq!((queue.tail, found), (before, 1), "QUEUED of {tcb:?}");
    }

    /// Checks the call chain of a scheduling context: links agree, and everybody below waits for a reply.
    pub(crate) fn check_call_chain(&self, sc: ObjRef<SchedContext>) {
        assert!(self.objs[sc].tcb.is_none_or(|tcb| self.objs[tcb].sched_context == Some(sc)));
        let (mut above, mut next) = (Above::SchedContext(sc), self.objs[sc].reply);
        while let Some(reply) = next {
            assert_eq!(self.objs[reply].above(), above);
            let caller = self.objs[reply].tcb.expect("a reply object in a chain holds a caller");
            assert_eq!(self.objs[caller].state(), ThreadState::BlockedOnReply);
            (above, next) = (Above::Reply(reply), self.objs[reply].below);
        }
    }

    /// Checks that a thread that can run is current or in a ready queue, and no other is.
    pub(crate) fn check_thread_ready(&self, tcb: ObjRef<Tcb>) {
        let is_current = self.sched.current == tcb;
        let is_ready = self.objs[tcb].in_ready_queue != 0;
        assert_eq!(self.is_schedulable(tcb), is_current || is_ready, "READY of {tcb:?}");
        assert!(!(is_current && is_ready), "{tcb:?} is current and queued");
    }
}

const THREADS: usize = 6;
/// Those that start without a scheduling context.
const SERVERS: Range<usize> = 3..6;

/// Slots of the capabilities of each kind; the root is in slot 0, and slots from 32 on start empty.
const ENDPOINTS: Range<u64> = 1..7;
const NOTIFICATIONS: Range<u64> = 8..11;
const REPLIES: Range<u64> = 12..16;
const THREADS_AT: Range<u64> = 16..22;
const CONTEXTS: Range<u64> = 24..30;

/// Threads that do random things to each other.
struct Storm {
    world: World,
    random: Random,
    threads: Vec<ObjRef<Tcb>>,
    contexts: Vec<ObjRef<SchedContext>>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        let mut random = Random::new(seed);
        let (mut threads, mut contexts) = (Vec::new(), Vec::new());
        for index in 0..THREADS {
            let tcb = world.thread(random.below(4) as u8);
            world.kernel.objs[tcb].mcp = 255;
            let sc = world.sc(tcb).expect("an active thread");
            world.put(16 + index, Cap::Thread(tcb));
            world.put(24 + index, Cap::SchedContext { sc, size_bits: 7 });
            threads.push(tcb);
            contexts.push(sc);
        }
        let mut storm = Self { world, random, threads, contexts };
        storm.share_cspace();
        storm.place_objects();
        for server in SERVERS {
            storm.world.kernel.unbind_sched_context(storm.contexts[server]);
        }
        let first = storm.threads[0];
        storm.world.kernel.sched.current_sc = storm.contexts[0];
        storm.world.run(first);
        for &tcb in &storm.threads[1..SERVERS.start] {
            storm.world.ready(tcb);
        }
        storm.world.kernel.reschedule_required();
        storm
    }

    /// Derives the CSpace roots of all threads from one capability in slot 0.
    fn share_cspace(&mut self) {
        let root = self.world.kernel.objs[self.threads[0].slot(TcbSlot::CSpace)].cap.unpack();
        self.world.put(0, root);
        let source = self.world.at(0);
        for &tcb in &self.threads {
            let slot = tcb.slot(TcbSlot::CSpace);
            self.world.kernel.objs[slot].cap = Cap::Null.pack();
            self.world.kernel.insert_cap(root, source, slot);
        }
    }

    fn place_objects(&mut self) {
        for index in 0..2 {
            let endpoint = self.world.endpoint(1 + index);
            let source = self.world.at(1 + index);
            for (slot, badge, rights) in [(3, 5, Rights::ALL), (5, 0, Rights::NO_READ)] {
                let slot = self.world.at(slot + index);
                self.world.kernel.insert_cap(Cap::Endpoint { endpoint, badge, rights }, source, slot);
            }
            let handler = Cap::Endpoint { endpoint, badge: 99, rights: Rights::ALL };
            for tcb in 0..THREADS / 2 {
                let slot = self.threads[tcb * 2 + index].slot(TcbSlot::FaultHandler);
                self.world.kernel.insert_cap(handler, source, slot);
            }
            let slot = self.threads[index].slot(TcbSlot::TimeoutHandler);
            self.world.kernel.insert_cap(handler, source, slot);
        }
        for slot in 8..11 {
            self.world.notification(slot);
        }
        for slot in 12..16 {
            self.world.reply(slot);
        }
    }

    /// A message about a capability: mostly invocations that make and break relations.
    fn write_message(&mut self, tcb: ObjRef<Tcb>) {
        const LABELS: [Label; 16] = [
            Label::TcbResume,
            Label::SchedContextBind,
            Label::TcbSuspend,
            Label::TcbResume,
            Label::TcbResume,
            Label::TcbSetPriority,
            Label::TcbBindNotification,
            Label::TcbUnbindNotification,
            Label::SchedContextBind,
            Label::SchedContextBind,
            Label::SchedContextUnbind,
            Label::SchedContextYieldTo,
            Label::CNodeDelete,
            Label::CNodeCopy,
            Label::CNodeRevoke,
            Label::CNodeCancelBadgedSends,
        ];
        let label = LABELS[self.random.below(LABELS.len())].word();
        let words: Vec<u64> = match label {
            _ if label == Label::TcbSetPriority.word() => vec![self.random.below(4) as u64],
            _ => {
                let (to, from) = (self.random.below(64) as u64, self.random.below(32) as u64);
                let depth = if self.random.below(8) == 0 { 64 } else { 0 };
                vec![to, depth, from, 64, Rights::ALL.0]
            }
        };
        let caps: Vec<u64> =
            (0..self.random.below(4)).map(|_| self.target(&[THREADS_AT, ENDPOINTS])).collect();
        let caps = if label == Label::CNodeCopy.word() { vec![0] } else { caps };
        if self.world.kernel.buffer_of(tcb, super::transfer::BufferAccess::Write).is_some() {
            self.world.write_message(tcb, label, &words, &caps);
        }
    }

    fn step(&mut self) {
        self.world.kernel.machine.time += Ticks(self.random.below(200_000) as u64);
        self.world.kernel.machine.interrupt_pending = self.random.below(4) == 0;
        let current = self.world.kernel.current();
        if current == self.world.kernel.sched.idle {
            return self.poke();
        }
        let event = match self.random.below(24) {
            0 => Event::PageFault { address: 0x1000, code: 4 },
            1 => Event::Interrupt(abi::vector::TIMER),
            _ => Event::Syscall,
        };
        self.write_message(current);
        let call = Syscall::ALL[self.random.below(11)];
        let sending = [ENDPOINTS, NOTIFICATIONS, REPLIES, THREADS_AT, CONTEXTS, 0..1];
        let receiving = [ENDPOINTS, ENDPOINTS, NOTIFICATIONS];
        let target = match call {
            Syscall::Send | Syscall::NBSend | Syscall::Call => self.target(&sending),
            _ => self.target(&receiving),
        };
        let r12 = if call == Syscall::NBSendWait { self.target(&sending) } else { self.target(&[REPLIES]) };
        let r13 = self.target(&sending);
        let context = &mut self.world.kernel.objs[current].context;
        (context.rdx, context.rdi, context.r12, context.r13) = (call.word(), target, r12, r13);
        context.entry_word = u64::from(event == Event::Syscall);
        self.world.kernel.handle(event);
    }

    /// A CPtr of one of these kinds, rarely of any.
    fn target(&mut self, kinds: &[Range<u64>]) -> u64 {
        if self.random.below(40) == 0 {
            return self.random.below(64) as u64;
        }
        let kind = kinds[self.random.below(kinds.len())].clone();
        kind.start + self.random.below((kind.end - kind.start) as usize) as u64
    }

    /// Nobody runs: somebody from outside lets time pass, signals, or resumes a thread.
    fn poke(&mut self) {
        for index in 0..THREADS {
            if !self.world.cap(16 + index).is_null() && self.random.below(2) == 0 {
                self.revive(self.threads[index]);
            }
        }
        if let Cap::Notification { notification, .. } = self.world.cap(8 + self.random.below(3)) {
            self.world.kernel.send_signal(notification, 2);
        }
        self.world.kernel.machine.time += Ticks(3_000_000);
        self.world.kernel.handle(Event::Interrupt(abi::vector::TIMER));
    }

    /// Resumes a thread, or lets it wait for calls if it has no budget of its own.
    fn revive(&mut self, tcb: ObjRef<Tcb>) {
        let (endpoint, reply) = (self.target(&[1..3]), self.target(&[REPLIES]));
        let (endpoint, reply) = (self.world.cap(endpoint as usize), self.world.cap(reply as usize));
        if let (None, Cap::Endpoint { endpoint, .. }, Cap::Reply { reply, .. }) =
            (self.world.sc(tcb), endpoint, reply)
        {
            self.world.kernel.cancel_ipc(tcb);
            self.world.kernel.set_thread_state(tcb, ThreadState::Running);
            self.world.kernel.receive_ipc(tcb, endpoint, Receive { blocking: true, reply: Some(reply) });
            self.world.kernel.wake_candidate(tcb);
        } else {
            self.world.kernel.resume_thread(tcb);
        }
    }

    fn check(&self) {
        for &tcb in &self.threads {
            self.world.kernel.check_thread_ipc(tcb);
            self.world.kernel.check_thread_ready(tcb);
        }
        for &sc in &self.contexts {
            self.world.kernel.check_call_chain(sc);
        }
    }
}

#[test]
fn random_system_calls_keep_threads_queues_and_chains_consistent() {
    for seed in 1..=150 {
        let mut storm = Storm::new(seed);
        assert!(matches!(storm.world.kernel.handle(Event::Interrupt(abi::vector::TIMER)), Resume::Thread(_)));
        for _ in 0..400 {
            storm.step();
            storm.check();
        }
    }
}
