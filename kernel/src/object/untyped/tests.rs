// SPDX-License-Identifier: MIT OR Apache-2.0
use arch::Level;
use arch::table::{ENTRIES, KERNEL_ENTRIES};

use super::*;
use crate::testing::{DEPTH, START, TestKernel};

const RETYPE: u64 = Label::UntypedRetype.word();
const SIZE_BITS: u8 = 16;

/// Slots of the root CNode.
const UNTYPED: usize = 0;
const ROOT: usize = 1;
const OTHER: usize = 2;
const FREE: u64 = 8;

struct Fixture {
    test: TestKernel,
    root: Cap,
    caller: ObjRef<Tcb>,
    base: PhysAddr,
}

impl Fixture {
    /// A root CNode with 512 slots, an untyped of 64 KiB.
    fn new() -> Self {
        let mut test = TestKernel::new();
        let root = test.cnode(9);
        let caller = test.thread(root);
        let base = test.memory(SIZE_BITS.into());
        let mut fixture = Self { test, root, caller, base };
        fixture.insert(UNTYPED, Cap::Untyped { base, size_bits: SIZE_BITS, is_device: false, free: 0 });
        fixture.insert(ROOT, root);
        fixture
    }

    fn slot(&self, index: usize) -> SlotRef {
        self.test.slot(self.root, index)
    }

    fn insert(&mut self, index: usize, cap: Cap) {
        let slot = self.slot(index);
        self.test.kernel.insert_root_cap(cap, slot);
    }

    fn cap(&self, index: usize) -> Cap {
        self.test.kernel.objs[self.slot(index)].cap.unpack()
    }

    fn free_index(&self, index: usize) -> u64 {
        match self.cap(index) {
            Cap::Untyped { free, .. } => free,
            other => panic!("{other:?} is not an untyped"),
        }
    }

    fn decode_from(
        &mut self,
        untyped: usize,
        words: &[u64],
        roots: &[usize],
    ) -> Result<Invocation, SyscallError> {
        let slots: Vec<SlotRef> = roots.iter().map(|&root| self.slot(root)).collect();
        let message = self.test.message(self.caller, RETYPE, words, &slots);
        let slot = self.slot(untyped);
        let kernel = &self.test.kernel;
        kernel.decode_untyped(slot, kernel.objs[slot].cap.unpack(), &Args::new(&kernel.objs, &message))
    }

    fn decode(&mut self, words: &[u64]) -> Result<Invocation, SyscallError> {
        self.decode_from(UNTYPED, words, &[ROOT])
    }

    #[track_caller]
    fn refuses(&mut self, words: &[u64], error: SyscallError) {
        assert_eq!(self.decode(words), Err(error), "{words:?}");
    }

    #[track_caller]
    fn retype_from(&mut self, untyped: usize, words: &[u64]) {
        let invocation = self.decode_from(untyped, words, &[ROOT]).expect("the invocation is valid");
        assert!(matches!(self.test.kernel.execute_untyped(invocation), Ok(Reply::Done)));
        let slots: Vec<SlotRef> = (0..512).map(|index| self.slot(index)).collect();
        self.test.kernel.check_mdb(&slots);
    }

    /// Makes `count` objects into slots from `offset` on.
    #[track_caller]
    fn retype(&mut self, object: ObjectType, size_bits: u64, offset: u64, count: u64) {
        self.retype_from(UNTYPED, &[object.word(), size_bits, 0, 0, offset, count]);
    }

    fn word(&self, offset: u64) -> u64 {
        let word: ObjRef<Word> = ObjRef::on_host(PhysAddr(self.base.0 + offset));
        self.test.kernel.objs[word].0
    }

    fn fill(&mut self, bytes: u64) {
        for offset in (0..bytes).step_by(8) {
            let word: ObjRef<Word> = ObjRef::on_host(PhysAddr(self.base.0 + offset));
            self.test.kernel.objs[word] = Word(0x5a5a);
        }
    }
}

const fn range(min: u64, max: u64) -> SyscallError {
    SyscallError::RangeError { min, max }
}

const ENDPOINT: u64 = ObjectType::Endpoint.word();
/// Log2 of the largest size there is.
const MOST: u64 = MAX_UNTYPED_BITS as u64;

#[test]
fn other_labels_are_illegal_even_in_short_messages() {
    let mut fixture = Fixture::new();
    let message = fixture.test.message(fixture.caller, Label::CNodeCopy.word(), &[], &[]);
    let slot = fixture.slot(UNTYPED);
    let kernel = &fixture.test.kernel;
    let decoded =
        kernel.decode_untyped(slot, kernel.objs[slot].cap.unpack(), &Args::new(&kernel.objs, &message));
    assert_eq!(decoded, Err(SyscallError::IllegalOperation));
}

#[test]
fn a_short_message_is_truncated_whatever_it_says() {
    let mut fixture = Fixture::new();
    fixture.refuses(&[99, 0, 0, 0, 0], SyscallError::TruncatedMessage);
    let decoded = fixture.decode_from(UNTYPED, &[99, 0, 0, 0, 0, 1], &[]);
    assert_eq!(decoded, Err(SyscallError::TruncatedMessage));
}

#[test]
fn type_and_size_are_checked_in_order() {
    let mut fixture = Fixture::new();
    let (cnode, sc) = (ObjectType::CNode.word(), ObjectType::SchedContext.word());
    // The type before the size, the size before the destination.
    fixture.refuses(&[ObjectType::COUNT, 64, 0, 99, 0, 0], SyscallError::InvalidArgument(0));
    fixture.refuses(&[u64::MAX, 0, 0, 0, 0, 1], SyscallError::InvalidArgument(0));
    for size_bits in [DEPTH, 1 << 31, u64::MAX] {
        fixture.refuses(&[ENDPOINT, size_bits, 0, 99, 0, 0], range(0, MOST));
    }
    fixture.refuses(&[0, MOST + 1, 0, 99, 0, 0], range(0, MOST));
    fixture.refuses(&[cnode, MOST - 4, 0, 99, 0, 0], range(0, MOST));
    fixture.refuses(&[cnode, 0, 0, 99, 0, 0], SyscallError::InvalidArgument(1));
    fixture.refuses(&[0, 3, 0, 99, 0, 0], SyscallError::InvalidArgument(1));
    fixture.refuses(&[sc, 6, 0, 99, 0, 0], SyscallError::InvalidArgument(1));
    // Fixed sizes ignore the argument but for the first check.
    assert!(fixture.decode(&[ENDPOINT, DEPTH - 1, 0, 0, FREE, 1]).is_ok());
}

#[test]
fn the_destination_is_checked_before_the_window() {
    let mut fixture = Fixture::new();
    let side = LookupSide::Target;
    fixture.refuses(&[ENDPOINT, 0, 0, DEPTH + 1, 512, 0], range(1, DEPTH));
    let missing =
        |bits_left| SyscallError::FailedLookup(side, LookupFailure::MissingCapability { bits_left });
    fixture.refuses(&[ENDPOINT, 0, FREE, DEPTH, 512, 0], missing(DEPTH));
    fixture.refuses(&[ENDPOINT, 0, UNTYPED as u64, DEPTH, 512, 0], missing(DEPTH));
    let decoded = fixture.decode_from(UNTYPED, &[ENDPOINT, 0, 0, 0, 512, 0], &[UNTYPED]);
    assert_eq!(decoded, Err(missing(0)));
    let decoded = fixture.decode_from(UNTYPED, &[ENDPOINT, 0, 0, DEPTH, 512, 0], &[UNTYPED]);
    assert_eq!(decoded, Err(SyscallError::FailedLookup(side, LookupFailure::InvalidRoot)));
}

#[test]
fn the_window_is_checked_offset_first_then_count_then_both() {
    let mut fixture = Fixture::new();
    for offset in [512, u64::MAX] {
        fixture.refuses(&[ENDPOINT, 0, 0, 0, offset, 0], range(0, 511));
    }
    for count in [0, 257, u64::MAX] {
        fixture.refuses(&[ENDPOINT, 0, 0, 0, 511, count], range(1, 256));
    }
    fixture.refuses(&[ENDPOINT, 0, 0, 0, 400, 113], range(1, 112));
    // Slots in use, before the memory is found too small.
    let slot = fixture.slot(20);
    fixture.test.kernel.insert_root_cap(Cap::Domain, slot);
    fixture.refuses(&[0, 20, 0, 0, FREE, 13], SyscallError::DeleteFirst);
    fixture.refuses(&[0, 20, 0, 0, FREE, 12], SyscallError::NotEnoughMemory(1 << SIZE_BITS));
}

#[test]
fn memory_is_checked_before_the_device_flag() {
    let mut fixture = Fixture::new();
    let device = Cap::Untyped { base: PhysAddr(0), size_bits: 12, is_device: true, free: 0 };
    fixture.insert(OTHER, device);
    let tcb = ObjectType::Tcb.word();
    let decoded = fixture.decode_from(OTHER, &[tcb, 0, 0, 0, FREE, 3], &[ROOT]);
    assert_eq!(decoded, Err(SyscallError::NotEnoughMemory(4096)));
    for object in ObjectType::ALL
        .iter()
        .filter(|object| object.word() < ObjectType::COUNT && exists(**object) && object.size_bits(8) <= 12)
    {
        let decoded = fixture.decode_from(OTHER, &[object.word(), 8, 0, 0, FREE, 1], &[ROOT]);
        if *object == ObjectType::Untyped || object.is_frame() {
            assert!(decoded.is_ok(), "{object:?}");
        } else {
            assert_eq!(decoded, Err(SyscallError::InvalidArgument(1)), "{object:?}");
        }
    }
}

#[test]
fn the_free_bytes_reported_do_not_count_alignment() {
    let mut fixture = Fixture::new();
    fixture.retype(ObjectType::Endpoint, 0, FREE, 1);
    let free = (1 << SIZE_BITS) - 16;
    fixture.refuses(&[0, SIZE_BITS.into(), 0, 0, 20, 1], SyscallError::NotEnoughMemory(free));
    fixture.refuses(&[ObjectType::SmallPage.word(), 0, 0, 0, 20, 16], SyscallError::NotEnoughMemory(free));
    fixture.retype(ObjectType::SmallPage, 0, 20, 15);
    fixture.refuses(&[ENDPOINT, 0, 0, 0, 200, 1], SyscallError::NotEnoughMemory(0));
}

#[test]
fn objects_lie_in_ascending_order_and_are_children_of_the_untyped() {
    let mut fixture = Fixture::new();
    fixture.retype(ObjectType::Endpoint, 0, FREE, 1);
    fixture.retype(ObjectType::Untyped, 8, 16, 3);
    let base = fixture.base.0;
    for index in 0..3 {
        let base = PhysAddr(base + 256 * (index + 1));
        let expected = Cap::Untyped { base, size_bits: 8, is_device: false, free: 0 };
        assert_eq!(fixture.cap(16 + index as usize), expected);
    }
    assert_eq!(fixture.free_index(UNTYPED), 1024);
    assert!(fixture.test.kernel.has_children(fixture.slot(UNTYPED)));
    assert!(!fixture.test.kernel.has_children(fixture.slot(17)));
}

#[test]
fn every_type_starts_as_the_interface_says() {
    let mut fixture = Fixture::new();
    let make = |fixture: &mut Fixture, object, size_bits| {
        let slot = fixture.slot(FREE as usize);
        fixture.test.kernel.empty_slot(slot);
        fixture.retype(object, size_bits, FREE, 1);
        fixture.cap(FREE as usize)
    };
    let base = fixture.base;
    let f = &mut fixture;
    let (endpoint, notification) = (ObjRef::on_host(base), ObjRef::on_host(base));
    let rights = Rights::ALL;
    assert_eq!(make(f, ObjectType::Endpoint, 0), Cap::Endpoint { endpoint, badge: 0, rights });
    let rights = Rights::READ_WRITE;
    let expected = Cap::Notification { notification, badge: 0, rights };
    assert_eq!(make(f, ObjectType::Notification, 0), expected);
    let reply = ObjRef::on_host(base);
    assert_eq!(make(f, ObjectType::Reply, 0), Cap::Reply { reply, rights: Rights::GRANT });
    let expected = Cap::CNode { slots: ObjRef::on_host(base), radix: 5, guard: 0, guard_bits: 0 };
    assert_eq!(make(f, ObjectType::CNode, 5), expected);
    let expected = Cap::SchedContext { sc: ObjRef::on_host(base), size_bits: 8 };
    assert_eq!(make(f, ObjectType::SchedContext, 8), expected);
    for (object, level) in
        [(ObjectType::PageTable, Level::PageTable), (ObjectType::PageDirectory, Level::PageDirectory)]
    {
        assert_eq!(make(f, object, 0), Cap::Table { table: base, level, mapping: None });
    }
    let access = PageAccess::ReadWrite;
    let expected = Cap::Frame { base, size: PageSize::Small, access, is_device: false, mapping: None };
    assert_eq!(make(f, ObjectType::SmallPage, 0), expected);
}

#[test]
fn a_new_thread_is_inactive_with_clean_registers_in_the_domain_of_the_caller() {
    use crate::object::tcb::ThreadState;
    let mut fixture = Fixture::new();
    let current = fixture.test.kernel.current();
    fixture.test.kernel.objs[current].domain = 3;
    fixture.retype(ObjectType::Tcb, 0, FREE, 2);
    for index in 0..2 {
        let Cap::Thread(tcb) = fixture.cap(FREE as usize + index) else { unreachable!() };
        let tcb = &fixture.test.kernel.objs[tcb];
        assert_eq!(tcb.state(), ThreadState::Inactive);
        assert_eq!((tcb.priority, tcb.mcp, tcb.domain, tcb.flags), (0, 0, 3, 0));
        assert_eq!(tcb.context.flags(), abi::INITIAL_FLAGS);
        assert!(tcb.sched_context.is_none());
    }
}

#[test]
fn a_new_address_space_has_the_kernels_entries_and_nothing_for_users() {
    let mut fixture = Fixture::new();
    let kernel_root: ObjRef<Word> = ObjRef::on_host(fixture.test.kernel.kernel_root);
    for index in 0..ENTRIES {
        fixture.test.kernel.objs[kernel_root.element(index)] = Word(index as u64 + 1);
    }
    fixture.retype(ObjectType::Pml4, 0, FREE, 1);
    assert_eq!(fixture.cap(FREE as usize), Cap::VSpace { root: fixture.base, asid: None });
    for index in 0..ENTRIES {
        let is_kernels = KERNEL_ENTRIES.contains(&index);
        let expected = if is_kernels { index as u64 + 1 } else { 0 };
        assert_eq!(fixture.word(index as u64 * 8), expected, "entry {index}");
    }
}

#[test]
fn without_children_retype_starts_over_with_cleared_memory() {
    let mut fixture = Fixture::new();
    fixture.retype(ObjectType::SmallPage, 0, FREE, 2);
    fixture.fill(8192);
    for index in 0..2 {
        let slot = fixture.slot(FREE as usize + index);
        fixture.test.kernel.empty_slot(slot);
    }
    assert!(fixture.decode(&[ENDPOINT, 0, 0, 0, FREE, 1]).is_ok_and(|retype| retype.reset));
    fixture.retype(ObjectType::Endpoint, 0, FREE, 1);
    assert_eq!(fixture.free_index(UNTYPED), 16);
    assert!((0..8192).step_by(8).all(|offset| fixture.word(offset) == 0));
}

#[test]
fn a_reset_clears_what_was_used_and_nothing_above() {
    let mut fixture = Fixture::new();
    fixture.fill(4096);
    let slot = fixture.slot(UNTYPED);
    let base = fixture.base;
    let used = Cap::Untyped { base, size_bits: SIZE_BITS, is_device: false, free: 272 };
    fixture.test.kernel.objs[slot].cap = used.pack();
    fixture.retype(ObjectType::Endpoint, 0, FREE, 1);
    assert!((0..272).step_by(8).all(|offset| fixture.word(offset) == 0));
    assert!((272..4096).step_by(8).all(|offset| fixture.word(offset) != 0));
}

#[test]
fn what_a_reset_clears_is_zero_in_memory_too() {
    let mut fixture = Fixture::new();
    let slot = fixture.slot(UNTYPED);
    let base = fixture.base;
    let used = Cap::Untyped { base, size_bits: SIZE_BITS, is_device: false, free: 1024 };
    fixture.test.kernel.objs[slot].cap = used.pack();
    fixture.retype(ObjectType::Endpoint, 0, FREE, 1);
    let mut top = arch::WINDOW_BASE.wrapping_add(base.0 + 1024);
    for (operation, start, bytes) in core::mem::take(&mut fixture.test.kernel.machine.caches) {
        assert_eq!(operation, arch::CacheOperation::Clean);
        assert_eq!(start.0 + bytes, top, "from the top down, without a hole");
        top = start.0;
    }
    assert_eq!(top, arch::WINDOW_BASE.wrapping_add(base.0));
}

#[test]
fn a_small_untyped_is_cleared_at_once() {
    let mut fixture = Fixture::new();
    fixture.fill(512);
    let base = fixture.base;
    fixture.insert(OTHER, Cap::Untyped { base, size_bits: 6, is_device: false, free: 48 });
    fixture.test.kernel.sched.work_units = 50;
    fixture.retype_from(OTHER, &[ENDPOINT, 0, 0, 0, FREE, 4]);
    assert!((0..48).step_by(8).all(|offset| fixture.word(offset) == 0));
    assert_eq!(fixture.word(48), 0x5a5a);
    assert_eq!(fixture.test.kernel.sched.work_units, 50);
}

#[test]
fn device_memory_is_never_touched() {
    let mut fixture = Fixture::new();
    // Outside simulated memory: any access panics.
    let device = Cap::Untyped { base: PhysAddr(0), size_bits: 20, is_device: true, free: 0 };
    fixture.insert(OTHER, device);
    const { assert!(START >= 1 << 20) };
    fixture.retype_from(OTHER, &[ObjectType::SmallPage.word(), 0, 0, 0, FREE, 2]);
    let frame = |base| Cap::Frame {
        base: PhysAddr(base),
        size: PageSize::Small,
        access: PageAccess::ReadWrite,
        is_device: true,
        mapping: None,
    };
    assert_eq!(fixture.cap(FREE as usize), frame(0));
    assert_eq!(fixture.cap(FREE as usize + 1), frame(0x1000));
    for index in 0..2 {
        let slot = fixture.slot(FREE as usize + index);
        fixture.test.kernel.empty_slot(slot);
    }
    fixture.retype_from(OTHER, &[0, 16, 0, 0, FREE, 1]);
    let part = Cap::Untyped { base: PhysAddr(0), size_bits: 16, is_device: true, free: 0 };
    assert_eq!(fixture.cap(FREE as usize), part);
    assert_eq!(fixture.free_index(OTHER), 1 << 16);
}

#[test]
fn an_untyped_with_a_copy_is_full_until_the_copy_is_gone() {
    let mut fixture = Fixture::new();
    let (untyped, copy) = (fixture.slot(UNTYPED), fixture.slot(OTHER));
    let cap = fixture.test.kernel.derive_cap(untyped, fixture.cap(UNTYPED)).expect("there are no children");
    fixture.test.kernel.insert_cap(cap, untyped, copy);
    fixture.refuses(&[ENDPOINT, 0, 0, 0, FREE, 1], SyscallError::NotEnoughMemory(0));
    fixture.retype_from(OTHER, &[ENDPOINT, 0, 0, 0, FREE, 1]);
    fixture.refuses(&[ENDPOINT, 0, 0, 0, FREE + 1, 1], SyscallError::NotEnoughMemory(0));
    let child = fixture.slot(FREE as usize);
    fixture.test.kernel.empty_slot(child);
    fixture.test.kernel.empty_slot(copy);
    assert!(fixture.decode(&[ENDPOINT, 0, 0, 0, FREE, 1]).is_ok_and(|retype| retype.reset));
}
