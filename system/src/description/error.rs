// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a mistake in a description is named: by item and field, so that the host tool can point at the source.

mod program;

use alloc::string::String;
use core::fmt;

use crate::{
    MemoryRange,
    layout::{MSI_WINDOW, PAGE},
};
use abi::limits::{MAX_INSTANCES, MAX_NAME};

use super::program::INIT;
pub use program::ProgramProblem;

/// One mistake: where it is, by item and field, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescriptionError {
    /// The item that is wrong.
    pub item: Item,
    /// Its name, for messages without the source text.
    pub name: String,
    /// The field of it, as written in the description.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// An item of a description, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The system itself.
    System,
    /// An instance.
    Instance(usize),
    /// A shared region.
    Region(usize),
    /// One member of a shared region.
    Member {
        /// The region.
        region: usize,
        /// Position among its members.
        member: usize,
    },
    /// A channel.
    Channel(usize),
    /// A device.
    Device(usize),
    /// A program.
    Program(usize),
    /// One entry of what a program gets.
    Entry {
        /// The program.
        program: usize,
        /// Which of its lists.
        list: List,
        /// Position in the list.
        position: usize,
    },
}

/// The lists of what a program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Shared regions.
    Regions,
    /// Channels it receives from.
    Receive,
    /// Channels it signals.
    Signal,
    /// Interrupts.
    Interrupts,
    /// Devices with ports.
    Ports,
    /// Devices with registers.
    Mmio,
}

/// What can be wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No instance at all, or more than there can be.
    InstanceCount {
        /// How many there are.
        count: usize,
    },
    /// A name that is empty, too long or has characters other than letters, digits, `-`, `_` and `.`.
    BadName,
    /// A name that an earlier item of the same kind has.
    SameName {
        /// The earlier item.
        earlier: usize,
    },
    /// A core that an earlier instance names.
    SameCore {
        /// The core.
        core: u32,
        /// The earlier instance.
        earlier: usize,
        /// Its name.
        name: String,
    },
    /// Instance 0 on another core, or another instance on the boot core.
    BootCore,
    /// A size of zero.
    ZeroSize,
    /// A percentage that is 0 or above 100.
    BadPercent {
        /// The percentage.
        percent: u8,
    },
    /// Percentages that add up to more than 100.
    PercentSum {
        /// Their sum.
        sum: u32,
    },
    /// A number outside its limits.
    OutOfRange {
        /// The number.
        value: u64,
        /// Smallest number allowed.
        min: u64,
        /// Largest number allowed.
        max: u64,
    },
    /// A number that is not the position of an instance.
    NoSuchInstance {
        /// The number.
        index: usize,
        /// How many instances there are.
        count: usize,
    },
    /// A region that nobody maps.
    NoMembers,
    /// An instance that is a member twice.
    SameMember {
        /// The instance.
        instance: usize,
        /// Its name.
        name: String,
    },
    /// A channel from an instance to itself, where no init makes notifications of it.
    ChannelToItself,
    /// A second channel between the same two instances in the same direction.
    SameChannel {
        /// The earlier channel.
        earlier: usize,
        /// Its name.
        name: String,
    },
    /// A range that goes on beyond the highest address.
    WrapsAround {
        /// First address.
        base: u64,
        /// Number of bytes.
        size: u64,
    },
    /// An address or size that is not a multiple of a page.
    NotPages {
        /// First address.
        base: u64,
        /// Number of bytes.
        size: u64,
    },
    /// Ports in the wrong order.
    PortOrder {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// Registers in the window where stores become interrupts.
    MsiWindow {
        /// The part of the device in it.
        range: MemoryRange,
    },
    /// A device that shares registers, ports or a chip with an earlier one.
    SameDevice {
        /// The earlier device.
        earlier: usize,
        /// Its name.
        name: String,
    },
    /// A mistake of a program.
    Program(ProgramProblem),
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`, {}: {}", self.item, self.name, self.field, self.problem)
    }
}

impl core::error::Error for DescriptionError {}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::System => write!(f, "system"),
            Item::Instance(_) => write!(f, "instance"),
            Item::Region(_) => write!(f, "region"),
            Item::Member { member, .. } => write!(f, "member {member} of region"),
            Item::Channel(_) => write!(f, "channel"),
            Item::Device(_) => write!(f, "device"),
            Item::Program(_) => write!(f, "program"),
            Item::Entry { list, position, .. } => write!(f, "entry {position} in {} of program", list.key()),
        }
    }
}

impl List {
    /// The key of a program that holds it.
    pub const fn key(self) -> &'static str {
        match self {
            List::Regions => "regions",
            List::Receive => "receive",
            List::Signal => "signal",
            List::Interrupts => "interrupts",
            List::Ports => "ports",
            List::Mmio => "mmio",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::InstanceCount { count } => {
                write!(f, "{count} instances; a system has 1 to {MAX_INSTANCES}")
            }
            Problem::BadName => {
                write!(f, "a name is 1 to {MAX_NAME} letters, digits or any of `-_.`")
            }
            Problem::SameName { .. } => write!(f, "an earlier one has this name; choose another"),
            Problem::SameCore { core, name, .. } => {
                write!(
                    f,
                    "core {core} belongs to instance `{name}`; name another, or none to take a free one"
                )
            }
            Problem::BootCore => {
                write!(f, "instance 0, and no other, runs on core 0; leave the core out to take a free one")
            }
            Problem::ZeroSize => write!(f, "the size is 0; give at least one page"),
            Problem::BadPercent { percent } => write!(f, "{percent} % is not between 1 and 100"),
            Problem::PercentSum { sum } => {
                write!(f, "the shares of memory add up to {sum} %; lower one, or use \"rest\"")
            }
            Problem::OutOfRange { value, min, max } => write!(f, "{value} is not between {min} and {max}"),
            Problem::NoSuchInstance { index, count } => {
                write!(f, "no instance {index}; the system has {count}, counted from 0")
            }
            Problem::NoMembers => write!(f, "nobody maps the region; name a member or remove it"),
            Problem::SameMember { name, .. } => {
                write!(f, "instance `{name}` is a member already; remove one of the two entries")
            }
            Problem::ChannelToItself => {
                write!(
                    f,
                    "the channel ends where it starts; it can join programs that {INIT} starts, a root task makes a \
                     Notification"
                )
            }
            Problem::SameChannel { name, .. } => {
                write!(f, "channel `{name}` joins the same two instances; give that one more lines")
            }
            Problem::WrapsAround { base, size } => {
                write!(f, "{size:#x} bytes at {base:#x} end beyond the highest address; lower one of the two")
            }
            Problem::NotPages { base, size } => {
                write!(f, "{size:#x} bytes at {base:#x} are not whole pages; round to multiples of {PAGE:#x}")
            }
            Problem::PortOrder { first, last } => {
                write!(f, "last port {last:#x} is below first port {first:#x}; swap them")
            }
            Problem::MsiWindow { range } => {
                write!(f, "{range} is in the interrupt window {MSI_WINDOW}, which nobody can own")
            }
            Problem::SameDevice { name, .. } => {
                write!(f, "device `{name}` overlaps it; a device has one owner")
            }
            Problem::Program(problem) => problem.fmt(f),
        }
    }
}
