// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a root task cannot be built.

use core::fmt;

/// What about a root task does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootError {
    /// The image is empty, not page aligned, or leaves no room for the frames behind it.
    Image {
        /// First address.
        start: u64,
        /// Number of pages.
        pages: u64,
    },
    /// The entry point is not in the image.
    Entry {
        /// The entry point.
        entry: u64,
    },
    /// The initial capabilities need more slots than the CNode has.
    CNode {
        /// Slots needed.
        needed: u64,
        /// Slots there are.
        available: u64,
    },
    /// The bootinfo has no room for so many untypeds.
    UntypedList {
        /// Number of untypeds.
        count: usize,
    },
    /// The extra bootinfo does not have the length announced.
    ExtraLength {
        /// Bytes announced.
        announced: usize,
        /// Bytes given.
        given: usize,
    },
    /// There is no memory for an object.
    Memory {
        /// Log2 of its size.
        bits: u32,
    },
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { start, pages } => {
                write!(f, "root task image of {pages} pages at {start:#x} does not fit into user addresses")
            }
            Self::Entry { entry } => write!(f, "entry point {entry:#x} is outside the root task image"),
            Self::CNode { needed, available } => {
                write!(f, "root CNode has {available} slots, initial capabilities need {needed}")
            }
            Self::UntypedList { count } => {
                write!(f, "{count} untypeds, bootinfo has room for {}", abi::MAX_UNTYPED_CAPS)
            }
            Self::ExtraLength { announced, given } => {
                write!(f, "extra bootinfo of {given} bytes, announced were {announced}")
            }
            Self::Memory { bits } => write!(f, "no memory for a root task object of {} bytes", 1u64 << bits),
        }
    }
}

impl core::error::Error for BootError {}
