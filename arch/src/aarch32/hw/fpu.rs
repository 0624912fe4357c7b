// SPDX-License-Identifier: MIT OR Apache-2.0
//! The floating-point unit, VFPv3 with 32 double registers: who may use it, and saving and loading it (fpu.s).
//!
//! FPEXC.EN stays on; CPACR says whether user code may use the unit. The kernel always may, and does so only here.

use core::arch::global_asm;

use aarch32_cpu::register::Cpacr;

use super::barrier;
use crate::{FpuAccess, FpuState};

/// CPACR: coprocessors 10 and 11 for the kernel alone.
const KERNEL: u32 = NO_TRACE | 0b0101 << 20;
/// CPACR: coprocessors 10 and 11 for user code too.
const EVERYBODY: u32 = NO_TRACE | 0b1111 << 20;
/// CPACR.TRCDIS: nobody accesses trace registers by CP14.
const NO_TRACE: u32 = 1 << 28;

global_asm!(include_str!("fpu.s"));

unsafe extern "C" {
    fn fpu_enable();
    fn fpu_save(area: *mut u8);
    fn fpu_load(area: *const u8);
}

/// Turns the unit on, for the kernel alone.
pub(super) fn start() {
    set_access(FpuAccess::Disabled);
    // SAFETY: the kernel may use the unit now; turning it on changes no register of it.
    unsafe { fpu_enable() };
}

#[inline]
pub(super) fn set_access(access: FpuAccess) {
    let value = match access {
        FpuAccess::Enabled => EVERYBODY,
        FpuAccess::Disabled => KERNEL,
    };
    // SAFETY: the fields of the two coprocessors are the only ones that an ARMv7 core with 32 registers has to have.
    unsafe { Cpacr::write(Cpacr(value)) };
    barrier::synchronise();
}

#[inline]
pub(super) fn save(state: &mut FpuState) {
    // SAFETY: the area has room for 32 registers and FPSCR, and is aligned to 8 at least.
    unsafe { fpu_save(state.as_mut_ptr()) };
}

#[inline]
pub(super) fn load(state: &FpuState) {
    // SAFETY: as for `save`; every bit pattern is a state.
    unsafe { fpu_load(state.as_ptr()) };
}
