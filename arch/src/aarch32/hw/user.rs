// SPDX-License-Identifier: MIT OR Apache-2.0
//! Registers that user code could write and that no context holds: what one thread leaves there another could read.
//! They are closed to user code, where the processor has them. docs/isolation.md lists all registers of this kind.

use aarch32_cpu::register::{
    IdDfr0, IdPfr0, Pmccfiltr, Pmcntenset, Pmcr, Pmuserenr, SysRegRead, SysRegWrite,
};

use super::barrier;
use super::registers::{DebugControl, Joscr, Teecr, Teehbr};

/// Whether user code may use the cycle counter, which one thread can then stop or set for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CounterAccess {
    /// Every access is undefined.
    Closed,
    /// All registers of the counters are open: for measurements.
    Open,
}

/// Closes what user code may not share. Called once, when a kernel takes over its core.
pub(super) fn close(counters: CounterAccess) {
    close_thumb_ee();
    close_debug_channel();
    // SAFETY: the register says only who may access it and two others, which this kernel does not use.
    unsafe { Joscr::write_raw(Joscr::USER_ACCESS_OFF) };
    open_counters(counters);
    barrier::synchronise();
}

/// TEEHBR is zero from then on.
fn close_thumb_ee() {
    const THUMB_EE: u32 = 12;
    if IdPfr0::read().0 >> THUMB_EE & 0xf == 0 {
        return;
    }
    // SAFETY: the base of handlers that no code of the kernel reaches.
    unsafe { Teehbr::write_raw(0) };
    // SAFETY: this says only who may access that base.
    unsafe { Teecr::write_raw(Teecr::USER_ACCESS_OFF) };
}

/// The transfer registers of the debug communications channel, where CP14 leads to them.
fn close_debug_channel() {
    const FIRST_WITH_REGISTERS: u32 = 4;
    if IdDfr0::read().0 & 0xf < FIRST_WITH_REGISTERS {
        return;
    }
    let control = DebugControl::read_raw() | DebugControl::USER_ACCESS_OFF;
    // SAFETY: the bit that is added says only who may access the channel.
    unsafe { DebugControl::write_raw(control) };
}

/// The cycle counter runs where measurements are to be made; elsewhere it stands still, and user code sees none of it.
fn open_counters(access: CounterAccess) {
    const ENABLE: u32 = 1;
    const RESET_CYCLES: u32 = 1 << 2;
    const CYCLES: u32 = 1 << 31;
    const USER: u32 = 1;
    let (user, enable, counted) = match access {
        CounterAccess::Closed => (0, 0, 0),
        CounterAccess::Open => (USER, ENABLE, CYCLES),
    };
    // SAFETY: this and the next three registers only say what is counted, everywhere, and who may read it.
    unsafe { Pmuserenr::write(Pmuserenr(user)) };
    // SAFETY: as above.
    unsafe { Pmcr::write(Pmcr(enable | RESET_CYCLES)) };
    // SAFETY: as above.
    unsafe { Pmccfiltr::write(Pmccfiltr(0)) };
    // SAFETY: as above.
    unsafe { Pmcntenset::write(Pmcntenset(counted)) };
}
