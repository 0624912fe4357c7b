// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts to get at memory outside the partition through untypeds, frames, page tables and plain addresses.

use abi::{ObjectType, Rights, VmAttributes, sizes};
use userland::object::{Frame, Table};
use userland::{Error, INIT_VSPACE, Pdpt, RootTask, SmallPage, Untyped};

use crate::Failure;
use crate::attempts::Attempts;
use crate::intruder::{Fault, Intruder, jump, load, store};

/// Where a store could send an interrupt to any core: Intel SDM vol. 3, 11.11.1.
const MSI_WINDOW: Range = Range { start: 0xfee0_0000, end: 0xfef0_0000 };
/// The ICR in the local APIC's page.
const INTERRUPT_COMMAND: u64 = 0xfee0_0300;
/// Where every kernel image and every kernel window starts.
const KERNEL_IMAGE: u64 = 0xffff_ffff_8000_0000;
const KERNEL_WINDOW: u64 = 0xffff_8000_0000_0000;
/// Where the boot image lies, which every restart begins with.
const BOOT_IMAGE: u64 = 0x20_0000;
/// Pages whose addresses are asked for.
const PAGES: usize = 64;

/// Physical addresses from `start` to before `end`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Range {
    /// Whether the two have a byte in common.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The memory of all untypeds, and whether each is for devices.
pub(crate) fn untypeds(task: &RootTask) -> impl Iterator<Item = (Range, bool)> {
    task.boot.untypeds().map(|(_, desc)| {
        let end = desc.paddr.saturating_add(1 << desc.size_bits);
        (Range { start: desc.paddr, end }, desc.is_device != 0)
    })
}

/// Whether an untyped covers part of the MSI window.
pub(crate) fn holds_msi_window(task: &RootTask) -> bool {
    untypeds(task).any(|(range, _)| range.overlaps(MSI_WINDOW))
}

pub(crate) fn attack(
    task: &mut RootTask,
    attempts: &mut Attempts,
    intruder: &Intruder,
) -> Result<(), Failure> {
    attempts.absent("an untyped over the MSI window", holds_msi_window(task));
    attempts.absent("an untyped for devices of instance 0", untypeds(task).any(|(_, is_device)| is_device));
    grow(task, attempts)?;
    frames(task, attempts)?;
    for (what, address) in [
        ("store to the ICR", INTERRUPT_COMMAND),
        ("store to the kernel image", KERNEL_IMAGE),
        ("store to the kernel window", KERNEL_WINDOW + BOOT_IMAGE),
    ] {
        attempts.stopped(what, intruder.try_code(store, address)?, Fault::Page(address));
    }
    for (what, address) in [
        ("load from the kernel image", KERNEL_IMAGE),
        ("load from the kernel window, the boot image", KERNEL_WINDOW + BOOT_IMAGE),
        ("load from the kernel window, the whole of instance 0", KERNEL_WINDOW + (1 << 24)),
    ] {
        attempts.stopped(what, intruder.try_code(load, address)?, Fault::Page(address));
    }
    let jumped = intruder.try_code(jump, KERNEL_IMAGE)?;
    attempts.stopped("jump into the kernel image", jumped, Fault::Page(KERNEL_IMAGE));
    Ok(())
}

/// Objects larger than the untyped they are made from.
fn grow(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let bits = sizes::SMALL_PAGE_BITS;
    let (untyped, slot): (Untyped, _) = (task.untyped(bits)?, task.slots.take_many(2)?);
    let too_small = Error::NotEnoughMemory(1 << bits);
    let doubled = untyped.retype(ObjectType::Untyped, bits + 1, slot, 1);
    attempts.refused("an untyped twice as large as its parent", doubled, too_small);
    let two = untyped.retype(ObjectType::SmallPage, 0, slot, 2);
    attempts.refused("two pages from the memory of one", two, too_small);
    let huge = untyped.retype(ObjectType::Untyped, sizes::MAX_UNTYPED_BITS + 1, slot, 1);
    let most = u64::from(sizes::MAX_UNTYPED_BITS);
    attempts.refused("an untyped larger than the address space", huge, Error::Range(0, most));
    Ok(())
}

fn frames(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let mut is_foreign = false;
    for _ in 0..PAGES {
        let page: SmallPage = task.make()?;
        let start = page.get_address()?;
        let covers = |range: Range| range.start <= start && start < range.end;
        is_foreign |= !untypeds(task).any(|(range, _)| covers(range));
    }
    attempts.absent("a new page whose GetAddress lies outside the untypeds", is_foreign);

    let page: SmallPage = task.make()?;
    let map = |address| page.map(INIT_VSPACE, address, Rights::READ_WRITE, VmAttributes::WRITE_BACK);
    for (what, address) in [
        ("a page in the kernel window", KERNEL_WINDOW),
        ("a page over the kernel image", KERNEL_IMAGE),
        ("a page that reaches the end of the lower half", 0x7fff_ffff_f000),
    ] {
        attempts.refused(what, map(address), Error::InvalidArgument(0));
    }
    let table: Pdpt = task.make()?;
    let in_kernel = table.map(INIT_VSPACE, KERNEL_WINDOW, VmAttributes::WRITE_BACK);
    attempts.refused(
        "a page-directory pointer table for the kernel window",
        in_kernel,
        Error::InvalidArgument(0),
    );
    Ok(())
}
