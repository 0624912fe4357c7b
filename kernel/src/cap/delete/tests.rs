// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::ObjectType;
use arch::Ticks;

use super::*;
use crate::cap::raw::RawCap;
use crate::memory::objects::ObjRef;
use crate::object::irq::{Irq, VectorUse};
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::object::untyped::{Invocation, Kind};
use crate::testing::TestKernel;

const REGION_BITS: u8 = 18;

/// A root CNode with 64 slots, an untyped in its slot 0, and everything made from that.
struct Arena {
    test: TestKernel,
    root: Cap,
    slots: Vec<SlotRef>,
}

impl Arena {
    fn new() -> Self {
        let mut test = TestKernel::new();
        let root = test.cnode(6);
        let base = test.memory(REGION_BITS.into());
        let slots: Vec<SlotRef> = (0..64).map(|index| test.slot(root, index)).collect();
        let untyped = Cap::Untyped { base, size_bits: REGION_BITS, is_device: false, free: 0 };
        test.kernel.insert_root_cap(untyped, slots[0]);
        Self { test, root, slots }
    }

    fn root(&self, index: usize) -> SlotRef {
        self.test.slot(self.root, index)
    }

    fn cap(&self, slot: SlotRef) -> Cap {
        self.test.kernel.objs[slot].cap.unpack()
    }

    fn make(&mut self, object: ObjectType, size_bits: u32, dest: SlotRef) -> Cap {
        self.make_from(self.root(0), object, size_bits, dest)
    }

    fn make_from(&mut self, untyped: SlotRef, object: ObjectType, size_bits: u32, dest: SlotRef) -> Cap {
        let kind = Kind { object, size_bits };
        let retype = Invocation { untyped, kind, dest, count: 1, reset: false };
        assert!(self.test.kernel.execute_untyped(retype).is_ok());
        self.cap(dest)
    }

    /// Makes a CNode with `1 << radix` slots and returns them.
    fn cnode(&mut self, radix: u8, dest: SlotRef) -> Vec<SlotRef> {
        let cap = self.make(ObjectType::CNode, radix.into(), dest);
        self.slots_of(cap)
    }

    fn slots_of(&mut self, cnode: Cap) -> Vec<SlotRef> {
        let Cap::CNode { radix, .. } = cnode else { panic!("{cnode:?} is not a CNode") };
        let slots: Vec<SlotRef> = (0..1 << radix).map(|index| self.test.slot(cnode, index)).collect();
        self.slots.extend(&slots);
        slots
    }

    fn thread(&mut self, dest: SlotRef) -> ObjRef<Tcb> {
        let Cap::Thread(tcb) = self.make(ObjectType::Tcb, 0, dest) else { unreachable!() };
        self.slots.extend((0..TCB_SLOTS).map(|index| SlotRef::on_host(tcb.paddr()).element(index)));
        tcb
    }

    fn endpoint(&mut self, dest: SlotRef) {
        self.make(ObjectType::Endpoint, 0, dest);
    }

    fn copy(&mut self, source: SlotRef, dest: SlotRef) {
        let cap = self.cap(source);
        self.test.kernel.insert_cap(cap, source, dest);
    }

    fn move_to(&mut self, source: SlotRef, dest: SlotRef) {
        let cap = self.cap(source);
        self.test.kernel.move_cap(cap, source, dest);
    }

    /// Runs `operation` until it is done, stopping it at the `point`-th preemption point and not again.
    fn run_preempted_at(&mut self, point: u64, operation: &Operation) {
        self.test.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1 - point;
        self.test.kernel.machine.interrupt_pending = true;
        while operation(self) == Err(Preempted) {
            self.test.kernel.check_mdb(&self.slots);
            self.test.kernel.machine.interrupt_pending = false;
        }
    }

    /// Runs `operation`, stopping it at every preemption point; returns how many there were.
    fn run_preempted_always(&mut self, operation: &Operation) -> usize {
        self.test.kernel.machine.interrupt_pending = true;
        for points in 0.. {
            self.test.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1;
            if operation(self) == Ok(()) {
                return points;
            }
            self.test.kernel.check_mdb(&self.slots);
        }
        unreachable!("the loop has no end")
    }

    /// Checks that no CNode, thread or zombie is left, nor anything that was inside one.
    #[track_caller]
    fn only_untypeds_left(&self) {
        self.only_left(&[self.root(0), self.root(4)]);
    }

    #[track_caller]
    fn only_left(&self, left: &[SlotRef]) {
        self.test.kernel.check_mdb(&self.slots);
        for &slot in &self.slots {
            assert_eq!(!self.cap(slot).is_null(), left.contains(&slot), "{slot:?}: {:?}", self.cap(slot));
        }
    }

    /// All slots with their capabilities and the order of those.
    fn snapshot(&self) -> Vec<(RawCap, Option<SlotRef>)> {
        let objs = &self.test.kernel.objs;
        self.slots.iter().map(|&slot| (objs[slot].cap, objs[slot].mdb.next())).collect()
    }
}

type Operation = dyn Fn(&mut Arena) -> Result<(), Preempted>;

fn delete(index: usize) -> impl Fn(&mut Arena) -> Result<(), Preempted> {
    move |arena| arena.test.kernel.delete_cap(arena.root(index))
}

fn revoke_all(arena: &mut Arena) -> Result<(), Preempted> {
    arena.test.kernel.revoke_cap(arena.root(0))
}

#[test]
fn deleting_a_copy_keeps_the_object_and_what_is_in_it() {
    let mut arena = Arena::new();
    let (a, copy) = (arena.root(1), arena.root(2));
    let inside = arena.cnode(2, a);
    arena.endpoint(inside[3]);
    arena.copy(a, copy);
    assert!(!arena.test.kernel.is_long_delete(a));
    assert_eq!(arena.test.kernel.delete_cap(a), Ok(()));
    arena.only_left(&[arena.root(0), copy, inside[3]]);
    assert!(arena.test.kernel.is_long_delete(copy));
    assert_eq!(arena.test.kernel.delete_cap(copy), Ok(()));
    arena.only_left(&[arena.root(0)]);
}

#[test]
fn deleting_the_last_capability_of_an_empty_cnode_or_an_empty_slot_is_quick() {
    let mut arena = Arena::new();
    arena.cnode(2, arena.root(1));
    assert_eq!(arena.run_preempted_always(&delete(1)), 4);
    assert_eq!(arena.run_preempted_always(&delete(1)), 0);
    arena.only_left(&[arena.root(0)]);
}

#[test]
fn deleting_a_thread_stops_it_and_deletes_its_five_capabilities() {
    let mut arena = Arena::new();
    let tcb = arena.thread(arena.root(1));
    arena.endpoint(arena.root(2));
    for slot in [TcbSlot::CSpace, TcbSlot::FaultHandler, TcbSlot::TimeoutHandler] {
        arena.copy(arena.root(2), tcb.slot(slot));
    }
    arena.test.kernel.objs[tcb].set_state_raw(ThreadState::Restart);
    assert_eq!(arena.run_preempted_always(&delete(1)), 5);
    arena.only_left(&[arena.root(0), arena.root(2)]);
    assert_eq!(arena.test.kernel.objs[tcb].state(), ThreadState::Inactive);
}

#[test]
fn objects_inside_a_deleted_cnode_are_deleted_to_the_end() {
    let mut arena = Arena::new();
    let a = arena.cnode(2, arena.root(1));
    let b = arena.cnode(1, a[2]);
    let c = arena.cnode(3, b[1]);
    let tcb = arena.thread(c[4]);
    arena.endpoint(b[0]);
    arena.endpoint(c[0]);
    arena.cnode(1, tcb.slot(TcbSlot::CSpace));
    arena.test.kernel.objs[tcb].set_state_raw(ThreadState::Running);
    assert_eq!(arena.test.kernel.delete_cap(arena.root(1)), Ok(()));
    arena.only_left(&[arena.root(0)]);
    assert_eq!(arena.test.kernel.objs[tcb].state(), ThreadState::Inactive);
    assert!(!arena.test.kernel.has_children(arena.root(0)));
}

#[test]
fn a_cnode_that_holds_its_own_last_capability_is_revoked() {
    for index in 0..4 {
        let mut arena = Arena::new();
        let a = arena.cnode(2, arena.root(1));
        arena.move_to(arena.root(1), a[index]);
        for &slot in &a {
            if arena.cap(slot).is_null() {
                arena.endpoint(slot);
            }
        }
        arena.run_preempted_always(&revoke_all);
        arena.only_left(&[arena.root(0)]);
    }
}

/// Two CNodes and a thread, each kept alive by a capability in a slot chosen by `a`, `b` and `c`: a cycle. The first
/// CNode is made from an untyped of its own in slot 4 of the root.
fn cycle(a: usize, b: usize, c: usize) -> Arena {
    let mut arena = Arena::new();
    arena.make(ObjectType::Untyped, 8, arena.root(4));
    let first = arena.make_from(arena.root(4), ObjectType::CNode, 2, arena.root(1));
    let first = arena.slots_of(first);
    let second = arena.cnode(2, arena.root(2));
    let tcb = arena.thread(arena.root(3));
    let third = SlotRef::on_host(tcb.paddr());
    arena.move_to(arena.root(1), second[a]);
    arena.move_to(arena.root(2), third.element(b));
    arena.move_to(arena.root(3), first[c]);
    let inside_third = (0..TCB_SLOTS).map(|index| third.element(index));
    for slot in first.into_iter().chain(second).chain(inside_third) {
        if arena.cap(slot).is_null() {
            arena.endpoint(slot);
        }
    }
    arena
}

#[test]
fn cycles_of_objects_are_revoked() {
    for a in 0..4 {
        for b in 0..TCB_SLOTS {
            for c in 0..4 {
                let mut arena = cycle(a, b, c);
                arena.run_preempted_always(&revoke_all);
                arena.only_left(&[arena.root(0)]);
                let mut arena = cycle(a, b, c);
                let revoke_one = |arena: &mut Arena| arena.test.kernel.revoke_cap(arena.root(4));
                assert_eq!(revoke_one(&mut arena), Ok(()));
                arena.only_untypeds_left();
                let mut arena = cycle(a, b, c);
                arena.run_preempted_always(&revoke_one);
                arena.only_untypeds_left();
            }
        }
    }
}

#[test]
fn deleting_a_way_into_a_cycle_leaves_the_cycle() {
    let mut arena = cycle(1, 2, 3);
    let inside = arena.slots.clone();
    let entry = inside.iter().find(|&&slot| matches!(arena.cap(slot), Cap::CNode { .. }));
    let entry = *entry.expect("the cycle has a CNode");
    let before = arena.slots.iter().filter(|&&slot| !arena.cap(slot).is_null()).count();
    arena.copy(entry, arena.root(9));
    assert_eq!(arena.test.kernel.delete_cap(arena.root(9)), Ok(()));
    let after = arena.slots.iter().filter(|&&slot| !arena.cap(slot).is_null()).count();
    assert_eq!(before, after);
}

#[test]
fn a_preempted_delete_leaves_a_zombie_that_can_be_moved() {
    let mut arena = Arena::new();
    let a = arena.cnode(2, arena.root(1));
    let b = arena.cnode(2, a[3]);
    arena.endpoint(b[0]);
    arena.endpoint(a[0]);
    arena.test.kernel.machine.interrupt_pending = true;
    arena.test.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 2;
    assert_eq!(arena.test.kernel.delete_cap(arena.root(1)), Err(Preempted));
    assert!(matches!(arena.cap(arena.root(1)), Cap::Zombie { .. }));
    assert!(arena.test.kernel.is_long_delete(arena.root(1)));
    arena.test.kernel.machine.interrupt_pending = false;
    arena.move_to(arena.root(1), arena.root(2));
    assert_eq!(arena.test.kernel.delete_cap(arena.root(2)), Ok(()));
    arena.only_left(&[arena.root(0)]);
}

#[test]
fn a_revoke_that_meets_a_half_deleted_object_finishes_it() {
    for point in 0..20 {
        let mut arena = Arena::new();
        let a = arena.cnode(2, arena.root(1));
        let b = arena.cnode(2, a[1]);
        let c = arena.cnode(2, b[2]);
        arena.endpoint(c[0]);
        arena.endpoint(b[0]);
        arena.test.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1 - point;
        arena.test.kernel.machine.interrupt_pending = true;
        let stopped = arena.test.kernel.delete_cap(arena.root(1));
        arena.test.kernel.machine.interrupt_pending = false;
        assert_eq!(arena.test.kernel.revoke_cap(arena.root(0)), Ok(()), "{point}: {stopped:?}");
        arena.only_left(&[arena.root(0)]);
    }
}

/// Some of everything, with shared and nested objects.
fn city() -> Arena {
    let mut arena = Arena::new();
    let a = arena.cnode(3, arena.root(1));
    let b = arena.cnode(2, a[0]);
    let c = arena.cnode(1, b[3]);
    arena.copy(b[3], a[7]);
    let tcb = arena.thread(c[1]);
    arena.copy(c[1], b[0]);
    arena.endpoint(arena.root(2));
    for slot in [a[1], a[5], b[1], c[0], tcb.slot(TcbSlot::FaultHandler)] {
        arena.copy(arena.root(2), slot);
    }
    arena.copy(arena.root(1), tcb.slot(TcbSlot::CSpace));
    let other = arena.cnode(2, arena.root(3));
    arena.copy(arena.root(3), other[0]);
    arena.copy(arena.root(2), other[1]);
    arena.cnode(1, other[2]);
    arena
}

#[test]
fn preempted_at_any_point_delete_and_revoke_reach_the_same_end() {
    let revoke_endpoint = |arena: &mut Arena| arena.test.kernel.revoke_cap(arena.root(2));
    let operations: [&Operation; 4] = [&delete(1), &delete(3), &revoke_all, &revoke_endpoint];
    for (number, operation) in operations.into_iter().enumerate() {
        let mut undisturbed = city();
        assert_eq!(operation(&mut undisturbed), Ok(()));
        let mut always = city();
        let points = always.run_preempted_always(operation);
        assert_eq!(always.snapshot(), undisturbed.snapshot(), "operation {number}, preempted always");
        for point in 0..=points as u64 {
            let mut arena = city();
            arena.run_preempted_at(point, operation);
            assert_eq!(arena.snapshot(), undisturbed.snapshot(), "operation {number}, point {point}");
        }
    }
}

#[test]
fn preempted_at_any_point_a_reset_clears_the_same_memory() {
    let retype = |arena: &mut Arena| {
        let kind = Kind { object: ObjectType::SmallPage, size_bits: 0 };
        let (untyped, dest) = (arena.root(0), arena.root(1));
        let reset = !arena.test.kernel.has_children(untyped);
        let retype = Invocation { untyped, kind, dest, count: 1, reset };
        arena.test.kernel.execute_untyped(retype).map(drop)
    };
    for point in 0..=16 {
        let mut arena = Arena::new();
        arena.make(ObjectType::SmallPage, 0, arena.root(1));
        arena.test.kernel.empty_slot(arena.root(1));
        let Cap::Untyped { base, .. } = arena.cap(arena.root(0)) else { unreachable!() };
        let words: ObjRef<crate::memory::objects::Word> = ObjRef::on_host(base);
        for index in 0..512 {
            arena.test.kernel.objs[words.element(index)].0 = u64::MAX;
        }
        arena.run_preempted_at(point, &retype);
        assert!((0..512).all(|index| arena.test.kernel.objs[words.element(index)].0 == 0));
        arena.only_left(&[arena.root(0), arena.root(1)]);
        assert!(matches!(arena.cap(arena.root(0)), Cap::Untyped { free: 4096, .. }));
    }
}

#[test]
fn a_reset_makes_progress_from_the_top_down() {
    let mut arena = Arena::new();
    arena.make(ObjectType::SmallPage, 0, arena.root(1));
    arena.test.kernel.empty_slot(arena.root(1));
    arena.test.kernel.machine.interrupt_pending = true;
    arena.test.kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 3;
    let kind = Kind { object: ObjectType::Endpoint, size_bits: 0 };
    let (untyped, dest) = (arena.root(0), arena.root(1));
    let retype = Invocation { untyped, kind, dest, count: 1, reset: true };
    assert!(arena.test.kernel.execute_untyped(retype).is_err());
    assert!(matches!(arena.cap(arena.root(0)), Cap::Untyped { free: 1024, .. }));
    assert!(arena.cap(dest).is_null());
}

#[test]
fn a_long_chain_of_cnodes_takes_a_few_steps_for_each() {
    const LENGTH: usize = 1000;
    let mut arena = Arena::new();
    let mut dest = arena.root(1);
    for index in 0..LENGTH {
        dest = arena.cnode(1, dest)[index % 2];
    }
    let points = arena.run_preempted_always(&delete(1));
    assert!(points <= 4 * LENGTH, "{points} steps");
    arena.only_left(&[arena.root(0)]);
}

#[test]
fn every_hundredth_preemption_point_looks_at_clock_interrupts_and_budget() {
    let mut test = TestKernel::new();
    let kernel = &mut test.kernel;
    kernel.machine.interrupt_pending = true;
    kernel.machine.time = Ticks(5000);
    for _ in 1..WORK_UNITS_PER_PREEMPTION {
        assert_eq!(kernel.preemption_point(), Ok(()));
    }
    assert_eq!(kernel.sched.now, Ticks::ZERO);
    assert_eq!(kernel.preemption_point(), Err(Preempted));
    assert_eq!(kernel.sched.now, Ticks(5000));
    assert_eq!(kernel.preemption_point(), Ok(()));
    kernel.machine.interrupt_pending = false;
    kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1;
    assert_eq!(kernel.preemption_point(), Ok(()));
    let sc = kernel.sched.current_sc;
    kernel.objs[sc].max_refills = 2;
    kernel.objs[sc.refill(0)].amount = kernel.us_to_ticks(abi::limits::MIN_BUDGET_US);
    kernel.sched.consumed = Ticks(1);
    kernel.sched.work_units = WORK_UNITS_PER_PREEMPTION - 1;
    assert_eq!(kernel.preemption_point(), Err(Preempted));
}

#[test]
fn simple_capabilities_are_deleted_without_touching_their_source() {
    let mut arena = Arena::new();
    arena.endpoint(arena.root(1));
    arena.copy(arena.root(1), arena.root(2));
    arena.test.kernel.delete_simple_cap(arena.root(2));
    arena.only_left(&[arena.root(0), arena.root(1)]);
    let signal = Cap::LineSignal { to: 1, line: crate::object::line::Line(0) };
    arena.test.kernel.insert_root_cap(signal, arena.root(3));
    arena.test.kernel.delete_simple_cap(arena.root(3));
    arena.only_left(&[arena.root(0), arena.root(1)]);
}

#[test]
fn the_last_handler_gives_back_its_vector() {
    let mut arena = Arena::new();
    arena.test.kernel.insert_root_cap(Cap::IrqHandler(Irq(5)), arena.root(1));
    arena.test.kernel.vectors[5] = VectorUse::Message;
    arena.copy(arena.root(1), arena.root(3));
    arena.test.kernel.delete_simple_cap(arena.root(1));
    assert_eq!(arena.test.kernel.vectors[5], VectorUse::Message);
    arena.test.kernel.delete_simple_cap(arena.root(3));
    assert_eq!(arena.test.kernel.vectors[5], VectorUse::Free);
    arena.only_left(&[arena.root(0)]);
}
