// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protection features of a core: the one place that sets CR0, CR4, EFER, PAT and XCR0.
//!
//! Every core runs [`apply`] and hands its result to the boot core, which compares: cores with different posture would
//! give instances different protection.

use core::arch::asm;
use core::fmt;

use super::cpu::{cpuid, read_msr, write_msr};
use crate::boot::error::BootError;

const EFER: u32 = 0xc000_0080;
const PAT: u32 = 0x277;

/// PE, MP, ET, NE, WP, PG; TS and AM clear, caches on.
const CR0: u64 = 1 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 31;
/// SCE, LME, LMA, NXE.
const EFER_VALUE: u64 = 1 | 1 << 8 | 1 << 10 | 1 << 11;
/// Entries 0 to 7: WB, WT, UC-, UC, WC, WT, UC-, UC.
const PAT_VALUE: u64 = 0x0007_0401_0007_0406;
/// DE clear, PAE, MCE, OSFXSR, OSXMMEXCPT.
const CR4_ALWAYS: u64 = 1 << 5 | 1 << 6 | 1 << 9 | 1 << 10;
const CR4_PGE: u64 = 1 << 7;
const CR4_UMIP: u64 = 1 << 11;
const CR4_FSGSBASE: u64 = 1 << 16;
const CR4_OSXSAVE: u64 = 1 << 18;
const CR4_SMEP: u64 = 1 << 20;
const CR4_SMAP: u64 = 1 << 21;
/// x87, SSE and AVX state: never more.
const XCR0_MOST: u32 = 0b111;

/// Registers of a posture.
pub(crate) const WORDS: usize = 5;

/// Control registers of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posture {
    pub(crate) cr0: u64,
    pub(crate) cr4: u64,
    pub(crate) efer: u64,
    pub(crate) pat: u64,
    /// 0 without XSAVE.
    pub(crate) xcr0: u64,
}

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cr0, cr4, efer, pat, xcr0 } = self;
        write!(f, "CR0 {cr0:#x}, CR4 {cr4:#x}, EFER {efer:#x}, PAT {pat:#x}, XCR0 {xcr0:#x}")
    }
}

/// Checks that the processor has what no instance can do without.
pub(crate) fn check() -> Result<(), BootError> {
    let extended = cpuid(0x8000_0001, 0).edx;
    let basic = cpuid(1, 0).edx;
    let needed = [
        (extended >> 20, "no-execute pages"),
        (extended >> 11, "syscall"),
        (basic >> 16, "the page attribute table"),
        (basic >> 9, "a local APIC"),
        (basic >> 24, "FXSAVE"),
    ];
    match needed.iter().find(|(bit, _)| bit & 1 == 0) {
        Some((_, what)) => Err(BootError::Processor(what)),
        None => Ok(()),
    }
}

/// Sets the registers of the core this runs on, as far as it has the features.
pub(crate) fn apply() -> Posture {
    let basic = cpuid(1, 0);
    let extended = cpuid(7, 0);
    let optional = [
        (basic.edx >> 13, CR4_PGE),
        (basic.ecx >> 26, CR4_OSXSAVE),
        (extended.ebx, CR4_FSGSBASE),
        (extended.ebx >> 7, CR4_SMEP),
        (extended.ebx >> 20, CR4_SMAP),
        (extended.ecx >> 2, CR4_UMIP),
    ];
    let cr4 = optional.iter().filter(|(bit, _)| bit & 1 != 0).fold(CR4_ALWAYS, |cr4, (_, flag)| cr4 | flag);
    write_msr(EFER, EFER_VALUE);
    write_msr(PAT, PAT_VALUE);
    // SAFETY: the boot tables have no user pages and no no-execute bits that these bits would bring into force.
    unsafe { asm!("mov cr0, {}", "mov cr4, {}", in(reg) CR0, in(reg) cr4, options(nostack)) };
    if cr4 & CR4_OSXSAVE != 0 {
        let supported = cpuid(0xd, 0).eax & XCR0_MOST;
        // SAFETY: OSXSAVE is on, and the value is a subset of what the processor reports.
        unsafe { asm!("xsetbv", in("ecx") 0, in("eax") supported, in("edx") 0, options(nomem, nostack)) };
    }
    current()
}

/// The registers as they are.
fn current() -> Posture {
    let mut posture = Posture { efer: read_msr(EFER), pat: read_msr(PAT), ..Posture::default() };
    // SAFETY: reading control registers changes nothing.
    unsafe {
        asm!("mov {}, cr0", "mov {}, cr4", out(reg) posture.cr0, out(reg) posture.cr4, options(nomem, nostack));
    }
    if posture.cr4 & CR4_OSXSAVE != 0 {
        let (low, high): (u32, u32);
        // SAFETY: OSXSAVE is on.
        unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack)) };
        posture.xcr0 = u64::from(high) << 32 | u64::from(low);
    }
    posture
}

impl Posture {
    /// The registers as words, for the record a core shares with the boot core.
    pub(crate) fn words(&self) -> [u64; WORDS] {
        [self.cr0, self.cr4, self.efer, self.pat, self.xcr0]
    }

    /// Size of the floating-point state that these registers enable.
    pub(crate) fn fpu_bytes(&self) -> u64 {
        const FXSAVE: u64 = 512;
        if self.xcr0 == 0 { FXSAVE } else { u64::from(cpuid(0xd, 0).ebx) }
    }

    /// The opposite of [`Posture::words`].
    pub(crate) fn from_words([cr0, cr4, efer, pat, xcr0]: [u64; WORDS]) -> Self {
        Posture { cr0, cr4, efer, pat, xcr0 }
    }

    /// Refuses a core whose registers differ from these.
    pub(crate) fn expect_same(&self, other: &Self, apic_id: u32) -> Result<(), BootError> {
        let registers = [
            ("CR0", other.cr0, self.cr0),
            ("CR4", other.cr4, self.cr4),
            ("EFER", other.efer, self.efer),
            ("PAT", other.pat, self.pat),
            ("XCR0", other.xcr0, self.xcr0),
        ];
        match registers.into_iter().find(|(_, found, expected)| found != expected) {
            Some((register, found, expected)) => {
                Err(BootError::PostureDiffers { apic_id, register, found, expected })
            }
            None => Ok(()),
        }
    }
}
