// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine of Arm in its 32-bit state: how it is described, its processors, their interrupts and clocks.

pub(crate) mod console;
pub(crate) mod cpu;
pub(crate) mod error;
mod gic;
pub(crate) mod hand_over;
pub(crate) mod hazards;
pub(crate) mod machine;
pub(crate) mod map;
pub(crate) mod posture;
pub(crate) mod record;
pub(crate) mod start;
pub(crate) mod time;
pub(crate) mod traps;

use core::arch::global_asm;

global_asm!(
    include_str!("entry.s"),
    MAIR0 = const posture::MAIR0,
    TTBCR = const posture::TTBCR,
    SCTLR = const posture::SCTLR,
    CORE_MASK = const posture::CORE_MASK,
    CORE = const posture::CORE,
    SMP = const posture::SMP,
    MEMORY = const map::MEMORY_BLOCK,
    DEVICES = const map::DEVICE_BLOCK,
);

/// Whether the clocks of the cores are one clock: the generic timer's counter is.
pub(crate) const HAS_COMMON_CLOCK: bool = true;
