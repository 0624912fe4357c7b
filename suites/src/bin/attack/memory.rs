// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts to get at memory outside the partition through untypeds, frames, page tables and plain addresses.

use abi::{ObjectType, Rights, VmAttributes, sizes};
use userland::object::{Frame, Table};
use userland::{Error, INIT_VSPACE, RootTask, SmallPage, Untyped};

use crate::Failure;
use crate::attempts::Attempts;
use crate::intruder::{Fault, Intruder};
use crate::machine::{self, KERNEL_IMAGE, KERNEL_WINDOW, TOP_PAGE, UpperTable};

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
        let start = abi::widen(desc.paddr);
        (Range { start, end: start.saturating_add(1 << desc.size_bits) }, desc.is_device != 0)
    })
}

/// Looks for untypeds over what every kernel has.
pub(crate) fn look_for_forbidden(task: &RootTask, attempts: &mut Attempts) {
    for (what, forbidden) in machine::FORBIDDEN {
        attempts.absent(what, untypeds(task).any(|(range, _)| range.overlaps(forbidden)));
    }
}

pub(crate) fn attack(
    task: &mut RootTask,
    attempts: &mut Attempts,
    intruder: &Intruder,
) -> Result<(), Failure> {
    look_for_forbidden(task, attempts);
    attempts.absent("an untyped for devices of instance 0", untypeds(task).any(|(_, is_device)| is_device));
    grow(task, attempts)?;
    frames(task, attempts)?;
    for (what, code, address) in machine::PLACES {
        attempts.stopped(what, intruder.try_code(code, address)?, Fault::Page(address));
    }
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
        ("a page that reaches the end of the lower half", TOP_PAGE),
    ] {
        attempts.refused(what, map(address), Error::InvalidArgument(0));
    }
    let table: UpperTable = task.make()?;
    let in_kernel = table.map(INIT_VSPACE, KERNEL_WINDOW, VmAttributes::WRITE_BACK);
    attempts.refused("an upper table for the kernel window", in_kernel, Error::InvalidArgument(0));
    Ok(())
}
