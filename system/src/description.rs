// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the user asks for: instances, shared regions, channels and devices of one system.
//!
//! The host tool reads a description from TOML, resolves names to indices and encodes the result into
//! the system image; the boot core decodes the same value. Items refer to each other by their index
//! in [`Description::instances`]. [`Description::validate`] finds every mistake that can be seen without
//! knowing the machine; what depends on the machine is found by the planner.

mod abi_variant;
mod error;
mod program;
mod validate;

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use abi::{Variant, limits::ROOT_TASK_SLICE_US, sizes::ROOT_CNODE_BITS};
use serde::{Deserialize, Serialize};

use crate::MemoryRange;

pub use abi_variant::Abi;
pub use error::{DescriptionError, Item, List, Problem, ProgramProblem};
pub use program::{
    Addresses, INIT, Interrupt, InterruptSource, MAX_PRIORITY, Mapped, OnFault, OnTimeout, Program,
};

/// Lines of each channel of the ring that [`Description::with_ring`] adds.
const RING_LINES: u32 = 8;
/// Bytes of each shared region of that ring.
const RING_REGION_BYTES: u64 = 64 * 1024;

/// One system, as the user describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Name of the system, used in reports.
    pub name: String,
    /// Whether the system was described, or is one plain root task owning the machine.
    pub mode: Mode,
    /// The instances; the index of one is its number everywhere.
    pub instances: Vec<Instance>,
    /// Memory shared between root tasks.
    pub regions: Vec<Region>,
    /// Directed pairs of instances with their lines.
    pub channels: Vec<Channel>,
    /// Devices with an owner other than the default.
    pub devices: Vec<Device>,
    /// Programs that the root task [`INIT`] starts.
    pub programs: Vec<Program>,
}

/// Whether a system has more to it than one root task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// The system was described; memory needed for restart is kept back.
    Described,
    /// One root task owns everything, as under an seL4 kernel on one core.
    Plain,
}

/// One kernel with its core, its memory and its root task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Name, unique in the system.
    pub name: String,
    /// Core to run on: 0 is the boot core, the others follow in firmware order. `None` takes the next free one.
    pub core: Option<u32>,
    /// Size of the partition.
    pub memory: Size,
    /// What the core does when no thread is runnable.
    pub idle: Idle,
    /// The build of seL4 that the root task was made for.
    pub variant: Abi,
    /// Whether the description names that build.
    pub is_variant_given: bool,
    /// Slots of the root CNode, as a power of two.
    pub cnode_bits: u8,
    /// Time slice of the root task's first thread, in microseconds.
    pub boot_slice_us: u32,
    /// The root task.
    pub root_task: RootTask,
    /// What happens to the boot when the core does not start.
    pub if_silent: Silent,
}

/// A root task of the system image and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootTask {
    /// Name of the image member that holds it ([`Instance::member`]).
    pub name: String,
    /// Text passed to it in bootinfo.
    pub arguments: String,
}

/// How much memory an instance gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Exactly this many bytes, rounded up to a page.
    Bytes(u64),
    /// A share of the memory left for partitions, in percent, rounded down.
    Percent(u8),
    /// An equal share of what the others leave.
    Rest,
}

/// What a core does when no thread is runnable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Idle {
    /// Halts until an interrupt.
    Halt,
    /// Waits for a store to the inbox where the CPU can, otherwise polls.
    Mwait,
    /// Polls the inbox.
    Poll,
}

/// What happens to the boot when a core does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Silent {
    /// The boot fails.
    Fail,
    /// The system runs without the instance.
    LeaveOut,
}

/// Memory that the root tasks of its members map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Name, unique among regions.
    pub name: String,
    /// Size in bytes, rounded up to a page.
    pub size: u64,
    /// Who maps it, and how.
    pub members: Vec<Member>,
}

/// One instance's right to a shared region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Index of the instance.
    pub instance: usize,
    /// What its root task may do with the frames.
    pub access: Access,
}

/// Rights of a shared frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Frames can be mapped for reading only.
    ReadOnly,
    /// Frames can be mapped for reading and writing.
    ReadWrite,
}

/// Lines from one instance to another, or from program to program within one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Name, unique among channels.
    pub name: String,
    /// Index of the instance that signals.
    pub from: usize,
    /// Index of the instance that receives.
    pub to: usize,
    /// Number of lines, 1 to 64.
    pub lines: u32,
    /// Whether a delivered line stays masked until it is acknowledged.
    pub ack: bool,
}

/// A device with an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Name, unique among devices.
    pub name: String,
    /// Index of the instance that owns it.
    pub owner: usize,
    /// What it consists of.
    pub kind: DeviceKind,
    /// Whether its owner may have it although it reaches beyond the instance.
    pub trusted: bool,
}

/// What a device consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Registers in physical memory; both values are multiples of a page.
    Mmio {
        /// First byte.
        base: u64,
        /// Number of bytes.
        size: u64,
    },
    /// IO ports, both ends included.
    IoPorts {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// An interrupt controller chip with all its pins.
    IoApic {
        /// Position in the firmware's list.
        index: u32,
    },
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Mmio { base, size } => write!(f, "{}", MemoryRange::of_size(base, size)),
            Self::IoPorts { first, last } => write!(f, "ports {first:#x} to {last:#x}"),
            Self::IoApic { index } => write!(f, "IOAPIC {index}"),
        }
    }
}

impl Instance {
    /// An instance with the defaults: next free core, an equal share of memory, halting when idle.
    pub fn new(name: impl Into<String>, program: impl Into<String>) -> Self {
        Instance {
            name: name.into(),
            core: None,
            memory: Size::Rest,
            idle: Idle::Halt,
            variant: Abi::default(),
            is_variant_given: false,
            cnode_bits: ROOT_CNODE_BITS as u8,
            boot_slice_us: ROOT_TASK_SLICE_US as u32,
            root_task: RootTask { name: program.into(), arguments: String::new() },
            if_silent: Silent::Fail,
        }
    }

    /// Takes the numbers of `variant`, and a root CNode as large as in that build.
    pub fn set_variant(&mut self, variant: Variant) {
        self.variant = variant.into();
        self.cnode_bits = variant.root_cnode_bits;
    }

    /// The member of the system image that holds its root task: init comes with the programs of its instance.
    pub fn member(&self) -> String {
        match self.root_task.name.as_str() {
            INIT => format!("{INIT}.{}", self.name),
            name => name.into(),
        }
    }
}

impl Channel {
    /// Whether it joins programs of one instance: init makes notifications of it, and no kernel hears of it.
    pub fn is_within_instance(&self) -> bool {
        self.from == self.to
    }
}

impl Description {
    /// The channels that kernels know of: those between two instances.
    pub fn channels_between_instances(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(|channel| !channel.is_within_instance())
    }

    /// One root task that owns the machine, as a plain seL4 image expects it.
    pub fn plain() -> Self {
        Description {
            name: "plain".into(),
            mode: Mode::Plain,
            instances: Vec::from([Instance::new("root", "root")]),
            regions: Vec::new(),
            channels: Vec::new(),
            devices: Vec::new(),
            programs: Vec::new(),
        }
    }

    /// Gives every instance that names no build of seL4 the numbers and the root CNode of `variant`.
    pub fn set_default_variant(&mut self, variant: Variant) {
        for instance in self.instances.iter_mut().filter(|instance| !instance.is_variant_given) {
            instance.set_variant(variant);
        }
    }

    /// `count` instances of one program with equal memory and nothing between them.
    pub fn split(count: usize, program: &str) -> Self {
        let instances = (0..count).map(|i| Instance::new(format!("instance-{i}"), program)).collect();
        Description { name: program.into(), mode: Mode::Described, instances, ..Self::plain() }
    }

    /// The system that runs when the user describes none: equal instances in a ring of neighbours.
    pub fn equal(count: usize, program: &str) -> Self {
        Self::split(count, program).with_ring()
    }

    /// Adds, for every instance and the one after it, a channel each way and a region both may write.
    pub fn with_ring(mut self) -> Self {
        let count = self.instances.len();
        // Two instances are neighbours once, not twice; one is nobody's neighbour.
        let hops = if count > 2 { count } else { count.saturating_sub(1) };
        for from in 0..hops {
            let to = (from + 1) % count;
            self.channels.push(ring_channel(from, to));
            self.channels.push(ring_channel(to, from));
            let members = [from, to].map(|instance| Member { instance, access: Access::ReadWrite });
            self.regions.push(Region {
                name: format!("hop-{from}-{to}"),
                size: RING_REGION_BYTES,
                members: members.into(),
            });
        }
        self
    }
}

fn ring_channel(from: usize, to: usize) -> Channel {
    Channel { name: format!("from-{from}-to-{to}"), from, to, lines: RING_LINES, ack: true }
}

#[cfg(test)]
mod tests;
