// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instance that is attacked. It owns the devices, so it checks what the plan may have given it too much of.

use abi::chunk::{ChunkId, HEADER_LEN, MEMORY_MAP_ENTRY_LEN, MEMORY_MAP_LEN};
use userland::{Notification, RootTask, println, syscall};

use crate::attempts::Attempts;
use crate::memory::{Range, holds_msi_window, untypeds};
use crate::{DONE, Failure, peer, region};

/// RAM below is device memory, as under an seL4 kernel.
const LOW_MEMORY: u64 = 1 << 20;
const USABLE: u32 = 1;
/// What the victim writes.
const PATTERN: u64 = 0x5ca1_ab1e_0ddb_a115;

pub(crate) fn run(task: &mut RootTask) -> Result<(), Failure> {
    let shown = task.open_region(&region(task, "shown")?)?;
    let mut layout = shared_region::RegionLayout::new(region(task, "shown")?.size as usize);
    let place = layout.counter().map_err(|_| Failure::Missing("room in region shown"))?;
    let counter = shown.counter(&place).ok_or(Failure::Missing("room in region shown"))?;
    counter.set(PATTERN);
    let notification: Notification = task.make()?;
    task.receive_line(peer(task, "bystander")?.instance, DONE, notification)?;

    let mut attempts = Attempts::default();
    attempts.absent("an untyped over the MSI window", holds_msi_window(task));
    attempts.absent("an untyped for devices over usable memory", covers_memory(task));

    syscall::wait(notification.0);
    if counter.get() != PATTERN {
        return Err(Failure::Changed("the region that the attacker may only read"));
    }
    println!("the attacker has finished; nothing of mine has changed");
    attempts.finish()
}

/// Whether device memory overlaps what the firmware calls usable, which is where partitions are.
fn covers_memory(task: &RootTask) -> bool {
    let usable =
        |range: Range| untypeds(task).any(|(untyped, is_device)| is_device && untyped.overlaps(range));
    memory_map(task).any(usable)
}

/// The usable ranges from 1 MiB up, in whole pages.
fn memory_map(task: &RootTask) -> impl Iterator<Item = Range> {
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
