// SPDX-License-Identifier: MIT OR Apache-2.0
//! A storm of random system calls, for tests that compare or check the state after each of them.

use core::ops::Range;

use abi::{Label, MessageInfo, Register, Rights, Syscall};
use arch::Ticks;

use super::testing::World;
use super::transfer::BufferAccess;
use crate::cap::Cap;
use crate::memory::objects::ObjRef;
use crate::object::asid::{Asid, AsidPool};
use crate::object::endpoint::Receive;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::testing::{DEPTH, Random, set_registers};
use crate::{Event, Resume};

const THREADS: usize = 6;
/// Those that start without a scheduling context.
const SERVERS: Range<usize> = 3..6;

/// Slots of the capabilities of each kind; the root is in slot 0, and slots from 32 on start empty.
const ENDPOINTS: Range<u64> = 1..7;
const ORIGINALS: Range<u64> = 1..3;
const NOTIFICATIONS: Range<u64> = 8..11;
const REPLIES: Range<u64> = 12..16;
const THREADS_AT: Range<u64> = 16..22;
const CONTEXTS: Range<u64> = 24..30;

/// Kinds of events that fast paths finish.
pub(crate) const FAST_KINDS: usize = 8;

/// Which path Call and ReplyRecv take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Path {
    /// [`crate::Kernel::handle`] only.
    Slow,
    /// A fast path where it applies.
    Fast,
}

/// Threads that do random things to each other. Storms of one seed do the same on either path.
pub(crate) struct Storm {
    pub(crate) world: World,
    pub(crate) threads: Vec<ObjRef<Tcb>>,
    contexts: Vec<ObjRef<SchedContext>>,
    random: Random,
    path: Path,
    /// What fast paths have finished: Calls, ReplyRecvs, sends after which the sender went on, others, faults, Waits,
    /// Recvs, Yields.
    pub(crate) fast_events: [usize; FAST_KINDS],
}

impl Storm {
    /// The storm of this seed.
    pub(crate) fn new(seed: u64, path: Path) -> Self {
        let mut world = World::new();
        let mut random = Random::new(seed);
        let pool: ObjRef<AsidPool> = world.object(12);
        world.kernel.asids[0] = Some(pool);
        let (mut threads, mut contexts) = (Vec::new(), Vec::new());
        for index in 0..THREADS {
            let tcb = world.thread(random.below(4) as u8);
            world.kernel.objs[tcb].mcp = 255;
            let root = world.memory(12);
            world.kernel.objs[pool].roots[1 + index] = root.0;
            let vspace = Cap::VSpace { root, asid: Some(Asid(1 + index as u16)) };
            world.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = vspace.pack();
            let sc = world.sc(tcb).expect("an active thread");
            world.put(16 + index, Cap::Thread(tcb));
            world.put(24 + index, Cap::SchedContext { sc, size_bits: 7 });
            threads.push(tcb);
            contexts.push(sc);
        }
        let mut storm = Self { world, random, threads, contexts, path, fast_events: [0; FAST_KINDS] };
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
        storm.world.kernel.handle(Event::Interrupt(abi::vector::TIMER));
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
        let has_buffer = self.world.kernel.buffer_of(tcb, BufferAccess::Write).is_some();
        if has_buffer && self.random.below(2) == 0 {
            let words: Vec<u64> = (0..self.random.below(9)).map(|_| self.random.word()).collect();
            return self.world.write_message(tcb, 0, &words, &[]);
        }
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
                let depth = if self.random.below(8) == 0 { DEPTH } else { 0 };
                vec![to, depth, from, DEPTH, Rights::ALL.0]
            }
        };
        let caps: Vec<u64> =
            (0..self.random.below(4)).map(|_| self.target(&[THREADS_AT, ENDPOINTS])).collect();
        let caps = if label == Label::CNodeCopy.word() { vec![0] } else { caps };
        if has_buffer {
            self.world.write_message(tcb, label, &words, &caps);
        }
    }

    /// Sets any of the bits of capabilities unwrapped, in which a sender has no say.
    fn write_unwrapped(&mut self, tcb: ObjRef<Tcb>) {
        let unwrapped = self.random.below(8) as u64;
        let context = &mut self.world.kernel.objs[tcb].context;
        let info = MessageInfo(context.info_register());
        let info = MessageInfo::new(info.label(), unwrapped, info.extra_caps(), info.length());
        context.set_info(info.word());
    }

    /// One event: of the current thread, of the timer, or from outside when nobody runs.
    pub(crate) fn step(&mut self) {
        self.world.kernel.machine.interrupt_pending = self.random.below(4) == 0;
        let current = self.world.kernel.current();
        if current == self.world.kernel.sched.idle {
            return self.poke();
        }
        let event = match self.random.below(25) {
            0 => Event::PageFault { address: 0x1000, code: 4 },
            1 => Event::Exception { vector: 6, code: 0 },
            2..=4 => Event::Interrupt(abi::vector::TIMER),
            _ => Event::Syscall,
        };
        let passed = if event == Event::Interrupt(abi::vector::TIMER) { 1_500_000 } else { 50 };
        self.world.kernel.machine.time += Ticks(self.random.below(passed) as u64);
        self.write_message(current);
        self.write_unwrapped(current);
        let call = match self.random.below(24) {
            index @ 0..11 => Syscall::ALL[index],
            11..15 => Syscall::Call,
            15..19 => Syscall::ReplyRecv,
            _ => Syscall::Send,
        };
        let sending = [ENDPOINTS, NOTIFICATIONS, REPLIES, THREADS_AT, CONTEXTS, 0..1];
        let receiving = [ENDPOINTS, ENDPOINTS, NOTIFICATIONS];
        let target = match call {
            Syscall::Call if self.random.below(2) == 0 => self.target(&[ENDPOINTS]),
            Syscall::Send if self.random.below(2) == 0 => self.target(&[NOTIFICATIONS, ENDPOINTS]),
            Syscall::Send | Syscall::NBSend | Syscall::Call => self.target(&sending),
            _ => self.target(&receiving),
        };
        let r12 = if call == Syscall::NBSendWait { self.target(&sending) } else { self.target(&[REPLIES]) };
        let r12 = self.reply_owed_by(current).filter(|_| call == Syscall::ReplyRecv).unwrap_or(r12);
        let r13 = self.target(&sending);
        let context = &mut self.world.kernel.objs[current].context;
        let registers = [
            (Register::NUMBER, call.word()),
            (Register::ARGUMENT, target),
            (Register::REPLY, r12),
            (Register::SEND, r13),
        ];
        set_registers(context, &registers);
        context.entry_word = if event == Event::Syscall { 1 } else { 0 };
        if !self.try_fast_path(event, call) {
            self.world.kernel.handle(event);
        }
    }

    /// CPtr of the reply object on which the latest caller waits whose budget `tcb` runs on.
    fn reply_owed_by(&self, tcb: ObjRef<Tcb>) -> Option<u64> {
        let top = self.world.kernel.objs[self.world.sc(tcb)?].reply?;
        REPLIES.into_iter().find(|&cptr| {
            self.world.kernel.objs[self.world.at(cptr as usize)].cap.reply_object() == Some(top)
        })
    }

    fn try_fast_path(&mut self, event: Event, call: Syscall) -> bool {
        if self.path == Path::Slow {
            return false;
        }
        let current = self.world.kernel.current();
        let Some(resume) = self.world.kernel.fast_path(event) else { return false };
        let kind = match call {
            _ if event != Event::Syscall => 4,
            Syscall::Call => 0,
            Syscall::ReplyRecv => 1,
            Syscall::Wait | Syscall::NBWait => 5,
            Syscall::Recv => 6,
            Syscall::Yield => 7,
            _ if resume == Resume::Thread(current) => 2,
            _ => 3,
        };
        self.fast_events[kind] += 1;
        true
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
        let (endpoint, reply) = (self.target(&[ORIGINALS]), self.target(&[REPLIES]));
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

    /// Checks the invariants of all threads and scheduling contexts.
    pub(crate) fn check(&self) {
        self.world.kernel.check_timer();
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
        let mut storm = Storm::new(seed, Path::Slow);
        for _ in 0..400 {
            storm.step();
            storm.check();
        }
    }
}
