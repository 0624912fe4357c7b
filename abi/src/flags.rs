// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flag bits of invocation arguments.

/// TCB flag: the thread runs without the FPU.
pub const TCB_FPU_DISABLED: u64 = 1;
/// The TCB flags that exist.
pub const TCB_MASK: u64 = TCB_FPU_DISABLED;

/// ConfigureFlags: the scheduling context follows the sporadic-server rule on unblocking.
pub const SCHED_CONTEXT_SPORADIC: u64 = 1;

/// ReadRegisters: suspend the thread first.
pub const READ_SUSPEND_SOURCE: u64 = 1 << 0;
/// WriteRegisters: resume the thread afterwards.
pub const WRITE_RESUME_TARGET: u64 = 1 << 0;

/// CopyRegisters: suspend the source first.
pub const COPY_SUSPEND_SOURCE: u64 = 1 << 0;
/// CopyRegisters: resume the target.
pub const COPY_RESUME_TARGET: u64 = 1 << 1;
/// CopyRegisters: copy RIP to R15.
pub const COPY_FRAME: u64 = 1 << 2;
/// CopyRegisters: copy FS base and GS base.
pub const COPY_INTEGER: u64 = 1 << 3;
