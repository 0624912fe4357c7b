// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program has of its own on AArch32: instructions, and where addresses are free.
//!
//! The read-only thread register, TPIDRURO, points to what a thread knows about itself. Programs run in ARM state.
#![allow(unsafe_code)] // instructions

#[cfg(target_os = "none")]
mod counter;
#[cfg(target_os = "none")]
pub(crate) mod stub;

use core::ops::Range;

use crate::capability::{CPtr, IrqControl, Slot};
use crate::error::Error;
use crate::message::Message;
use crate::object::{Pin, SchedParameters};
use abi::aarch32::CacheLabel;
use abi::{TIME_WORDS, time_word};

/// Where the addresses for mappings start, far from any image.
pub(crate) const WINDOW_START: u64 = 0x1000_0000;

/// What a scheduling context is configured with: a time is two words, the low one first.
#[inline(always)]
pub(crate) const fn sched_words(parameters: &SchedParameters) -> [u64; 7] {
    let SchedParameters { budget_us, period_us, extra_refills, data, flags } = *parameters;
    let [[budget, budget_high], [period, period_high]] = [two_words(budget_us), two_words(period_us)];
    [budget, budget_high, period, period_high, extra_refills, data, flags]
}

/// An entry of the schedule of domains.
#[inline(always)]
pub(crate) const fn domain_words(index: u64, domain: u64, duration: u64) -> [u64; 4] {
    let [low, high] = two_words(duration);
    [index, domain, low, high]
}

const fn two_words(time: u64) -> [u64; TIME_WORDS] {
    [time_word(time, 0), time_word(time, 1)]
}

/// Makes the handler of an input of the interrupt controller, which has its own number there.
pub(crate) fn get_pin(control: IrqControl, target: Slot, pin: Pin, _vector: u64) -> Result<(), Error> {
    control.get(pin.pin, target)
}

/// Lets instructions be fetched that were written to part of a mapped frame.
pub(crate) fn unify(frame: CPtr, part: Range<u64>) -> Result<(), Error> {
    let words = [part.start, part.end];
    Message::new(CacheLabel::PageUnify.word(), &words).invoke(frame).map(|_| ())
}

/// There are no messages that interrupt a core.
pub const fn message_address() -> Option<u64> {
    None
}

/// Whether a VmFault with this fault status comes from a store: WnR.
pub const fn is_store(status: u64) -> bool {
    status & 1 << 11 != 0
}

/// What the number of a UserException means.
pub const fn exception_name(number: u64) -> &'static str {
    match number {
        0 => "undefined instruction",
        _ => "other",
    }
}

/// The stack pointer that a function expects at its first instruction: aligned to eight bytes.
pub(crate) const fn stack_at_entry(aligned: u64) -> u64 {
    aligned
}

#[cfg(target_os = "none")]
pub(crate) use counter::ticks;

/// Time on a workstation whose programs are compiled for this architecture: it goes on by one.
#[cfg(not(target_os = "none"))]
pub(crate) fn ticks() -> u64 {
    use core::sync::atomic::{AtomicU64, Ordering};
    static NOW: AtomicU64 = AtomicU64::new(0);
    NOW.fetch_add(1, Ordering::Relaxed)
}

/// What the current thread knows about itself: each field is 64 bits wide, and its low half is all of it.
#[cfg(target_os = "none")]
pub(crate) mod local {
    use crate::capability::{CPtr, Tcb};
    use core::arch::asm;

    /// The address of its IPC buffer.
    #[inline(always)]
    pub(crate) fn buffer() -> u64 {
        let address: u32;
        // SAFETY: TPIDRURO of every thread of this runtime points to its `Local`.
        unsafe {
            asm!(
                "mrc p15, 0, {0}, c13, c0, 3",
                "ldr {0}, [{0}]",
                out(reg) address,
                options(nostack, preserves_flags, pure, readonly)
            );
        }
        address.into()
    }

    /// Its capability.
    pub(crate) fn tcb() -> Tcb {
        let cptr: u32;
        // SAFETY: as above.
        unsafe {
            asm!(
                "mrc p15, 0, {0}, c13, c0, 3",
                "ldr {0}, [{0}, #8]",
                out(reg) cptr,
                options(nostack, preserves_flags, pure, readonly)
            );
        }
        Tcb(CPtr(cptr.into()))
    }
}

/// The first instructions of a root task, which the kernel starts without a stack.
#[doc(hidden)]
#[macro_export]
macro_rules! first_instructions_on_new_stack {
    ($start:path) => {
        ::core::arch::naked_asm!(
            "ldr sp, =({stack} + {size})",
            "mov r11, #0",
            "bl {start}",
            "udf #0",
            ".ltorg",
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
        ::core::arch::naked_asm!("mov r11, #0", "bl {start}", "udf #0", start = sym $start)
    };
}
