// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads that can talk: one CSpace for all, a scheduling context and an IPC buffer for each.

use std::ops::{Deref, DerefMut};

use abi::ipc_buffer::{cap_offset, message_offset};
use abi::{MessageInfo, Register, Rights, Syscall};
use arch::{PageAccess, PageSize, Ticks};

use super::transfer::BufferAccess;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::Fault;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::endpoint::{Endpoint, Receive, Send};
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{SendFlags, Tcb, TcbSlot, ThreadState};
use crate::sched::Action;
use crate::sched::refill::{MIN_REFILLS, Rate};
use crate::testing::{TestKernel, enter_call, set_registers};
use crate::{Event, Resume};

/// Address of the `syscall` that a thread of the tests is in.
pub(crate) const SYSCALL_IP: u64 = 0x40_1000;
/// The budget of every thread: 5 ms.
const SLICE: Ticks = Ticks(5_000_000);

/// A test kernel with a CSpace of 64 slots, whose indices are its CPtrs.
pub(crate) struct World {
    test: TestKernel,
    root: Cap,
}

impl Deref for World {
    type Target = TestKernel;
    fn deref(&self) -> &TestKernel {
        &self.test
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut TestKernel {
        &mut self.test
    }
}

impl World {
    /// No threads yet.
    pub(crate) fn new() -> Self {
        let mut test = TestKernel::new();
        let root = test.cnode(6);
        Self { test, root }
    }

    /// An inactive thread inside a system call, with a round-robin scheduling context and a buffer.
    pub(crate) fn thread(&mut self, priority: u8) -> ObjRef<Tcb> {
        let tcb = self.passive(priority);
        let sc: ObjRef<SchedContext> = self.object(7);
        self.kernel.set_refills(sc, Rate { budget: SLICE, period: SLICE, max_refills: MIN_REFILLS });
        self.kernel.objs[sc].tcb = Some(tcb);
        self.kernel.objs[tcb].sched_context = Some(sc);
        tcb
    }

    /// Such a thread without a scheduling context.
    pub(crate) fn passive(&mut self, priority: u8) -> ObjRef<Tcb> {
        let root = self.root;
        let tcb = self.test.thread(root);
        let base = self.memory(12);
        let frame = Cap::Frame {
            base,
            size: PageSize::Small,
            access: PageAccess::ReadWrite,
            is_device: false,
            mapping: None,
        };
        let thread = &mut self.kernel.objs[tcb];
        thread.slots[TcbSlot::Buffer as usize].cap = frame.pack();
        thread.buffer = 0x70_0400;
        thread.priority = priority;
        enter_call(&mut thread.context, SYSCALL_IP);
        tcb
    }

    /// Changes the access that the buffer capability of `tcb` allows.
    pub(crate) fn set_buffer(&mut self, tcb: ObjRef<Tcb>, access: PageAccess, is_device: bool) {
        let slot = tcb.slot(TcbSlot::Buffer);
        let Cap::Frame { base, size, mapping, .. } = self.kernel.objs[slot].cap.unpack() else {
            panic!("the thread has no buffer");
        };
        self.kernel.objs[slot].cap = Cap::Frame { base, size, access, is_device, mapping }.pack();
    }

    /// The buffer of `tcb`.
    pub(crate) fn buffer(&self, tcb: ObjRef<Tcb>) -> UserFrame {
        self.kernel.buffer_of(tcb, BufferAccess::Write).expect("the thread has a buffer")
    }

    /// Takes the buffer of `tcb` away.
    pub(crate) fn drop_buffer(&mut self, tcb: ObjRef<Tcb>) {
        self.kernel.objs[tcb.slot(TcbSlot::Buffer)].cap = Cap::Null.pack();
    }

    /// Makes `tcb` a runnable thread in its ready queue.
    pub(crate) fn ready(&mut self, tcb: ObjRef<Tcb>) {
        self.kernel.objs[tcb].set_state_raw(ThreadState::Running);
        self.kernel.enqueue_tail(tcb);
    }

    /// Makes `tcb` the current thread, about to enter the kernel.
    pub(crate) fn run(&mut self, tcb: ObjRef<Tcb>) {
        self.kernel.dequeue(tcb);
        self.kernel.objs[tcb].set_state_raw(ThreadState::Running);
        self.kernel.sched.current = tcb;
        self.kernel.sched.action = Action::ResumeCurrent;
        if let Some(sc) = self.kernel.objs[tcb].sched_context {
            self.kernel.sched.current_sc = sc;
        }
    }

    /// Slot `cptr` of the CSpace.
    pub(crate) fn at(&self, cptr: usize) -> SlotRef {
        self.slot(self.root, cptr)
    }

    /// Puts an original capability into slot `cptr`.
    pub(crate) fn put(&mut self, cptr: usize, cap: Cap) {
        let slot = self.at(cptr);
        self.kernel.insert_root_cap(cap, slot);
    }

    /// The capability in slot `cptr`.
    pub(crate) fn cap(&self, cptr: usize) -> Cap {
        self.kernel.objs[self.at(cptr)].cap.unpack()
    }

    /// An endpoint, with an unbadged capability in slot `cptr`.
    pub(crate) fn endpoint(&mut self, cptr: usize) -> ObjRef<Endpoint> {
        let endpoint = self.object(4);
        self.put(cptr, Cap::Endpoint { endpoint, badge: 0, rights: Rights::ALL });
        endpoint
    }

    /// A notification, with a capability of badge 1 in slot `cptr`.
    pub(crate) fn notification(&mut self, cptr: usize) -> ObjRef<Notification> {
        let notification = self.object(6);
        self.put(cptr, Cap::Notification { notification, badge: 1, rights: Rights::READ_WRITE });
        notification
    }

    /// A reply object, with a capability in slot `cptr`.
    pub(crate) fn reply(&mut self, cptr: usize) -> ObjRef<Reply> {
        let reply = self.object(5);
        self.put(cptr, Cap::Reply { reply, rights: Rights::GRANT });
        reply
    }

    /// State of `tcb`.
    pub(crate) fn state(&self, tcb: ObjRef<Tcb>) -> ThreadState {
        self.kernel.objs[tcb].state()
    }

    /// Scheduling context of `tcb`.
    pub(crate) fn sc(&self, tcb: ObjRef<Tcb>) -> Option<ObjRef<SchedContext>> {
        self.kernel.objs[tcb].sched_context
    }

    /// Badge, message info and register words that `tcb` sees.
    pub(crate) fn message_of(&self, tcb: ObjRef<Tcb>) -> (u64, MessageInfo, [u64; 4]) {
        let context = &self.kernel.objs[tcb].context;
        let words = [0, 1, 2, 3].map(|index| context.message_register(index));
        (context.cap_register(), MessageInfo(context.info_register()), words)
    }

    /// Word `index` of the message that `tcb` sees.
    pub(crate) fn word_of(&self, tcb: ObjRef<Tcb>, index: usize) -> u64 {
        if index < 4 {
            return self.kernel.objs[tcb].context.message_register(index);
        }
        self.buffer(tcb).read(&self.kernel.objs, message_offset(index))
    }

    /// Lets `tcb` have a message: its info and words, and the CPtrs of its capabilities.
    pub(crate) fn write_message(&mut self, tcb: ObjRef<Tcb>, label: u64, words: &[u64], caps: &[u64]) {
        let info = MessageInfo::new(label, 0, caps.len(), words.len());
        self.kernel.objs[tcb].context.set_info(info.word());
        for (index, &word) in words.iter().enumerate() {
            if index < 4 {
                self.kernel.objs[tcb].context.set_message_register(index, word);
            } else {
                let buffer = self.buffer(tcb);
                buffer.write(&mut self.kernel.objs, message_offset(index), word);
            }
        }
        for (index, &cptr) in caps.iter().enumerate() {
            let buffer = self.buffer(tcb);
            buffer.write(&mut self.kernel.objs, cap_offset(index), cptr);
        }
    }

    /// A blocking send of `tcb`, which is current.
    pub(crate) fn send(&mut self, tcb: ObjRef<Tcb>, endpoint: ObjRef<Endpoint>, badge: u64, flags: u8) {
        self.run(tcb);
        let send =
            Send { blocking: true, can_donate: flags & SendFlags::CALL != 0, badge, flags: SendFlags(flags) };
        self.kernel.send_ipc(send, tcb, endpoint);
    }

    /// A blocking receive of `tcb`, which is current.
    pub(crate) fn receive(
        &mut self,
        tcb: ObjRef<Tcb>,
        endpoint: ObjRef<Endpoint>,
        reply: Option<ObjRef<Reply>>,
    ) {
        self.run(tcb);
        self.kernel.receive_ipc(tcb, endpoint, Receive { blocking: true, reply });
    }

    /// A fault of `tcb`, which is current.
    pub(crate) fn fault(&mut self, tcb: ObjRef<Tcb>, fault: Fault) {
        self.run(tcb);
        self.kernel.raise_fault(tcb, fault);
    }

    /// Lets faults of `tcb` go to the endpoint with `badge`.
    pub(crate) fn set_handler(
        &mut self,
        tcb: ObjRef<Tcb>,
        slot: TcbSlot,
        endpoint: ObjRef<Endpoint>,
        badge: u64,
    ) {
        let cap = Cap::Endpoint { endpoint, badge, rights: Rights::ALL };
        self.kernel.objs[tcb.slot(slot)].cap = cap.pack();
    }

    /// A system call of `tcb`, which becomes current, with the message written before.
    pub(crate) fn syscall(&mut self, tcb: ObjRef<Tcb>, call: Syscall, target: u64, reply: u64) -> Resume {
        self.run(tcb);
        let context = &mut self.kernel.objs[tcb].context;
        enter_call(context, SYSCALL_IP);
        let registers =
            [(Register::NUMBER, call.word()), (Register::ARGUMENT, target), (Register::REPLY, reply)];
        set_registers(context, &registers);
        self.kernel.handle(Event::Syscall)
    }
}
