// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything there is: slots, objects, and who names whom.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use arch::{Level, Machine};

use crate::Kernel;
use crate::cap::slot::SlotRef;
use crate::cap::{Cap, Mapping};
use crate::memory::objects::ObjRef;
use crate::object::endpoint::Endpoint;
use crate::object::irq::VECTORS;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{TCB_SLOTS, Tcb};

/// What memory is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A thread.
    Thread,
    /// What is left of a thread or a CNode.
    Remains,
    /// Slots.
    CNode,
    /// A scheduling context.
    SchedContext,
    /// An endpoint.
    Endpoint,
    /// A notification.
    Notification,
    /// A reply object.
    Reply,
    /// User memory.
    Frame,
    /// A page table below the top.
    Table(Level),
    /// A top-level page table.
    VSpace,
    /// A set of address-space numbers.
    AsidPool,
}

impl Kind {
    const fn of(cap: Cap) -> Option<Self> {
        Some(match cap {
            Cap::Thread(_) => Self::Thread,
            Cap::Zombie { .. } => Self::Remains,
            Cap::CNode { .. } => Self::CNode,
            Cap::SchedContext { .. } => Self::SchedContext,
            Cap::Endpoint { .. } => Self::Endpoint,
            Cap::Notification { .. } => Self::Notification,
            Cap::Reply { .. } => Self::Reply,
            Cap::Frame { .. } => Self::Frame,
            Cap::Table { level, .. } => Self::Table(level),
            Cap::VSpace { .. } => Self::VSpace,
            Cap::AsidPool { .. } => Self::AsidPool,
            _ => return None,
        })
    }
}

/// Memory in use, by its first byte.
pub(super) type Objects = BTreeMap<u64, (u64, Kind)>;

/// Spreads addresses well enough; there are millions to look up in a run of the fuzzer.
#[derive(Clone, Copy, Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, value: u64) {
        // The upper half of the product depends on all of the address; a table takes both ends.
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}

/// Addresses seen.
type Addresses = HashSet<u64, BuildHasherDefault<AddressHasher>>;

/// Everything reachable.
pub(super) struct Census {
    pub(super) slots: Vec<SlotRef>,
    pub(super) threads: Vec<ObjRef<Tcb>>,
    pub(super) contexts: Vec<ObjRef<SchedContext>>,
    pub(super) endpoints: Vec<ObjRef<Endpoint>>,
    pub(super) notifications: Vec<ObjRef<Notification>>,
    pub(super) replies: Vec<ObjRef<Reply>>,
    /// Mapped frames: number of the address space, address, first byte of the frame.
    pub(super) mappings: HashSet<(u16, u64, u64)>,
    pub(super) objects: Objects,
    seen: Addresses,
    pending: Vec<SlotRef>,
}

impl Census {
    pub(super) fn take<M: Machine>(kernel: &Kernel<M>, roots: &[Cap]) -> Self {
        let mut census = Self {
            slots: Vec::with_capacity(512),
            threads: Vec::new(),
            contexts: Vec::new(),
            endpoints: Vec::new(),
            notifications: Vec::new(),
            replies: Vec::new(),
            mappings: HashSet::new(),
            objects: Objects::new(),
            seen: Addresses::with_capacity_and_hasher(1024, BuildHasherDefault::default()),
            pending: Vec::with_capacity(512),
        };
        census.start(kernel);
        for &root in roots {
            census.visit_cap(root);
        }
        while let Some(slot) = census.pending.pop() {
            census.visit(kernel, slot);
        }
        census
    }

    /// What the kernel names without a capability.
    fn start<M: Machine>(&mut self, kernel: &Kernel<M>) {
        self.push_slots(kernel.irq_slots, VECTORS + kernel.config.incoming_lines as usize);
        let queues = kernel.sched.ready.iter().chain([&kernel.sched.release]);
        let queued = queues.filter_map(|queue| queue.head);
        for first in queued.chain([kernel.sched.current, kernel.sched.idle]) {
            let mut next = Some(first);
            while let Some(tcb) = next {
                self.push_slots(tcb.slots(), TCB_SLOTS);
                next = kernel.objs[tcb].sched_next;
            }
        }
    }

    fn push_slots(&mut self, first: SlotRef, count: usize) {
        for index in 0..count {
            self.push(first.element(index));
        }
    }

    fn push(&mut self, slot: SlotRef) {
        if self.seen.insert(slot.paddr().0) {
            self.pending.push(slot);
        }
    }

    fn visit<M: Machine>(&mut self, kernel: &Kernel<M>, slot: SlotRef) {
        self.slots.push(slot);
        if kernel.objs[slot].is_empty() {
            return;
        }
        let mdb = kernel.objs[slot].mdb;
        for neighbour in [mdb.prev(), mdb.next()].into_iter().flatten() {
            self.push(neighbour);
        }
        self.visit_cap(kernel.objs[slot].cap.unpack());
    }

    fn visit_cap(&mut self, cap: Cap) {
        self.visit_mapping(cap);
        let is_new = self.record(cap);
        match cap {
            Cap::Thread(tcb) if is_new => {
                self.threads.push(tcb);
                self.push_slots(tcb.slots(), TCB_SLOTS);
            }
            Cap::CNode { slots, radix, .. } if is_new => self.push_slots(slots, 1 << radix),
            Cap::Zombie { slots, remaining, .. } => self.push_slots(slots, remaining),
            Cap::SchedContext { sc, .. } if is_new => self.contexts.push(sc),
            Cap::Endpoint { endpoint, .. } if is_new => self.endpoints.push(endpoint),
            Cap::Notification { notification, .. } if is_new => self.notifications.push(notification),
            Cap::Reply { reply, .. } if is_new => self.replies.push(reply),
            _ => {}
        }
    }

    fn visit_mapping(&mut self, cap: Cap) {
        if let Cap::Frame { base, mapping: Some(Mapping { address, asid }), .. } = cap {
            self.mappings.insert((asid.0, address.0, base.0));
        }
    }

    /// Notes what memory is used for; `false` when that is known already.
    fn record(&mut self, cap: Cap) -> bool {
        let (Some(kind), Some(extent)) = (Kind::of(cap), cap.extent()) else { return false };
        match self.objects.insert(extent.first, (extent.last, kind)) {
            None => true,
            Some(earlier) => {
                assert_eq!(earlier, (extent.last, kind), "TYPED: two kinds of object at {:#x}", extent.first);
                false
            }
        }
    }

    /// TYPED: no two objects share memory.
    pub(super) fn check_extents(&self) {
        let mut before: Option<(u64, (u64, Kind))> = None;
        for (&first, &(last, kind)) in &self.objects {
            assert!(
                before.is_none_or(|(_, (end, _))| end < first),
                "TYPED: {kind:?} at {first:#x} overlaps {before:x?}"
            );
            before = Some((first, (last, kind)));
        }
    }

    /// TYPED: what an object or the scheduler names is there.
    pub(super) fn check_names<T>(&self, object: Option<ObjRef<T>>, kind: Kind, what: &str) {
        let Some(object) = object else { return };
        let found = self.objects.get(&object.paddr().0).map(|&(_, kind)| kind);
        assert_eq!(found, Some(kind), "TYPED: {what} names {object:?}");
    }
}

impl<M: Machine> Kernel<M> {
    /// TYPED for what a thread names.
    pub(super) fn check_thread_references(&self, census: &Census, tcb: ObjRef<Tcb>) {
        let thread = &self.objs[tcb];
        census.check_names(thread.sched_context, Kind::SchedContext, "a thread");
        census.check_names(thread.bound_notification, Kind::Notification, "a thread");
        census.check_names(thread.yield_to, Kind::SchedContext, "a thread");
        census.check_names(thread.reply, Kind::Reply, "a thread");
        for neighbour in [thread.sched_next, thread.sched_prev, thread.ipc_next, thread.ipc_prev] {
            census.check_names(neighbour, Kind::Thread, "a queue");
        }
    }

    /// TYPED for what a scheduling context names.
    pub(super) fn check_context_references(&self, census: &Census, sc: ObjRef<SchedContext>) {
        let context = &self.objs[sc];
        census.check_names(context.tcb, Kind::Thread, "a scheduling context");
        census.check_names(context.reply, Kind::Reply, "a scheduling context");
        census.check_names(context.notification, Kind::Notification, "a scheduling context");
        census.check_names(context.yield_from, Kind::Thread, "a scheduling context");
        if let Some(yielder) = context.yield_from {
            assert_eq!(self.objs[yielder].yield_to, Some(sc), "BOUND: YieldTo of {yielder:?}");
        }
        if let Some(notification) = context.notification {
            assert_eq!(self.objs[notification].sched_context, Some(sc), "BOUND: {notification:?}");
        }
    }

    /// TYPED and BOUND for endpoints, notifications and reply objects; and for what the kernel itself names.
    pub(super) fn check_message_objects(&self, census: &Census) {
        for &endpoint in &census.endpoints {
            let object = &self.objs[endpoint];
            census.check_names(object.queue().head, Kind::Thread, "an endpoint");
            census.check_names(object.queue().tail, Kind::Thread, "an endpoint");
            self.check_members(object.queue(), endpoint.paddr(), census);
        }
        for &notification in &census.notifications {
            let object = &self.objs[notification];
            census.check_names(object.bound_tcb, Kind::Thread, "a notification");
            census.check_names(object.sched_context, Kind::SchedContext, "a notification");
            let queue = crate::sched::Queue { head: object.head, tail: object.tail };
            self.check_members(queue, notification.paddr(), census);
            let bound = object.bound_tcb;
            assert!(bound.is_none_or(|tcb| self.objs[tcb].bound_notification == Some(notification)), "BOUND");
            let lent = object.sched_context;
            assert!(lent.is_none_or(|sc| self.objs[sc].notification == Some(notification)), "BOUND");
        }
        for &reply in &census.replies {
            let object = &self.objs[reply];
            census.check_names(object.tcb, Kind::Thread, "a reply object");
            census.check_names(object.below, Kind::Reply, "a reply object");
            assert!(object.tcb.is_none_or(|tcb| self.objs[tcb].reply == Some(reply)), "BOUND: {reply:?}");
        }
        census.check_names(self.fpu_owner.filter(|&tcb| tcb != self.sched.idle), Kind::Thread, "the FPU");
    }

    /// QUEUED: the members of a queue are blocked on its object.
    fn check_members(&self, queue: crate::sched::Queue, object: arch::PhysAddr, census: &Census) {
        let mut next = queue.head;
        while let Some(tcb) = next {
            census.check_names(next, Kind::Thread, "a queue");
            let thread = &self.objs[tcb];
            assert!(thread.state().is_blocked(), "QUEUED: {tcb:?} is not blocked");
            assert_eq!(thread.blocked_on, object.0, "QUEUED: {tcb:?} waits for something else");
            next = thread.ipc_next;
        }
    }
}
