// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plants a defect into the tables of instance 0, so that a boot test sees the audit refuse it.

use memory_partition::Plan;

use crate::options::Plant;
use crate::tables::{Format, PhysicalMemory};

/// A page of the MSI window that is no core's local APIC.
const MSI_PAGE: u64 = 0xfee0_1000;

/// Changes one page of the kernel half under `root`; the address of the entry, or `None` when the system is too small
/// for this defect.
pub fn plant(
    memory: &mut impl PhysicalMemory,
    plan: &Plan,
    (root, format): (u64, &Format),
    plant: Plant,
) -> Option<u64> {
    let wants_text = plant == Plant::WritableText;
    let wanted = |entry: u64| format.is_executable(entry) == wants_text;
    let frame = match plant {
        Plant::WritableText => None,
        Plant::MsiWindow => Some(MSI_PAGE),
        Plant::ForeignPartition => Some(plan.instances.get(1)?.partition.first()?.start),
        Plant::ForeignInbox => {
            let has_channel = |to| plan.channels.iter().any(|channel| channel.from == 0 && channel.to == to);
            let stranger = (1..plan.instances.len()).find(|to| !has_channel(*to))?;
            Some(plan.instances[stranger].inbox.start)
        }
    };
    let at = find(memory, format, (root, format.top_shift), &wanted)?;
    let entry = memory.read(at);
    let changed = frame.map_or_else(|| format.made_writable(entry), |frame| format.with_frame(entry, frame));
    memory.write(at, changed);
    Some(at)
}

/// Address of the first entry of a small page in the kernel half that `wanted` accepts.
fn find(
    memory: &impl PhysicalMemory,
    format: &Format,
    (table, shift): (u64, u32),
    wanted: &impl Fn(u64) -> bool,
) -> Option<u64> {
    let entries =
        if shift == format.top_shift { format.first_kernel_entry..format.top_entries } else { 0..512 };
    entries.into_iter().find_map(|index| {
        let at = table + index * 8;
        let entry = memory.read(at);
        match shift {
            _ if !format.is_present(entry) => None,
            12 => wanted(entry).then_some(at),
            _ if format.is_large(entry) => None,
            _ => find(memory, format, (entry & format.address, shift - 9), wanted),
        }
    })
}
