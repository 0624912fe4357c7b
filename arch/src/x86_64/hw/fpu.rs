// SPDX-License-Identifier: MIT OR Apache-2.0
//! Saving and loading the floating-point unit, whose use is allowed at that moment: XSAVE where the boot core has turned it on, else FXSAVE.

use core::arch::asm;

use x86_64::registers::control::{Cr4, Cr4Flags};

use crate::FpuState;

/// Bits of the state that may be on: x87, SSE, AVX. Their area is 832 bytes (SDM vol. 1, 13.4).
const STATE: u32 = 0b111;

/// The instructions in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FpuMethod {
    Fxsave,
    Xsave,
}

impl FpuMethod {
    pub(super) fn of_this_core() -> Self {
        if Cr4::read().contains(Cr4Flags::OSXSAVE) { Self::Xsave } else { Self::Fxsave }
    }

    #[inline(always)]
    pub(super) fn save(self, state: &mut FpuState) {
        let area = state.as_mut_ptr();
        match self {
            // SAFETY: the area is aligned to 64 and large enough.
            Self::Fxsave => unsafe { asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags)) },
            // SAFETY: as above, for everything XCR0 may enable.
            Self::Xsave => unsafe {
                asm!(
                    "xsave64 [{}]",
                    in(reg) area, in("eax") STATE, in("edx") 0,
                    options(nostack, preserves_flags)
                )
            },
        }
    }

    #[inline(always)]
    pub(super) fn load(self, state: &FpuState) {
        let area = state.as_ptr();
        match self {
            // SAFETY: the area was written by `save` or reset by the kernel: no reserved bit is set. User code never
            // writes to it.
            Self::Fxsave => unsafe {
                asm!("fxrstor64 [{}]", in(reg) area, options(nostack, preserves_flags))
            },
            // SAFETY: as above.
            Self::Xsave => unsafe {
                asm!(
                    "xrstor64 [{}]",
                    in(reg) area, in("eax") STATE, in("edx") 0,
                    options(nostack, preserves_flags)
                )
            },
        }
    }
}
