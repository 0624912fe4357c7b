// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed points of the physical address space and sizes of what the planner places.

use abi::{aarch32, x86_64};
use skerry_system::MemoryRange;
pub(crate) use skerry_system::layout::{
    HUGE_PAGE_BITS, LARGE_PAGE, LARGE_PAGE_BITS, MSI_WINDOW, PAGE, PAGE_BITS,
};

use crate::Architecture;

/// Where cores can start, and what counts as device memory although it is RAM.
pub(crate) const LOW_MEMORY: MemoryRange = MemoryRange::new(0, 0x10_0000);
/// Where the kernel window of AArch32 begins.
const AARCH32_WINDOW: u64 = 0x4000_0000;
/// In no untyped list of an seL4 kernel either.
pub(crate) const TOP_OF_4_GIB: MemoryRange = MemoryRange::new(0xffff_fff8, 0x1_0000_0000);

/// Highest local APIC id that an interrupt controller can name; 255 is everybody.
pub(crate) const MAX_IO_APIC_TARGET: u32 = 254;

/// How machines of one kind differ from others for a planner.
pub(crate) struct Layout {
    /// Where usable memory is normal memory: what lies outside cannot be reached by a kernel window.
    pub(crate) normal_memory: MemoryRange,
    /// Whether usable memory outside is device memory; otherwise nobody can have it.
    pub(crate) has_device_ram: bool,
    /// Everything that can be named in an untyped.
    pub(crate) address_space: MemoryRange,
    /// Whether other cores start in a page below 1 MiB.
    pub(crate) needs_trampoline: bool,
    /// Whether there are IO ports.
    pub(crate) has_ports: bool,
}

impl Architecture {
    pub(crate) const fn layout(self) -> Layout {
        match self {
            Self::X86_64 => Layout {
                normal_memory: MemoryRange::new(LOW_MEMORY.end, x86_64::OBJECT_MEMORY_TOP),
                has_device_ram: true,
                address_space: MemoryRange::new(0, x86_64::DEVICE_TOP),
                needs_trampoline: true,
                has_ports: true,
            },
            Self::AArch32 => Layout {
                normal_memory: MemoryRange::new(AARCH32_WINDOW, aarch32::OBJECT_MEMORY_TOP),
                has_device_ram: false,
                address_space: MemoryRange::new(0, aarch32::DEVICE_TOP),
                needs_trampoline: false,
                has_ports: false,
            },
        }
    }
}

/// Bytes of a status page.
pub(crate) const STATUS_BYTES: u64 = PAGE;
/// Bytes of a log ring.
pub(crate) const LOG_BYTES: u64 = 64 * 1024;

/// Bytes of an inbox that `senders` instances write to: the receiver's mode, two levels of summary,
/// then one cache line per sender.
pub(crate) const fn inbox_bytes(senders: usize) -> u64 {
    const HEADER_LINES: u64 = 3;
    const CACHE_LINE: u64 = 64;
    ((HEADER_LINES + senders as u64) * CACHE_LINE).next_multiple_of(PAGE)
}
