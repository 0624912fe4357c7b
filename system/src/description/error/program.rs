// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with a program and what it gets.
//! Longer than 60 lines because it is one table of all mistakes: `fmt`.

use alloc::string::String;
use core::fmt;

use crate::MemoryRange;
use abi::{limits::USER_VECTORS, start};

use super::super::program::INIT;

/// A mistake of a program. Names are of items in the description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramProblem {
    /// The instance has a root task that starts no programs.
    OtherRootTask {
        /// The instance.
        instance: String,
    },
    /// The instance's root task is init, and no program names the instance.
    NothingToStart,
    /// A budget that ends with its period: it is never used up before.
    NeverTimesOut,
    /// Timeouts handled by a program of another instance.
    HandlerElsewhere {
        /// The handler.
        handler: String,
        /// Its instance.
        instance: String,
    },
    /// Timeouts handled by the program itself, or by one whose own timeouts wait for it.
    HandlerWaits {
        /// The handler.
        handler: String,
    },
    /// A number that is not the position of an item.
    NoSuchItem {
        /// The number.
        index: usize,
        /// How many items there are.
        count: usize,
    },
    /// A region that the program's instance is no member of.
    NotMember {
        /// The region.
        region: String,
        /// The instance.
        instance: String,
    },
    /// Rights that the instance does not have.
    ReadOnlyHere {
        /// The instance.
        instance: String,
    },
    /// A channel whose end the program's instance is not.
    OtherEnd {
        /// The channel.
        channel: String,
        /// The instance at that end.
        instance: String,
    },
    /// A channel within the instance that no program receives from.
    NobodyReceives {
        /// The channel.
        channel: String,
    },
    /// A channel that the program itself receives from.
    SignalsItself {
        /// The channel.
        channel: String,
    },
    /// A device that another instance owns.
    OtherOwner {
        /// The device.
        device: String,
        /// Its owner.
        owner: String,
    },
    /// A device of a kind that has nothing of what is asked for.
    OtherKind {
        /// The device.
        device: String,
        /// The kind it would have to be.
        wanted: &'static str,
    },
    /// An instance that owns no interrupt controller.
    NoController {
        /// The instance.
        instance: String,
    },
    /// More interrupts than an instance has vectors.
    NoVector {
        /// The instance.
        instance: String,
    },
    /// Something that a program has already, and nobody can share.
    Taken {
        /// The earlier program, or this one.
        by: String,
    },
    /// The same entry twice in one list.
    Twice,
    /// An address that a mapping cannot have.
    Misaligned {
        /// What it has to be a multiple of.
        alignment: u64,
    },
    /// A mapping outside the addresses for programs.
    OutsideAddresses {
        /// The mapping.
        range: MemoryRange,
    },
    /// A mapping over another one.
    Overlap {
        /// The other one.
        other: String,
    },
    /// More lines and interrupts than a word has bits.
    TooManyEvents {
        /// How many.
        count: u32,
    },
    /// A start info that has no room for everything.
    TooMuchToTell {
        /// Its bytes.
        bytes: u64,
    },
}

impl fmt::Display for ProgramProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRootTask { instance } => write!(
                f,
                "instance {instance} has a root task of its own; remove `program` there, so that {INIT} starts programs"
            ),
            Self::NothingToStart => {
                write!(f, "{INIT} has nothing to start; add a [[program]] that names this instance")
            }
            Self::NeverTimesOut => {
                write!(f, "a budget as long as its period is never used up; give a longer period-us")
            }
            Self::HandlerElsewhere { handler, instance } => write!(
                f,
                "program {handler} runs on instance {instance}; a timeout is handled on the same instance"
            ),
            Self::HandlerWaits { handler } => write!(
                f,
                "when program {handler} uses up its own budget, nobody is left to handle it; name a program whose \
                 timeouts do not wait for this one"
            ),
            Self::NoSuchItem { index, count } => {
                write!(f, "no item {index}; there are {count}, counted from 0")
            }
            Self::NotMember { region, instance } => {
                write!(f, "instance {instance} is no member of region {region}; add it to the members there")
            }
            Self::ReadOnlyHere { instance } => {
                write!(
                    f,
                    "instance {instance} may only read this region; ask for \"r\", or give it \"rw\" there"
                )
            }
            Self::OtherEnd { channel, instance } => {
                write!(
                    f,
                    "channel {channel} has instance {instance} at this end; name a channel of this instance"
                )
            }
            Self::NobodyReceives { channel } => {
                write!(f, "nobody receives from channel {channel}; add it to `receive` of a program")
            }
            Self::SignalsItself { channel } => {
                write!(f, "the program itself receives from channel {channel}; let another program do that")
            }
            Self::OtherOwner { device, owner } => {
                write!(f, "device {device} belongs to instance {owner}; change its owner or move the program")
            }
            Self::OtherKind { device, wanted } => {
                write!(f, "device {device} is of another kind; name one of kind \"{wanted}\"")
            }
            Self::NoController { instance } => write!(
                f,
                "instance {instance} owns no interrupt controller; give it one with a [[device]] of kind \"ioapic\""
            ),
            Self::NoVector { instance } => write!(
                f,
                "instance {instance} has {USER_VECTORS} interrupt vectors, and all are taken; move the program to \
                 another instance"
            ),
            Self::Taken { by } => write!(f, "program {by} has it already; only one program can have it"),
            Self::Twice => write!(f, "it is in this list already; remove one of the two entries"),
            Self::Misaligned { alignment } => {
                write!(f, "the address is not aligned; use a multiple of {alignment:#x}, or leave it out")
            }
            Self::OutsideAddresses { range } => write!(
                f,
                "{range} is not within the addresses for programs; use some from 0x1000 up to {:#x}",
                start::AREA
            ),
            Self::Overlap { other } => {
                write!(f, "the addresses overlap those of {other}; move one, or leave it out")
            }
            Self::TooManyEvents { count } => write!(
                f,
                "the program receives {count} lines and interrupts; a program waits for at most {}",
                start::MAX_EVENTS
            ),
            Self::TooMuchToTell { bytes } => write!(
                f,
                "the start info would have {bytes} bytes; shorten the arguments to stay within {}",
                start::INFO_BYTES
            ),
        }
    }
}
