// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is attacked on AArch32 alone: addresses, instructions, devices. Addresses are those of QEMU's virt.

mod code;
pub(crate) mod devices;

use abi::fault::user_exception;
use userland::syscall::Received;
use userland::{PageDirectory, RootTask};

use crate::code::Code;
use crate::intruder::Fault;
use crate::memory::Range;

pub(crate) use code::{jump, load, store};

/// Distributor and CPU interface of the GIC.
const GIC: Range = Range { start: 0x0800_0000, end: 0x0802_0000 };
/// The register of the distributor that sends doorbells.
const SEND: u64 = GIC.start + 0xf00;
/// The UART that all kernels write to.
const UART: Range = Range { start: 0x0900_0000, end: 0x0900_1000 };
/// Where RAM begins, and how much of it every machine has.
const MEMORY: u64 = 0x4000_0000;
const LEAST_MEMORY: u64 = 64 << 20;

/// Physical addresses that are in nobody's untyped: every kernel has them, or they reach
/// beyond their owner.
pub(crate) const FORBIDDEN: [(&str, Range); 6] = [
    ("an untyped over the interrupt controller", GIC),
    ("an untyped over the UART of the kernels", UART),
    ("an untyped over the frame for messages", Range { start: 0x0802_0000, end: 0x0802_1000 }),
    ("an untyped over fw_cfg", Range { start: 0x0902_0000, end: 0x0902_1000 }),
    ("an untyped over virtio devices", Range { start: 0x0a00_0000, end: 0x0a00_4000 }),
    ("an untyped over flash memory", Range { start: 0, end: 0x0800_0000 }),
];
/// Where every kernel image starts; registers of devices follow at this and their physical address.
pub(crate) const KERNEL_IMAGE: u64 = 0xf000_0000;
/// Where the first byte of RAM would be in the kernel window, which no instance has: the boot image is there.
pub(crate) const KERNEL_WINDOW: u64 = 0x4000_0000 + MEMORY;
/// The first page of which a program cannot have all.
pub(crate) const TOP_PAGE: u64 = 0x7fff_f000;
/// The vectors of a kernel that does not say where they are.
const HIGH_VECTORS: u64 = 0xffff_0000;

/// Where code is to be tried.
pub(crate) const PLACES: [(&str, Code, u64); 10] = [
    ("store to the register that sends doorbells, in the kernel's devices", store, KERNEL_IMAGE + SEND),
    ("the same at its physical address", store, SEND),
    ("store to the UART, in the kernel's devices", store, KERNEL_IMAGE + UART.start),
    ("store to the kernel image", store, KERNEL_IMAGE),
    ("store to the kernel window", store, KERNEL_WINDOW),
    ("store to the vectors", store, HIGH_VECTORS),
    ("load from the kernel image", load, KERNEL_IMAGE),
    ("load from the kernel window, the boot image", load, KERNEL_WINDOW),
    ("load from the kernel window, the whole of instance 0", load, KERNEL_WINDOW + (1 << 24)),
    ("jump into the kernel image", jump, KERNEL_IMAGE),
];

/// The table that an entry of the top-level table leads to.
pub(crate) type UpperTable = PageDirectory;

/// How a thread was stopped that raised an exception: there is only one, so the place tells what raised it.
pub(crate) fn exception(fault: &Received, code: Code) -> Fault {
    if fault.word(user_exception::IP) == code as *const () as u64 {
        Fault::Exception(fault.word(user_exception::NUMBER))
    } else {
        Fault::AtTheEnd { flags: fault.word(user_exception::FLAGS) }
    }
}

/// Memory that is surely RAM.
pub(crate) fn usable_memory(_task: &RootTask) -> impl Iterator<Item = Range> {
    core::iter::once(Range { start: MEMORY, end: MEMORY + LEAST_MEMORY })
}

/// What Assign on a frame gets: its label is that of a cache invocation, which wants a range.
pub(crate) const NO_POOL: userland::Error = userland::Error::TruncatedMessage;
