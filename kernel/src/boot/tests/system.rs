// SPDX-License-Identifier: MIT OR Apache-2.0
//! A root task as the boot core builds it makes its first system calls.

use abi::ipc_buffer::{REGISTER_MESSAGES, cap_offset, message_offset};
use abi::vector::FIRST_USER;
use abi::{Label, MessageInfo, ObjectType, Register, Syscall};

use super::*;
use crate::memory::user::UserFrame;
use crate::object::processor::irq_control::tests::{get_pin, own_pins};
use crate::testing::{DEPTH, set_registers};
use crate::{Event, Resume};

/// The normal untyped of [`UNTYPED`], moved into simulated memory.
const MEMORY: UntypedDesc = UntypedDesc::new(0xd0_0000, 19, false);
/// Slot of its capability.
const UNTYPED_SLOT: u64 = behind(0x2b);
const FREE: u64 = 0x100;

struct System {
    kernel: Kernel<SimMachine>,
    buffer: PhysAddr,
}

impl System {
    fn booted() -> Self {
        let mut machine = super::Machine::new();
        let task = RootTask { untyped: &[MEMORY], ..worked_example() };
        machine.build(&task, &[0; 0x50c]).expect("the example fits");
        let Cap::Frame { base: buffer, .. } = machine.cap(fixed::INIT_IPC_BUFFER) else {
            panic!("no buffer")
        };
        machine.handover.ticks_per_us = task.ticks_per_us;
        let mut kernel = machine.into_kernel();
        let root = kernel.current();
        assert_eq!(kernel.begin(), Resume::Thread(root));
        Self { kernel, buffer }
    }

    fn write_buffer(&mut self, offset: usize, value: u64) {
        UserFrame::new(self.buffer).write(&mut self.kernel.objs, offset, value);
    }

    /// Makes the root task call `cptr` and returns the label and first word of the answer.
    fn call(&mut self, cptr: u64, label: Label, words: &[u64], caps: &[u64]) -> (u64, u64) {
        let root = self.kernel.current();
        for (index, &word) in words.iter().enumerate() {
            if index < REGISTER_MESSAGES {
                self.kernel.objs[root].context.set_message_register(index, word);
            } else {
                self.write_buffer(message_offset(index), word);
            }
        }
        for (index, &cap) in caps.iter().enumerate() {
            self.write_buffer(cap_offset(index), cap);
        }
        let info = MessageInfo::new(label.word(), 0, caps.len(), words.len());
        self.syscall(Syscall::Call, cptr, info.word());
        let context = &self.kernel.objs[root].context;
        (MessageInfo(context.info_register()).label(), context.message_register(0))
    }

    fn syscall(&mut self, number: Syscall, cptr: u64, info: u64) {
        let root = self.kernel.current();
        let context = &mut self.kernel.objs[root].context;
        let registers =
            [(Register::NUMBER, number.word()), (Register::ARGUMENT, cptr), (Register::INFO, info)];
        set_registers(context, &registers);
        context.entry_word = 1;
        assert_eq!(self.kernel.handle(Event::Syscall), Resume::Thread(root));
    }

    #[track_caller]
    fn must(&mut self, cptr: u64, label: Label, words: &[u64], caps: &[u64]) {
        assert_eq!(self.call(cptr, label, words, caps).0, 0);
    }

    /// Makes one object of a type into a free slot.
    #[track_caller]
    fn retype(&mut self, kind: ObjectType, slot: u64) {
        let words = [kind.word(), 0, 0, 0, slot, 1];
        self.must(UNTYPED_SLOT, Label::UntypedRetype, &words, &[fixed::INIT_CNODE]);
    }

    fn translation(&self, address: u64) -> u64 {
        let place = find_entry(&self.kernel.objs, self.kernel.active_root, address, Level::PageTable);
        self.kernel.objs[place.expect("the image has tables around it")].0
    }
}

#[test]
fn the_root_task_makes_a_frame_and_maps_it_behind_its_image() {
    let mut system = System::booted();
    system.retype(ObjectType::SmallPage, FREE);
    let address = 0x42_0000;
    system.must(FREE, Label::PageMap, &[address, 3, 0], &[fixed::INIT_VSPACE]);
    let (label, frame) = system.call(FREE, Label::PageGetAddress, &[], &[]);
    let paddr = abi::widen(MEMORY.paddr);
    assert_eq!((label, frame), (0, paddr));
    let expected = TableEntry::page(PhysAddr(paddr), PageSize::Small, PageAccess::ReadWrite, 0);
    assert_eq!(system.translation(address), expected.0);
    system.must(fixed::INIT_CNODE, Label::CNodeRevoke, &[UNTYPED_SLOT, DEPTH], &[]);
    assert_eq!(system.translation(address), 0, "the frame's capability is gone and its mapping with it");
}

#[test]
fn the_root_task_maps_its_own_image_frame_elsewhere_only_through_a_copy() {
    let mut system = System::booted();
    let image = behind(0x15);
    let answer = system.call(image, Label::PageMap, &[0x42_0000, 3, 0], &[fixed::INIT_VSPACE]);
    assert_eq!(answer, (abi::ErrorCode::InvalidArgument as u64, 0));
    let copy = [FREE, DEPTH, image, DEPTH, 3];
    system.must(fixed::INIT_CNODE, Label::CNodeCopy, &copy, &[fixed::INIT_CNODE]);
    system.must(FREE, Label::PageMap, &[0x42_0000, 2, 0], &[fixed::INIT_VSPACE]);
    let expected = TableEntry::page(FRAMES, PageSize::Small, PageAccess::ReadOnly, 0);
    assert_eq!(system.translation(0x42_0000), expected.0);
}

#[test]
fn an_interrupt_reaches_the_root_task_through_a_notification() {
    let mut system = System::booted();
    system.retype(ObjectType::Notification, FREE);
    let mint = [FREE + 1, DEPTH, FREE, DEPTH, 3, 0x77];
    system.must(fixed::INIT_CNODE, Label::CNodeMint, &mint, &[fixed::INIT_CNODE]);
    own_pins(&mut system.kernel);
    let (label, get) = get_pin(FREE + 2, 5);
    system.must(fixed::IRQ_CONTROL, label, &get, &[fixed::INIT_CNODE]);
    system.must(FREE + 2, Label::IrqHandlerSetNotification, &[], &[FREE + 1]);
    let root = system.kernel.current();
    assert_eq!(system.kernel.handle(Event::Interrupt(FIRST_USER + 5)), Resume::Thread(root));
    system.syscall(Syscall::NBWait, FREE, 0);
    assert_eq!(system.kernel.objs[root].context.cap_register(), 0x77, "the badge");
}

#[test]
fn deleting_its_asid_pool_takes_the_root_task_off_its_tables_at_once() {
    let mut system = System::booted();
    system.must(fixed::INIT_CNODE, Label::CNodeDelete, &[fixed::INIT_ASID_POOL, DEPTH], &[]);
    assert_eq!(system.kernel.active_root, system.kernel.kernel_root);
}
