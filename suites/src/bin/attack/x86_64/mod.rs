// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is attacked on x86_64 alone: addresses, instructions, devices.

mod code;
pub(crate) mod devices;

use abi::chunk::{ChunkId, HEADER_LEN, MEMORY_MAP_ENTRY_LEN, MEMORY_MAP_LEN};
use abi::fault::user_exception;
use userland::syscall::Received;
use userland::{Pdpt, RootTask};

use crate::code::Code;
use crate::intruder::Fault;
use crate::memory::Range;

pub(crate) use code::{jump, load, store};

/// Physical addresses that are in nobody's untyped. A store to the MSI window could send an interrupt to any core: Intel
/// SDM vol. 3, 11.11.1.
pub(crate) const FORBIDDEN: [(&str, Range); 7] = [
    ("an untyped over the MSI window", Range { start: 0xfee0_0000, end: 0xfef0_0000 }),
    ("an untyped over interrupt controllers", Range { start: 0xfec0_0000, end: 0xfed0_0000 }),
    ("an untyped over the chipset", Range { start: 0xfed0_0000, end: 0xfee0_0000 }),
    ("an untyped over flash memory", Range { start: 0xfef0_0000, end: 0x1_0000_0000 }),
    ("an untyped over PCI configuration (q35)", Range { start: 0xb000_0000, end: 0xc000_0000 }),
    (
        "an untyped over registers of the disk controller (q35)",
        Range { start: 0xfebf_f000, end: 0xfec0_0000 },
    ),
    ("an untyped over the BIOS", Range { start: 0xf_0000, end: 0x10_0000 }),
];
/// Where every kernel image and every kernel window starts.
pub(crate) const KERNEL_IMAGE: u64 = 0xffff_ffff_8000_0000;
pub(crate) const KERNEL_WINDOW: u64 = 0xffff_8000_0000_0000;
/// The first page of which a program cannot have all.
pub(crate) const TOP_PAGE: u64 = 0x7fff_ffff_f000;
/// Where the boot image lies, which every restart begins with.
const BOOT_IMAGE: u64 = 0x20_0000;

/// Where code is to be tried.
pub(crate) const PLACES: [(&str, Code, u64); 7] = [
    // The ICR in the local APIC's page.
    ("store to the ICR", store, 0xfee0_0300),
    ("store to the kernel image", store, KERNEL_IMAGE),
    ("store to the kernel window", store, KERNEL_WINDOW + BOOT_IMAGE),
    ("load from the kernel image", load, KERNEL_IMAGE),
    ("load from the kernel window, the boot image", load, KERNEL_WINDOW + BOOT_IMAGE),
    ("load from the kernel window, the whole of instance 0", load, KERNEL_WINDOW + (1 << 24)),
    ("jump into the kernel image", jump, KERNEL_IMAGE),
];

/// The table that an entry of the top-level table leads to.
pub(crate) type UpperTable = Pdpt;

/// How a thread was stopped that raised an exception: what is let through ends in another one than what is not.
pub(crate) fn exception(fault: &Received, _code: Code) -> Fault {
    Fault::Exception(fault.word(user_exception::NUMBER))
}

/// The usable ranges from 1 MiB up, in whole pages. RAM below is device memory, as under an seL4 kernel.
pub(crate) fn usable_memory(task: &RootTask) -> impl Iterator<Item = Range> {
    const USABLE: u32 = 1;
    const LOW_MEMORY: u64 = 1 << 20;
    let chunk = task.boot.chunks().find(ChunkId::X86MemoryMap);
    let entries = chunk.and_then(|chunk| chunk.bytes.get(HEADER_LEN + 4..MEMORY_MAP_LEN)).unwrap_or_default();
    entries.chunks_exact(MEMORY_MAP_ENTRY_LEN).filter_map(|entry| {
        let word = |at: usize| Some(u64::from_le_bytes(entry.get(at..at + 8)?.try_into().ok()?));
        let (base, length) = (word(4)?, word(12)?);
        let kind = u32::from_le_bytes(entry.get(20..24)?.try_into().ok()?);
        let (start, end) = (base.next_multiple_of(4096), (base + length) & !4095);
        (kind == USABLE && start >= LOW_MEMORY && start < end).then_some(Range { start, end })
    })
}

/// What Assign on a frame gets.
pub(crate) const NO_POOL: userland::Error = userland::Error::IllegalOperation;
