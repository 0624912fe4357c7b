// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entry and exit stubs (entry.s) and what the kernel image provides for them.
//!
//! The image that links this defines eleven functions, called with interrupts masked on the kernel stack:
//!
//! * `instance_fast_call`, `instance_fast_reply_recv` and `instance_fast_send`, all `(cptr, info) -> bool`, leave through
//!   [`enter_user`], or return `false` if they have changed nothing; then `instance_syscall() -> !` does the work. A send
//!   that returns `true` is done, and the same thread goes on with the registers it came with;
//! * `instance_exception() -> !`, `instance_prefetch_abort() -> !`, `instance_data_abort() -> !` and
//!   `instance_interrupt() -> !` are for what user code meets, and leave through [`enter_user`] too; `instance_wake() -> !`
//!   handles interrupts that end a wait;
//! * `instance_watch()` is called before `instance_syscall` where system calls are watched, and no fast path is tried then;
//! * `instance_kernel_fault(&KernelFrame) -> !` gets exceptions of the kernel itself.
//!
//! The kernel never takes an interrupt by exception: where it waits for one, it asks the interrupt controller.

use core::arch::global_asm;
use core::fmt;
use core::mem::offset_of;

use aarch32_cpu::register::{SysRegRead, Vbar};

use super::registers::Isr;
use crate::Context;

// What the stubs store at once is consecutive.
const _: () = {
    assert!(offset_of!(Context, r0) + 13 * 4 == offset_of!(Context, sp));
    assert!(offset_of!(Context, sp) + 4 == offset_of!(Context, lr));
    assert!(offset_of!(Context, lr) + 4 == offset_of!(Context, pc));
    assert!(offset_of!(Context, pc) + 4 == offset_of!(Context, cpsr));
};

global_asm!(
    include_str!("entry.s"),
    PC = const offset_of!(Context, pc),
    ENTRY = const offset_of!(Context, entry_word) as isize - offset_of!(Context, pc) as isize,
    CALL = const abi::Syscall::Call as i32,
    REPLY_RECV = const abi::Syscall::ReplyRecv as i32,
    SEND = const abi::Syscall::Send as i32,
    NB_SEND = const abi::Syscall::NBSend as i32,
    UNDEFINED = const KernelVector::Undefined as u32,
    PREFETCH_ABORT = const KernelVector::PrefetchAbort as u32,
    DATA_ABORT = const KernelVector::DataAbort as u32,
    INTERRUPT = const KernelVector::Interrupt as u32,
    FAST_INTERRUPT = const KernelVector::FastInterrupt as u32,
    IMPOSSIBLE = const KernelVector::Impossible as u32,
    FRAME_BYTES = const size_of::<KernelFrame>(),
    FRAME_GENERAL = const size_of::<[u32; 13]>(),
    FRAME_SP = const offset_of!(KernelFrame, sp),
    FRAME_LR = const offset_of!(KernelFrame, lr),
    FRAME_PC = const offset_of!(KernelFrame, pc),
    FRAME_STATUS = const offset_of!(KernelFrame, status),
    FRAME_VECTOR = const offset_of!(KernelFrame, vector),
);

unsafe extern "C" {
    static exception_vectors: u8;
    static watched_vectors: u8;
    static kernel_stack_bottom: u8;
    static kernel_stack_top: u8;
    fn resume_context() -> !;
    fn enter_panic();
    fn idle_halt() -> !;
    fn idle_interrupt() -> !;
}

/// What the kernel was hit by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum KernelVector {
    /// An instruction that does not exist here.
    Undefined,
    /// A fetch that failed.
    PrefetchAbort,
    /// An access that failed.
    DataAbort,
    /// An interrupt, though they are masked.
    Interrupt,
    /// An interrupt of the kind that nobody asks for; also in user code.
    FastInterrupt,
    /// A vector that nothing leads to.
    Impossible,
}

impl fmt::Display for KernelVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undefined => "undefined instruction",
            Self::PrefetchAbort => "prefetch abort",
            Self::DataAbort => "data abort",
            Self::Interrupt => "interrupt",
            Self::FastInterrupt => "fast interrupt",
            Self::Impossible => "impossible exception",
        })
    }
}

/// Registers of the kernel at an exception of its own, as entry.s stores them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct KernelFrame {
    /// r0 to r12.
    pub general: [u32; 13],
    /// Stack pointer.
    pub sp: u32,
    /// Link register.
    pub lr: u32,
    /// The instruction.
    pub pc: u32,
    /// CPSR.
    pub status: u32,
    /// What happened.
    pub vector: KernelVector,
}

/// Does nothing: debuggers stop here when a kernel fails.
pub fn note_panic() {
    // SAFETY: the stub returns at once.
    unsafe { enter_panic() }
}

/// First and last-plus-one address of the kernel stack.
pub fn kernel_stack() -> (usize, usize) {
    ((&raw const kernel_stack_bottom).addr(), (&raw const kernel_stack_top).addr())
}

/// Sends exceptions of this core to the stubs.
pub(super) fn load_vectors() {
    // SAFETY: the stubs are vectors, aligned as such; none of them can run before user code does, but to report a fault.
    unsafe { Vbar::write(Vbar((&raw const exception_vectors).addr() as u32)) };
}

/// Sends every system call through `instance_watch`.
pub(super) fn load_watched_vectors() {
    // SAFETY: as above; the other entries are the same.
    unsafe { Vbar::write(Vbar((&raw const watched_vectors).addr() as u32)) };
}

/// Whether an interrupt waits, though masked.
#[inline]
pub(super) fn has_pending_interrupt() -> bool {
    const IRQ: u32 = 1 << 7;
    Isr::read_raw() & IRQ != 0
}

/// Leaves the kernel: user code continues in `context`, and whatever is on the kernel stack is forgotten.
///
/// # Safety
///
/// `context` is the context of the current thread, whose address space is active, and the kernel is done with boot.
#[inline(always)]
pub unsafe fn enter_user(context: *mut Context) -> ! {
    // SAFETY: `resume_context` takes its argument in r0 and never returns; the caller vouches for the context.
    unsafe {
        core::arch::asm!("b {resume}", resume = sym resume_context, in("r0") context, options(noreturn))
    }
}

/// Sleeps until an interrupt, which is handled on an empty stack.
///
/// Interrupts stay masked: WFI ends for one that is pending all the same, so none can slip in before the sleep.
///
/// # Safety
///
/// Nothing on the kernel stack is needed any more and no reference to kernel state is held.
pub unsafe fn wait_halted() -> ! {
    // SAFETY: the caller vouches for the stack.
    unsafe { idle_halt() }
}

/// Lets a pending interrupt in; it is handled on an empty stack, otherwise this returns.
///
/// # Safety
///
/// As for [`wait_halted`], for the case that there is an interrupt.
pub unsafe fn let_interrupts_in() {
    core::hint::spin_loop();
    if has_pending_interrupt() {
        // SAFETY: the caller vouches for the stack.
        unsafe { idle_interrupt() }
    }
}

/// Waits for a store to `_line`, by coming back at once: ARMv7 has nothing to wait with. WFE ends for an event that some
/// core sends, not for a store, and senders do not send one to a receiver that watches its inbox; and the end of an
/// exclusive reservation is an event only from ARMv8 on (Arm ARM, ARMv7-A, B1.8.13).
///
/// # Safety
///
/// As for [`wait_halted`].
pub unsafe fn wait_for_store(_line: *const u8, _is_done: impl FnOnce() -> bool) {
    // SAFETY: the caller vouches for the stack.
    unsafe { let_interrupts_in() }
}
