// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capabilities: what they are, where they live, how they descend from one another.

pub mod delete;
pub mod derive;
pub mod lookup;
pub mod raw;
pub mod slot;
pub mod tree;

use abi::{CapTag, Rights};
use arch::{Level, PageAccess, PageSize, PhysAddr, VirtAddr};

use crate::memory::objects::ObjRef;
use crate::object::asid::{Asid, AsidPool};
use crate::object::endpoint::Endpoint;
use crate::object::irq::Irq;
use crate::object::line::Line;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::Tcb;
use raw::RawCap;
use slot::SlotRef;

/// Where a frame or table capability is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// First address of the mapping.
    pub address: VirtAddr,
    /// Address space.
    pub asid: Asid,
}

/// A capability, unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cap {
    /// Nothing.
    Null,
    /// Memory from which objects are made.
    Untyped {
        /// First byte.
        base: PhysAddr,
        /// Log2 of the size.
        size_bits: u8,
        /// Device memory: never touched by the kernel.
        is_device: bool,
        /// Bytes in use from `base` up.
        free: u64,
    },
    /// A rendezvous point.
    Endpoint {
        /// The object.
        endpoint: ObjRef<Endpoint>,
        /// What receivers see.
        badge: u64,
        /// Send (write), receive (read), grant, grant-reply.
        rights: Rights,
    },
    /// A word of signals.
    Notification {
        /// The object.
        notification: ObjRef<Notification>,
        /// Bits that a signal sets.
        badge: u64,
        /// Send (write), receive (read).
        rights: Rights,
    },
    /// A place for one caller that waits for its reply.
    Reply {
        /// The object.
        reply: ObjRef<Reply>,
        /// Only grant matters.
        rights: Rights,
    },
    /// A table of slots.
    CNode {
        /// Its first slot.
        slots: SlotRef,
        /// Log2 of the number of slots.
        radix: u8,
        /// Guard value, not wider than `guard_bits`.
        guard: u64,
        /// Guard size.
        guard_bits: u8,
    },
    /// A thread.
    Thread(ObjRef<Tcb>),
    /// A right to processor time.
    SchedContext {
        /// The object.
        sc: ObjRef<SchedContext>,
        /// Log2 of its size.
        size_bits: u8,
    },
    /// Authority to fill scheduling contexts.
    SchedControl {
        /// Node of a multicore build; a kernel here drives node 0 only.
        node: u8,
    },
    /// Authority over interrupts and lines.
    IrqControl,
    /// One interrupt vector or incoming line.
    IrqHandler(Irq),
    /// Authority over domains.
    Domain,
    /// A CNode or TCB that is being destroyed.
    Zombie {
        /// First slot of the object.
        slots: SlotRef,
        /// Radix of the CNode, 0 for a TCB.
        radix: u8,
        /// Slots that may still be occupied: indices below this.
        remaining: usize,
    },
    /// Memory that can be mapped.
    Frame {
        /// First byte.
        base: PhysAddr,
        /// Size.
        size: PageSize,
        /// Rights of the capability.
        access: PageAccess,
        /// Device memory: never touched by the kernel.
        is_device: bool,
        /// Where it is mapped.
        mapping: Option<Mapping>,
    },
    /// A table below the top level.
    Table {
        /// The table.
        table: PhysAddr,
        /// Its level (never the top).
        level: Level,
        /// Where it is mapped.
        mapping: Option<Mapping>,
    },
    /// A page table of an IO space. No IO space is served, so it is never mapped.
    IoPageTable {
        /// The table.
        table: PhysAddr,
    },
    /// An address space: its top-level table.
    VSpace {
        /// The table.
        root: PhysAddr,
        /// Its number, once assigned.
        asid: Option<Asid>,
    },
    /// Authority to make ASID pools.
    AsidControl,
    /// A set of address-space numbers.
    AsidPool {
        /// The object.
        pool: ObjRef<AsidPool>,
        /// First number of the pool.
        base: Asid,
    },
    /// Authority to issue IO ports.
    IoPortControl,
    /// A range of IO ports.
    IoPort {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// The right to signal one line of another instance.
    LineSignal {
        /// The receiving instance.
        to: u8,
        /// The line.
        line: Line,
    },
    /// Authority to stop and start another instance.
    InstanceControl {
        /// The instance.
        instance: u8,
    },
}

impl Cap {
    /// Packs the capability for a slot.
    #[inline]
    pub const fn pack(self) -> RawCap {
        RawCap::pack(self)
    }

    /// Whether there is none.
    #[inline]
    pub const fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number that `DebugCapIdentify` answers.
    pub const fn tag(self) -> CapTag {
        match self {
            Self::Null => CapTag::Null,
            Self::Untyped { .. } => CapTag::Untyped,
            Self::Endpoint { .. } => CapTag::Endpoint,
            Self::Notification { .. } => CapTag::Notification,
            Self::Reply { .. } => CapTag::Reply,
            Self::CNode { .. } => CapTag::CNode,
            Self::Thread(_) => CapTag::Tcb,
            Self::SchedContext { .. } => CapTag::SchedContext,
            Self::SchedControl { .. } => CapTag::SchedControl,
            Self::IrqControl => CapTag::IrqControl,
            Self::IrqHandler(_) => CapTag::IrqHandler,
            Self::Domain => CapTag::Domain,
            Self::Zombie { .. } => CapTag::Zombie,
            Self::Frame { .. } => CapTag::Frame,
            Self::Table { level: Level::PageTable, .. } => CapTag::PageTable,
            Self::Table { level: Level::PageDirectory, .. } => CapTag::PageDirectory,
            Self::Table { .. } => CapTag::Pdpt,
            Self::IoPageTable { .. } => CapTag::IoPageTable,
            Self::VSpace { .. } => CapTag::Pml4,
            Self::AsidControl => CapTag::AsidControl,
            Self::AsidPool { .. } => CapTag::AsidPool,
            Self::IoPortControl => CapTag::IoPortControl,
            Self::IoPort { .. } => CapTag::IoPort,
            Self::LineSignal { .. } => CapTag::LineSignal,
            Self::InstanceControl { .. } => CapTag::InstanceControl,
        }
    }
}
