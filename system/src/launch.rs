// SPDX-License-Identifier: MIT OR Apache-2.0
//! What init of one instance is given: the description and the programs it starts, ready to be copied.
//!
//! The host tool reads the ELF files, checks them with [`Image::check`] and appends the encoded value to init's own image,
//! from the first page behind it. Init finds it there:
//!
//! ```text
//!   init's image | magic u64, length u64, postcard of Launch, zeros to the end of the page
//! ```

use alloc::vec::Vec;
use core::fmt;

use abi::start;
use serde::{Deserialize, Serialize};

use crate::description::{Description, Program};
use crate::{MemoryRange, layout::PAGE};

/// Marks an encoded value: "SRLAUNCH".
const MAGIC: u64 = u64::from_le_bytes(*b"SRLAUNCH");
/// Bytes before the encoded value.
const HEADER: usize = 16;

/// Most pages of an instance's programs: init keeps account of each on its heap.
pub const MOST_PAGES: u64 = 20 << 10;

/// What init of one instance is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch<'a> {
    /// The whole system.
    pub description: Description,
    /// Which instance this is for.
    pub instance: usize,
    /// The images of its programs, each once.
    #[serde(borrow)]
    pub images: Vec<Image<'a>>,
}

/// A program as it is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image<'a> {
    /// The name that programs of the description refer to it by.
    pub name: &'a str,
    /// Address of the first instruction.
    pub entry: u64,
    /// Its pieces.
    #[serde(borrow)]
    pub segments: Vec<Segment<'a>>,
}

/// One loadable piece of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment<'a> {
    /// Virtual address of the first byte.
    pub address: u64,
    /// Size in memory; what `data` does not fill is zero.
    pub size: u64,
    /// Whether the program may write it.
    pub is_writable: bool,
    /// Whether it has instructions.
    pub is_executable: bool,
    /// Contents.
    #[serde(borrow)]
    pub data: &'a [u8],
}

/// A page of a program's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its address.
    pub address: u64,
    /// Whether the program may write it.
    pub is_writable: bool,
    /// Whether it has instructions.
    pub is_executable: bool,
}

/// Why an image cannot be a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It has nothing to load.
    Empty,
    /// A segment outside the addresses for programs.
    Forbidden {
        /// The segment.
        range: MemoryRange,
    },
    /// Two segments on the same addresses.
    SegmentsOverlap {
        /// What they share.
        range: MemoryRange,
    },
    /// A segment on the addresses of a region or of registers.
    OverMapping {
        /// The segment.
        range: MemoryRange,
        /// Name of the region or device.
        mapping: alloc::string::String,
    },
    /// The first instruction is in no segment.
    EntryOutside {
        /// Its address.
        entry: u64,
    },
    /// A segment whose contents are larger than itself.
    Contents {
        /// The segment.
        range: MemoryRange,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it has nothing to load"),
            Self::Forbidden { range } => write!(
                f,
                "its segment {range} is at a forbidden address; link it between 0x1000 and {:#x}",
                start::AREA
            ),
            Self::SegmentsOverlap { range } => {
                write!(f, "two of its segments share {range}; link it again")
            }
            Self::OverMapping { range, mapping } => {
                write!(
                    f,
                    "its segment {range} lies over {mapping}; give that another address, or leave it out"
                )
            }
            Self::EntryOutside { entry } => write!(f, "its entry point {entry:#x} is in no segment"),
            Self::Contents { range } => write!(f, "its segment {range} is smaller than its contents"),
        }
    }
}

impl Segment<'_> {
    /// Its addresses.
    pub fn range(&self) -> MemoryRange {
        MemoryRange::of_size(self.address, self.size)
    }
}

impl Image<'_> {
    /// Whether it can be this program of this description.
    pub fn check(&self, program: &Program, description: &Description) -> Result<(), ImageError> {
        let allowed = MemoryRange::new(PAGE, start::AREA);
        let mappings = program.occupied(description);
        for (n, segment) in self.segments.iter().enumerate() {
            let range = segment.range();
            if segment.data.len() as u64 > segment.size {
                return Err(ImageError::Contents { range });
            }
            if !allowed.contains(range) {
                return Err(ImageError::Forbidden { range });
            }
            let shared = self.segments[..n].iter().map(|other| other.range().intersection(range));
            if let Some(range) = shared.into_iter().find(|range| !range.is_empty()) {
                return Err(ImageError::SegmentsOverlap { range });
            }
            let pages = range.rounded_out(PAGE);
            if let Some((_, name)) = mappings.iter().find(|(mapping, _)| mapping.overlaps(pages)) {
                return Err(ImageError::OverMapping { range, mapping: (*name).into() });
            }
        }
        let holds_entry =
            |segment: &Segment<'_>| (segment.range().start..segment.range().end).contains(&self.entry);
        match self.segments.iter().any(holds_entry) {
            _ if self.segments.is_empty() => Err(ImageError::Empty),
            true => Ok(()),
            false => Err(ImageError::EntryOutside { entry: self.entry }),
        }
    }

    /// Its pages, ascending, each once.
    pub fn pages(&self) -> Vec<Page> {
        let mut pages: Vec<Page> = Vec::new();
        for segment in &self.segments {
            let range = segment.range().rounded_out(PAGE);
            let addresses = (0..range.size() / PAGE).map(|page| range.start + page * PAGE);
            let Segment { is_writable, is_executable, .. } = *segment;
            pages.extend(addresses.map(|address| Page { address, is_writable, is_executable }));
        }
        pages.sort_unstable_by_key(|page| page.address);
        pages.dedup_by(|page, kept| {
            let is_same = page.address == kept.address;
            kept.is_writable |= is_same && page.is_writable;
            kept.is_executable |= is_same && page.is_executable;
            is_same
        });
        pages
    }

    /// Calls `write(offset, bytes)` for everything that the page at `address` holds besides zeros.
    pub fn fill(&self, address: u64, mut write: impl FnMut(usize, &[u8])) {
        let page = MemoryRange::of_size(address, PAGE);
        for segment in &self.segments {
            let data = MemoryRange::of_size(segment.address, segment.data.len() as u64);
            let part = data.intersection(page);
            if !part.is_empty() {
                let (from, to) = (part.start - segment.address, part.end - segment.address);
                write((part.start - address) as usize, &segment.data[from as usize..to as usize]);
            }
        }
    }
}

impl<'a> Launch<'a> {
    /// The bytes to be appended to init's image: whole pages.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        let encoded = postcard::to_allocvec(self)?;
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend((encoded.len() as u64).to_le_bytes());
        bytes.extend(encoded);
        bytes.resize(bytes.len().next_multiple_of(PAGE as usize), 0);
        Ok(bytes)
    }

    /// Reads what [`encode`](Launch::encode) wrote; nothing if it is anything else.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let word = |at: usize| header[at..].first_chunk().map(|word| u64::from_le_bytes(*word));
        if word(0)? != MAGIC {
            return None;
        }
        postcard::from_bytes(rest.get(..usize::try_from(word(8)?).ok()?)?).ok()
    }

    /// The image of a program.
    pub fn image(&self, program: &Program) -> Option<&Image<'a>> {
        self.images.iter().find(|image| image.name == program.image)
    }
}

#[cfg(test)]
mod tests;
