// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed slots of a root task's CNode.

/// Always empty.
pub const NULL: u64 = 0;
/// The root task's thread.
pub const INIT_TCB: u64 = 1;
/// The root CNode.
pub const INIT_CNODE: u64 = 2;
/// The root task's address space.
pub const INIT_VSPACE: u64 = 3;
/// The control over interrupts.
pub const IRQ_CONTROL: u64 = 4;
/// The control over ASID pools.
pub const ASID_CONTROL: u64 = 5;
/// The first ASID pool.
pub const INIT_ASID_POOL: u64 = 6;
/// The control over IO ports.
pub const IO_PORT_CONTROL: u64 = 7;
/// The IO space of an IOMMU; empty without one.
pub const IO_SPACE: u64 = 8;
/// The frame of the bootinfo.
pub const BOOT_INFO_FRAME: u64 = 9;
/// The frame of the root task's IPC buffer.
pub const INIT_IPC_BUFFER: u64 = 10;
/// The control over domains.
pub const DOMAIN: u64 = 11;
/// Empty on this architecture.
pub const SMMU_SID_CONTROL: u64 = 12;
/// Empty on this architecture.
pub const SMMU_CB_CONTROL: u64 = 13;
/// The root task's scheduling context.
pub const INIT_SCHED_CONTEXT: u64 = 14;
/// Empty on this architecture.
pub const SMC: u64 = 15;
/// The first slot whose content the bootinfo tells.
pub const FIRST_FREE: u64 = 16;
