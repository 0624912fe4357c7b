// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a test has: memory and slots of its own, threads, and a way to let them run.
//!
//! The suite's own thread has the highest priority. Others run only while it waits in [`Env::settle`]: a marker thread
//! at the lowest priority answers when everything above it has blocked. Since nothing then happens behind
//! the test's back, tests look for messages without blocking.

use crate::check::{Failure, Outcome};
use abi::{CapTag, GuardData, Label, Rights, SlotRegion, WORD_BITS, sizes};
use core::sync::atomic::{AtomicU64, Ordering};
use userland::object::SchedParameters;
use userland::syscall::{self, Received};
use userland::{
    AllocError, Boot, CNode, CPtr, Capability, Endpoint, Error, Message, Notification, Object, Options,
    Reply, RootTask, SchedContext, Slots, Stack, Tcb, Thread, Untyped, VSpace, ticks,
};

/// The memory of a test, as a power of two.
const MEMORY_BITS: u32 = 23;
/// The slots of a test.
const SLOTS: u64 = 1024;
/// The most threads of a test.
const THREADS: usize = 16;
/// Words that threads leave for the test.
const RESULTS: usize = 32;

/// Priorities of test threads: the usual one, and its neighbours.
pub(crate) const LOW: u64 = 99;
pub(crate) const MIDDLE: u64 = 100;
pub(crate) const HIGH: u64 = 101;

/// The depth at which an address of a slot is a whole word.
pub(crate) const DEPTH: u64 = WORD_BITS as u64;

/// The slice of test threads: long enough never to end, even where a busy host takes the processor away for a while.
pub(crate) const SLICE: SchedParameters = SchedParameters::round_robin(10_000_000);

static STACKS: [Stack<8192>; THREADS] = [const { Stack::new() }; THREADS];
static MARKER: Stack<4096> = Stack::new();
static RESULT: [AtomicU64; RESULTS] = [const { AtomicU64::new(0) }; RESULTS];

/// What all tests share.
pub(crate) struct Stage<'a> {
    task: &'a mut RootTask,
    memory: Untyped,
    slots: SlotRegion,
    go: Notification,
    done: Notification,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(task: &'a mut RootTask) -> Result<Self, AllocError> {
        let memory = task.untyped(MEMORY_BITS)?;
        let first = task.slots.take_many(SLOTS)?.0;
        let (go, done) = (task.make::<Notification>()?, task.make::<Notification>()?);
        let marker = move || {
            loop {
                syscall::wait(go.0);
                syscall::signal(done.0);
            }
        };
        // In an address space of its own, so that every wait of the suite switches to another one and back.
        let vspace = task.make_vspace()?;
        task.share_image(vspace)?;
        let options = Options { vspace, ..Options::new(1, Some(task.make_sched_context(SLICE)?)) };
        let tcb = task.make()?;
        Thread::prepare(&task.boot, tcb, &MARKER, options)?.start(marker)?;
        Ok(Self { task, memory, slots: SlotRegion::new(first, first + SLOTS), go, done })
    }

    /// Runs a test and takes everything away from it again.
    pub(crate) fn perform(&mut self, test: fn(&mut Env) -> Outcome) -> Outcome {
        RESULT.iter().for_each(|result| result.store(0, Ordering::Relaxed));
        let slots = Slots::new(self.slots);
        let mut env = Env {
            boot: self.task.boot,
            memory: self.memory,
            slots,
            threads: [const { None }; THREADS],
            go: self.go,
            done: self.done,
        };
        let outcome = test(&mut env);
        let Env { slots, threads, .. } = env;
        let cleared = self.clear(slots);
        threads.into_iter().flatten().for_each(crate::code::release);
        outcome.and(cleared)
    }

    fn clear(&self, left: Slots) -> Outcome {
        self.memory.slot().revoke()?;
        let used = SLOTS - left.left();
        for slot in self.slots.slots().take(used as usize) {
            CPtr(slot).slot().delete()?;
        }
        Ok(())
    }
}

/// What one test has.
pub(crate) struct Env {
    pub(crate) boot: Boot,
    /// The memory that everything of the test is made from.
    pub(crate) memory: Untyped,
    slots: Slots,
    threads: [Option<Thread>; THREADS],
    go: Notification,
    done: Notification,
}

impl Env {
    /// Ticks in a microsecond.
    pub(crate) fn mhz(&self) -> u64 {
        self.boot.tsc_mhz().unwrap_or(1).into()
    }

    /// An empty slot of the root CNode.
    pub(crate) fn slot(&mut self) -> Result<CPtr, AllocError> {
        self.slots.take()
    }

    /// The first of several consecutive empty slots.
    pub(crate) fn slots(&mut self, count: u64) -> Result<CPtr, AllocError> {
        self.slots.take_many(count)
    }

    /// A new object, a child of [`Env::memory`].
    pub(crate) fn make<T: Object>(&mut self) -> Result<T, AllocError> {
        self.make_sized(0)
    }

    /// A new object whose size argument is `size_bits`.
    pub(crate) fn make_sized<T: Object>(&mut self, size_bits: u32) -> Result<T, AllocError> {
        let slot = self.slot()?;
        self.memory.retype(T::TYPE, size_bits, slot, 1)?;
        Ok(T::from(slot))
    }

    /// A new untyped.
    pub(crate) fn untyped(&mut self, size_bits: u32) -> Result<Untyped, AllocError> {
        self.make_sized(size_bits)
    }

    /// A new CNode of 2 to the power of `bits` slots, and a capability to it whose guard makes addresses of a word work.
    pub(crate) fn cnode(&mut self, bits: u32) -> Result<CNode, AllocError> {
        let plain: CNode = self.make_sized(bits)?;
        let slot = self.slot()?;
        slot.slot().mint_from(plain.slot(), Rights::ALL, GuardData::new(0, WORD_BITS - bits).word())?;
        Ok(CNode(slot))
    }

    /// A copy of a capability in a new slot, with these rights.
    pub(crate) fn copy<T: Capability>(&mut self, source: T, rights: Rights) -> Result<T, AllocError> {
        let slot = self.slot()?;
        slot.slot().copy_from(source.slot(), rights)?;
        Ok(T::from(slot))
    }

    /// A copy with a badge.
    pub(crate) fn badged<T: Capability>(&mut self, source: T, badge: u64) -> Result<T, AllocError> {
        let slot = self.slot()?;
        slot.slot().mint_from(source.slot(), Rights::ALL, badge)?;
        Ok(T::from(slot))
    }

    /// A new address space with an ASID.
    pub(crate) fn vspace(&mut self) -> Result<VSpace, AllocError> {
        let vspace = self.make()?;
        userland::INIT_ASID_POOL.assign(vspace)?;
        Ok(vspace)
    }

    /// A new scheduling context with its time.
    pub(crate) fn sched_context(&mut self, time: SchedParameters) -> Result<SchedContext, AllocError> {
        let context = self.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
        self.boot.sched_control().configure(context, time)?;
        Ok(context)
    }

    /// A new thread that can run code of this program, prepared but not started.
    pub(crate) fn thread(&mut self, options: Options) -> Result<&Thread, Failure> {
        let tcb = self.make()?;
        let free = self.threads.iter_mut().zip(&STACKS).find(|(thread, _)| thread.is_none());
        let Some((place, stack)) = free else {
            return Err(Failure::new(format_args!("the test wants more than {THREADS} threads")));
        };
        Ok(place.insert(Thread::prepare(&self.boot, tcb, stack, options)?))
    }

    /// A thread with time of its own at this priority, which starts at once.
    pub(crate) fn spawn(
        &mut self,
        priority: u64,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<Tcb, Failure> {
        let context = self.sched_context(SLICE)?;
        let thread = self.thread(Options::new(priority, Some(context)))?;
        thread.start(work)?;
        Ok(thread.tcb)
    }

    /// A thread that runs `code` with `argument` in the first register and sends its faults to `handler`.
    pub(crate) fn spawn_at(
        &mut self,
        code: crate::code::Code,
        argument: u64,
        handler: Option<Endpoint>,
    ) -> Result<Tcb, Failure> {
        let context = self.sched_context(SLICE)?;
        let options = Options { fault_handler: handler, ..Options::new(MIDDLE, Some(context)) };
        let thread = self.thread(options)?;
        thread.start_at(code.address(), argument)?;
        Ok(thread.tcb)
    }

    /// Lets all other threads run until none can.
    pub(crate) fn settle(&self) {
        syscall::signal(self.go.0);
        syscall::wait(self.done.0);
    }

    /// The message that waits at `endpoint` once all threads have run, received with `reply`.
    pub(crate) fn receive(&self, endpoint: Endpoint, reply: Reply) -> Result<Received, Failure> {
        self.settle();
        self.take(endpoint, reply)
    }

    /// The same of threads with little time: on a busy host it may be used up before they send, and they go on some periods
    /// later.
    pub(crate) fn receive_within(
        &self,
        microseconds: u64,
        endpoint: Endpoint,
        reply: Reply,
    ) -> Result<Received, Failure> {
        let patience = microseconds * self.mhz();
        let start = ticks();
        loop {
            self.settle();
            let received = syscall::nb_recv(endpoint.0, reply.0);
            if received != Received::default() || ticks().wrapping_sub(start) > patience {
                return message(received);
            }
        }
    }

    /// The message that waits at `endpoint` now.
    #[track_caller]
    pub(crate) fn take(&self, endpoint: Endpoint, reply: Reply) -> Result<Received, Failure> {
        message(syscall::nb_recv(endpoint.0, reply.0))
    }

    /// The word of a notification now; 0 if it is idle.
    pub(crate) fn poll(&self, notification: Notification) -> u64 {
        syscall::nb_wait(notification.0).badge
    }

    /// What a thread left at `index` with [`leave`].
    pub(crate) fn left(&self, index: usize) -> u64 {
        RESULT[index].load(Ordering::Relaxed)
    }

    /// Where [`Env::left`] looks, for threads that know addresses only.
    pub(crate) fn left_place(&self, index: usize) -> &'static AtomicU64 {
        &RESULT[index]
    }
}

/// What was received, which is told from no message by its badge or info.
#[track_caller]
fn message(received: Received) -> Result<Received, Failure> {
    if received == Received::default() {
        return Err(Failure::new(format_args!("no message")));
    }
    Ok(received)
}

/// Leaves a word for the test.
pub(crate) fn leave(index: usize, word: u64) {
    RESULT[index].store(word, Ordering::Relaxed);
}

/// What kind of capability a slot of the root CNode holds.
pub(crate) fn kind(cptr: CPtr) -> Option<CapTag> {
    syscall::debug_cap_identify(cptr)
}

/// Invokes a capability with any words and capabilities.
pub(crate) fn invoke(
    dest: impl Capability,
    label: Label,
    words: &[u64],
    caps: &[CPtr],
) -> Result<Received, Error> {
    Message { label: label.word(), words, caps }.invoke(dest.cptr())
}

/// Shifts a word for the test by four bits and adds a mark, which so tells the order of events.
pub(crate) fn append(index: usize, mark: u64) {
    leave(index, RESULT[index].load(Ordering::Relaxed) << 4 | mark);
}
