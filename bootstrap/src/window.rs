// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel half of an instance maps beside its image: CONFINED, as a list.

use memory_partition::Plan;
use skerry_system::MemoryRange;

use crate::program::PAGE;
use crate::tables::Access;

/// Every range of the window of instance `index`, with its access: own memory, own inbox, status page and log ring,
/// inboxes it has a channel to, interrupt controllers it owns, registers that kernels use, and the local-APIC page in
/// xAPIC mode. [`Format::kernel_address`](crate::tables::Format::kernel_address) says where.
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
    let registers = plan.kernel_registers.iter();
    let registers = registers.filter(move |registers| registers.owner.is_none_or(|owner| owner == index));
    let registers = registers.map(|registers| registers.range);
    let chips =
        plan.io_apics.iter().filter(move |chip| chip.owner == index).map(move |chip| page(chip.address));
    // A distributor is a chip with an owner, and all kernels use it.
    let chips = chips.filter(|page| !plan.kernel_registers.iter().any(|kept| kept.range.contains(*page)));
    memory
        .filter(|range| !range.is_empty())
        .map(|range| (range, Access::ReadWrite))
        .chain(chips.chain(registers).chain(local_apic.map(page)).map(|range| (range, Access::Device)))
}
