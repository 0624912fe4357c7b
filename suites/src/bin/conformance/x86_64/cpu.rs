// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the CPU can do, as it tells programs.
#![allow(unsafe_code)] // CPUID

use core::arch::x86_64::{__cpuid_count, CpuidResult};

fn cpuid(leaf: u32) -> CpuidResult {
    // Newer compilers know that this is harmless.
    #[allow(unused_unsafe)]
    // SAFETY: every 64-bit CPU has the instruction, which only reads.
    unsafe {
        __cpuid_count(leaf, 0)
    }
}

/// Whether programs can set FS and GS base themselves.
pub(crate) fn has_fsgsbase() -> bool {
    cpuid(0).eax >= 7 && cpuid(7).ebx & 1 != 0
}

/// Whether the kernel uses XSAVE.
pub(crate) fn has_xsave() -> bool {
    cpuid(1).ecx >> 27 & 1 != 0
}

/// Whether there are AVX registers.
pub(crate) fn has_avx() -> bool {
    has_xsave() && cpuid(1).ecx >> 28 & 1 != 0
}
