// SPDX-License-Identifier: MIT OR Apache-2.0
//! The local APIC (SDM vol. 3, chapter 11): timer, doorbells, end of interrupt.
//!
//! Bring-up is the `x2apic` crate's. What runs on every signal or timer interrupt is written here, one register
//! write each.

use core::arch::asm;
use core::sync::atomic::{Ordering, fence};

use x2apic::lapic::{LocalApicBuilder, TimerDivide, TimerMode};

use crate::{CoreId, Ticks, WINDOW_BASE};

/// How the registers are reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LapicMode {
    /// By MSR; 32-bit ids.
    X2Apic,
    /// Through the page at the given physical address; 8-bit ids.
    XApic(u64),
}

/// How deadlines become interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// One-shot counter that runs this many ticks in 2^20 ticks of the TSC.
    OneShot(u64),
    /// IA32_TSC_DEADLINE.
    Deadline,
}

/// Interrupts sent to other cores, apart from the doorbell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    Nmi,
    Init,
    Startup,
}

impl Command {
    /// Delivery mode and trigger bits of the ICR (SDM vol. 3, 11.6.1).
    const fn icr(self) -> u32 {
        match self {
            Self::Nmi => 0x4400,
            Self::Init => 0x4500,
            Self::Startup => 0x4600 | STARTUP_PAGE,
        }
    }
}

/// Page number of the start-up trampoline that the boot core keeps.
const STARTUP_PAGE: u32 = 8;
const TASK_PRIORITY: u32 = 0x08;
const EOI: u32 = 0x0b;
const IN_SERVICE_0: u32 = 0x10;
const REQUEST_0: u32 = 0x20;
const ICR: u32 = 0x30;
const ICR_HIGH: u32 = 0x31;
const LVT_TIMER: u32 = 0x32;
const LVT_ERROR: u32 = 0x37;
const INITIAL_COUNT: u32 = 0x38;
const SPURIOUS: u32 = 0x0f;
const X2APIC_MSR_BASE: u32 = 0x800;
/// Holds back vectors below 32: a message of a device could name them, and would be taken for an exception.
const ABOVE_EXCEPTIONS: u32 = 0x1f;
const LVT_MASKED: u32 = 1 << 16;
const LVT_TSC_DEADLINE: u32 = 2 << 17;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const DOORBELL_ICR: u32 = 0x4000 | abi::vector::DOORBELL as u32;
/// Delivery status of the ICR in xAPIC mode: the command has not been accepted yet.
const SEND_PENDING: u32 = 1 << 12;
/// Reads of the delivery status before a command is written all the same: some hundred microseconds.
const MAX_STATUS_READS: u32 = 1000;
/// Fraction bits of [`Timer::OneShot`].
const RATIO_BITS: u32 = 20;

#[inline(always)]
fn write_msr(msr: u32, value: u64) {
    // SAFETY: callers name registers of the local APIC, which the instance's core owns.
    unsafe {
        asm!("wrmsr", in("ecx") msr, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack, preserves_flags));
    }
}

#[inline(always)]
fn read_msr(msr: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: as for `write_msr`.
    unsafe {
        asm!("rdmsr", in("ecx") msr, out("eax") low, out("edx") high, options(nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

#[inline(always)]
fn register(page: u64, index: u32) -> *mut u32 {
    core::ptr::with_exposed_provenance_mut((WINDOW_BASE + page) as usize + 16 * index as usize)
}

#[inline(always)]
fn write(mode: LapicMode, index: u32, value: u32) {
    match mode {
        LapicMode::X2Apic => write_msr(X2APIC_MSR_BASE + index, u64::from(value)),
        // SAFETY: the window maps the LAPIC page of this core in xAPIC mode, uncached.
        LapicMode::XApic(page) => unsafe { register(page, index).write_volatile(value) },
    }
}

#[inline(always)]
fn read(mode: LapicMode, index: u32) -> u32 {
    match mode {
        LapicMode::X2Apic => read_msr(X2APIC_MSR_BASE + index) as u32,
        // SAFETY: as for `write`.
        LapicMode::XApic(page) => unsafe { register(page, index).read_volatile() },
    }
}

/// Turns the local APIC of this core on, with the timer ready and every other source masked.
///
/// # Safety
///
/// In xAPIC mode the window maps the page; the gates for the timer, doorbell and spurious vectors are set up.
pub(super) unsafe fn enable(mode: LapicMode, timer: Timer) {
    let mut builder = LocalApicBuilder::new();
    builder
        .timer_vector(usize::from(abi::vector::TIMER))
        .error_vector(usize::from(abi::vector::SPURIOUS))
        .spurious_vector(usize::from(abi::vector::SPURIOUS))
        .timer_mode(TimerMode::OneShot)
        .timer_divide(TimerDivide::Div1)
        .timer_initial(0);
    if let LapicMode::XApic(page) = mode {
        builder.set_xapic_base(WINDOW_BASE + page);
    }
    let mut lapic =
        builder.build().expect("all fields are given, and x2APIC mode is asked for only where it is");
    // SAFETY: the caller vouches for page and gates.
    unsafe { lapic.enable() };
    write(mode, LVT_ERROR, LVT_MASKED | u32::from(abi::vector::SPURIOUS));
    for pin in [0x35, 0x36] {
        write(mode, pin, LVT_MASKED);
    }
    write(mode, TASK_PRIORITY, ABOVE_EXCEPTIONS);
    if timer == Timer::Deadline {
        write(mode, LVT_TIMER, LVT_TSC_DEADLINE | u32::from(abi::vector::TIMER));
        // The mode must be in force before the first deadline (SDM vol. 3, 11.5.4.1).
        fence(Ordering::SeqCst);
    }
}

/// Asks for a timer interrupt at `deadline`; what is too far away for the counter comes early.
pub(super) fn set_deadline(mode: LapicMode, timer: Timer, deadline: Ticks, now: Ticks) {
    match timer {
        Timer::Deadline => write_msr(IA32_TSC_DEADLINE, deadline.0.max(1)),
        Timer::OneShot(ratio) => {
            let ticks = (u128::from(deadline.saturating_sub(now).0) * u128::from(ratio)) >> RATIO_BITS;
            let count = u32::try_from(ticks).unwrap_or(u32::MAX);
            write(mode, INITIAL_COUNT, count.max(1));
        }
    }
}

#[inline]
pub(super) fn end_of_interrupt(mode: LapicMode) {
    write(mode, EOI, 0);
}

/// Whether an interrupt at `vector` was taken and not ended.
pub(super) fn is_in_service(mode: LapicMode, vector: u8) -> bool {
    read(mode, IN_SERVICE_0 + u32::from(vector / 32)) >> (vector % 32) & 1 != 0
}

/// Whether any vector from 32 up is requested and not yet taken.
pub(super) fn has_pending(mode: LapicMode) -> bool {
    (1..8).any(|word| read(mode, REQUEST_0 + word) != 0)
}

/// Sends the doorbell. Earlier stores must be visible first: in x2APIC mode the ICR write does not order them
/// (SDM vol. 3, 11.12.3), but the sender has just executed a locked instruction after its last store, which drains
/// the store buffer; `lfence` keeps the WRMSR behind it (docs/adr/0002-icr-fence.md).
#[inline]
pub(super) fn ring_doorbell(mode: LapicMode, core: CoreId) {
    match mode {
        LapicMode::X2Apic => {
            // SAFETY: a fence and one write to the ICR, which names the doorbell vector.
            unsafe {
                asm!(
                    "lfence", "wrmsr",
                    in("ecx") X2APIC_MSR_BASE + ICR, in("eax") DOORBELL_ICR, in("edx") core.0,
                    options(nostack, preserves_flags)
                );
            }
        }
        LapicMode::XApic(_) => send_icr(mode, core, DOORBELL_ICR),
    }
}

pub(super) fn send(mode: LapicMode, core: CoreId, command: Command) {
    fence(Ordering::SeqCst);
    send_icr(mode, core, command.icr());
}

fn send_icr(mode: LapicMode, core: CoreId, command: u32) {
    match mode {
        LapicMode::X2Apic => write_msr(X2APIC_MSR_BASE + ICR, u64::from(core.0) << 32 | u64::from(command)),
        LapicMode::XApic(_) => {
            wait_until_sent(mode);
            write(mode, ICR_HIGH, core.0 << 24);
            write(mode, ICR, command);
        }
    }
}

/// In xAPIC mode the last command may still be on its way; writing over it could lose it
/// (docs/adr/0012-xapic-delivery-status.md). A command that never leaves must not hold up this kernel.
fn wait_until_sent(mode: LapicMode) {
    for _ in 0..MAX_STATUS_READS {
        if read(mode, ICR) & SEND_PENDING == 0 {
            break;
        }
        core::hint::spin_loop();
    }
}

/// No interrupt is taken any more.
pub(super) fn silence(mode: LapicMode) {
    write(mode, LVT_TIMER, LVT_MASKED);
    write(mode, SPURIOUS, u32::from(abi::vector::SPURIOUS));
}
