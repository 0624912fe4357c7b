// SPDX-License-Identifier: MIT OR Apache-2.0
//! Registers that decide how a core sees memory: the one place that says what SCTLR, TTBCR and MAIR0 hold. Of ACTLR it
//! says one bit; the others are firmware's.
//!
//! The entry code loads them. Every core reads them back and hands the result to the boot core, which compares: cores
//! with different posture would give instances different protection.

use core::arch::asm;
use core::fmt;

use aarch32_cpu::register::{IdMmfr0, IdPfr1, Midr, Mpidr};

use super::error::MachineError;
use crate::boot::error::BootError;

/// MMU, caches and branch prediction on, alignment not checked, exceptions taken in Arm state, little endian. The other
/// bits are those that read as one on a Cortex-A15.
pub(super) const SCTLR: u32 = 0x00c5_187d;
/// Long descriptors, 2 GiB for TTBR0 and TTBR1 each, ASIDs from TTBR0; tables are walked as write-back memory that the
/// cores share.
pub(super) const TTBCR: u32 = 1 << 31 | HALF | HALF << 16;
/// TxSZ = 1, inner and outer write-back, inner shareable.
const HALF: u32 = 1 | 1 << 8 | 1 << 10 | 3 << 12;
/// Memory types 0 to 3: write-back, device, not cached, unused.
pub(super) const MAIR0: u32 = arch::table::MemoryType::MAIR0;

/// What MIDR holds of a core that is known, a Cortex-A7 or A15 of Arm's: implementer, and the part number but for the bit
/// in which the two differ. Variant and revision are not looked at.
pub(super) const CORE_MASK: u32 = 0xff00_ff70;
pub(super) const CORE: u32 = 0x4100_c070;
/// ACTLR.SMP: the core takes part in the coherency of caches and hears of maintenance by others.
pub(super) const SMP: u32 = 1 << 6;

/// Registers of a posture.
pub(crate) const WORDS: usize = 4;
const NAMES: [&str; WORDS] = ["SCTLR", "TTBCR", "MAIR0", "ACTLR"];
const ACTLR: usize = 3;

/// Those registers of one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posture([u32; WORDS]);

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in NAMES.iter().zip(self.0).enumerate() {
            write!(f, "{}{name} {value:#x}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Checks that the processor has what no instance can do without.
pub(crate) fn check() -> Result<(), BootError> {
    let midr = Midr::read().raw_value();
    if midr & CORE_MASK != CORE {
        return Err(BootError::Machine(MachineError::Core { midr }));
    }
    const LONG_DESCRIPTORS: u32 = 5;
    let needed = [
        (IdMmfr0::read().0 & 0xf >= LONG_DESCRIPTORS, "page tables of long descriptors"),
        (IdPfr1::read().0 >> 16 & 0xf >= 1, "the generic timer"),
        (Mpidr::read().0 >> 31 == 1, "the multiprocessing extensions"),
    ];
    match needed.iter().find(|(is_there, _)| !is_there) {
        Some((_, what)) => Err(BootError::Processor(what)),
        None => Ok(()),
    }
}

/// The registers as they are on the core this runs on.
pub(crate) fn current() -> Posture {
    let (sctlr, ttbcr, mair0, actlr): (u32, u32, u32, u32);
    // SAFETY: reading the registers changes nothing.
    unsafe {
        asm!(
            "mrc p15, 0, {}, c1, c0, 0",
            "mrc p15, 0, {}, c2, c0, 2",
            "mrc p15, 0, {}, c10, c2, 0",
            "mrc p15, 0, {}, c1, c0, 1",
            out(reg) sctlr, out(reg) ttbcr, out(reg) mair0, out(reg) actlr,
            options(nomem, nostack, preserves_flags)
        );
    }
    Posture([sctlr, ttbcr, mair0, actlr])
}

impl Posture {
    /// Whether the core has said that its caches are coherent with others'. QEMU's do not say so, and have none.
    pub(crate) fn is_coherent(&self) -> bool {
        self.0[ACTLR] & SMP != 0
    }

    /// The registers as words, for the record a core shares with the boot core.
    pub(crate) fn words(&self) -> [u64; WORDS] {
        self.0.map(u64::from)
    }

    /// The opposite of [`Posture::words`].
    pub(crate) fn from_words(words: [u64; WORDS]) -> Self {
        Posture(words.map(|word| word as u32))
    }

    /// Refuses a core whose registers differ from these.
    pub(crate) fn expect_same(&self, other: &Self, apic_id: u32) -> Result<(), BootError> {
        let mut registers = NAMES.iter().zip(other.0.iter().zip(self.0));
        match registers.find(|(_, (found, expected))| **found != *expected) {
            Some((register, (&found, expected))) => Err(BootError::PostureDiffers {
                apic_id,
                register,
                found: found.into(),
                expected: expected.into(),
            }),
            None => Ok(()),
        }
    }
}
