// SPDX-License-Identifier: MIT OR Apache-2.0
//! System registers of CP15 that the `aarch32-cpu` crate does not have (Arm ARM, ARMv7-A, B4.1), in its form.

use aarch32_cpu::register::{SysReg, SysReg64, SysRegRead, SysRegWrite, SysRegWrite64};

/// ISR: which interrupts wait, masked or not.
pub(super) struct Isr;

impl SysReg for Isr {
    const CP: u32 = 15;
    const CRN: u32 = 12;
    const OP1: u32 = 0;
    const CRM: u32 = 1;
    const OP2: u32 = 0;
}

impl SysRegRead for Isr {}

/// TTBR0 in the format of the long descriptors: 64 bits.
pub(super) struct LongTtbr0;

impl SysReg64 for LongTtbr0 {
    const CP: u32 = 15;
    const OP1: u32 = 0;
    const CRM: u32 = 2;
}

impl SysRegWrite64 for LongTtbr0 {}

/// TLBIASID: forgets what this core knows of the address space with the number written.
pub(super) struct TlbiAsid;

impl SysReg for TlbiAsid {
    const CP: u32 = 15;
    const CRN: u32 = 8;
    const OP1: u32 = 0;
    const CRM: u32 = 7;
    const OP2: u32 = 2;
}

impl SysRegWrite for TlbiAsid {}

/// TLBIMVA: forgets what this core knows of the page written, in the address space in its low eight bits.
pub(super) struct TlbiMva;

impl SysReg for TlbiMva {
    const CP: u32 = 15;
    const CRN: u32 = 8;
    const OP1: u32 = 0;
    const CRM: u32 = 7;
    const OP2: u32 = 1;
}

impl SysRegWrite for TlbiMva {}
