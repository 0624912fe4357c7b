// SPDX-License-Identifier: MIT OR Apache-2.0
//! The untyped list of an instance, within the entries that bootinfo has.

use alloc::vec::Vec;
use core::cmp::Reverse;

use abi::MAX_UNTYPED_CAPS;

use crate::{DropReason, Dropped, UntypedRange, cut, range_set::RangeSet};
use skerry_system::MemoryRange;

/// Cuts device, reclaimed and normal memory, in this order, and drops the smallest pieces that are too many.
pub(super) fn build(
    instance: usize,
    device: &RangeSet,
    reclaimed: &RangeSet,
    normal: &RangeSet,
    dropped: &mut Vec<Dropped>,
) -> Vec<UntypedRange> {
    let parts = [(device, true), (reclaimed, false), (normal, false)];
    let ranges = || parts.into_iter().flat_map(|(set, device)| set.iter().map(move |range| (range, device)));
    let mut list: Vec<UntypedRange> = ranges().flat_map(|(range, device)| cut(range, device)).collect();
    for (range, _) in ranges() {
        let own = list.iter().map(|piece| piece.range()).filter(|piece| range.contains(*piece));
        let left = RangeSet::from_iter([range]).without(own.collect::<Vec<_>>());
        let reason = DropReason::TooSmall { instance };
        dropped.extend(left.iter().map(|range| Dropped { range, reason }));
    }
    let surplus = list.len().saturating_sub(MAX_UNTYPED_CAPS);
    if surplus > 0 {
        let gone = smallest(&list, surplus);
        let reason = DropReason::ListFull { instance };
        dropped.extend(gone.iter().map(|&range| Dropped { range, reason }));
        list.retain(|piece| !gone.contains(&piece.range()));
    }
    list
}

/// Ranges of the `count` smallest pieces; among equals device memory goes first, then the highest.
fn smallest(list: &[UntypedRange], count: usize) -> Vec<MemoryRange> {
    let mut order = list.to_vec();
    order.sort_unstable_by_key(|piece| (piece.size_bits, !piece.device, Reverse(piece.base)));
    order[..count].iter().map(|piece| piece.range()).collect()
}
