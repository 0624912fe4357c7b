// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plan: who owns which memory, lines, interrupt controllers and ports.
//!
//! The parts of usable memory from 1 MiB up, none of which overlaps another:
//!
//! ```text
//!   partition of instance i:  [ untyped memory ........................ | reserve ]
//!   inbox, status, log:       one of each per instance, whole pages
//!   shared regions:           aligned to the page size they are mapped with
//!   kept back:                boot image, modules, boot records, trampoline (below 1 MiB)
//!   reclaimed:                used by the boot only, untyped memory of instance 0
//!   dropped:                  what could not be given to anybody, with the reason
//! ```

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{KernelRegisters, Unit, UntypedRange};
use skerry_system::{Access, DeviceKind, Idle, MemoryRange, Silent};

/// Who owns what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the system.
    pub system: String,
    /// The instances, in the order of the description.
    pub instances: Vec<InstancePlan>,
    /// Shared regions, in the order of the description.
    pub regions: Vec<RegionPlan>,
    /// Channels between instances, in the order of the description.
    pub channels: Vec<ChannelPlan>,
    /// Devices the description names, in its order.
    pub devices: Vec<DeviceGrant>,
    /// Owner of every interrupt controller, in firmware order.
    pub io_apics: Vec<IoApicOwner>,
    /// Devices whose owners are trusted with the whole machine, in the order of the description.
    pub holes: Vec<Hole>,
    /// Registers in memory that no instance gets by default, because they reach beyond their owner.
    pub nobodys: Vec<Nobodys>,
    /// Owner of every IO port: ascending, without gaps, from 0 to 65535; empty on a machine without ports.
    pub ports: Vec<PortOwner>,
    /// Registers that the kernels keep for themselves.
    pub kernel_registers: Vec<KernelRegisters>,
    /// Page below 1 MiB where other cores start; absent when there is only one instance, or cores start anywhere.
    pub trampoline: Option<MemoryRange>,
    /// Memory that nobody gets, because a restart needs it.
    pub kept: Vec<Kept>,
    /// Memory that nobody gets, because it could not be given.
    pub dropped: Vec<Dropped>,
}

/// What one instance owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancePlan {
    /// Name of the instance.
    pub name: String,
    /// Local APIC id of its core.
    pub apic_id: u32,
    /// Memory node of its core.
    pub node: u32,
    /// What the core does when no thread is runnable.
    pub idle: Idle,
    /// What happens when the core does not start.
    pub if_silent: Silent,
    /// The partition, ascending.
    pub partition: Vec<MemoryRange>,
    /// Memory of the boot that becomes part of the partition afterwards: never used while booting.
    pub reclaimed: Vec<MemoryRange>,
    /// Part of the partition for kernel image, tables, kernel data and root-task objects.
    pub reserve: MemoryRange,
    /// Untyped memory in bootinfo order: device, reclaimed, normal; each ascending.
    pub untyped: Vec<UntypedRange>,
    /// Pages of its inbox.
    pub inbox: MemoryRange,
    /// Its status page.
    pub status: MemoryRange,
    /// Its log ring.
    pub log: MemoryRange,
    /// Pages of its boot record; also in [`Plan::kept`].
    pub boot_record: MemoryRange,
    /// Number of incoming lines, all channels together.
    pub incoming_lines: u32,
}

/// Where a shared region is and who maps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionPlan {
    /// Name of the region.
    pub name: String,
    /// Where it is.
    pub range: MemoryRange,
    /// Size of its frames, as a power of two: 12, 21 or 30.
    pub page_bits: u8,
    /// Index and access of each member.
    pub members: Vec<(usize, Access)>,
}

/// A channel and the number of its first line at the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPlan {
    /// Name of the channel.
    pub name: String,
    /// Index of the instance that signals.
    pub from: usize,
    /// Index of the instance that receives.
    pub to: usize,
    /// Number of lines.
    pub lines: u32,
    /// Whether a delivered line stays masked until it is acknowledged.
    pub ack: bool,
    /// Number of line 0 among all incoming lines of the receiver.
    pub incoming_base: u32,
}

/// A device named in the description and its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceGrant {
    /// Name of the device.
    pub name: String,
    /// Index of the instance that owns it.
    pub owner: usize,
    /// What it consists of.
    pub kind: DeviceKind,
}

/// A device that reaches beyond its owner, who is trusted with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// Index of the device in [`Plan::devices`].
    pub device: usize,
    /// What it reaches by.
    pub unit: Unit,
}

/// Registers that reach beyond their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nobodys {
    /// Where they are, in whole pages.
    pub range: MemoryRange,
    /// What they belong to.
    pub unit: Unit,
}

/// Owner of an interrupt controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoApicOwner {
    /// Physical address of its register page.
    pub address: u64,
    /// Number of pins.
    pub pins: u32,
    /// Global interrupt number of pin 0.
    pub gsi_base: u32,
    /// Index of the instance that owns it.
    pub owner: usize,
}

/// Owner of consecutive IO ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortOwner {
    /// First port.
    pub first: u16,
    /// Last port, included.
    pub last: u16,
    /// Index of the instance that owns them; none owns what reaches beyond its owner.
    pub owner: Option<usize>,
    /// What they belong to where they reach beyond their owner.
    pub unit: Option<Unit>,
}

/// Memory that is in nobody's untyped list because a restart needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where it is.
    pub range: MemoryRange,
    /// What it holds.
    pub reason: KeptFor,
}

/// What kept-back memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptFor {
    /// Code that a core runs first.
    Trampoline,
    /// The boot image.
    BootImage,
    /// A boot module as it was loaded.
    Module {
        /// Position in the firmware's list.
        index: usize,
    },
    /// What is needed to build an instance again.
    BootRecord {
        /// Index of the instance.
        instance: usize,
    },
}

/// Memory that nobody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Where it is.
    pub range: MemoryRange,
    /// Why.
    pub reason: DropReason,
}

/// Why memory is given to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropReason {
    /// Usable memory that does not fill a page.
    PartialPage,
    /// Usable memory outside the addresses that a kernel can reach.
    Unreachable,
    /// The sizes in the description leave it over, and no instance takes the rest.
    Unassigned,
    /// Too small for an untyped (below 16 bytes).
    TooSmall {
        /// Index of the instance it would belong to.
        instance: usize,
    },
    /// The untyped list of the instance is full.
    ListFull {
        /// Index of the instance it would belong to.
        instance: usize,
    },
}

/// Bytes an instance needs besides untyped memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// Kernel image, tables, kernel data and root-task objects, together, inside the partition.
    pub reserve_bytes: u64,
    /// Boot record, outside the partition.
    pub record_bytes: u64,
}

impl Plan {
    /// Bytes that nobody gets.
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped.iter().map(|d| d.range.size()).sum()
    }
}

impl InstancePlan {
    /// Everything the instance's kernel window maps of RAM it owns alone: partition and reclaimed memory.
    pub fn memory(&self) -> impl Iterator<Item = MemoryRange> {
        self.partition.iter().chain(&self.reclaimed).copied()
    }

    /// Bytes of normal untyped memory.
    pub fn untyped_bytes(&self) -> u64 {
        self.untyped.iter().filter(|u| !u.device).map(|u| u.range().size()).sum()
    }
}
