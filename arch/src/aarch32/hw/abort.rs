// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processor says about an access or a fetch that failed (Arm ARM, ARMv7-A, B3.12).

use core::fmt;

use aarch32_cpu::register::{Dfar, Dfsr, Ifar, Ifsr, SysRegRead};

/// The fault registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abort {
    /// Where.
    pub address: u32,
    /// DFSR or IFSR, in the format of the long descriptors.
    pub status: u32,
}

impl Abort {
    /// STATUS, what happened, in DFSR and IFSR.
    const STATUS_MASK: u32 = 0x3f;

    /// The last data abort.
    #[inline(always)]
    pub fn of_access() -> Self {
        Self { address: Dfar::read().0, status: Dfsr::read_raw() }
    }

    /// The last prefetch abort.
    #[inline(always)]
    pub fn of_fetch() -> Self {
        Self { address: Ifar::read().0, status: Ifsr::read_raw() }
    }

    /// Whether it is a debug event, such as `bkpt`: its address is then not known.
    #[inline(always)]
    pub const fn is_debug_event(self) -> bool {
        self.status & Self::STATUS_MASK == 0b10_0010
    }

    /// Whether the abort has nothing to do with what ran when it came: the fault of a device or of memory.
    #[inline(always)]
    pub const fn is_asynchronous(self) -> bool {
        matches!(self.status & Self::STATUS_MASK, 0b01_0001 | 0b01_1001)
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:#x}, status {:#x}", self.address, self.status)
    }
}
