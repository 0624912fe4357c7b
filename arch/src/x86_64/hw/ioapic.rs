// SPDX-License-Identifier: MIT OR Apache-2.0
//! IOAPICs of the instance, by the `x2apic` crate.

use x2apic::ioapic::{IoApic, IrqFlags, IrqMode, RedirectionTableEntry};

use crate::{CoreId, Pin, PinMask, PinRoute, Polarity, Trigger, WINDOW_BASE};

/// IOAPICs one instance can own.
const MAX: usize = 8;

/// Register pages and input counts.
#[derive(Clone, Copy, Debug)]
pub struct IoApics {
    chips: [(u64, u8); MAX],
    count: usize,
}

impl IoApics {
    /// None at all.
    pub const NONE: Self = Self { chips: [(0, 0); MAX], count: 0 };

    /// Adds the chip at physical address `paddr` with `pins` inputs; beyond eight it is ignored.
    pub fn add(&mut self, paddr: u64, pins: u8) {
        if let Some(chip) = self.chips.get_mut(self.count) {
            *chip = (paddr, pins);
            self.count += 1;
        }
    }

    fn chip(&self, index: u8) -> Option<IoApic> {
        let (paddr, _) = self.chips[..self.count].get(usize::from(index))?;
        // SAFETY: the window maps the register page of every chip that the instance owns, uncached.
        Some(unsafe { IoApic::new(WINDOW_BASE + paddr) })
    }

    pub(super) fn mask_all(&self) {
        for (index, &(_, pins)) in self.chips[..self.count].iter().enumerate() {
            for input in 0..pins {
                self.mask(Pin { chip: index as u8, input }, PinMask::Masked);
            }
        }
    }

    /// Connects an input. It stays masked until both halves of its entry are written: an edge that came earlier is
    /// remembered, and must not go where the entry pointed before.
    ///
    /// It becomes an edge first. A level that has interrupted and was not ended at the vector of before is forgotten so:
    /// the end at that vector would not be for this entry any more, and the input would be silent for ever.
    pub(super) fn route(&self, pin: Pin, route: PinRoute, core: CoreId) {
        let Some(mut chip) = self.chip(pin.chip) else { return };
        // SAFETY: the chip belongs to this instance; a masked input interrupts nobody.
        unsafe { chip.set_table_entry(pin.input, masked_edge()) };
        let mut flags = IrqFlags::MASKED;
        flags.set(IrqFlags::LEVEL_TRIGGERED, route.trigger == Trigger::Level);
        flags.set(IrqFlags::LOW_ACTIVE, route.polarity == Polarity::Low);
        let mut entry = RedirectionTableEntry::default();
        entry.set_mode(IrqMode::Fixed);
        entry.set_flags(flags);
        entry.set_vector(route.vector);
        entry.set_dest(core.0 as u8);
        // SAFETY: the chip belongs to this instance, the vector to a handler.
        unsafe { chip.set_table_entry(pin.input, entry) };
        // SAFETY: as above.
        unsafe { chip.enable_irq(pin.input) };
    }

    pub(super) fn mask(&self, pin: Pin, mask: PinMask) {
        let Some(mut chip) = self.chip(pin.chip) else { return };
        match mask {
            // SAFETY: the chip belongs to this instance; masking keeps the rest of the entry.
            PinMask::Masked => unsafe { chip.disable_irq(pin.input) },
            // SAFETY: as above.
            PinMask::Unmasked => unsafe { chip.enable_irq(pin.input) },
        }
    }
}

/// An entry that lets nothing through and keeps nothing in mind.
fn masked_edge() -> RedirectionTableEntry {
    let mut entry = RedirectionTableEntry::default();
    entry.set_flags(IrqFlags::MASKED);
    entry
}
