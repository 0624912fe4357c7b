// SPDX-License-Identifier: MIT OR Apache-2.0
//! An instance with a root task, built by the code that builds real ones, and what stands for its user code.
//!
//! ```text
//! START    image   kernel root   status   … handed out while booting …   untypeds   END
//! ```

use abi::{CapTag, MessageInfo, Register, Syscall, UntypedDesc};
use arch::{PhysAddr, SimMachine};
use kernel::boot::{Image, RootTask, Slots};
use kernel::cap::Cap;
use kernel::cap::raw::RawCap;
use kernel::handover::Handover;
use kernel::memory::objects::{ObjRef, Objects, SimMemory};
use kernel::object::tcb::Tcb;
use kernel::{Event, Kernel, Resume};

use crate::prologue::{Places, SERVERS};

/// Where simulated memory starts.
pub const START: PhysAddr = PhysAddr(0x80_0000);
const LENGTH: usize = 1 << 20;
const IMAGE_PAGES: u64 = 3;
const KERNEL_ROOT: PhysAddr = PhysAddr(START.0 + 0x3000);
const STATUS: PhysAddr = PhysAddr(START.0 + 0x4000);
/// From here up memory is handed out while booting.
const FREE: u64 = START.0 + 0x8000;
/// Where the image is in the address space of the root task.
const IMAGE_AT: u64 = 0x40_0000;
/// Number of slots of the root CNode.
pub const SLOTS: u64 = 1 << CNODE_BITS;
const CNODE_BITS: u8 = 8;
/// Ticks of the clock in a microsecond.
pub const TICKS_PER_US: u64 = 1000;
/// Lines of the only channel, which leads from the instance to itself.
pub const LINES: u8 = 4;
/// The instance the channel is said to lead to.
pub const PEER: usize = 1;
/// How many senders the inbox has room for.
pub const SENDERS: usize = 2;

/// Memory for programs: normal, then devices (of which nothing exists).
const UNTYPED: [UntypedDesc; 6] = [
    UntypedDesc::new(START.0 + 0x8_0000, 18, false),
    UntypedDesc::new(START.0 + 0xc_0000, 17, false),
    UntypedDesc::new(START.0 + 0xe_0000, 16, false),
    UntypedDesc::new(START.0 + 0xf_0000, 12, false),
    UntypedDesc::new(0xe000_0000, 22, true),
    UntypedDesc::new(0x1_0000_0000, 31, true),
];

/// A booted instance.
#[derive(Clone)]
pub struct World {
    /// Its kernel.
    pub kernel: Kernel<SimMachine>,
    root_slots: PhysAddr,
    roots: [Cap; 2],
    /// The inbox of its only channel; shared by all copies of this.
    pub inbox: &'static ipi::Memory<SENDERS>,
    keeper: ObjRef<Tcb>,
    /// What the kernel said last.
    pub resume: Resume,
    /// First slot of the untypeds.
    pub untyped: u64,
    /// Where the root task puts what it makes first.
    pub places: Places,
}

impl World {
    /// A root task about to run its first instruction; nothing but it exists.
    pub fn boot() -> Self {
        let mut objs = Objects::new(SimMemory::new(START, LENGTH));
        let mut handover = handover();
        let mut next = FREE;
        let allocate = |bits: u32| {
            let base = next.next_multiple_of(1 << bits);
            next = base + (1 << bits);
            (next <= UNTYPED[0].paddr).then_some(PhysAddr(base))
        };
        let task = root_task();
        let slots: Slots =
            task.build(&mut objs, &[], allocate, &mut handover).expect("the memory is large enough");
        handover.ticks_per_us = task.ticks_per_us;
        let mut kernel = Kernel::new(SimMachine::default(), objs);
        let inbox: &'static ipi::Memory<SENDERS> = Box::leak(Box::default());
        kernel.start(&handover, |_, _| inbox.inbox());
        let keeper = kernel.current();
        let root = kernel.objs[keeper].slots[0].cap.unpack();
        let Cap::CNode { slots: root_slots, .. } = root else { panic!("{root:?} is no CSpace") };
        let resume = kernel.begin();
        Self {
            kernel,
            root_slots: root_slots.paddr(),
            roots: [root, Cap::Thread(keeper)],
            inbox,
            keeper,
            resume,
            untyped: slots.untyped.start,
            places: Places::from(slots.empty.start),
        }
    }

    fn word(&self, paddr: u64) -> u64 {
        let offset = (paddr - START.0) as usize;
        self.kernel.objs.bytes()[offset..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Writes user memory; addresses outside of it are left alone, as those of device memory.
    pub fn set_word(&mut self, paddr: u64, value: u64) {
        let offset = paddr.wrapping_sub(START.0) as usize;
        if let Some(bytes) = self.kernel.objs.bytes_mut().get_mut(offset..offset.saturating_add(8)) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Whether these bytes are zero.
    pub fn is_zero(&self, paddr: u64, length: u64) -> bool {
        let offset = (paddr - START.0) as usize;
        let bytes = &self.kernel.objs.bytes()[offset..offset + length as usize];
        bytes.iter().fold(0, |any, byte| any | byte) == 0
    }

    /// The capability in slot `index` of the root CNode.
    pub fn cap(&self, index: u64) -> Cap {
        self.cap_at(self.root_slots, index % SLOTS)
    }

    fn cap_at(&self, slots: PhysAddr, index: u64) -> Cap {
        let slot = slots.0 + (index << abi::sizes::SLOT_BITS);
        RawCap { word0: self.word(slot), word1: self.word(slot + 8) }.unpack()
    }

    /// Slots of the root CNode that hold a capability of this kind.
    pub fn slots_with(&self, tag: CapTag) -> impl Iterator<Item = u64> + '_ {
        (0..SLOTS).filter(move |&index| self.cap(index).tag() == tag)
    }

    /// The number of the server that runs, if one does.
    pub fn current_server(&self) -> Option<u64> {
        let current = self.kernel.current();
        (0..SERVERS).find(|number| self.cap(self.places.threads + number) == Cap::Thread(current))
    }

    /// The capability in slot `index` of the CSpace of the keeper.
    pub fn kept_cap(&self, index: u64) -> Cap {
        match self.kernel.objs[self.keeper].slots[0].cap.unpack() {
            Cap::CNode { slots, .. } => self.cap_at(slots.paddr(), index),
            _ => Cap::Null,
        }
    }

    /// Whether the first thread of the root task runs.
    pub fn is_keeper(&self) -> bool {
        self.keeper == self.kernel.current()
    }

    /// Where the IPC buffer of the current thread is, if it may write it.
    pub fn buffer(&self) -> Option<u64> {
        let thread = &self.kernel.objs[self.kernel.current()];
        match thread.slots[2].cap.unpack() {
            Cap::Frame { base, size, is_device: false, .. } => {
                Some(base.0 + (thread.buffer & ((1 << size.bits()) - 1)))
            }
            _ => None,
        }
    }

    /// Lets the current thread put a word into its IPC buffer.
    pub fn write_buffer(&mut self, offset: usize, value: u64) {
        if let Some(base) = self.buffer() {
            self.set_word(base + offset as u64, value);
        }
    }

    /// Lets the current thread have a message: label, words, CPtrs of capabilities.
    pub fn write_message(&mut self, label: u64, words: &[u64], caps: &[u64]) {
        let info = MessageInfo::new(label, 0, caps.len(), words.len());
        let current = self.kernel.current();
        for (index, &word) in words.iter().enumerate() {
            if index < abi::ipc_buffer::REGISTER_MESSAGES {
                self.kernel.objs[current].context.set_message_register(index, word);
            } else {
                self.write_buffer(abi::ipc_buffer::message_offset(index), word);
            }
        }
        for (index, &cap) in caps.iter().enumerate() {
            self.write_buffer(abi::ipc_buffer::cap_offset(index), cap);
        }
        self.kernel.objs[current].context.set_info(info.word());
    }

    /// Puts the registers of a `syscall` into the current thread: number, target, reply object, send target.
    pub fn enter(&mut self, number: u64, target: u64, reply: u64, send: u64) {
        let current = self.kernel.current();
        let context = &mut self.kernel.objs[current].context;
        (context.rdx, context.rdi, context.r12, context.r13) = (number, target, reply, send);
        context.rip = IMAGE_AT + 2;
        context.entry_word = 1;
    }

    /// Lets the current thread leave user mode by `event`.
    pub fn handle(&mut self, event: Event) {
        let current = self.kernel.current();
        if event != Event::Syscall && !self.kernel.is_idle() {
            self.kernel.objs[current].context.entry_word = 0;
        }
        self.resume = self.kernel.handle(event);
        self.kernel.machine.effects.clear();
        self.kernel.machine.console.clear();
    }

    /// A Call of the current thread, and what it is answered if it still runs.
    pub fn call(&mut self, target: u64, label: abi::Label, words: &[u64], caps: &[u64]) -> u64 {
        self.write_message(label.word(), words, caps);
        self.enter(Syscall::Call.word(), target, 0, 0);
        self.handle(Event::Syscall);
        let context = &self.kernel.objs[self.kernel.current()].context;
        MessageInfo(context.get(Register::Rsi)).label()
    }

    /// Panics unless page tables and unused memory are as they should be.
    pub fn check_memory(&self) {
        self.kernel.check_memory(&self.roots);
    }

    /// Panics unless every other invariant holds.
    pub fn check(&self) {
        self.kernel.check_invariants(&self.roots);
        self.kernel.check_between_events();
        let current = self.kernel.current();
        match self.resume {
            Resume::Thread(tcb) => assert_eq!(tcb, current, "somebody else is resumed"),
            Resume::Idle => assert!(self.kernel.is_idle(), "idle with a thread"),
            Resume::Stopped(_) => {}
        }
    }
}

fn handover() -> Handover {
    let mut handover = Handover::EMPTY;
    // The channel leads back to the instance itself, so its lines really deliver.
    handover.instance = PEER as u64;
    handover.profile = 7;
    handover.has_huge_pages = 1;
    handover.status = STATUS.0;
    handover.generation = 1;
    handover.inbox = STATUS.0;
    handover.inbox_senders = SENDERS as u64;
    handover.io_apic_count = 1;
    handover.io_apics[0].pins = 24;
    let peer = &mut handover.peers[PEER];
    peer.inbox = STATUS.0;
    (peer.lines_in, peer.lines_out, peer.needs_ack, peer.is_controlled) = (LINES, LINES, 1, 1);
    handover
}

fn root_task() -> RootTask<'static> {
    RootTask {
        name: "root",
        instance: 0,
        image: Image { start: IMAGE_AT, pages: IMAGE_PAGES, frames: START, entry: IMAGE_AT },
        variant: abi::Variant::BASE,
        cnode_bits: CNODE_BITS,
        priority: 255,
        slice_us: 5000,
        ticks_per_us: TICKS_PER_US,
        kernel_root: KERNEL_ROOT,
        incoming_lines: LINES.into(),
        extra_len: 0,
        regions: &[],
        status_pages: &[],
        controls: &[PEER as u8],
        untyped: &UNTYPED,
    }
}
