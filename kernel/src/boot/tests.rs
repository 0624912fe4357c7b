// SPDX-License-Identifier: MIT OR Apache-2.0
//! The root task as the worked example of docs/abi/bootinfo.md has it, and what does not fit.

mod system;

use abi::{Register, VmAttributes, WORD_BITS, slots as fixed};
use arch::table::{ENTRIES, KERNEL_ENTRIES};
use arch::{SimMachine, TableEntry};

use super::*;
use crate::Kernel;
use crate::cap::slot::SlotRef;
use crate::cap::{Cap, Mapping};
use crate::handover::Handover;
use crate::memory::objects::{ObjRef, Objects, SimMemory, Word};
use crate::memory::user::UserWord;
use crate::object::asid::Asid;
use crate::object::table::find_entry;
use crate::object::tcb::{TcbSlot, ThreadState};

const START: u64 = 0xa1_3000;
const MEMORY: usize = 4 << 20;
const FRAMES: PhysAddr = PhysAddr(START);
/// Page tables of an image that is not large.
const TABLES: u64 = Level::LOWER.len() as u64;
const GUARD_BITS: u8 = WORD_BITS as u8 - 13;

/// Simulated memory, of which the image takes the first pages, and what is handed out upwards from `next`.
struct Machine {
    objs: Objects,
    next: u64,
    asked: u64,
    handover: Handover,
}

impl Machine {
    fn new() -> Self {
        let objs = Objects::new(SimMemory::new(PhysAddr(START), MEMORY));
        // The first aligned place behind the image, the status page and the kernel's own top-level table.
        let handover = Handover { status: 0xa7_e000, ..Handover::EMPTY };
        Self { objs, next: 0xa8_0000, asked: 0, handover }
    }

    fn kernel_root() -> PhysAddr {
        PhysAddr(0xa7_f000)
    }

    fn build(&mut self, task: &RootTask<'_>, extra: &[u8]) -> Result<Slots, BootError> {
        let (next, asked) = (&mut self.next, &mut self.asked);
        let allocate = |bits: u32| {
            let base = next.next_multiple_of(1 << bits);
            *next = base + (1 << bits);
            *asked += 1 << bits;
            (*next <= START + MEMORY as u64).then_some(PhysAddr(base))
        };
        task.build(&mut self.objs, extra, allocate, &mut self.handover)
    }

    fn word(&self, base: PhysAddr, index: usize) -> u64 {
        self.objs[ObjRef::<Word>::on_host(base).element(index)].0
    }

    fn user_word(&self, base: PhysAddr, index: usize) -> u64 {
        abi::widen(self.objs[ObjRef::<UserWord>::on_host(base).element(index)].0)
    }

    fn root_slot(&self, slot: u64) -> SlotRef {
        let tcb = ObjRef::<crate::object::tcb::Tcb>::on_host(PhysAddr(self.handover.root_tcb));
        match self.objs[tcb.slot(TcbSlot::CSpace)].cap.unpack() {
            Cap::CNode { slots, .. } => slots.element(slot as usize),
            other => panic!("{other:?} is no CSpace root"),
        }
    }

    fn cap(&self, slot: u64) -> Cap {
        self.objs[self.root_slot(slot)].cap.unpack()
    }

    fn into_kernel(self) -> Kernel<SimMachine> {
        let mut kernel = Kernel::new(SimMachine::default(), self.objs);
        kernel.start(&self.handover, |_, _| unreachable!("there are no inboxes"));
        kernel
    }
}

const UNTYPED: [UntypedDesc; 3] = [
    UntypedDesc::new(0, 20, true),
    UntypedDesc::new(0x1ffe_0000, 17, true),
    UntypedDesc::new(0xb0_0000, 20, false),
];

/// Image 0x400000..0x416000, CNode of 13 bits, 1292 bytes of extra bootinfo.
fn worked_example() -> RootTask<'static> {
    RootTask {
        name: "rootserver",
        instance: 0,
        image: Image { start: 0x40_0000, pages: 22, frames: FRAMES, entry: 0x40_1234 },
        variant: Variant::BASE,
        cnode_bits: 13,
        priority: 255,
        slice_us: 5000,
        ticks_per_us: 2596,
        kernel_root: Machine::kernel_root(),
        incoming_lines: 0,
        extra_len: 0x50c,
        regions: &[],
        status_pages: &[],
        controls: &[],
        untyped: &UNTYPED,
    }
}

/// Where the slot is that comes at this number behind three page tables.
const fn behind(slot: u64) -> u64 {
    slot - 3 + TABLES
}

/// The slots from `start` on that come behind the tables.
fn region(start: u64, end: u64) -> SlotRegion {
    SlotRegion::new(behind(start), behind(end))
}

fn built_example() -> (Machine, Slots) {
    let mut machine = Machine::new();
    let task = worked_example();
    let slots = machine.build(&task, &[0x5a; 0x50c]).expect("the example fits");
    (machine, slots)
}

#[test]
fn slots_are_those_of_the_worked_example() {
    let slots = Slots::of(&worked_example()).expect("the example fits");
    assert_eq!(slots.sched_control, SlotRegion::new(0x10, 0x11));
    assert_eq!(slots.paging, SlotRegion::new(0x11, 0x11 + TABLES));
    assert_eq!(slots.extra_pages, region(0x14, 0x15));
    assert_eq!(slots.image_frames, region(0x15, 0x2b));
    assert_eq!(slots.untyped, region(0x2b, 0x2e));
    assert_eq!(slots.empty, SlotRegion::new(behind(0x2e), 0x2000));
}

#[test]
fn bootinfo_is_that_of_the_worked_example() {
    let (machine, _) = built_example();
    let frame = PhysAddr(machine.handover.boot_info);
    // Offsets are those of words of 8 bytes; a word may be smaller.
    let word = |offset: usize| machine.user_word(frame, offset / 8);
    assert_eq!((word(0), word(8), word(16), word(24)), (0x50c, 0, 1, abi::widen(abi::Word::MAX)));
    assert_eq!(word(32), 0x41_6000, "IPC buffer");
    assert_eq!((word(40), word(48)), (behind(0x2e), 0x2000), "empty");
    assert_eq!((word(56), word(64)), (0, 0), "no shared frames");
    assert_eq!((word(72), word(80)), (behind(0x15), behind(0x2b)), "image frames");
    assert_eq!((word(88), word(96)), (0x11, 0x11 + TABLES), "paging");
    assert_eq!((word(120), word(128)), (behind(0x14), behind(0x15)), "extra pages");
    assert_eq!((word(136), word(144)), (13, 0));
    assert_eq!((word(152), word(160)), (0x10, 0x11), "SchedControl");
    assert_eq!((word(168), word(176)), (behind(0x2b), behind(0x2e)), "untyped");
    assert_eq!((word(184), word(192)), (0, 0x114));
    assert_eq!((word(200), word(208)), (0x1ffe_0000, 0x111));
    assert_eq!((word(216), word(224)), (0xb0_0000, 20));
    assert_eq!(word(232), 0);
}

#[test]
fn fixed_slots_hold_what_the_interface_says() {
    let (machine, _) = built_example();
    assert_eq!(machine.cap(fixed::NULL), Cap::Null);
    assert!(
        matches!(machine.cap(fixed::INIT_TCB), Cap::Thread(tcb) if tcb.paddr().0 == machine.handover.root_tcb)
    );
    assert!(matches!(
        machine.cap(fixed::INIT_CNODE),
        Cap::CNode { radix: 13, guard: 0, guard_bits: GUARD_BITS, .. }
    ));
    let root = PhysAddr(machine.handover.root_vspace);
    assert_eq!(machine.cap(fixed::INIT_VSPACE), Cap::VSpace { root, asid: Some(Asid(1)) });
    assert_eq!(machine.cap(fixed::IRQ_CONTROL), Cap::IrqControl);
    assert_eq!(machine.cap(fixed::ASID_CONTROL), Cap::AsidControl);
    assert!(matches!(machine.cap(fixed::INIT_ASID_POOL), Cap::AsidPool { base: Asid(0), .. }));
    assert_eq!(machine.cap(fixed::IO_PORT_CONTROL), Cap::IoPortControl);
    assert_eq!(machine.cap(fixed::DOMAIN), Cap::Domain);
    assert!(matches!(machine.cap(fixed::INIT_SCHED_CONTEXT), Cap::SchedContext { size_bits: 7, .. }));
    assert_eq!(machine.cap(16), Cap::SchedControl { node: 0 });
    for empty in [fixed::IO_SPACE, fixed::SMMU_SID_CONTROL, fixed::SMMU_CB_CONTROL, fixed::SMC] {
        assert_eq!(machine.cap(empty), Cap::Null);
    }
}

#[test]
fn every_initial_capability_is_a_tree_of_its_own() {
    let (machine, slots) = built_example();
    for slot in 1..slots.empty.slots().start {
        let place = machine.root_slot(slot);
        if machine.objs[place].is_empty() {
            continue;
        }
        let mdb = machine.objs[place].mdb;
        assert!(mdb.is_revocable() && mdb.is_first() && mdb.prev().is_none(), "slot {slot}");
        let has_copy = [fixed::INIT_CNODE, fixed::INIT_VSPACE, fixed::INIT_IPC_BUFFER].contains(&slot);
        assert_eq!(mdb.next().is_some(), has_copy, "slot {slot}");
    }
    assert!(machine.objs[machine.root_slot(slots.empty.slots().start)].is_empty());
}

#[test]
fn the_image_and_the_frames_behind_it_are_mapped_as_their_capabilities_say() {
    let (machine, slots) = built_example();
    let root = PhysAddr(machine.handover.root_vspace);
    let frames = (slots.image_frames.slots())
        .chain([fixed::INIT_IPC_BUFFER, fixed::BOOT_INFO_FRAME])
        .chain(slots.extra_pages.slots());
    for (slot, expected) in frames.zip((0x40_0000u64..).step_by(4096)) {
        let Cap::Frame { base, access, is_device, mapping, .. } = machine.cap(slot) else {
            panic!("slot {slot} holds no frame")
        };
        let Some(Mapping { address, asid }) = mapping else { panic!("the frame in {slot} is not mapped") };
        assert_eq!((address.0, asid, is_device), (expected, Asid(1), false));
        assert_eq!(access, PageAccess::ReadWrite);
        let entry = find_entry(&machine.objs, root, expected, Level::PageTable).expect("tables");
        // What the kernel made is data; of the image it does not know.
        let is_image = slots.image_frames.slots().contains(&slot);
        let attributes = if is_image { VmAttributes::WRITE_BACK } else { VmAttributes::EXECUTE_NEVER };
        let expected = TableEntry::page(base, PageSize::Small, access, attributes.pat_index());
        assert_eq!(machine.objs[entry].0, expected.0);
    }
    let end = find_entry(&machine.objs, root, 0x41_9000, Level::PageTable).expect("the same table");
    assert_eq!(machine.objs[end].0, 0);
    assert_eq!(find_entry(&machine.objs, root, 0x60_0000, Level::PageTable), Err(Level::PageTable));
}

#[test]
fn tables_come_from_the_top_level_down_and_their_capabilities_are_mapped() {
    let (machine, slots) = built_example();
    let mut table = PhysAddr(machine.handover.root_vspace);
    for (slot, expected) in slots.paging.slots().zip(Level::LOWER) {
        let Cap::Table { table: lower, level, mapping } = machine.cap(slot) else {
            panic!("slot {slot} holds no table")
        };
        assert_eq!(level, expected);
        let address = 0x40_0000 >> level.span_bits() << level.span_bits();
        assert_eq!(mapping.map(|mapping| mapping.address.0), Some(address));
        let index = level.parent().expect("not the top").index(0x40_0000);
        assert_eq!(TableEntry(machine.word(table, index)), TableEntry::user_table(lower, 0));
        table = lower;
    }
}

#[test]
fn the_kernels_entries_are_those_of_the_kernel_root() {
    let mut machine = Machine::new();
    let kernel_root = ObjRef::<Word>::on_host(Machine::kernel_root());
    for index in 0..ENTRIES {
        machine.objs[kernel_root.element(index)].0 = 0x1110 + index as u64;
    }
    machine.build(&worked_example(), &[0; 0x50c]).expect("the example fits");
    let root = PhysAddr(machine.handover.root_vspace);
    for index in 1..ENTRIES {
        let expected = if KERNEL_ENTRIES.contains(&index) { 0x1110 + index as u64 } else { 0 };
        assert_eq!(machine.word(root, index), expected, "entry {index}");
    }
    assert_ne!(machine.word(root, 0), 0x1110, "the users' entries are the root task's own");
}

#[test]
fn extra_bootinfo_is_behind_the_bootinfo_to_the_last_byte() {
    let (machine, slots) = built_example();
    let Cap::Frame { base, .. } = machine.cap(slots.extra_pages.slots().start) else { panic!("no frame") };
    assert_eq!(machine.word(base, 0), 0x5a5a_5a5a_5a5a_5a5a);
    assert_eq!(machine.word(base, 0x50c / 8), 0x5a5a_5a5a, "0x50c is 4 modulo 8");
    assert_eq!(machine.word(base, 0x50c / 8 + 1), 0);
}

#[test]
fn the_thread_starts_as_the_interface_says() {
    let (machine, _) = built_example();
    let cnode = machine.root_slot(0);
    let kernel = machine.into_kernel();
    let thread = kernel.current();
    let tcb = &kernel.objs[thread];
    assert_eq!(tcb.state(), ThreadState::Running);
    assert_eq!((tcb.priority, tcb.mcp, tcb.domain, tcb.flags), (255, 255, 0, 0));
    let registers = [Register::IP, Register::ARGUMENT, Register::STACK, Register::FLAGS];
    let values = registers.map(|register| tcb.context.get(register));
    assert_eq!(values, [0x40_1234, 0x41_7000, 0, abi::INITIAL_FLAGS]);
    assert_eq!(tcb.context.bases(), arch::BaseRegisters::default());
    assert_eq!(tcb.buffer, 0x41_6000);
    assert_eq!(tcb.name[..11], *b"rootserver\0");
    assert!(tcb.bound_notification.is_none());
    let buffer = thread.slot(TcbSlot::Buffer);
    assert!(matches!(kernel.objs[buffer].cap.unpack(), Cap::Frame { mapping: None, .. }));
    assert_eq!(kernel.objs[buffer].mdb.prev(), Some(cnode.element(fixed::INIT_IPC_BUFFER as usize)));
    assert!(!kernel.objs[buffer].mdb.is_revocable());
    assert!(kernel.objs[thread.slot(TcbSlot::FaultHandler)].is_empty());
    assert!(kernel.objs[thread.slot(TcbSlot::TimeoutHandler)].is_empty());
}

#[test]
fn the_scheduling_context_is_round_robin_with_the_whole_slice_left() {
    let kernel = built_example().0.into_kernel();
    let sc = kernel.sched.current_sc;
    let context = &kernel.objs[sc];
    assert_eq!((context.period, context.budget), (arch::Ticks(0), arch::Ticks(5000 * 2596)));
    assert_eq!((context.max_refills, context.head, context.tail), (2, 0, 1));
    assert_eq!((context.data, context.sporadic), (0, 0));
    assert_eq!(context.tcb, Some(kernel.current()));
    assert_eq!(kernel.objs[sc.refill(0)].amount, arch::Ticks(5000 * 2596));
    assert_eq!(kernel.objs[sc.refill(1)].amount, arch::Ticks(0));
}

#[test]
fn the_idle_thread_has_no_time_so_that_no_timer_interrupts_a_core_that_waits() {
    let mut kernel = built_example().0.into_kernel();
    assert_eq!(kernel.objs[kernel.sched.idle].state(), ThreadState::Idle);
    kernel.set_thread_state(kernel.current(), ThreadState::Inactive);
    kernel.finish_event();
    assert!(kernel.is_idle());
    let one_us = arch::Ticks(kernel.config.ticks_per_us);
    assert_eq!(kernel.machine.deadline, arch::Ticks::MAX.saturating_sub(one_us));
}

#[test]
fn the_initial_address_space_is_number_one_of_pool_zero() {
    let (machine, _) = built_example();
    let root = machine.handover.root_vspace;
    let mut kernel = machine.into_kernel();
    kernel.activate_thread_context(kernel.current());
    let pool = kernel.asids[0].expect("pool 0 is registered");
    assert_eq!(kernel.objs[pool].roots[..3], [0, root, 0]);
    assert_eq!(kernel.active_root, PhysAddr(root));
}

#[test]
fn what_the_plan_grants_comes_between_image_and_untypeds() {
    let regions = [
        RegionFrames {
            base: PhysAddr(0x4000_0000),
            size: PageSize::Large,
            count: 2,
            access: PageAccess::ReadWrite,
        },
        RegionFrames {
            base: PhysAddr(0x5000_0000),
            size: PageSize::Small,
            count: 3,
            access: PageAccess::ReadOnly,
        },
    ];
    let status = [PhysAddr(0x6000_0000), PhysAddr(0x6000_1000)];
    let task = RootTask {
        regions: &regions,
        status_pages: &status,
        controls: &[2],
        instance: 1,
        incoming_lines: 200,
        ..worked_example()
    };
    let mut machine = Machine::new();
    let slots = machine.build(&task, &[0; 0x50c]).expect("fits");
    assert_eq!(slots.shared_frames, region(0x2b, 0x30));
    assert_eq!(
        (slots.first_frame(&regions, 0), slots.first_frame(&regions, 1)),
        (behind(0x2b), behind(0x2d))
    );
    assert_eq!(slots.status_pages, region(0x30, 0x32));
    assert_eq!(slots.controls, region(0x32, 0x33));
    assert_eq!(slots.untyped, region(0x33, 0x36));
    let frame = |base, size, access| Cap::Frame {
        base: PhysAddr(base),
        size,
        access,
        is_device: true,
        mapping: None,
    };
    assert_eq!(machine.cap(behind(0x2c)), frame(0x4020_0000, PageSize::Large, PageAccess::ReadWrite));
    assert_eq!(machine.cap(behind(0x2f)), frame(0x5000_2000, PageSize::Small, PageAccess::ReadOnly));
    assert_eq!(machine.cap(behind(0x31)), frame(0x6000_1000, PageSize::Small, PageAccess::ReadOnly));
    assert_eq!(machine.cap(behind(0x32)), Cap::InstanceControl { instance: 2 });
    let device = Cap::Untyped { base: PhysAddr(0), size_bits: 20, is_device: true, free: 1 << 20 };
    assert_eq!(machine.cap(behind(0x33)), device, "fully used and childless");
    let boot_info = PhysAddr(machine.handover.boot_info);
    assert_eq!(machine.user_word(boot_info, 1), 1, "nodeID");
    assert_eq!(
        (machine.user_word(boot_info, 7), machine.user_word(boot_info, 8)),
        (behind(0x2b), behind(0x30)),
        "sharedFrames"
    );
    assert_eq!(machine.handover.incoming_lines, 200);
}

#[test]
fn the_footprint_is_what_is_asked_for() {
    // Across a boundary of every level that users can cross.
    let start = ((USER_TOP >> 1) + 1).min(1 << 39) - 0x1000;
    let far_apart = Image { start, pages: 600, frames: FRAMES, entry: start };
    for (cnode_bits, incoming_lines, extra_len, image) in [
        (13, 0, 0x50c, worked_example().image),
        (12, 1000, 0x50c, worked_example().image),
        (8, 5000, 0, worked_example().image),
        (14, 64, 0x2001, far_apart),
    ] {
        let task =
            RootTask { cnode_bits, incoming_lines, extra_len, image, untyped: &[], ..worked_example() };
        let footprint = task.footprint();
        let mut machine = Machine::new();
        machine.next = machine.next.next_multiple_of(1 << 19);
        let start = machine.next;
        machine.build(&task, &vec![1; extra_len]).expect("fits");
        let expected = footprint.expect("fits");
        assert_eq!(machine.asked, expected.bytes);
        assert_eq!(machine.next - start, expected.bytes, "nothing is lost to alignment");
        assert!(start.is_multiple_of(1 << expected.align_bits));
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let example = worked_example();
    let image =
        |start, pages| RootTask { image: Image { start, pages, entry: start, frames: FRAMES }, ..example };
    let error = |task: RootTask<'_>| Slots::of(&task).expect_err("does not fit");
    assert_eq!(error(image(0x40_0800, 1)), BootError::Image { start: 0x40_0800, pages: 1 });
    assert_eq!(error(image(0x40_0000, 0)), BootError::Image { start: 0x40_0000, pages: 0 });
    assert_eq!(error(image(0, u64::MAX)), BootError::Image { start: 0, pages: u64::MAX });
    let too_high = USER_TOP - 0x3fff;
    assert_eq!(error(image(too_high, 1)), BootError::Image { start: too_high, pages: 1 });
    assert!(Slots::of(&image(too_high - 0x1000, 1)).is_ok());
    let entry = |entry| RootTask { image: Image { entry, ..example.image }, ..example };
    assert_eq!(error(entry(0x3f_ffff)), BootError::Entry { entry: 0x3f_ffff });
    assert_eq!(error(entry(0x41_6000)), BootError::Entry { entry: 0x41_6000 });
    assert_eq!(
        error(RootTask { cnode_bits: 5, ..example }),
        BootError::CNode { needed: behind(0x2e), available: 32 }
    );
    let many = [UntypedDesc::default(); 231];
    assert_eq!(error(RootTask { untyped: &many, ..example }), BootError::UntypedList { count: 231 });
}

#[test]
fn extra_bootinfo_of_another_length_and_missing_memory_are_refused() {
    let mut machine = Machine::new();
    let length = machine.build(&worked_example(), &[0; 8]);
    assert_eq!(length, Err(BootError::ExtraLength { announced: 0x50c, given: 8 }));
    machine.next = START + MEMORY as u64 - (1 << 18);
    let memory = machine.build(&worked_example(), &[0; 0x50c]);
    assert!(matches!(memory, Err(BootError::Memory { .. })));
}
