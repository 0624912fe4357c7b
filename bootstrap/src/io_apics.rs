// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of the interrupt controllers that firmware lists are there.
//!
//! A chip is written to before its version can be read, so its address is looked at first; what an entry says is
//! compared with the chip and with the entries before it. An entry that cannot be meant is skipped, with the reason.

use alloc::vec::Vec;
use core::fmt;

use memory_partition::IoApic;
use skerry_system::MemoryRange;
use skerry_system::layout::{MSI_WINDOW, PAGE};

use crate::acpi::IoApicEntry;

/// A chip has its registers at a multiple of this.
const ALIGN: u64 = 256;
/// Bytes of its two registers with what lies between.
const BYTES: u64 = 0x14;
/// Most inputs that the version register of a chip can mean.
const MOST_PINS: u32 = 240;

/// Why an entry is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The address is zero or no multiple of 256.
    Address,
    /// There is memory at the address.
    Memory,
    /// Local APICs are at the address.
    LocalApic,
    /// A chip that was listed before is in the same page.
    Twice,
    /// Nothing answers, or not as a chip does.
    Silent {
        /// What its version register gave.
        version: u32,
    },
    /// Its interrupt numbers are, at least in part, those of a chip that was listed before, or exceed 32 bits.
    Numbers {
        /// How many inputs it has.
        pins: u32,
    },
}

/// An entry that is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The entry.
    pub entry: IoApicEntry,
    /// Why.
    pub reason: Reason,
}

/// The chips that are there, and the entries that are skipped. `version` reads the version register of the chip at an
/// address, which `is_memory` was asked about.
pub fn verify(
    listed: &[IoApicEntry],
    is_memory: impl Fn(MemoryRange) -> bool,
    mut version: impl FnMut(u64) -> u32,
) -> (Vec<IoApic>, Vec<Skipped>) {
    let (mut chips, mut skipped) = (Vec::new(), Vec::new());
    for &entry in listed {
        match chip(entry, &chips, &is_memory, &mut version) {
            Ok(chip) => chips.push(chip),
            Err(reason) => skipped.push(Skipped { entry, reason }),
        }
    }
    (chips, skipped)
}

fn chip(
    entry: IoApicEntry,
    chips: &[IoApic],
    is_memory: &impl Fn(MemoryRange) -> bool,
    version: &mut impl FnMut(u64) -> u32,
) -> Result<IoApic, Reason> {
    let IoApicEntry { address, gsi_base, .. } = entry;
    let registers = MemoryRange::of_size(address, BYTES);
    if address == 0 || !address.is_multiple_of(ALIGN) {
        return Err(Reason::Address);
    }
    if is_memory(registers) {
        return Err(Reason::Memory);
    }
    if registers.overlaps(MSI_WINDOW) {
        return Err(Reason::LocalApic);
    }
    if chips.iter().any(|chip| chip.address / PAGE == address / PAGE) {
        return Err(Reason::Twice);
    }
    let version = version(address);
    let pins = (version >> 16 & 0xff) + 1;
    if version == 0 || version == !0 || pins > MOST_PINS {
        return Err(Reason::Silent { version });
    }
    let numbers = |first: u32, count: u32| MemoryRange::of_size(first.into(), count.into());
    let own = numbers(gsi_base, pins);
    let is_taken = chips.iter().any(|chip| numbers(chip.gsi_base, chip.pins).overlaps(own));
    if is_taken || own.end > 1 << 32 {
        return Err(Reason::Numbers { pins });
    }
    Ok(IoApic { address, pins, gsi_base })
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IoApicEntry { address, gsi_base, .. } = self.entry;
        write!(f, "IOAPIC listed at {address:#x} is skipped: ")?;
        match self.reason {
            Reason::Address => write!(f, "no chip has that address"),
            Reason::Memory => write!(f, "there is memory"),
            Reason::LocalApic => write!(f, "there are local APICs"),
            Reason::Twice => write!(f, "the chip in that page was listed before"),
            Reason::Silent { version } => write!(f, "its version reads {version:#x}, so no chip is there"),
            Reason::Numbers { pins } => {
                let last = u64::from(gsi_base) + u64::from(pins) - 1;
                write!(f, "its interrupts {gsi_base} to {last} are those of another chip, or too high")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: MemoryRange = MemoryRange::new(0, 0x8000_0000);

    /// Chips of 24 inputs at 0xfec00000 and 0xfec01000, one of 120 at 0xfec02000; all ones elsewhere, but zero at one place.
    fn version(address: u64) -> u32 {
        assert!(!MEMORY.overlaps(MemoryRange::of_size(address, 4)), "memory was written to");
        match address {
            0xfec0_0000 | 0xfec0_1000 => 0x0017_0020,
            0xfec0_2000 => 0x0077_0020,
            0xfec0_3000 => 0,
            0xfec0_4000 => 0x00f0_0020,
            _ => !0,
        }
    }

    fn verified(listed: &[(u64, u32)]) -> (Vec<(u64, u32, u32)>, Vec<Reason>) {
        let listed: Vec<_> =
            listed.iter().map(|&(address, gsi_base)| IoApicEntry { id: 0, address, gsi_base }).collect();
        let (chips, skipped) = verify(&listed, |range| MEMORY.overlaps(range), version);
        let chips = chips.iter().map(|chip| (chip.address, chip.pins, chip.gsi_base)).collect();
        (chips, skipped.iter().map(|skipped| skipped.reason).collect())
    }

    #[test]
    fn chips_that_are_there_are_kept_in_order() {
        let (chips, skipped) = verified(&[(0xfec0_1000, 24), (0xfec0_0000, 0), (0xfec0_2000, 48)]);
        let expected = [(0xfec0_1000, 24, 24), (0xfec0_0000, 24, 0), (0xfec0_2000, 120, 48)];
        assert_eq!((chips.as_slice(), skipped), (&expected[..], vec![]));
    }

    #[test]
    fn an_entry_that_cannot_be_meant_is_skipped_and_the_others_stay() {
        for (entry, reason) in [
            ((0, 24), Reason::Address),
            ((0xfec0_1004, 24), Reason::Address),
            ((0x1000, 24), Reason::Memory),
            ((0x7fff_ff00, 24), Reason::Memory),
            ((0xfee0_0000, 24), Reason::LocalApic),
            ((0xfec0_0000, 24), Reason::Twice),
            ((0xfec0_0100, 24), Reason::Twice),
            ((0xfed0_0000, 24), Reason::Silent { version: !0 }),
            ((0xfec0_3000, 24), Reason::Silent { version: 0 }),
            ((0xfec0_4000, 24), Reason::Silent { version: 0x00f0_0020 }),
            ((0xfec0_1000, 23), Reason::Numbers { pins: 24 }),
            ((0xfec0_1000, 0), Reason::Numbers { pins: 24 }),
            ((0xfec0_1000, u32::MAX - 5), Reason::Numbers { pins: 24 }),
        ] {
            let (chips, skipped) = verified(&[(0xfec0_0000, 0), entry, (0xfec0_2000, 48)]);
            let kept = [(0xfec0_0000, 24, 0), (0xfec0_2000, 120, 48)];
            assert_eq!((chips.as_slice(), skipped), (&kept[..], vec![reason]), "{entry:x?}");
        }
    }

    #[test]
    fn a_skipped_entry_says_where_and_why() {
        let skipped = |gsi_base, reason| {
            Skipped { entry: IoApicEntry { id: 0, address: 0xfec0_1000, gsi_base }, reason }.to_string()
        };
        assert_eq!(
            skipped(10, Reason::Numbers { pins: 24 }),
            "IOAPIC listed at 0xfec01000 is skipped: its interrupts 10 to 33 are those of another chip, or too high"
        );
        assert!(skipped(0, Reason::Silent { version: !0 }).contains("reads 0xffffffff"));
    }
}
