// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building a root task: its CNode, address space, thread and bootinfo, before the instance runs.
//!
//! Owns the order of the initial capabilities (docs/abi/bootinfo.md). It works on a window, not on a kernel, so the
//! boot core builds every instance with it and tests do the same on simulated memory.
//!
//! The extra bootinfo may name slots, and slots depend on its length. So there are three steps:
//!
//! 1. the caller fills in a [`RootTask`], the length of the extra bootinfo included;
//! 2. [`Slots::of`] says where every capability will be, and the caller encodes the extra bootinfo;
//! 3. [`RootTask::build`] writes everything.
//!
//! [`RootTask::footprint`] says beforehand how much memory step 3 takes.
//!
//! ```text
//! slots      | 0..16 fixed | SchedControl | page tables   | extra bootinfo | image | shared regions
//!            | status pages | instance control | untypeds | empty .. 2^cnode_bits
//! addresses  | image .. | IPC buffer | bootinfo | extra bootinfo, 2^k bytes |
//! ```

mod build;
mod error;
#[cfg(test)]
mod tests;

use core::ops::Range;

use abi::limits::{USER_TOP, USER_VECTORS};
use abi::sizes::{ASID_POOL_BITS, MIN_SCHED_CONTEXT_BITS, SLOT_BITS, SMALL_PAGE_BITS, TABLE_BITS, TCB_BITS};
use abi::slots::FIRST_FREE;
use abi::{BootInfo, MAX_UNTYPED_CAPS, SlotRegion, UntypedDesc, Variant};
use arch::{Level, PageAccess, PageSize, PhysAddr};

pub use error::BootError;

const PAGE: u64 = 1 << SMALL_PAGE_BITS;

/// A program in memory: consecutive pages at consecutive addresses.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// First address, page aligned.
    pub start: u64,
    /// Number of pages, including gaps between segments.
    pub pages: u64,
    /// The first of the pages.
    pub frames: PhysAddr,
    /// Where the program starts.
    pub entry: u64,
}

/// The frames of a shared region.
#[derive(Clone, Copy, Debug)]
pub struct RegionFrames {
    /// The first one.
    pub base: PhysAddr,
    /// Their size.
    pub size: PageSize,
    /// How many there are.
    pub count: u64,
    /// What this instance may do with them.
    pub access: PageAccess,
}

/// Everything a root task is built from.
#[derive(Clone, Copy, Debug)]
pub struct RootTask<'a> {
    /// Debug name of its thread.
    pub name: &'a str,
    /// Number of the instance.
    pub instance: u64,
    /// Its program.
    pub image: Image,
    /// The build that the program was made for.
    pub variant: Variant,
    /// Log2 of the number of slots of its CNode.
    pub cnode_bits: u8,
    /// Priority and maximum controlled priority of its thread.
    pub priority: u8,
    /// Budget of its round-robin scheduling context in microseconds.
    pub slice_us: u64,
    /// Ticks in a microsecond.
    pub ticks_per_us: u64,
    /// Top-level table whose kernel half its address space gets.
    pub kernel_root: PhysAddr,
    /// Incoming lines of the instance, which need interrupt slots.
    pub incoming_lines: u32,
    /// Bytes of extra bootinfo.
    pub extra_len: usize,
    /// Shared regions.
    pub regions: &'a [RegionFrames],
    /// Status pages to be read: by convention its own, then those of its peers.
    pub status_pages: &'a [PhysAddr],
    /// Instances it may stop and start.
    pub controls: &'a [u8],
    /// Untyped memory, in bootinfo order.
    pub untyped: &'a [UntypedDesc],
}

/// Where the initial capabilities are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slots {
    /// Control over scheduling contexts.
    pub sched_control: SlotRegion,
    /// Page tables of the image.
    pub paging: SlotRegion,
    /// Frames of the extra bootinfo.
    pub extra_pages: SlotRegion,
    /// Frames of the image.
    pub image_frames: SlotRegion,
    /// Frames of the shared regions, one region after the other.
    pub shared_frames: SlotRegion,
    /// Status pages.
    pub status_pages: SlotRegion,
    /// Control over instances.
    pub controls: SlotRegion,
    /// Untyped memory.
    pub untyped: SlotRegion,
    /// What is left.
    pub empty: SlotRegion,
}

impl Slots {
    /// The slots of `task`, or what about it does not fit.
    pub fn of(task: &RootTask<'_>) -> Result<Self, BootError> {
        task.check()?;
        let mut next = FIRST_FREE;
        let mut take = |count: u64| {
            let start = next;
            next += count;
            SlotRegion::new(start, next)
        };
        let slots = Self {
            sched_control: take(task.variant.nodes.into()),
            paging: take(task.tables()),
            extra_pages: take(task.extra_bytes() / PAGE),
            image_frames: take(task.image.pages),
            shared_frames: take(task.regions.iter().map(|region| region.count).sum()),
            status_pages: take(task.status_pages.len() as u64),
            controls: take(task.controls.len() as u64),
            untyped: take(task.untyped.len() as u64),
            empty: SlotRegion::new(next, 1 << task.cnode_bits),
        };
        let available = 1 << task.cnode_bits;
        if next > available {
            return Err(BootError::CNode { needed: next, available });
        }
        Ok(slots)
    }

    /// Slot of the first frame of region `index` of `regions`, which are those of the task.
    pub fn first_frame(&self, regions: &[RegionFrames], index: usize) -> u64 {
        self.shared_frames.slots().start + regions.iter().take(index).map(|region| region.count).sum::<u64>()
    }
}

/// Memory that building a root task takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Footprint {
    /// Sum of all requests.
    pub bytes: u64,
    /// Log2 of the largest one. Requests come in order of falling size (as long as the CNode fills a page), so
    /// handing out memory upwards from an address aligned to this wastes nothing.
    pub align_bits: u32,
}

impl RootTask<'_> {
    /// Exactly what [`RootTask::build`] will ask for.
    pub fn footprint(&self) -> Result<Footprint, BootError> {
        self.check()?;
        let blocks = self.blocks();
        // Top-level table, IPC buffer and bootinfo besides the lower tables; root thread and idle thread.
        let pages = ((self.tables() + 1) << TABLE_BITS) + (1 << ASID_POOL_BITS) + 2 * PAGE;
        let threads = 2 * ((1 << TCB_BITS) + (1 << MIN_SCHED_CONTEXT_BITS));
        let blocks_bytes: u64 = blocks.iter().flatten().map(|bits| 1 << bits).sum();
        let align_bits = blocks.into_iter().flatten().fold(SMALL_PAGE_BITS, u32::max);
        Ok(Footprint { bytes: blocks_bytes + pages + threads, align_bits })
    }

    /// Log2 sizes of the parts whose size varies: CNode, interrupt slots, extra bootinfo.
    fn blocks(&self) -> [Option<u32>; 3] {
        let irq_slots = (USER_VECTORS + u64::from(self.incoming_lines)) << SLOT_BITS;
        let extra = self.extra_bytes();
        [
            Some(u32::from(self.cnode_bits) + SLOT_BITS),
            Some(irq_slots.next_power_of_two().ilog2()),
            (extra != 0).then(|| extra.ilog2()),
        ]
    }

    /// Bytes set aside for the extra bootinfo: a power of two, at least a page, or nothing.
    fn extra_bytes(&self) -> u64 {
        if self.extra_len == 0 { 0 } else { (self.extra_len as u64).next_power_of_two().max(PAGE) }
    }

    /// Address of the IPC buffer.
    fn ipc_buffer(&self) -> u64 {
        self.image.start + self.image.pages * PAGE
    }

    /// Address of the bootinfo.
    fn boot_info(&self) -> u64 {
        self.ipc_buffer() + PAGE
    }

    /// Address of the extra bootinfo.
    fn extra_start(&self) -> u64 {
        self.boot_info() + BootInfo::EXTRA_OFFSET
    }

    /// All addresses that are mapped.
    fn addresses(&self) -> Range<u64> {
        self.image.start..self.extra_start() + self.extra_bytes()
    }

    /// Number of tables of `level` that the addresses take.
    fn tables_of(&self, level: Level) -> u64 {
        let Range { start, end } = self.addresses();
        ((end - 1) >> level.span_bits()) - (start >> level.span_bits()) + 1
    }

    fn tables(&self) -> u64 {
        Level::LOWER.into_iter().map(|level| self.tables_of(level)).sum()
    }

    fn check(&self) -> Result<(), BootError> {
        let Image { start, pages, entry, .. } = self.image;
        let end = pages.checked_mul(PAGE).and_then(|bytes| start.checked_add(bytes));
        let top = end.and_then(|end| end.checked_add(2 * PAGE + self.extra_bytes()));
        if !start.is_multiple_of(PAGE) || pages == 0 || top.is_none_or(|top| top > USER_TOP) {
            return Err(BootError::Image { start, pages });
        }
        if entry < start || end.is_none_or(|end| entry >= end) {
            return Err(BootError::Entry { entry });
        }
        if self.untyped.len() > MAX_UNTYPED_CAPS {
            return Err(BootError::UntypedList { count: self.untyped.len() });
        }
        if !(1..=32).contains(&self.cnode_bits) {
            return Err(BootError::CNode { needed: FIRST_FREE, available: 0 });
        }
        Ok(())
    }
}
