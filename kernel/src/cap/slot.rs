// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capability slots and the derivation links in them.
//!
//! ```text
//! Slot, 32 bytes:  | cap word 0 | cap word 1 | prev | next, first (bit 0), revocable (bit 1) |
//! ```
//!
//! All occupied slots of an instance form lists in derivation order (docs/abi/ipc-and-scheduling.md,
//! "Capability derivation"). Invariant MDB: `a.next == b` exactly when `b.prev == a`; an empty slot has no links.

use super::raw::RawCap;
use crate::memory::objects::{ObjRef, kernel_object};

/// Names a slot.
pub type SlotRef = ObjRef<Slot>;

/// Place for one capability.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Slot {
    /// The capability, packed.
    pub cap: RawCap,
    /// Its place in the derivation order.
    pub mdb: Mdb,
}

const _: () = assert!(size_of::<Slot>() == 1 << abi::sizes::SLOT_BITS);

kernel_object!(Slot);

impl Slot {
    /// Whether there is no capability here.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.cap.is_null()
    }
}

/// Derivation links and flags of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Mdb {
    prev: u64,
    next: u64,
}

impl Mdb {
    const FIRST: u64 = 1;
    const REVOCABLE: u64 = 2;
    const FLAGS: u64 = Self::FIRST | Self::REVOCABLE;

    /// Links of a capability alone in the order, with both flags set: how initial and new ones start.
    pub const ROOT: Self = Self { prev: 0, next: Self::FLAGS };

    /// Links with the given flags.
    #[inline]
    pub const fn new(prev: Option<SlotRef>, next: Option<SlotRef>, revocable: bool, first: bool) -> Self {
        let mut mdb = Self { prev: 0, next: 0 };
        if let Some(prev) = prev {
            mdb.prev = prev.paddr().0;
        }
        if let Some(next) = next {
            mdb.next = next.paddr().0;
        }
        mdb.next |= (revocable as u64) << 1 | first as u64;
        mdb
    }

    #[allow(unsafe_code)]
    #[inline]
    const fn slot(link: u64) -> Option<SlotRef> {
        // SAFETY: TYPED: the links are written from references to slots, or nothing.
        unsafe { ObjRef::from_paddr(link) }
    }

    /// The slot before this one.
    #[inline]
    pub const fn prev(&self) -> Option<SlotRef> {
        Self::slot(self.prev)
    }

    /// The slot after this one.
    #[inline]
    pub const fn next(&self) -> Option<SlotRef> {
        Self::slot(self.next & !Self::FLAGS)
    }

    /// Whether the capability may be a parent.
    #[inline]
    pub const fn is_revocable(&self) -> bool {
        self.next & Self::REVOCABLE != 0
    }

    /// Whether the capability starts a badge group.
    #[inline]
    pub const fn is_first(&self) -> bool {
        self.next & Self::FIRST != 0
    }

    /// Links to another predecessor.
    #[inline]
    pub fn set_prev(&mut self, prev: Option<SlotRef>) {
        self.prev = prev.map_or(0, |slot| slot.paddr().0);
    }

    /// Links to another successor, keeping the flags.
    #[inline]
    pub fn set_next(&mut self, next: Option<SlotRef>) {
        self.next = next.map_or(0, |slot| slot.paddr().0) | self.next & Self::FLAGS;
    }

    /// Makes the capability the first of its badge group.
    #[inline]
    pub fn set_first(&mut self) {
        self.next |= Self::FIRST;
    }
}
