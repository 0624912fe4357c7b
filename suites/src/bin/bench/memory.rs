// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings.

use crate::lab::Lab;
use crate::series::{SAMPLES, Series};
use crate::stub::stamp;
use abi::{ObjectType, Rights, VmAttributes, sizes};
use userland::object::Frame;
use userland::{AllocError, Capability, INIT_VSPACE, SmallPage};

/// Measures mapping, changing the rights of, and unmapping one page whose tables are there.
#[inline(never)]
pub(crate) fn pages(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let frame: SmallPage = lab.task.make()?;
    let address = lab.task.take_addresses(1 << sizes::SMALL_PAGE_BITS, sizes::SMALL_PAGE_BITS);
    lab.task.map(INIT_VSPACE, frame, address, Rights::READ_WRITE, VmAttributes::WRITE_BACK)?;
    frame.unmap()?;
    let mut unmap = Series::new();
    let [map, protect] = Series::take_two(|| {
        let start = stamp();
        let mapped = frame.map(INIT_VSPACE, address, Rights::READ_WRITE, VmAttributes::WRITE_BACK);
        let after_map = stamp();
        mapped?;
        let before_protect = stamp();
        let protected = frame.map(INIT_VSPACE, address, Rights::READ, VmAttributes::WRITE_BACK);
        let after_protect = stamp();
        protected?;
        let before_unmap = stamp();
        let unmapped = frame.unmap();
        unmap.push(stamp() - before_unmap);
        unmapped?;
        Ok([after_map - start, after_protect - before_protect])
    })?;
    map.report("map a 4 KiB page", lab.cost.pair);
    protect.report("protect a 4 KiB page", lab.cost.pair);
    unmap.report("unmap a 4 KiB page", lab.cost.pair);
    Ok(())
}

/// Memory for the pages that the samples make, and for one more.
const PAGES_BITS: u32 = sizes::LARGE_PAGE_BITS + 1;
/// Pages made in a row, and how often.
const MANY: u64 = 512;
const ROUNDS: usize = 10;

/// Measures making a page of untyped memory that has room left and is zero already, as the upstream suite does: one, and
/// one of many.
#[inline(never)]
pub(crate) fn retype_pages(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let untyped = lab.task.untyped(PAGES_BITS)?;
    let first = lab.task.slots.take_many(MANY + 1)?;
    let page = |index: u64| userland::CPtr(first.0 + index);
    let (mut one, mut each) = (Series::new(), Series::new());
    let each_round = (SAMPLES as u64).div_ceil(ROUNDS as u64);
    for _ in 0..ROUNDS {
        // The first page after a revocation pays for the memory that is filled with zero.
        untyped.slot().revoke()?;
        untyped.retype(ObjectType::SmallPage, 0, page(MANY), 1)?;
        let begun = stamp();
        for index in 0..MANY {
            untyped.retype(ObjectType::SmallPage, 0, page(index), 1)?;
        }
        each.push((stamp() - begun - lab.cost.pair) / MANY);
        untyped.slot().revoke()?;
        untyped.retype(ObjectType::SmallPage, 0, page(MANY), 1)?;
        for index in 0..each_round {
            let start = stamp();
            let made = untyped.retype(ObjectType::SmallPage, 0, page(index), 1);
            one.push(stamp() - start);
            made?;
        }
    }
    untyped.slot().revoke()?;
    one.report("retype one 4 KiB page", lab.cost.pair);
    each.report("retype 512 pages of 4 KiB, each", 0);
    Ok(())
}
