// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PC: how it is described, its processors, their interrupts and clocks.

mod acpi;
mod apic;
pub(crate) mod console;
pub(crate) mod cpu;
pub(crate) mod error;
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

use super::cores::STACK_SIZE;

global_asm!(include_str!("entry.s"), core_stack_size = const STACK_SIZE, options(att_syntax));
global_asm!(include_str!("trampoline.s"), options(att_syntax));

/// Whether the clocks of the cores are one clock: no, each counts by itself.
pub(crate) const HAS_COMMON_CLOCK: bool = false;
