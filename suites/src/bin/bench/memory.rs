// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings.

use crate::lab::Lab;
use crate::series::Series;
use crate::stub::stamp;
use abi::{Rights, VmAttributes, sizes};
use userland::object::Frame;
use userland::{AllocError, INIT_VSPACE, SmallPage};

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
