// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread that invokes capabilities, and a check that refusals come in the order the interface promises.

use abi::ipc_buffer::{MAX_EXTRA_CAPS, REGISTER_MESSAGES, message_offset};
use abi::{Label, MessageInfo};

use super::TestKernel;
use crate::args::{Args, Message};
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::SyscallError;
use crate::invocation::Reply;
use crate::memory::objects::ObjRef;
use crate::memory::user::UserFrame;
use crate::object::tcb::Tcb;

/// Log2 of the number of slots of the caller's CNode.
const RADIX: u8 = 8;
/// Memory of its kernel.
const MEMORY: usize = 128 << 10;

/// A thread with a root CNode, which is also in slot [`Caller::ROOT`].
pub(crate) struct Caller {
    pub(crate) test: TestKernel,
    pub(crate) thread: ObjRef<Tcb>,
    root: Cap,
    buffer: UserFrame,
}

/// One invocation: the slot of the capability, a label, words, and slots of extra capabilities.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) slot: usize,
    pub(crate) label: u64,
    pub(crate) words: Vec<u64>,
    pub(crate) caps: Vec<usize>,
}

impl Call {
    pub(crate) fn new(slot: usize, label: Label, words: &[u64], caps: &[usize]) -> Self {
        Self { slot, label: label.word(), words: words.to_vec(), caps: caps.to_vec() }
    }
}

/// Something wrong with a call or the state it meets, and the error it leads to.
pub(crate) struct Defect {
    pub(crate) spoil: fn(&mut Caller, &mut Call),
    pub(crate) error: SyscallError,
}

impl Caller {
    /// Slot of the caller's own CNode.
    pub(crate) const ROOT: usize = 1;
    /// Depth at which a slot number is a CPtr.
    pub(crate) const DEPTH: u64 = super::DEPTH;

    pub(crate) fn new() -> Self {
        let mut test = TestKernel::with_memory_of(MEMORY);
        let root = test.cnode(RADIX);
        let thread = test.thread(root);
        let buffer = UserFrame::new(test.memory(10));
        let mut caller = Self { test, thread, root, buffer };
        caller.put(Self::ROOT, root);
        caller
    }

    pub(crate) fn slot(&self, index: usize) -> SlotRef {
        self.test.slot(self.root, index)
    }

    /// Puts `cap`, derived from nothing, into slot `index` in place of what is there.
    pub(crate) fn put(&mut self, index: usize, cap: Cap) {
        let slot = self.slot(index);
        self.test.kernel.empty_slot(slot);
        self.test.kernel.insert_root_cap(cap, slot);
    }

    /// Puts a copy of the capability in slot `from` into slot `to`.
    pub(crate) fn copy(&mut self, from: usize, to: usize) {
        let (source, dest) = (self.slot(from), self.slot(to));
        let cap = self.cap(from);
        self.test.kernel.insert_cap(cap, source, dest);
    }

    pub(crate) fn cap(&self, index: usize) -> Cap {
        self.test.kernel.objs[self.slot(index)].cap.unpack()
    }

    /// Deletes the capability in slot `index`.
    pub(crate) fn delete(&mut self, index: usize) {
        let slot = self.slot(index);
        self.test.kernel.delete_cap(slot).expect("no interrupt waits");
    }

    /// Decodes and, unless that refuses, executes `call`.
    pub(crate) fn invoke(&mut self, call: &Call) -> Result<Reply, SyscallError> {
        for (index, &word) in call.words.iter().enumerate() {
            if index < REGISTER_MESSAGES {
                self.test.kernel.objs[self.thread].context.set_message_register(index, word);
            } else {
                self.buffer.write(&mut self.test.kernel.objs, message_offset(index), word);
            }
        }
        let mut caps = [None; MAX_EXTRA_CAPS];
        for (cap, &index) in caps.iter_mut().zip(&call.caps) {
            *cap = Some(self.slot(index));
        }
        let info = MessageInfo::new(call.label, 0, call.caps.len(), call.words.len());
        let (sender, length, buffer) = (self.thread, call.words.len(), Some(self.buffer));
        let label = self.test.kernel.config.numbering.label(call.label);
        let message = Message { sender, info, label, length, buffer, caps };
        let args = Args::new(&self.test.kernel.objs, &message);
        let (slot, cap) = (self.slot(call.slot), self.cap(call.slot));
        let invocation = self.test.kernel.decode_invocation(slot, cap, &args)?;
        Ok(self.test.kernel.execute_invocation(invocation).expect("no interrupt waits"))
    }

    /// Invokes with a good call.
    #[track_caller]
    pub(crate) fn must(&mut self, call: &Call) {
        assert_eq!(self.invoke(call), Ok(Reply::Done), "{call:?}");
    }
}

/// Checks that the call of `setup` succeeds, that every defect alone leads to its error, and that of two defects the
/// one that comes first in the list decides.
pub(crate) fn check_order(setup: impl Fn() -> (Caller, Call), defects: &[Defect]) {
    let (mut caller, call) = setup();
    assert!(caller.invoke(&call).is_ok(), "the call without defect is refused");
    for (first, defect) in defects.iter().enumerate() {
        for (second, other) in defects.iter().enumerate().skip(first) {
            let (mut caller, mut call) = setup();
            (other.spoil)(&mut caller, &mut call);
            if first != second {
                (defect.spoil)(&mut caller, &mut call);
            }
            assert_eq!(caller.invoke(&call), Err(defect.error), "defects {first} and {second}: {call:?}");
        }
    }
}
