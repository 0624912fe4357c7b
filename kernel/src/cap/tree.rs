// SPDX-License-Identifier: MIT OR Apache-2.0
//! The derivation order: inserting, moving, swapping, who is whose parent.
//!
//! The tree is kept as a list in depth-first order without depths. The descendants of a capability are the unbroken
//! run of capabilities behind it of which it is a parent, and what makes a parent is computed from the two
//! capabilities and their flags:
//!
//! ```text
//! untyped --> [CNode] --> [endpoint, badge 0] --> (badge 5) --> copy (badge 5) --> next child of the untyped
//!              revocable   revocable, first        revocable,    neither
//!                                                  first
//! ```
//!
//! Keeps MDB: neighbours name each other, an empty slot names nobody (docs/abi/ipc-and-scheduling.md, "Capability
//! derivation").

use arch::Machine;

use super::Cap;
use super::raw::{RawCap, Tag};
use super::slot::{Mdb, Slot, SlotRef};
use crate::Kernel;

/// Memory that a capability stands for: first and last byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Extent {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Extent {
    const fn new(base: u64, size_bits: u32) -> Self {
        Self { first: base, last: base + ((1 << size_bits) - 1) }
    }

    const fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl Cap {
    /// The memory behind the capability, for those that have any.
    #[inline(always)]
    pub(crate) const fn extent(self) -> Option<Extent> {
        use abi::sizes::{
            ASID_POOL_BITS, ENDPOINT_BITS, NOTIFICATION_BITS, REPLY_BITS, SLOT_BITS, TABLE_BITS, TCB_BITS,
        };
        Some(match self {
            Self::Untyped { base, size_bits, .. } => Extent::new(base.0, size_bits as u32),
            Self::Endpoint { endpoint, .. } => Extent::new(endpoint.paddr().0, ENDPOINT_BITS),
            Self::Notification { notification, .. } => Extent::new(notification.paddr().0, NOTIFICATION_BITS),
            Self::Reply { reply, .. } => Extent::new(reply.paddr().0, REPLY_BITS),
            Self::Thread(tcb) => Extent::new(tcb.paddr().0, TCB_BITS),
            Self::Zombie { slots, radix: 0, .. } => Extent::new(slots.paddr().0, TCB_BITS),
            Self::CNode { slots, radix, .. } | Self::Zombie { slots, radix, .. } => {
                Extent::new(slots.paddr().0, SLOT_BITS + radix as u32)
            }
            Self::SchedContext { sc, size_bits } => Extent::new(sc.paddr().0, size_bits as u32),
            Self::Frame { base, size, .. } => Extent::new(base.0, size.bits()),
            Self::Table { table, .. } => Extent::new(table.0, TABLE_BITS),
            Self::IoPageTable { table } => Extent::new(table.0, TABLE_BITS),
            Self::VSpace { root, .. } => Extent::new(root.0, TABLE_BITS),
            Self::AsidPool { pool, .. } => Extent::new(pool.paddr().0, ASID_POOL_BITS),
            Self::Null
            | Self::SchedControl { .. }
            | Self::IrqControl
            | Self::IrqHandler(_)
            | Self::Domain
            | Self::AsidControl
            | Self::IoPortControl
            | Self::IoPort { .. }
            | Self::LineSignal { .. }
            | Self::InstanceControl { .. } => return None,
        })
    }

    fn contains(self, other: Self) -> bool {
        match (self.extent(), other.extent()) {
            (Some(outer), Some(inner)) => outer.contains(inner),
            _ => false,
        }
    }

    /// Whether everything `other` stands for is part of what this capability stands for.
    #[doc(alias = "sameRegionAs")]
    fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Untyped { .. }, _) | (Self::Frame { .. }, Self::Frame { .. }) => self.contains(other),
            (Self::Endpoint { endpoint: a, .. }, Self::Endpoint { endpoint: b, .. }) => a == b,
            (Self::Notification { notification: a, .. }, Self::Notification { notification: b, .. }) => {
                a == b
            }
            (Self::Reply { reply: a, .. }, Self::Reply { reply: b, .. }) => a == b,
            (Self::CNode { slots: a, radix: r, .. }, Self::CNode { slots: b, radix: s, .. }) => {
                a == b && r == s
            }
            (Self::Table { table: a, level: l, .. }, Self::Table { table: b, level: m, .. }) => {
                a == b && l == m
            }
            (Self::VSpace { root: a, .. }, Self::VSpace { root: b, .. }) => a == b,
            (Self::AsidPool { pool: a, .. }, Self::AsidPool { pool: b, .. }) => a == b,
            (Self::IrqControl, Self::IrqControl | Self::IrqHandler(_) | Self::LineSignal { .. }) => true,
            (Self::IoPortControl, Self::IoPortControl | Self::IoPort { .. }) => true,
            (
                Self::Thread(_)
                | Self::SchedContext { .. }
                | Self::SchedControl { .. }
                | Self::IrqHandler(_)
                | Self::Domain
                | Self::AsidControl
                | Self::IoPort { .. }
                | Self::IoPageTable { .. }
                | Self::LineSignal { .. }
                | Self::InstanceControl { .. },
                _,
            ) => self == other,
            _ => false,
        }
    }

    /// Whether both name one object, so that neither is its last capability.
    #[doc(alias = "sameObjectAs")]
    fn is_same_object(self, other: Self) -> bool {
        match (self, other) {
            (Self::Untyped { .. } | Self::IrqControl | Self::IoPortControl | Self::LineSignal { .. }, _) => {
                false
            }
            (
                Self::Frame { base: a, size: s, is_device: d, .. },
                Self::Frame { base: b, size: t, is_device: e, .. },
            ) => a == b && s == t && d == e,
            _ => self.covers(other),
        }
    }

    /// Whether the capability, made from `source`, starts a group of its own that can be revoked.
    fn starts_group(self, source: Self) -> bool {
        match (self, source) {
            (Self::Endpoint { badge, .. }, Self::Endpoint { badge: origin, .. })
            | (Self::Notification { badge, .. }, Self::Notification { badge: origin, .. }) => badge != origin,
            (Self::IrqHandler(_) | Self::LineSignal { .. }, _) => source == Self::IrqControl,
            (Self::IoPort { .. }, _) => source == Self::IoPortControl,
            (Self::Untyped { .. }, _) => true,
            _ => false,
        }
    }
}

/// Whether `parent` is a parent of `child`, which comes later in the order.
#[doc(alias = "isMDBParentOf")]
pub(crate) fn is_parent(parent: &Slot, child: &Slot) -> bool {
    if !parent.mdb.is_revocable() || is_stranger(parent.cap, child.cap) {
        return false;
    }
    if let Some(badge) = parent.cap.badge_of_kin(child.cap) {
        return badge == 0 || badge == child.cap.word1 && !child.mdb.is_first();
    }
    let (a, b) = (parent.cap.unpack(), child.cap.unpack());
    if !a.covers(b) {
        return false;
    }
    !matches!(a, Cap::LineSignal { .. }) || !child.mdb.is_first()
}

/// Whether `other` cannot be a part of `cap`, by a look at kind and address alone. `false` says nothing.
#[inline(always)]
fn is_stranger(cap: RawCap, other: RawCap) -> bool {
    if cap.has_tag(Tag::Untyped) {
        let offset = other.address().0.wrapping_sub(cap.address().0);
        return offset >> cap.untyped_bits() != 0;
    }
    let has_parts =
        cap.has_tag(Tag::Frame) || cap.has_tag(Tag::IrqControl) || cap.has_tag(Tag::IoPortControl);
    !has_parts && cap.is_apart_from(other)
}

impl<M: Machine> Kernel<M> {
    /// Puts `cap`, made from the capability in `source`, into the empty slot `dest`.
    #[doc(alias = "cteInsert")]
    pub(crate) fn insert_cap(&mut self, cap: Cap, source: SlotRef, dest: SlotRef) {
        let origin = self.objs[source].cap.unpack();
        let starts_group = cap.starts_group(origin);
        if let Cap::Untyped { base, size_bits, is_device, .. } = origin
            && matches!(cap, Cap::Untyped { .. })
        {
            let full = Cap::Untyped { base, size_bits, is_device, free: 1 << size_bits };
            self.objs[source].cap = full.pack();
        }
        self.link_behind(cap, source, dest, starts_group);
    }

    /// Puts `cap`, a new object made by the capability in `parent`, into the empty slot `dest`.
    #[doc(alias = "insertNewCap")]
    pub(crate) fn insert_new_cap(&mut self, cap: Cap, parent: SlotRef, dest: SlotRef) {
        self.link_behind(cap, parent, dest, true);
    }

    /// Puts `cap`, which is what the capability in `source` becomes, into the empty slot `dest` and empties `source`.
    #[doc(alias = "cteMove")]
    pub(crate) fn move_cap(&mut self, cap: Cap, source: SlotRef, dest: SlotRef) {
        debug_assert!(self.objs[dest].is_empty(), "{dest:?} is in use");
        let mdb = self.objs[source].mdb;
        self.objs[source] = Slot::default();
        self.objs[dest] = Slot { cap: cap.pack(), mdb };
        self.name_to_neighbours(mdb, dest);
    }

    /// Exchanges the places of two slots: afterwards `a` holds `cap_b`, what the capability in `b` becomes, at the
    /// place of `b` in the order, and the other way round.
    #[doc(alias = "cteSwap")]
    pub(crate) fn swap_caps(&mut self, cap_a: Cap, a: SlotRef, cap_b: Cap, b: SlotRef) {
        let first = self.objs[a].mdb;
        self.name_to_neighbours(first, b);
        // Read after the neighbours of `a` were told, because `b` may be one of them.
        let second = self.objs[b].mdb;
        self.objs[b] = Slot { cap: cap_a.pack(), mdb: first };
        self.objs[a] = Slot { cap: cap_b.pack(), mdb: second };
        self.name_to_neighbours(second, a);
    }

    /// Takes the capability out of `slot` and out of the order; what kept its object alive is the caller's affair.
    #[doc(alias = "emptySlot")]
    pub(crate) fn empty_slot(&mut self, slot: SlotRef) {
        let mdb = self.objs[slot].mdb;
        self.objs[slot] = Slot::default();
        if let Some(prev) = mdb.prev() {
            self.objs[prev].mdb.set_next(mdb.next());
        }
        if let Some(next) = mdb.next() {
            let next = &mut self.objs[next].mdb;
            next.set_prev(mdb.prev());
            if mdb.is_first() {
                next.set_first();
            }
        }
    }

    /// Whether the capability in `slot` has descendants.
    #[doc(alias = "ensureNoChildren")]
    pub(crate) fn has_children(&self, slot: SlotRef) -> bool {
        self.first_child(slot).is_some()
    }

    /// The first descendant of the capability in `slot`.
    pub(crate) fn first_child(&self, slot: SlotRef) -> Option<SlotRef> {
        let parent = &self.objs[slot];
        parent.mdb.next().filter(|&next| is_parent(parent, &self.objs[next]))
    }

    /// Whether the capability in `slot` is the last one to its object.
    #[doc(alias = "isFinalCapability")]
    pub(crate) fn is_final(&self, slot: SlotRef) -> bool {
        let Slot { cap: raw, mdb } = self.objs[slot];
        let is_same = |other: SlotRef| {
            let other = self.objs[other].cap;
            !raw.is_apart_from(other)
                && (raw.badge_of_kin(other).is_some() || raw.unpack().is_same_object(other.unpack()))
        };
        !mdb.prev().is_some_and(is_same) && !mdb.next().is_some_and(is_same)
    }

    fn link_behind(&mut self, cap: Cap, place: SlotRef, dest: SlotRef, starts_group: bool) {
        debug_assert!(self.objs[dest].is_empty(), "{dest:?} is in use");
        let next = self.objs[place].mdb.next();
        self.objs[dest] =
            Slot { cap: cap.pack(), mdb: Mdb::new(Some(place), next, starts_group, starts_group) };
        self.objs[place].mdb.set_next(Some(dest));
        if let Some(next) = next {
            self.objs[next].mdb.set_prev(Some(dest));
        }
    }

    /// Makes the neighbours in `mdb` name `slot`.
    fn name_to_neighbours(&mut self, mdb: Mdb, slot: SlotRef) {
        if let Some(prev) = mdb.prev() {
            self.objs[prev].mdb.set_next(Some(slot));
        }
        if let Some(next) = mdb.next() {
            self.objs[next].mdb.set_prev(Some(slot));
        }
    }
}

#[cfg(test)]
mod tests;
