// SPDX-License-Identifier: MIT OR Apache-2.0
//! The derivation order against a tree of nodes, under random operations.
//!
//! The model knows nothing of lists and flags: a node has a parent and ordered children, deleting it hands its
//! children to its parent, and an object lives while a node names it. After every operation the depth-first order of
//! the model is the order of the kernel, and what the kernel calls children, descendants and last is what the model
//! does.

use std::collections::BTreeMap;

use abi::ObjectType;
use abi::limits::WORK_UNITS_PER_PREEMPTION;
use proptest::prelude::*;

use super::*;
use crate::cap::derive::DataRule;
use crate::error::{Preempted, SyscallError};
use crate::object::tcb::TCB_SLOTS;
use crate::object::untyped::{Invocation, Kind};

const ROOT_SLOTS: usize = 24;
const REGION_BITS: u8 = 14;

/// Identifies a node of the model for ever.
type NodeId = usize;

/// The initial untyped and the interrupt control capability.
const INITIAL: [NodeId; 2] = [0, 1];

#[derive(Clone, Debug)]
struct Node {
    slot: SlotRef,
    /// The capability as it was first; the free index of an untyped moves on.
    cap: Cap,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    /// Made by Retype or from a control capability, or the first with its badge: copies of it are its children.
    is_original: bool,
}

/// What a capability names, so that two can be compared; `None` when each is always the last.
fn object(cap: Cap) -> Option<u64> {
    match cap {
        Cap::Endpoint { endpoint, .. } => Some(endpoint.paddr().0),
        Cap::Notification { notification, .. } => Some(notification.paddr().0),
        Cap::CNode { slots, .. } => Some(slots.paddr().0),
        Cap::Thread(tcb) => Some(tcb.paddr().0),
        _ => None,
    }
}

/// Slots that live in the object `cap` names.
fn slots_of(cap: Cap) -> Vec<SlotRef> {
    let (first, count) = match cap {
        Cap::CNode { slots, radix, .. } => (slots, 1 << radix),
        Cap::Thread(tcb) => (SlotRef::on_host(tcb.paddr()), TCB_SLOTS),
        _ => return Vec::new(),
    };
    (0..count).map(|index| first.element(index)).collect()
}

#[derive(Clone, Default)]
struct Model {
    nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
}

impl Model {
    fn at(&self, slot: SlotRef) -> Option<NodeId> {
        self.nodes.iter().find(|(_, node)| node.slot == slot).map(|(&id, _)| id)
    }

    fn add(&mut self, slot: SlotRef, cap: Cap, parent: Option<NodeId>, is_original: bool) -> NodeId {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, Node { slot, cap, parent, children: Vec::new(), is_original });
        id
    }

    fn add_child(&mut self, slot: SlotRef, cap: Cap, parent: NodeId) {
        let id = self.add(slot, cap, Some(parent), true);
        self.node(parent).children.insert(0, id);
    }

    fn node(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("the node exists")
    }

    /// A capability made from that of `source`: a child of an original, else its next sibling.
    fn derive(&mut self, source: NodeId, slot: SlotRef, cap: Cap, is_original: bool) {
        let Node { parent, is_original: has_children, .. } = self.nodes[&source];
        if has_children {
            let id = self.add(slot, cap, Some(source), is_original);
            self.node(source).children.insert(0, id);
            return;
        }
        let id = self.add(slot, cap, parent, is_original);
        let Some(parent) = parent else { return };
        let siblings = &mut self.node(parent).children;
        let place =
            siblings.iter().position(|&sibling| sibling == source).expect("it is a child of its parent");
        siblings.insert(place + 1, id);
    }

    fn is_last(&self, id: NodeId) -> bool {
        let Some(object) = self::object(self.nodes[&id].cap) else { return true };
        self.nodes.values().filter(|node| self::object(node.cap) == Some(object)).count() == 1
    }

    fn delete(&mut self, slot: SlotRef) {
        let Some(id) = self.at(slot) else { return };
        let contents = if self.is_last(id) { slots_of(self.nodes[&id].cap) } else { Vec::new() };
        let node = self.nodes.remove(&id).expect("the node exists");
        for &child in &node.children {
            self.node(child).parent = node.parent;
        }
        if let Some(parent) = node.parent {
            let siblings = &mut self.node(parent).children;
            let place =
                siblings.iter().position(|&sibling| sibling == id).expect("it is a child of its parent");
            siblings.splice(place..=place, node.children);
        }
        for slot in contents {
            self.delete(slot);
        }
    }

    fn revoke(&mut self, slot: SlotRef) {
        while let Some(&child) = self.at(slot).and_then(|id| self.nodes[&id].children.first()) {
            self.delete(self.nodes[&child].slot);
        }
    }

    /// Depth-first order below `id`.
    fn descendants(&self, id: NodeId) -> Vec<SlotRef> {
        let below = |&child: &NodeId| {
            let mut slots = vec![self.nodes[&child].slot];
            slots.extend(self.descendants(child));
            slots
        };
        self.nodes[&id].children.iter().flat_map(below).collect()
    }
}

/// A kernel and its model.
struct World {
    test: TestKernel,
    root: Vec<SlotRef>,
    model: Model,
}

/// A random operation: what to do, and three numbers to choose with.
type Step = (u8, usize, usize, usize);

impl World {
    fn new() -> Self {
        let mut test = TestKernel::with_memory_of(64 << 10);
        let cnode = test.cnode(5);
        let root: Vec<SlotRef> = (0..ROOT_SLOTS).map(|index| test.slot(cnode, index)).collect();
        let base = test.memory(REGION_BITS.into());
        let mut model = Model::default();
        let untyped = Cap::Untyped { base, size_bits: REGION_BITS, is_device: false, free: 0 };
        for (slot, cap) in [(root[0], untyped), (root[1], Cap::IrqControl)] {
            test.kernel.insert_root_cap(cap, slot);
            model.add(slot, cap, None, true);
        }
        Self { test, root, model }
    }

    /// Slots of the root CNode and of all objects that exist.
    fn slots(&self) -> Vec<SlotRef> {
        let mut slots = self.root.clone();
        for node in self.model.nodes.values() {
            slots.extend(slots_of(node.cap));
        }
        slots.sort_by_key(|slot| slot.paddr());
        slots.dedup();
        slots
    }

    fn free_slot(&self, choice: usize) -> Option<SlotRef> {
        let free: Vec<SlotRef> =
            self.slots().into_iter().filter(|&slot| self.model.at(slot).is_none()).collect();
        free.get(choice % free.len().max(1)).copied()
    }

    fn choose(&self, choice: usize) -> Option<NodeId> {
        self.model.nodes.keys().nth(choice % self.model.nodes.len().max(1)).copied()
    }

    fn step(&mut self, (operation, a, b, c): Step) {
        let (Some(source), Some(dest)) = (self.choose(a), self.free_slot(b)) else { return };
        let slot = self.model.nodes[&source].slot;
        match operation {
            0..=3 => self.retype(a, dest, c),
            4 => self.copy(source, dest, 0),
            5 => self.copy(source, dest, 1 + c as u64 % 3),
            6 => self.issue_signal(dest, (c % 2) as u8),
            7 => {
                let cap = self.test.kernel.objs[slot].cap.unpack();
                self.test.kernel.move_cap(cap, slot, dest);
                self.model.node(source).slot = dest;
            }
            8 => {
                // The initial capabilities stay, unless with an object around them, so that there is something to do.
                if !INITIAL.contains(&source) {
                    self.model.delete(slot);
                    self.stopping(slot, c, |kernel| kernel.delete_cap(slot));
                }
            }
            _ => {
                self.model.revoke(slot);
                self.stopping(slot, c, |kernel| kernel.revoke_cap(slot));
            }
        }
    }

    /// Runs an operation on `slot` to its end, stopping at every preemption point, if `choice` says so and the slot
    /// cannot go away meanwhile.
    fn stopping(
        &mut self,
        slot: SlotRef,
        choice: usize,
        mut operation: impl FnMut(&mut Kernel<SimMachine>) -> Result<(), Preempted>,
    ) {
        let kernel = &mut self.test.kernel;
        let stops = choice.is_multiple_of(2) && self.root.contains(&slot);
        kernel.machine.interrupt_pending = stops;
        loop {
            kernel.sched.work_units = if stops { WORK_UNITS_PER_PREEMPTION - 1 } else { 0 };
            if operation(kernel) == Ok(()) {
                return;
            }
        }
    }

    fn retype(&mut self, choice: usize, dest: SlotRef, c: usize) {
        let untypeds: Vec<NodeId> = self
            .model
            .nodes
            .iter()
            .filter(|(_, node)| matches!(node.cap, Cap::Untyped { .. }))
            .map(|(&id, _)| id)
            .collect();
        let Some(&parent) = untypeds.get(choice % untypeds.len().max(1)) else { return };
        let slot = self.model.nodes[&parent].slot;
        let kinds = [
            (ObjectType::CNode, 1),
            (ObjectType::Endpoint, 0),
            (ObjectType::Tcb, 0),
            (ObjectType::Untyped, 12),
            (ObjectType::CNode, 2),
            (ObjectType::Notification, 0),
        ];
        let (object, size_bits) = kinds[c % kinds.len()];
        let Cap::Untyped { size_bits: bits, free, .. } = self.test.kernel.objs[slot].cap.unpack() else {
            panic!("{slot:?} is no untyped");
        };
        let reset = self.model.nodes[&parent].children.is_empty();
        assert_eq!(reset, !self.test.kernel.has_children(slot));
        let available: u64 = if reset { 1 << bits } else { (1 << bits) - free };
        if available >> object.size_bits(size_bits) == 0 {
            return;
        }
        let kind = Kind { object, size_bits };
        let retype = Invocation { untyped: slot, kind, dest, count: 1, reset };
        self.test.kernel.machine.interrupt_pending = false;
        assert!(self.test.kernel.execute_untyped(retype).is_ok());
        let cap = self.test.kernel.objs[dest].cap.unpack();
        self.model.add_child(dest, cap, parent);
    }

    /// Copies, or mints with a badge other than 0.
    fn copy(&mut self, source: NodeId, dest: SlotRef, badge: u64) {
        let Node { slot, ref children, .. } = self.model.nodes[&source];
        let kernel = &mut self.test.kernel;
        let cap = kernel.objs[slot].cap.unpack();
        let minted = if badge == 0 { cap } else { cap.update_data(badge, DataRule::Mint) };
        let derived = kernel.derive_cap(slot, minted);
        if matches!(cap, Cap::Untyped { .. }) && !children.is_empty() {
            assert_eq!(derived, Err(SyscallError::RevokeFirst));
            return;
        }
        let Ok(derived) = derived else { panic!("{cap:?} cannot be copied") };
        if derived.is_null() {
            return;
        }
        kernel.insert_cap(derived, slot, dest);
        let is_badged = badge != 0 && matches!(cap, Cap::Endpoint { .. } | Cap::Notification { .. });
        let is_original = is_badged || matches!(cap, Cap::Untyped { .. });
        self.model.derive(source, dest, derived, is_original);
    }

    fn issue_signal(&mut self, dest: SlotRef, line: u8) {
        let control = self.model.nodes.iter().find(|(_, node)| node.cap == Cap::IrqControl);
        let Some((&control, &Node { slot, .. })) = control else { return };
        self.test.kernel.insert_cap(signal(line), slot, dest);
        self.model.add_child(dest, signal(line), control);
    }

    fn check(&self) {
        let kernel = &self.test.kernel;
        let slots = self.slots();
        kernel.check_mdb(&slots);
        for &slot in &slots {
            let expected = self.model.at(slot).map_or(Cap::Null, |id| self.model.nodes[&id].cap);
            let found = kernel.objs[slot].cap.unpack();
            let is_untyped = |cap| matches!(cap, Cap::Untyped { .. });
            assert!(found == expected || is_untyped(found) && is_untyped(expected), "{found:?} {expected:?}");
        }
        for (&id, node) in &self.model.nodes {
            let below = self.model.descendants(id);
            assert_eq!(kernel.descendants(node.slot), below, "descendants of {:?}", node.cap);
            assert_eq!(kernel.has_children(node.slot), !below.is_empty());
            assert_eq!(kernel.is_final(node.slot), self.model.is_last(id), "{:?}", node.cap);
            if INITIAL.contains(&id) {
                let last = below.last().copied().unwrap_or(node.slot);
                assert_eq!(kernel.objs[node.slot].mdb.prev(), None);
                assert_eq!(kernel.objs[last].mdb.next(), None);
            }
        }
    }
}

impl Kernel<SimMachine> {
    /// The run of capabilities behind `slot` of which it is a parent.
    fn descendants(&self, slot: SlotRef) -> Vec<SlotRef> {
        let parent = &self.objs[slot];
        let mut next = parent.mdb.next();
        let mut found = Vec::new();
        while let Some(child) = next.filter(|&child| is_parent(parent, &self.objs[child])) {
            found.push(child);
            next = self.objs[child].mdb.next();
        }
        found
    }
}

proptest! {
    #[test]
    fn the_derivation_order_is_the_depth_first_order_of_a_tree(
        steps in prop::collection::vec((0u8..10, any::<usize>(), any::<usize>(), any::<usize>()), 1..80),
    ) {
        let mut world = World::new();
        for step in steps {
            let dead = world.slots();
            world.step(step);
            world.check();
            let alive = world.slots();
            for slot in dead.into_iter().filter(|slot| !alive.contains(slot)) {
                prop_assert!(world.test.kernel.objs[slot].is_empty(), "{slot:?} of a dead object is in use");
            }
        }
    }
}
