// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the parts of an instance lie in its reserve: the boot's own steps, taken without a machine.
//!
//! ```text
//!   reserve:  kernel image | tables | hand-over | image of the root task | objects of its first thread, rest
//! ```
//!
//! For reports made on a workstation. The order is that of `boot/instance.rs`, the tables are counted by building them.

use alloc::collections::BTreeMap;

use kernel::handover;
use memory_partition::Plan;
use skerry_system::MemoryRange;

use crate::carver::{Carver, ReserveExhausted};
use crate::program::{PAGE, Program};
use crate::tables::{Access, Format, PhysicalMemory, Tables};
use crate::window::window;

/// The parts of a reserve, ascending and without gaps but for alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The kernel image.
    pub kernel: MemoryRange,
    /// Page tables of the kernel half, and the one the core comes in by.
    pub tables: MemoryRange,
    /// What the kernel is told.
    pub handover: MemoryRange,
    /// The image of the root task, with a frame for every page of it.
    pub root_task: MemoryRange,
    /// Objects of the first thread, and what the bound on their size leaves over.
    pub objects: MemoryRange,
}

/// Lays out the reserve of instance `index`; `local_apic` is the page of the local APIC where it has one (xAPIC mode).
pub fn layout(
    plan: &Plan,
    index: usize,
    kernel: &Program,
    root_task: &Program,
    local_apic: Option<u64>,
) -> Result<Layout, ReserveExhausted> {
    let reserve = plan.instances[index].reserve;
    let mut carver = Carver::new(reserve);
    let image = carver.pages(kernel.pages())?;
    let mut memory = Sparse::default();
    let format = Format::of(kernel.architecture);
    let mut tables = Tables::new(&mut memory, &mut carver, format)?;
    for segment in &kernel.segments {
        let at = image.start + (segment.address - kernel.start);
        let frames = MemoryRange::new(at & !(PAGE - 1), (at + segment.size).next_multiple_of(PAGE));
        tables.map(segment.address & !(PAGE - 1), frames, Access::Read)?;
    }
    for (range, access) in window(plan, index, local_apic) {
        tables.map(format.kernel_address(range.start, access), range, access)?;
    }
    tables.idle_root()?;
    tables.entry_root(tables.root())?;
    let handover = carver.pages(handover::BYTES / PAGE)?;
    let root_task = carver.pages(root_task.pages())?;
    Ok(Layout {
        kernel: image,
        tables: MemoryRange::new(image.end, handover.start),
        handover,
        root_task,
        objects: MemoryRange::new(root_task.end, reserve.end),
    })
}

/// Physical memory that is zero where nothing was stored.
#[derive(Default)]
struct Sparse(BTreeMap<u64, u64>);

impl PhysicalMemory for Sparse {
    fn read(&self, address: u64) -> u64 {
        self.0.get(&address).copied().unwrap_or(0)
    }

    fn write(&mut self, address: u64, value: u64) {
        self.0.insert(address, value);
    }
}

#[cfg(test)]
mod tests {
    use memory_partition::Architecture;

    use super::*;
    use crate::program::Segment;
    use crate::testing::{KERNEL, LOCAL_APIC, built, planned};

    fn program(start: u64, pages: u64) -> Program<'static> {
        let segment = |page| Segment {
            address: start + page * PAGE,
            size: PAGE,
            data: &[],
            writable: false,
            executable: false,
        };
        let end = start + pages * PAGE;
        Program {
            architecture: Architecture::X86_64,
            start,
            end,
            entry: start,
            segments: (0..pages).map(segment).collect(),
        }
    }

    #[test]
    fn the_parts_fill_the_reserve_in_order() {
        let plan = planned();
        let layout =
            layout(&plan, 1, &program(KERNEL, 3), &program(0x40_0000, 22), None).expect("there is room");
        let parts = [layout.kernel, layout.tables, layout.handover, layout.root_task, layout.objects];
        let reserve = plan.instances[1].reserve;
        assert_eq!((parts[0].start, parts[4].end), (reserve.start, reserve.end));
        assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start), "{parts:x?}");
        assert_eq!((layout.kernel.size(), layout.root_task.size()), (3 * PAGE, 22 * PAGE));
    }

    #[test]
    fn the_first_table_is_the_one_that_the_boot_makes() {
        let plan = planned();
        let mut memory = crate::testing::Sparse::default();
        for (index, root) in built(&mut memory, &plan).into_iter().enumerate() {
            let layout = layout(&plan, index, &program(KERNEL, 3), &program(0x40_0000, 22), Some(LOCAL_APIC));
            assert_eq!(layout.map(|layout| layout.tables.start), Ok(root));
        }
    }

    #[test]
    fn a_program_that_is_larger_than_the_reserve_is_refused() {
        let reserve = planned().instances[0].reserve;
        let refused = layout(&planned(), 0, &program(KERNEL, 3), &program(0x40_0000, 2000), None);
        assert_eq!(refused, Err(ReserveExhausted { reserve, wanted: 2000 * PAGE }));
    }
}
