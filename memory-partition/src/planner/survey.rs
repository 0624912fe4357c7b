// SPDX-License-Identifier: MIT OR Apache-2.0
//! What memory the machine has, and what becomes of the memory the boot occupies.
//!
//! ```text
//!   usable memory from 1 MiB up, minus what the map also gives another type
//!   ├── whole pages
//!   │   ├── not occupied ................ free: partitions, regions, inboxes, ...
//!   │   ├── boot data ................... reclaimed by instance 0
//!   │   └── boot image, modules ......... kept back (reclaimed as well when nothing is ever restarted)
//!   └── parts of pages .................. dropped
//! ```

use alloc::vec::Vec;

use super::{devices::io_apic_pages, pool::Pool};
use crate::{
    Firmware, FirmwareError, Kept, KeptFor, Loaded, Occupant,
    layout::{LOW_MEMORY, MSI_WINDOW, PAGE},
    range_set::RangeSet,
};
use skerry_system::{Description, MemoryRange, Mode};

/// Page number tried first for the trampoline: firmware and loaders use the pages below more often.
const FIRST_TRAMPOLINE: u64 = 0x8;
/// Page numbers from here up hold video memory and firmware, or cannot be named by a start-up interrupt.
const TRAMPOLINE_LIMIT: u64 = 0xa0;

/// The machine's memory by what can be done with it.
pub(super) struct Survey {
    /// Usable memory that kernels can reach, to the byte.
    pub(super) ram: RangeSet,
    /// Pages that can be given to anybody.
    pub(super) free: Pool,
    /// Pages that nobody gets.
    pub(super) kept: Vec<Kept>,
    /// Pages that instance 0 gets when the boot is over.
    pub(super) reclaimed: RangeSet,
    /// Usable memory that nobody can reach.
    pub(super) unreachable: RangeSet,
    /// Usable memory that does not fill a page.
    pub(super) partial_pages: RangeSet,
    /// The page where other cores start.
    pub(super) trampoline: Option<MemoryRange>,
}

impl Survey {
    pub(super) fn of(firmware: &Firmware, description: &Description) -> Result<Survey, FirmwareError> {
        let other = firmware.other.iter().map(|other| other.range);
        let layout = firmware.architecture.layout();
        let own = firmware.kernel_registers.iter().map(|registers| registers.range);
        let registers = io_apic_pages(firmware).chain([MSI_WINDOW]).chain(own);
        let usable: RangeSet = firmware.usable.iter().copied().collect();
        let usable = usable.without(other).without(registers);
        let ram = usable.within(layout.normal_memory);
        let pages = ram.rounded_in(PAGE);
        if pages.total() == 0 {
            return Err(FirmwareError::NoUsableMemory { ranges: firmware.usable.len() });
        }
        let loaded = loaded(firmware);
        check_loaded(&loaded, &usable)?;
        let occupied = loaded.iter().map(|(_, range)| *range);
        let taken: RangeSet = occupied
            .chain(firmware.occupied.iter().map(|occupied| occupied.range))
            .filter(|range| !range.is_empty())
            .map(|range| range.rounded_out(PAGE))
            .collect();
        let mut kept = match description.mode {
            Mode::Described => keep(&loaded, &usable),
            Mode::Plain => Vec::new(),
        };
        let trampoline = if layout.needs_trampoline && description.instances.len() > 1 {
            Some(find_trampoline(&usable, &taken).ok_or(FirmwareError::NoTrampoline)?)
        } else {
            None
        };
        kept.extend(trampoline.map(|range| Kept { range, reason: KeptFor::Trampoline }));
        let kept_ranges = || kept.iter().map(|kept| kept.range);
        Ok(Survey {
            free: Pool::new(pages.clone().without(taken.iter())),
            reclaimed: pages.intersection(&taken).without(kept_ranges()),
            unreachable: match layout.has_device_ram {
                true => RangeSet::default(),
                false => usable.without([layout.normal_memory]),
            },
            partial_pages: ram.clone().without(pages.iter()).without(kept_ranges()),
            ram,
            kept,
            trampoline,
        })
    }
}

/// What must still be there after the boot, ascending in the order of its kind.
fn loaded(firmware: &Firmware) -> Vec<(Loaded, MemoryRange)> {
    let image = firmware.occupied.iter().filter(|occupied| occupied.occupant == Occupant::BootImage);
    let modules = firmware.modules.iter().enumerate();
    image
        .map(|image| (Loaded::BootImage, image.range))
        .chain(modules.map(|(index, module)| (Loaded::Module(index), module.range)))
        .filter(|(_, range)| !range.is_empty())
        .collect()
}

/// Boot loaders do not compare what they load with the memory map.
fn check_loaded(loaded: &[(Loaded, MemoryRange)], usable: &RangeSet) -> Result<(), FirmwareError> {
    for (i, &(what, range)) in loaded.iter().enumerate() {
        if !usable.contains(range) {
            return Err(FirmwareError::LoadedOutside { what, range });
        }
        if let Some(&(other, other_range)) = loaded[..i].iter().find(|(_, earlier)| earlier.overlaps(range)) {
            return Err(FirmwareError::LoadedTwice { what, range, other, other_range });
        }
    }
    Ok(())
}

/// Whole pages around what is kept; a page with two modules in it is kept for the first.
fn keep(loaded: &[(Loaded, MemoryRange)], usable: &RangeSet) -> Vec<Kept> {
    let mut unclaimed = usable.clone();
    let mut kept = Vec::new();
    for &(what, range) in loaded {
        let reason = match what {
            Loaded::BootImage => KeptFor::BootImage,
            Loaded::Module(index) => KeptFor::Module { index },
        };
        let pages = range.rounded_out(PAGE);
        kept.extend(unclaimed.within(pages).iter().map(|range| Kept { range, reason }));
        unclaimed.remove(pages);
    }
    kept
}

fn find_trampoline(usable: &RangeSet, taken: &RangeSet) -> Option<MemoryRange> {
    let low = usable.within(LOW_MEMORY);
    (FIRST_TRAMPOLINE..TRAMPOLINE_LIMIT)
        .chain((1..FIRST_TRAMPOLINE).rev())
        .map(|number| MemoryRange::of_size(number * PAGE, PAGE))
        .find(|&page| low.contains(page) && taken.first_overlap(page).is_none())
}
