// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program has of its own on x86_64: instructions, and where addresses are free.
//!
//! FS base points to what a thread knows about itself.
#![allow(unsafe_code)] // instructions

#[cfg(target_os = "none")]
pub(crate) mod stub;

use core::arch::x86_64::{__cpuid_count, CpuidResult};

use crate::capability::{CPtr, IrqControl, Slot};
use crate::error::Error;
use crate::object::{Pin, SchedParameters};

/// Where the addresses for mappings start, far from any image.
pub(crate) const WINDOW_START: u64 = 0x10_0000_0000;

/// What a scheduling context is configured with: a time is a word.
#[inline(always)]
pub(crate) const fn sched_words(parameters: &SchedParameters) -> [u64; 5] {
    let SchedParameters { budget_us, period_us, extra_refills, data, flags } = *parameters;
    [budget_us, period_us, extra_refills, data, flags]
}

/// An entry of the schedule of domains.
#[inline(always)]
pub(crate) const fn domain_words(index: u64, domain: u64, duration: u64) -> [u64; 3] {
    [index, domain, duration]
}

/// Instructions are fetched as they were written: there is nothing to do.
pub(crate) fn unify(_frame: CPtr, _part: core::ops::Range<u64>) -> Result<(), Error> {
    Ok(())
}

/// Makes the handler of an input of the interrupt controller.
pub(crate) fn get_pin(control: IrqControl, target: Slot, pin: Pin, vector: u64) -> Result<(), Error> {
    control.get_ioapic(target, pin, vector)
}

/// Where a device writes a message to interrupt the core that this runs on; nothing when no message can name it.
pub fn message_address() -> Option<u64> {
    /// The leaf with ids of 32 bits, and that with the least of them.
    const EXTENDED_TOPOLOGY: u32 = 0xb;
    const FEATURES: u32 = 1;
    const HIGHEST: u32 = 254;
    let has_topology = cpuid(0).eax >= EXTENDED_TOPOLOGY && cpuid(EXTENDED_TOPOLOGY).ebx != 0;
    let id = if has_topology { cpuid(EXTENDED_TOPOLOGY).edx } else { cpuid(FEATURES).ebx >> 24 };
    (id <= HIGHEST).then(|| abi::vector::message_address(id))
}

fn cpuid(leaf: u32) -> CpuidResult {
    // Newer compilers know that this is harmless.
    #[allow(unused_unsafe)]
    // SAFETY: every 64-bit CPU has the instruction, which only reads.
    unsafe {
        __cpuid_count(leaf, 0)
    }
}

/// Whether a VmFault with this code comes from a store.
pub const fn is_store(code: u64) -> bool {
    code & 1 << 1 != 0
}

/// The processor manual's name of a vector that user code can raise.
pub const fn exception_name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range",
        6 => "invalid opcode",
        7 => "no floating-point unit",
        13 => "general protection",
        16 => "floating-point error",
        17 => "alignment check",
        19 => "SIMD floating-point error",
        _ => "other",
    }
}

/// The stack pointer that a function expects at its first instruction: a call pushes a return address below an aligned
/// stack pointer.
pub(crate) const fn stack_at_entry(aligned: u64) -> u64 {
    aligned - 8
}

/// The time-stamp counter.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86_64 processor has the instruction, and it only reads.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// What the current thread knows about itself.
#[cfg(target_os = "none")]
pub(crate) mod local {
    use crate::capability::{CPtr, Tcb};
    use core::arch::asm;

    /// The address of its IPC buffer.
    #[inline(always)]
    pub(crate) fn buffer() -> u64 {
        let address: u64;
        // SAFETY: FS base of every thread of this runtime points to its `Local`.
        unsafe { asm!("mov {}, fs:[0]", out(reg) address, options(nostack, preserves_flags, pure, readonly)) }
        address
    }

    /// Its capability.
    pub(crate) fn tcb() -> Tcb {
        let cptr: u64;
        // SAFETY: as above.
        unsafe { asm!("mov {}, fs:[8]", out(reg) cptr, options(nostack, preserves_flags, pure, readonly)) }
        Tcb(CPtr(cptr))
    }
}

/// The first instructions of a root task, which the kernel starts without a stack.
#[doc(hidden)]
#[macro_export]
macro_rules! first_instructions_on_new_stack {
    ($start:path) => {
        ::core::arch::naked_asm!(
            "lea rsp, [rip + {stack} + {size}]",
            "xor ebp, ebp",
            "call {start}",
            "ud2",
            stack = sym $crate::start::STACK,
            size = const $crate::start::STACK_SIZE,
            start = sym $start,
        )
    };
}

/// The first instructions of a program, which init starts on its stack.
#[doc(hidden)]
#[macro_export]
macro_rules! first_instructions {
    ($start:path) => {
        ::core::arch::naked_asm!("xor ebp, ebp", "call {start}", "ud2", start = sym $start)
    };
}
