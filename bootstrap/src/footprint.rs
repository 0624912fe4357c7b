// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of its partition an instance needs before its first untyped: an upper bound, computed before planning.
//!
//! The root task's share is exact (`kernel::boot`) but for the extra bootinfo, whose entries are counted generously;
//! so are the tables of the window, which depend on where memory will be.

use alloc::vec::Vec;

use arch::PhysAddr;
use kernel::boot::{BootError, Image, RootTask};
use memory_partition::{Firmware, Footprint};
use skerry_system::{Description, Instance};

use crate::program::{PAGE, Program};

const GIB: u64 = 1 << 30;
/// Entries of a page table.
const ENTRIES: u64 = 512;
/// Kernel and boot top-level tables; the chain to the kernel image; top of the window.
const KERNEL_TABLES: u64 = 2 + 3 + 2;
/// Inboxes, status pages, log rings and registers lie side by side for the most part: tables for those that do not.
const SINGLE_PAGE_TABLES: u64 = 8;
/// Chunks of extra bootinfo that every instance has, and the fixed part of the Skerry chunk.
const FIXED_CHUNKS: usize = 1292 + 104;
/// At least as large as any entry of the Skerry chunk.
const CHUNK_ENTRY: usize = 72;

/// Initial capabilities of a plain root task that are not for pages of its image: more than there ever are.
const SLOTS_BESIDE_IMAGE: u64 = 1024;
/// The root CNode itself and its alignment count as pages of the reserve, too: one in so many slots, or fewer.
const SLOTS_OF_CNODE: u64 = 32;
/// Log2 of the slots of the largest root CNode.
const MAX_CNODE_BITS: u32 = 20;

/// The system of one root task that owns the machine. Its CNode has the usual size, or as many slots as its image takes.
pub fn plain(program: &Program) -> Description {
    let mut description = Description::plain();
    fit_cnode(&mut description, program);
    description
}

/// Makes the root CNode of a program that owns the machine large enough for the pages of its image.
pub fn fit_cnode(description: &mut Description, program: &Program) {
    let slots = program.pages().saturating_add(SLOTS_BESIDE_IMAGE);
    let slots = slots.saturating_add(slots / SLOTS_OF_CNODE).min(1 << MAX_CNODE_BITS);
    let needed = slots.next_power_of_two().ilog2() as u8;
    for instance in &mut description.instances {
        instance.cnode_bits = instance.cnode_bits.max(needed);
    }
}

/// Footprint of each instance; `programs` are their root tasks, in order.
pub fn footprints(
    firmware: &Firmware,
    description: &Description,
    kernel: &Program,
    programs: &[Program],
) -> Result<Vec<Footprint>, BootError> {
    let window = window_tables(firmware, description);
    let own = kernel.pages() + KERNEL_TABLES + kernel.pages().div_ceil(ENTRIES) + window;
    let kernel_bytes = own * PAGE + kernel::handover::BYTES;
    let of = |(instance, program): (&Instance, &Program)| {
        let task = outline(description, instance, program);
        let objects = task.footprint()?;
        let alignment = 1 << objects.align_bits;
        let reserve_bytes = kernel_bytes + program.pages() * PAGE + objects.bytes + alignment;
        Ok(Footprint { reserve_bytes, record_bytes: 0 })
    };
    description.instances.iter().zip(programs).map(of).collect()
}

/// Tables of the window: a directory for each GiB of memory, page tables where a range does not begin or end at a
/// large page.
fn window_tables(firmware: &Firmware, description: &Description) -> u64 {
    let gibs: u64 = firmware.usable.iter().map(|range| range.size().div_ceil(GIB) + 1).sum();
    let pieces =
        firmware.usable.len() + firmware.occupied.len() + firmware.modules.len() + description.regions.len();
    let chips = firmware.io_apics.len() + description.instances.len().div_ceil(ENTRIES as usize);
    gibs + 2 * (pieces + chips) as u64 + SINGLE_PAGE_TABLES
}

/// The root task as far as it is known before planning: what its footprint depends on.
fn outline<'a>(description: &Description, instance: &'a Instance, program: &Program) -> RootTask<'a> {
    RootTask {
        name: &instance.name,
        instance: 0,
        image: Image {
            start: program.start,
            pages: program.pages(),
            frames: PhysAddr(0),
            entry: program.entry,
        },
        variant: instance.variant.into(),
        cnode_bits: instance.cnode_bits,
        priority: 0,
        slice_us: 0,
        ticks_per_us: 0,
        kernel_root: PhysAddr(0),
        incoming_lines: description.channels_between_instances().map(|channel| channel.lines).sum(),
        extra_len: extra_len(description, instance),
        regions: &[],
        status_pages: &[],
        controls: &[],
        untyped: &[],
    }
}

fn extra_len(description: &Description, instance: &Instance) -> usize {
    // A channel has two ends, and one instance may hold both ends of different channels, but never of the same.
    let entries = description.instances.len()
        + description.channels_between_instances().count()
        + description.regions.len()
        + description.devices.len();
    FIXED_CHUNKS + CHUNK_ENTRY * entries + instance.root_task.arguments.len()
}

#[cfg(test)]
mod tests {
    use memory_partition::{Architecture, plan};

    use super::*;
    use crate::carver::Carver;
    use crate::program::Segment;
    use crate::tables::{Format, Tables};
    use crate::testing::{KERNEL, LOCAL_APIC, Sparse, description, firmware};
    use crate::window::window;

    fn program(start: u64, pages: u64) -> Program<'static> {
        let segment =
            Segment { address: start, size: pages * PAGE, data: &[], writable: true, executable: false };
        Program {
            architecture: Architecture::X86_64,
            start,
            end: start + pages * PAGE,
            entry: start,
            segments: [segment].into(),
        }
    }

    #[test]
    fn the_footprint_covers_the_tables_really_built() {
        let (firmware, description) = (firmware(), description());
        let (kernel, root) = (program(KERNEL, 60), program(0x40_0000, 22));
        let footprints =
            footprints(&firmware, &description, &kernel, &[root.clone(), root.clone(), root.clone()])
                .expect("small programs fit");
        let plan = plan(&firmware, &description, &footprints).expect("three instances fit this machine");
        for (index, instance) in plan.instances.iter().enumerate() {
            let mut memory = Sparse::default();
            let mut carver = Carver::new(instance.reserve);
            let format = &Format::X86_64;
            let mut tables = Tables::new(&mut memory, &mut carver, format).expect("room for the root");
            for (range, access) in window(&plan, index, Some(LOCAL_APIC)) {
                tables
                    .map(format.kernel_address(range.start, access), range, access)
                    .expect("room for the window");
            }
            let root_table = tables.root();
            tables.entry_root(root_table).expect("room for the boot tables");
            let task = outline(&description, &description.instances[index], &root);
            let objects = task.footprint().expect("fits").bytes;
            let needed = kernel.pages() * PAGE + root.pages() * PAGE + objects + kernel::handover::BYTES;
            assert!(carver.left() >= needed, "instance {index}: {} of {needed} left", carver.left());
        }
    }

    #[test]
    fn a_large_plain_root_task_gets_a_cnode_for_all_its_pages() {
        let kernel = program(KERNEL, 60);
        let mut firmware = firmware();
        firmware.usable.push(skerry_system::MemoryRange::of_size(1 << 32, 4 * GIB));
        let bits = |pages: u64| {
            let root = program(0x40_0000, pages);
            let description = plain(&root);
            let footprints = footprints(&firmware, &description, &kernel, &[root]).expect("fits");
            plan(&firmware, &description, &footprints).expect("the CNode has room");
            description.instances[0].cnode_bits
        };
        assert_eq!([22, 6900, 7000, 14_000, 14_800].map(bits), [13, 13, 14, 14, 14]);
        assert_eq!([15_500, 100_000, 500_000].map(bits), [15, 17, 19]);
        assert_eq!(plain(&program(0, u64::MAX / PAGE)).instances[0].cnode_bits, 20);
    }

    #[test]
    fn arguments_and_channels_count() {
        let (firmware, mut description) = (firmware(), description());
        let (kernel, root) = (program(KERNEL, 60), program(0x40_0000, 22));
        let bytes = |description: &Description| {
            footprints(&firmware, description, &kernel, core::slice::from_ref(&root)).expect("fits")[0]
                .reserve_bytes
        };
        let before = bytes(&description);
        description.instances[0].root_task.arguments = "x".repeat(5000);
        assert!(bytes(&description) >= before + 4096);
    }
}
