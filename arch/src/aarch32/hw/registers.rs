// SPDX-License-Identifier: MIT OR Apache-2.0
//! System registers of CP15 and CP14 that the `aarch32-cpu` crate does not have (Arm ARM, ARMv7-A, B4.1), in its form.

use aarch32_cpu::register::{SysReg, SysReg64, SysRegRead, SysRegRead64, SysRegWrite, SysRegWrite64};

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

impl SysRegRead64 for LongTtbr0 {}
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

/// TEECR: ThumbEE configuration (Arm ARM, ARMv7-A, B4.1.150).
pub(super) struct Teecr;

impl Teecr {
    /// XED: user code may not access TEEHBR.
    pub(super) const USER_ACCESS_OFF: u32 = 1;
}

impl SysReg for Teecr {
    const CP: u32 = 14;
    const CRN: u32 = 0;
    const OP1: u32 = 6;
    const CRM: u32 = 0;
    const OP2: u32 = 0;
}

impl SysRegWrite for Teecr {}

/// TEEHBR: base address of the ThumbEE handlers.
pub(super) struct Teehbr;

impl SysReg for Teehbr {
    const CP: u32 = 14;
    const CRN: u32 = 1;
    const OP1: u32 = 6;
    const CRM: u32 = 0;
    const OP2: u32 = 0;
}

impl SysRegWrite for Teehbr {}

/// JOSCR: who may configure the Jazelle extension (A2.10).
pub(super) struct Joscr;

impl Joscr {
    /// CD: user code may not access JIDR, JOSCR and JMCR.
    pub(super) const USER_ACCESS_OFF: u32 = 1;
}

impl SysReg for Joscr {
    const CP: u32 = 14;
    const CRN: u32 = 1;
    const OP1: u32 = 7;
    const CRM: u32 = 0;
    const OP2: u32 = 0;
}

impl SysRegWrite for Joscr {}

/// DBGDSCRext: status and control of debugging (C11.11.20).
pub(super) struct DebugControl;

impl DebugControl {
    /// UDCCdis: user code may not access the debug communications channel.
    pub(super) const USER_ACCESS_OFF: u32 = 1 << 12;
}

impl SysReg for DebugControl {
    const CP: u32 = 14;
    const CRN: u32 = 0;
    const OP1: u32 = 0;
    const CRM: u32 = 2;
    const OP2: u32 = 2;
}

impl SysRegRead for DebugControl {}
impl SysRegWrite for DebugControl {}
