// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plants a defect into the tables of instance 0, so that a boot test sees the audit refuse it.

use memory_partition::Plan;

use crate::options::Plant;
use crate::tables::PhysicalMemory;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// A page of the MSI window that is no core's local APIC.
const MSI_PAGE: u64 = 0xfee0_1000;

/// Changes one page of the kernel half under `root`; the address of the entry, or `None` when the system is too small
/// for this defect.
pub fn plant(memory: &mut impl PhysicalMemory, plan: &Plan, root: u64, plant: Plant) -> Option<u64> {
    let is_text = |entry: u64| entry & NO_EXECUTE == 0;
    let is_data = |entry: u64| entry & NO_EXECUTE != 0;
    let (at, frame) = match plant {
        Plant::WritableText => (find(memory, root, 39, &is_text)?, None),
        Plant::MsiWindow => (find(memory, root, 39, &is_data)?, Some(MSI_PAGE)),
        Plant::ForeignPartition => {
            let foreign = plan.instances.get(1)?.partition.first()?.start;
            (find(memory, root, 39, &is_data)?, Some(foreign))
        }
        Plant::ForeignInbox => {
            let has_channel = |to| plan.channels.iter().any(|channel| channel.from == 0 && channel.to == to);
            let stranger = (1..plan.instances.len()).find(|to| !has_channel(*to))?;
            (find(memory, root, 39, &is_data)?, Some(plan.instances[stranger].inbox.start))
        }
    };
    let entry = memory.read(at);
    let changed = frame.map_or(entry | WRITABLE, |frame| entry & !ADDRESS | frame);
    memory.write(at, changed);
    Some(at)
}

/// Address of the first entry of a small page in the kernel half that `wanted` accepts.
fn find(memory: &impl PhysicalMemory, table: u64, shift: u32, wanted: &impl Fn(u64) -> bool) -> Option<u64> {
    let first = if shift == 39 { 256 } else { 0 };
    (first..512).find_map(|index| {
        let at = table + index * 8;
        let entry = memory.read(at);
        match shift {
            _ if entry & PRESENT == 0 => None,
            12 => wanted(entry).then_some(at),
            _ if entry & LARGE != 0 => None,
            _ => find(memory, entry & ADDRESS, shift - 9, wanted),
        }
    })
}
