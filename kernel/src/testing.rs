// SPDX-License-Identifier: MIT OR Apache-2.0
//! A kernel on simulated memory, for tests.

pub(crate) mod caller;

use abi::ipc_buffer::{MAX_EXTRA_CAPS, REGISTER_MESSAGES, message_offset};
use abi::sizes::WORD_BITS;
use abi::{MessageInfo, Register, TIME_WORDS, time_word};
use arch::{Context, PhysAddr, SimMachine};

use crate::Kernel;
use crate::args::Message;
use crate::cap::Cap;
use crate::cap::slot::{Slot, SlotRef};
use crate::memory::objects::{KernelObject, ObjRef, Objects, SimMemory};
use crate::memory::user::UserFrame;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::refill::{MIN_REFILLS, Rate};

pub(crate) use caller::{Call, Caller, Defect, check_order};

/// Where simulated memory starts.
pub(crate) const START: u64 = 0x20_0000;
/// How much there is.
pub(crate) const SIZE: usize = 4 << 20;

/// Bits of a CPtr: the depth at which it names a slot.
pub(crate) const DEPTH: u64 = WORD_BITS as u64;
/// Bytes of the instruction that makes a system call.
pub(crate) const CALL_LENGTH: u64 = if WORD_BITS == 64 { 2 } else { 4 };

/// Sets registers of a thread; one inside a system call stays there.
pub(crate) fn set_registers(context: &mut Context, values: &[(Register, u64)]) {
    let entry = core::mem::take(&mut context.entry_word);
    values.iter().for_each(|&(register, value)| context.set(register, value));
    context.entry_word = entry;
}

/// Puts a thread into the system call at `address`.
pub(crate) fn enter_call(context: &mut Context, address: u64) {
    context.entry_word = 0;
    context.set(Register::IP, address + CALL_LENGTH);
    context.entry_word = 1;
}

/// The words of a time in a message.
pub(crate) fn time_words(time: u64) -> impl Iterator<Item = u64> {
    (0..TIME_WORDS).map(move |index| time_word(time, index))
}

/// A kernel with an idle thread, and an allocator for objects made behind its back.
pub(crate) struct TestKernel {
    /// The kernel.
    pub(crate) kernel: Kernel<SimMachine>,
    next: u64,
}

impl TestKernel {
    /// A kernel whose current thread is the idle thread; 1 µs is 1000 ticks.
    pub(crate) fn new() -> Self {
        Self::with_memory_of(SIZE)
    }

    /// The same with `size` bytes of memory, for tests that need many kernels.
    pub(crate) fn with_memory_of(size: usize) -> Self {
        let memory = SimMemory::new(PhysAddr(START), size);
        let mut kernel = Kernel::new(SimMachine::default(), Objects::new(memory));
        kernel.config.ticks_per_us = 1000;
        let mut test = Self { kernel, next: START };
        let idle: ObjRef<Tcb> = test.object(11);
        let idle_sc: ObjRef<SchedContext> = test.object(7);
        test.kernel.objs[idle].initialise();
        test.kernel.objs[idle].set_state_raw(ThreadState::Idle);
        test.kernel.objs[idle].sched_context = Some(idle_sc);
        test.kernel.objs[idle_sc].tcb = Some(idle);
        test.kernel.sched.idle = idle;
        test.kernel.sched.current = idle;
        test.kernel.sched.current_sc = idle_sc;
        test.kernel.kernel_root = test.memory(12);
        test.kernel.active_root = test.kernel.kernel_root;
        test.kernel.irq_slots = ObjRef::on_host(test.memory(13));
        test.kernel.waker = test.kernel.irq_slots;
        test.kernel.config.status = test.object(12);
        test
    }

    /// Zeroed memory of `1 << bits` bytes, aligned to its size.
    pub(crate) fn memory(&mut self, bits: u32) -> PhysAddr {
        let size = 1 << bits;
        let base = self.next.next_multiple_of(size);
        self.next = base + size;
        PhysAddr(base)
    }

    /// Bytes given out so far, from [`START`].
    pub(crate) fn used(&self) -> usize {
        (self.next - START) as usize
    }

    /// A zeroed object of `1 << bits` bytes.
    pub(crate) fn object<T: KernelObject>(&mut self, bits: u32) -> ObjRef<T> {
        ObjRef::on_host(self.memory(bits))
    }

    /// A capability to an empty CNode with `1 << radix` slots whose guard fills up a word.
    pub(crate) fn cnode(&mut self, radix: u8) -> Cap {
        let slots: ObjRef<Slot> = self.object(5 + u32::from(radix));
        Cap::CNode { slots, radix, guard: 0, guard_bits: WORD_BITS as u8 - radix }
    }

    /// A new, inactive thread with `root` as its CSpace.
    pub(crate) fn thread(&mut self, root: Cap) -> ObjRef<Tcb> {
        let tcb: ObjRef<Tcb> = self.object(11);
        self.kernel.objs[tcb].initialise();
        self.kernel.objs[tcb.slot(TcbSlot::CSpace)].cap = root.pack();
        tcb
    }

    /// A round-robin scheduling context with a slice of 5 ms.
    pub(crate) fn sched_context(&mut self) -> ObjRef<SchedContext> {
        let sc = self.object(7);
        let slice = self.kernel.us_to_ticks(5000);
        self.kernel.set_refills(sc, Rate { budget: slice, period: slice, max_refills: MIN_REFILLS });
        sc
    }

    /// A new, inactive thread with a scheduling context of its own.
    pub(crate) fn schedulable_thread(&mut self, priority: u8) -> ObjRef<Tcb> {
        let tcb = self.thread(Cap::Null);
        let sc = self.sched_context();
        self.kernel.objs[tcb].priority = priority;
        self.kernel.objs[tcb].sched_context = Some(sc);
        self.kernel.objs[sc].tcb = Some(tcb);
        tcb
    }

    /// Makes a thread that is in no queue the current one, on its own scheduling context.
    pub(crate) fn run(&mut self, tcb: ObjRef<Tcb>) {
        self.kernel.set_thread_state(tcb, ThreadState::Running);
        self.kernel.sched.current = tcb;
        if let Some(sc) = self.kernel.objs[tcb].sched_context {
            self.kernel.sched.current_sc = sc;
        }
    }

    /// A fresh slot that holds `cap`, alone in the derivation order.
    pub(crate) fn slot_with(&mut self, cap: Cap) -> SlotRef {
        let slot = self.object(5);
        self.kernel.insert_root_cap(cap, slot);
        slot
    }

    /// Slot `index` of a CNode capability.
    pub(crate) fn slot(&self, cnode: Cap, index: usize) -> SlotRef {
        match cnode {
            Cap::CNode { slots, .. } => slots.element(index),
            other => panic!("{other:?} is not a CNode"),
        }
    }

    /// The message of an invocation by `sender`, in its registers and an IPC buffer of its own.
    pub(crate) fn message(
        &mut self,
        sender: ObjRef<Tcb>,
        label: u64,
        words: &[u64],
        slots: &[SlotRef],
    ) -> Message {
        let buffer = UserFrame::new(self.memory(10));
        for (index, &word) in words.iter().enumerate() {
            if index < REGISTER_MESSAGES {
                self.kernel.objs[sender].context.set_message_register(index, word);
            } else {
                buffer.write(&mut self.kernel.objs, message_offset(index), word);
            }
        }
        let mut caps = [None; MAX_EXTRA_CAPS];
        for (cap, &slot) in caps.iter_mut().zip(slots) {
            *cap = Some(slot);
        }
        let info = MessageInfo::new(label, 0, slots.len(), words.len());
        let label = self.kernel.config.numbering.label(label);
        Message { sender, info, label, length: words.len(), buffer: Some(buffer), caps }
    }
}

/// A small generator of repeatable random numbers (xorshift).
pub(crate) struct Random(u64);

impl Random {
    /// A generator that always gives the same numbers for the same `seed`, which is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next word.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound as u64) as usize
    }
}
