// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two packed words of a capability. Shifts live here and nowhere else.
//! Longer than 60 lines because it is one table of all kinds: `pack`.
//!
//! ```text
//!          63                        16 15         5 4    0
//! word 0: |      object address        |  per kind  | tag  |
//! word 1: |  badge, guard, mapping, free index, numbers    |
//!
//! per kind   endpoint, notification, reply   rights at 5.. (write, read, grant, grant-reply)
//!            CNode, zombie                   radix 5..10 (zombie: 0 for a TCB)
//!            untyped, SC                     size bits 5..10; untyped: device 11
//!            frame                           size 5..6, access 7..8, device 9
//!            table                           level 5..6
//! one kind   CNode                           plain 12: the guard is 0 and takes all bits but the radix
//! alone      endpoint                        callable 13: write, and grant or grant-reply
//!            notification                    signallable 14: write
//!            VSpace                          assigned 15: there is an ASID
//! word 1     CNode                           plain: number of slots; else guard 6.., guard size 0..5
//!            frame, table                    mapped address 12..47, ASID 0..11 (0: not mapped)
//! ```

use abi::Rights;
use arch::{Level, PageAccess, PageSize, PhysAddr, VirtAddr};

use super::slot::{Slot, SlotRef};
use super::{Cap, Mapping};
use crate::memory::objects::ObjRef;
use crate::object::asid::Asid;
use crate::object::endpoint::Endpoint;
use crate::object::irq::Irq;
use crate::object::line::Line;
use crate::object::notification::Notification;
use crate::object::reply::Reply;

/// What address resolution needs of a CNode capability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CNodeParts {
    /// First slot.
    pub(crate) slots: SlotRef,
    /// Log2 of the number of slots.
    pub(crate) radix: u32,
    /// Guard value.
    pub(crate) guard: u64,
    /// Guard size.
    pub(crate) guard_bits: u32,
}

/// A capability as slots hold it. All zero is the null capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct RawCap {
    /// Address, per-kind bits and tag.
    pub word0: u64,
    /// The rest.
    pub word1: u64,
}

/// Kinds of capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum Tag {
    Null = 0,
    Untyped = 1,
    Endpoint = 2,
    Notification = 3,
    Reply = 4,
    CNode = 5,
    Thread = 6,
    SchedContext = 7,
    SchedControl = 8,
    IrqControl = 9,
    IrqHandler = 10,
    Domain = 11,
    Zombie = 12,
    Frame = 13,
    Table = 14,
    VSpace = 15,
    AsidControl = 16,
    AsidPool = 17,
    IoPortControl = 18,
    IoPort = 19,
    LineSignal = 20,
    InstanceControl = 21,
    IoPageTable = 22,
}

pub(crate) const TAG_MASK: u64 = 0x1f;
pub(crate) const ADDRESS_SHIFT: u32 = 16;
pub(crate) const KIND_SHIFT: u32 = 5;
/// Position of the rights in word 0 of an endpoint, notification or reply capability.
pub(crate) const RIGHTS_SHIFT: u32 = KIND_SHIFT;
const DEVICE_UNTYPED: u64 = 1 << 11;
// From here on bits that one kind alone has, so that a fast path tests nothing else.
/// A CNode whose full CPtrs are slot numbers.
const PLAIN_CNODE: u64 = 1 << 12;
/// An endpoint through which one can send and be answered.
const CALLABLE_ENDPOINT: u64 = 1 << 13;
/// A notification with the send right.
const SIGNALLABLE_NOTIFICATION: u64 = 1 << 14;
/// A VSpace with an ASID.
const ASSIGNED_VSPACE: u64 = 1 << 15;
const DEVICE_FRAME: u64 = 1 << 9;
const FRAME_SIZE_MASK: u64 = 3;
const ACCESS_SHIFT: u32 = 7;
const SIZE_MASK: u64 = 0x3f;
const GUARD_SHIFT: u32 = 6;
const ASID_MASK: u64 = 0xfff;
const LINE_RECEIVER_SHIFT: u32 = 32;

impl RawCap {
    /// The null capability.
    pub const NULL: Self = Self { word0: 0, word1: 0 };

    /// Whether this is the null capability.
    #[inline]
    pub const fn is_null(self) -> bool {
        self.has_tag(Tag::Null)
    }

    #[inline]
    pub(crate) const fn has_tag(self, tag: Tag) -> bool {
        self.word0 & TAG_MASK == tag as u64
    }

    #[inline(always)]
    const fn has_bit(self, bit: u64) -> bool {
        self.word0 & bit != 0
    }

    /// Address part of word 0.
    #[inline]
    pub(crate) const fn address(self) -> PhysAddr {
        PhysAddr(self.word0 >> ADDRESS_SHIFT)
    }

    /// The parts of a CNode capability, which this must be.
    #[inline]
    pub(crate) const fn cnode_parts(self) -> CNodeParts {
        debug_assert!(self.has_tag(Tag::CNode));
        let radix = self.kind_bits() as u32;
        let (guard, guard_bits) = if self.has_bit(PLAIN_CNODE) {
            (0, abi::sizes::WORD_BITS - radix)
        } else {
            (self.word1 >> GUARD_SHIFT, (self.word1 & SIZE_MASK) as u32)
        };
        CNodeParts { slots: object(self.address()), radix, guard, guard_bits }
    }

    /// The slot that a full CPtr names in this CNode, when its guard is 0 and fills up the word; `None` says nothing.
    #[inline(always)]
    pub(crate) const fn plain_slot(self, cptr: u64) -> Option<SlotRef> {
        if self.has_bit(PLAIN_CNODE) && cptr < self.word1 {
            Some(object::<Slot>(self.address()).element(cptr as usize))
        } else {
            None
        }
    }

    /// The object of an endpoint capability through which one can send and be answered.
    #[inline(always)]
    pub(crate) const fn callable_endpoint(self) -> Option<ObjRef<Endpoint>> {
        if self.has_bit(CALLABLE_ENDPOINT) { Some(object(self.address())) } else { None }
    }

    /// The object of an endpoint capability, whatever its rights.
    #[inline(always)]
    pub(crate) const fn endpoint(self) -> Option<ObjRef<Endpoint>> {
        self.endpoint_if(0)
    }

    /// The object of an endpoint capability with the send right.
    #[inline(always)]
    pub(crate) const fn sendable_endpoint(self) -> Option<ObjRef<Endpoint>> {
        self.endpoint_if(Rights::WRITE.0 << RIGHTS_SHIFT)
    }

    /// The object of an endpoint capability with the receive right.
    #[inline(always)]
    pub(crate) const fn receivable_endpoint(self) -> Option<ObjRef<Endpoint>> {
        self.endpoint_if(Rights::READ.0 << RIGHTS_SHIFT)
    }

    #[inline(always)]
    const fn endpoint_if(self, bit: u64) -> Option<ObjRef<Endpoint>> {
        if self.word0 & (bit | TAG_MASK) == bit | Tag::Endpoint as u64 {
            Some(object(self.address()))
        } else {
            None
        }
    }

    /// The object of a notification capability with the send right.
    #[inline(always)]
    pub(crate) const fn signallable_notification(self) -> Option<ObjRef<Notification>> {
        if self.has_bit(SIGNALLABLE_NOTIFICATION) { Some(object(self.address())) } else { None }
    }

    /// The object of a notification capability with the receive right.
    #[inline(always)]
    pub(crate) const fn waitable_notification(self) -> Option<ObjRef<Notification>> {
        const BITS: u64 = Rights::READ.0 << RIGHTS_SHIFT | Tag::Notification as u64;
        const MASK: u64 = Rights::READ.0 << RIGHTS_SHIFT | TAG_MASK;
        if self.word0 & MASK == BITS { Some(object(self.address())) } else { None }
    }

    /// The page of a capability to a writable 4 KiB frame that is not device memory.
    #[inline(always)]
    pub(crate) const fn writable_small_frame(self) -> Option<PhysAddr> {
        const WRITABLE: u64 = (PageAccess::ReadWrite as u64) << ACCESS_SHIFT;
        const MASK: u64 = TAG_MASK | FRAME_SIZE_MASK << KIND_SHIFT | 3 << ACCESS_SHIFT | DEVICE_FRAME;
        if self.word0 & MASK == WRITABLE | Tag::Frame as u64 { Some(self.address()) } else { None }
    }

    /// Whether this is a capability to a 4 KiB frame, device memory or not.
    #[inline(always)]
    pub(crate) const fn is_small_frame(self) -> bool {
        self.word0 & (TAG_MASK | FRAME_SIZE_MASK << KIND_SHIFT) == Tag::Frame as u64
    }

    /// The object of a reply capability.
    #[inline(always)]
    pub(crate) const fn reply_object(self) -> Option<ObjRef<Reply>> {
        if self.has_tag(Tag::Reply) { Some(object(self.address())) } else { None }
    }

    /// The table of a VSpace capability that has an ASID.
    #[inline(always)]
    pub(crate) const fn assigned_root(self) -> Option<PhysAddr> {
        if self.has_bit(ASSIGNED_VSPACE) { Some(self.address()) } else { None }
    }

    /// Receiver and line of a signal capability.
    #[inline(always)]
    pub(crate) const fn line_signal(self) -> Option<(u8, Line)> {
        if self.has_tag(Tag::LineSignal) {
            Some(((self.word1 >> LINE_RECEIVER_SHIFT) as u8, Line(self.word1 as u8)))
        } else {
            None
        }
    }

    /// Whether an untyped capability, which this must be, is to memory of devices.
    #[inline(always)]
    pub(crate) const fn is_device_untyped(self) -> bool {
        self.has_bit(DEVICE_UNTYPED)
    }

    /// Log2 of the size of an untyped capability, which this must be.
    #[inline(always)]
    pub(crate) const fn untyped_bits(self) -> u64 {
        self.kind_bits()
    }

    /// Whether the address part is that of an object or of memory.
    #[inline(always)]
    pub(crate) const fn has_object(self) -> bool {
        const WITH_OBJECT: u64 = 1 << Tag::Untyped as u64
            | 1 << Tag::Endpoint as u64
            | 1 << Tag::Notification as u64
            | 1 << Tag::Reply as u64
            | 1 << Tag::CNode as u64
            | 1 << Tag::Thread as u64
            | 1 << Tag::SchedContext as u64
            | 1 << Tag::Zombie as u64
            | 1 << Tag::Frame as u64
            | 1 << Tag::Table as u64
            | 1 << Tag::VSpace as u64
            | 1 << Tag::AsidPool as u64;
        WITH_OBJECT >> (self.word0 & TAG_MASK) & 1 != 0
    }

    /// Whether the two cannot name one object: of another kind, or at another place. `false` says nothing.
    #[inline(always)]
    pub(crate) const fn is_apart_from(self, other: Self) -> bool {
        (self.word0 ^ other.word0) & (!0 << ADDRESS_SHIFT | TAG_MASK) != 0
    }

    /// The badge of a capability to an endpoint or notification, if `other` is one to the same object.
    #[inline(always)]
    pub(crate) const fn badge_of_kin(self, other: Self) -> Option<u64> {
        let has_badge = self.has_tag(Tag::Endpoint) || self.has_tag(Tag::Notification);
        if has_badge && !self.is_apart_from(other) { Some(self.word1) } else { None }
    }

    /// Rights of an endpoint, notification or reply capability.
    #[inline]
    pub(crate) const fn rights(self) -> Rights {
        Rights(self.kind_bits() & Rights::ALL.0)
    }

    /// Base, size and access of a frame capability, unless it is device memory.
    #[inline]
    pub(crate) const fn memory_frame(self) -> Option<(PhysAddr, PageSize, PageAccess)> {
        if self.word0 & (DEVICE_FRAME | TAG_MASK) == Tag::Frame as u64 {
            Some((self.address(), self.page_size(), self.page_access()))
        } else {
            None
        }
    }

    #[inline]
    const fn page_size(self) -> PageSize {
        match self.kind_bits() & 3 {
            0 => PageSize::Small,
            1 => PageSize::Large,
            _ => PageSize::Huge,
        }
    }

    /// Access of a frame capability.
    #[inline]
    pub(crate) const fn page_access(self) -> PageAccess {
        match self.word0 >> ACCESS_SHIFT & 3 {
            0 => PageAccess::KernelOnly,
            1 => PageAccess::ReadOnly,
            _ => PageAccess::ReadWrite,
        }
    }

    /// Number of the address space in a VSpace, frame or table capability; 0 for none.
    #[inline]
    pub(crate) const fn asid_word(self) -> u64 {
        self.word1 & ASID_MASK
    }

    /// The same, where it counts.
    #[inline]
    pub(crate) const fn asid(self) -> Option<Asid> {
        Asid::from_word(self.asid_word())
    }

    #[inline]
    const fn kind_bits(self) -> u64 {
        self.word0 >> KIND_SHIFT & SIZE_MASK
    }

    #[inline]
    const fn new(tag: Tag, address: PhysAddr, kind: u64, word1: u64) -> Self {
        Self { word0: address.0 << ADDRESS_SHIFT | kind << KIND_SHIFT | tag as u64, word1 }
    }

    #[inline]
    const fn plain(tag: Tag, word1: u64) -> Self {
        Self::new(tag, PhysAddr(0), 0, word1)
    }

    /// Packs `cap`.
    pub const fn pack(cap: Cap) -> Self {
        match cap {
            Cap::Null => Self::NULL,
            Cap::Untyped { base, size_bits, is_device, free } => {
                let mut raw = Self::new(Tag::Untyped, base, size_bits as u64, free);
                if is_device {
                    raw.word0 |= DEVICE_UNTYPED;
                }
                raw
            }
            Cap::Endpoint { endpoint, badge, rights } => {
                let mut raw = Self::new(Tag::Endpoint, endpoint.paddr(), rights.0, badge);
                if rights.can_write() && (rights.can_grant() || rights.can_grant_reply()) {
                    raw.word0 |= CALLABLE_ENDPOINT;
                }
                raw
            }
            Cap::Notification { notification, badge, rights } => {
                let mut raw = Self::new(Tag::Notification, notification.paddr(), rights.0, badge);
                if rights.can_write() {
                    raw.word0 |= SIGNALLABLE_NOTIFICATION;
                }
                raw
            }
            Cap::Reply { reply, rights } => Self::new(Tag::Reply, reply.paddr(), rights.0, 0),
            Cap::CNode { slots, radix, guard, guard_bits } => {
                let raw = Self::new(Tag::CNode, slots.paddr(), radix as u64, 0);
                if guard == 0 && radix as u32 + guard_bits as u32 == abi::sizes::WORD_BITS {
                    Self { word0: raw.word0 | PLAIN_CNODE, word1: 1 << radix }
                } else {
                    Self { word1: guard << GUARD_SHIFT | guard_bits as u64, ..raw }
                }
            }
            Cap::Thread(tcb) => Self::new(Tag::Thread, tcb.paddr(), 0, 0),
            Cap::SchedContext { sc, size_bits } => {
                Self::new(Tag::SchedContext, sc.paddr(), size_bits as u64, 0)
            }
            Cap::SchedControl { node } => Self::plain(Tag::SchedControl, node as u64),
            Cap::IrqControl => Self::plain(Tag::IrqControl, 0),
            Cap::IrqHandler(irq) => Self::plain(Tag::IrqHandler, irq.0 as u64),
            Cap::Domain => Self::plain(Tag::Domain, 0),
            Cap::Zombie { slots, radix, remaining } => {
                Self::new(Tag::Zombie, slots.paddr(), radix as u64, remaining as u64)
            }
            Cap::Frame { base, size, access, is_device, mapping } => {
                let kind = size as u64 | (access as u64) << (ACCESS_SHIFT - KIND_SHIFT);
                let mut raw = Self::new(Tag::Frame, base, kind, Self::pack_mapping(mapping));
                if is_device {
                    raw.word0 |= DEVICE_FRAME;
                }
                raw
            }
            Cap::Table { table, level, mapping } => {
                Self::new(Tag::Table, table, level as u64, Self::pack_mapping(mapping))
            }
            Cap::VSpace { root, asid: None } => Self::new(Tag::VSpace, root, 0, 0),
            Cap::VSpace { root, asid: Some(asid) } => {
                let raw = Self::new(Tag::VSpace, root, 0, asid.0 as u64);
                Self { word0: raw.word0 | ASSIGNED_VSPACE, ..raw }
            }
            Cap::AsidControl => Self::plain(Tag::AsidControl, 0),
            Cap::AsidPool { pool, base } => Self::new(Tag::AsidPool, pool.paddr(), 0, base.0 as u64),
            Cap::IoPortControl => Self::plain(Tag::IoPortControl, 0),
            Cap::IoPort { first, last } => Self::plain(Tag::IoPort, first as u64 | (last as u64) << 16),
            Cap::LineSignal { to, line } => {
                Self::plain(Tag::LineSignal, line.0 as u64 | (to as u64) << LINE_RECEIVER_SHIFT)
            }
            Cap::InstanceControl { instance } => Self::plain(Tag::InstanceControl, instance as u64),
            Cap::IoPageTable { table } => Self::new(Tag::IoPageTable, table, 0, 0),
        }
    }

    const fn pack_mapping(mapping: Option<Mapping>) -> u64 {
        match mapping {
            Some(mapping) => mapping.address.0 | mapping.asid.0 as u64,
            None => 0,
        }
    }

    /// Where a frame or table capability is mapped.
    #[inline]
    pub(crate) const fn mapping(self) -> Option<Mapping> {
        match self.asid() {
            Some(asid) => Some(Mapping { address: VirtAddr(self.word1 & !ASID_MASK), asid }),
            None => None,
        }
    }

    /// The frame or table capability mapped elsewhere.
    #[inline]
    pub(crate) const fn with_mapping(self, mapping: Option<Mapping>) -> Self {
        Self { word1: Self::pack_mapping(mapping), ..self }
    }

    /// The capability in these words.
    pub const fn unpack(self) -> Cap {
        let address = self.address();
        let kind = self.kind_bits();
        let rights = self.rights();
        match self.word0 & TAG_MASK {
            1 => Cap::Untyped {
                base: address,
                size_bits: kind as u8,
                is_device: self.word0 & DEVICE_UNTYPED != 0,
                free: self.word1,
            },
            2 => Cap::Endpoint { endpoint: object(address), badge: self.word1, rights },
            3 => Cap::Notification { notification: object(address), badge: self.word1, rights },
            4 => Cap::Reply { reply: object(address), rights },
            5 => {
                let CNodeParts { slots, radix, guard, guard_bits } = self.cnode_parts();
                Cap::CNode { slots, radix: radix as u8, guard, guard_bits: guard_bits as u8 }
            }
            6 => Cap::Thread(object(address)),
            7 => Cap::SchedContext { sc: object(address), size_bits: kind as u8 },
            8 => Cap::SchedControl { node: self.word1 as u8 },
            9 => Cap::IrqControl,
            10 => Cap::IrqHandler(Irq(self.word1 as u32)),
            11 => Cap::Domain,
            12 => Cap::Zombie { slots: object(address), radix: kind as u8, remaining: self.word1 as usize },
            13 => Cap::Frame {
                base: address,
                size: self.page_size(),
                access: self.page_access(),
                is_device: self.word0 & DEVICE_FRAME != 0,
                mapping: self.mapping(),
            },
            14 => Cap::Table { table: address, level: Level::from_word(kind & 3), mapping: self.mapping() },
            15 => Cap::VSpace { root: address, asid: self.asid() },
            16 => Cap::AsidControl,
            17 => Cap::AsidPool { pool: object(address), base: Asid((self.word1 & ASID_MASK) as u16) },
            18 => Cap::IoPortControl,
            19 => Cap::IoPort { first: self.word1 as u16, last: (self.word1 >> 16) as u16 },
            20 => Cap::LineSignal {
                to: (self.word1 >> LINE_RECEIVER_SHIFT) as u8,
                line: Line(self.word1 as u8),
            },
            21 => Cap::InstanceControl { instance: self.word1 as u8 },
            22 => Cap::IoPageTable { table: address },
            _ => Cap::Null,
        }
    }
}

/// The object that a capability names. TYPED: it was packed from a reference of the type that its tag says.
#[allow(unsafe_code)]
#[inline(always)]
const fn object<T>(address: PhysAddr) -> ObjRef<T> {
    // SAFETY: TYPED.
    unsafe { ObjRef::at(address) }
}

#[cfg(test)]
mod tests;
