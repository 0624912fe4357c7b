// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel window of an instance maps: CONFINED, as a list.

use memory_partition::{MemoryRange, Plan};

use crate::program::PAGE;
use crate::tables::Access;

/// Every range of the window of instance `index`, with its access: own memory, own inbox, status page and log ring,
/// inboxes it has a channel to, interrupt controllers it owns, and the local-APIC page in xAPIC mode.
pub fn window(
    plan: &Plan,
    index: usize,
    local_apic: Option<u64>,
) -> impl Iterator<Item = (MemoryRange, Access)> {
    let own = &plan.instances[index];
    let page = |address| MemoryRange::of_size(address, PAGE);
    let outgoing = plan.channels.iter().filter(move |channel| channel.from == index);
    let inboxes = outgoing.map(|channel| plan.instances[channel.to].inbox);
    let memory = own.memory().chain([own.inbox, own.status, own.log]).chain(inboxes);
    let chips =
        plan.io_apics.iter().filter(move |chip| chip.owner == index).map(move |chip| page(chip.address));
    memory
        .filter(|range| !range.is_empty())
        .map(|range| (range, Access::ReadWrite))
        .chain(chips.chain(local_apic.map(page)).map(|range| (range, Access::Device)))
}
