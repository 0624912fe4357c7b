// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sizes and places of the partitions.

use alloc::{vec, vec::Vec};

use super::pool::Pool;
use crate::{
    Footprint, SizeError,
    layout::{LARGE_PAGE, PAGE},
    range_set::RangeSet,
};
use skerry_system::{Description, Instance, MemoryRange, Size};

/// The partition of each instance, ascending.
///
/// Sizes the description fixes come first, in its order; the others share what is left. What alignment
/// leaves over goes to the first instance that takes the rest, or stays in the pool when there is none.
pub(super) fn place(pool: &mut Pool, description: &Description) -> Result<Vec<Vec<MemoryRange>>, SizeError> {
    let instances = &description.instances;
    let mut partitions: Vec<Vec<MemoryRange>> = vec![Vec::new(); instances.len()];
    let for_partitions = pool.total();
    for (instance, partition) in instances.iter().zip(&mut partitions) {
        let wanted = match instance.memory {
            Size::Bytes(bytes) => bytes.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX),
            Size::Percent(percent) => round_down(for_partitions / 100 * u64::from(percent)),
            Size::Rest => continue,
        };
        *partition = take(pool, instance, wanted)?;
    }
    let takes_rest = |i: &usize| instances[*i].memory == Size::Rest;
    let rest: Vec<usize> = (0..instances.len()).filter(takes_rest).collect();
    if let Some(&first) = rest.first() {
        let sharers = rest.len() as u64;
        let share = match pool.aligned_total(LARGE_PAGE) / sharers {
            0..LARGE_PAGE => round_down(pool.total() / sharers),
            aligned => round_down(aligned),
        };
        for &i in &rest {
            partitions[i] = take(pool, &instances[i], share)?;
        }
        partitions[first].extend(pool.take_all());
    }
    Ok(partitions.into_iter().map(merged).collect())
}

/// The contiguous range for kernel and root task: the top of the highest range that holds it.
pub(super) fn reserve(
    instance: &Instance,
    partition: &[MemoryRange],
    footprint: Footprint,
) -> Result<MemoryRange, SizeError> {
    let wanted = footprint.reserve_bytes.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
    let range = partition.iter().rev().find(|range| range.size() >= wanted).ok_or_else(|| {
        let largest = partition.iter().map(|range| range.size()).max().unwrap_or(0);
        SizeError::Reserve { instance: instance.name.clone(), wanted, largest }
    })?;
    Ok(MemoryRange::new(range.end - wanted, range.end))
}

fn take(pool: &mut Pool, instance: &Instance, wanted: u64) -> Result<Vec<MemoryRange>, SizeError> {
    pool.take_ranges(wanted).ok_or_else(|| SizeError::Partition {
        instance: instance.name.clone(),
        wanted,
        available: pool.total(),
    })
}

fn merged(ranges: Vec<MemoryRange>) -> Vec<MemoryRange> {
    ranges.into_iter().collect::<RangeSet>().into_ranges()
}

/// Down to the alignment of partitions, or to a page where that would leave nothing.
fn round_down(bytes: u64) -> u64 {
    let align = if bytes >= LARGE_PAGE { LARGE_PAGE } else { PAGE };
    bytes - bytes % align
}
