// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entry and exit stubs (stubs.s).
//!
//! The stubs call with interrupts masked on an empty kernel stack:
//!
//! * `fast_call`, `fast_reply_recv` and `fast_send`, all `(cptr, info) -> bool`, leave through [`enter_user`], or return
//!   `false` if they have changed nothing; then `syscall() -> !` does the work. A send that returns `true` is done, and the same
//!   thread goes on with the registers it came with;
//! * `exception() -> !`, `prefetch_abort() -> !`, `data_abort() -> !` and `interrupt() -> !` are for what user code meets, and
//!   leave through [`enter_user`] too; `wake() -> !` handles interrupts that end a wait;
//! * `watch()` runs before `syscall` where system calls are watched, and no fast path is tried then;
//! * `kernel_fault(&KernelFrame) -> !` gets exceptions of the kernel itself.
//!
//! The kernel never takes an interrupt by exception: where it waits for one, it asks the interrupt controller.

use core::arch::global_asm;
use core::fmt;
use core::mem::offset_of;

use arch::Context;
use arch::hw::{EntryStubs, has_pending_interrupt};
use kernel::handover::Handover;

use super::{data_abort, exception, interrupt, kernel_fault, prefetch_abort, wake};
use crate::entry::inject::watch;
use crate::entry::{fast_call, fast_other, fast_reply_recv, fast_send, main, syscall};

// What the stubs store at once is consecutive.
const _: () = {
    assert!(offset_of!(Context, r0) + 13 * 4 == offset_of!(Context, sp));
    assert!(offset_of!(Context, sp) + 4 == offset_of!(Context, lr));
    assert!(offset_of!(Context, lr) + 4 == offset_of!(Context, pc));
    assert!(offset_of!(Context, pc) + 4 == offset_of!(Context, cpsr));
};

global_asm!(
    include_str!("stubs.s"),
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
    ROOT_VSPACE = const offset_of!(Handover, root_vspace),
    main = sym main,
    syscall = sym syscall,
    fast_call = sym fast_call,
    fast_reply_recv = sym fast_reply_recv,
    fast_send = sym fast_send,
    fast_other = sym fast_other,
    exception = sym exception,
    watch = sym watch,
    prefetch_abort = sym prefetch_abort,
    data_abort = sym data_abort,
    interrupt = sym interrupt,
    wake = sym wake,
    kernel_fault = sym kernel_fault,
);

unsafe extern "C" {
    static exception_vectors: u8;
    static watched_vectors: u8;
    fn resume_context() -> !;
    fn enter_panic();
    fn idle_halt() -> !;
    fn idle_interrupt() -> !;
}

/// What the kernel was hit by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(in crate::entry) enum KernelVector {
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

/// Registers of the kernel at an exception of its own, as stubs.s stores them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(in crate::entry) struct KernelFrame {
    /// r0 to r12.
    pub(in crate::entry) general: [u32; 13],
    /// Stack pointer.
    pub(in crate::entry) sp: u32,
    /// Link register.
    pub(in crate::entry) lr: u32,
    /// The instruction.
    pub(in crate::entry) pc: u32,
    /// CPSR.
    pub(in crate::entry) status: u32,
    /// What happened.
    pub(in crate::entry) vector: KernelVector,
}

/// Does nothing: debuggers stop here when a kernel fails.
pub(in crate::entry) fn note_panic() {
    // SAFETY: the stub returns at once.
    unsafe { enter_panic() }
}

/// Where the processor enters the kernel.
pub(in crate::entry) fn entry_stubs() -> EntryStubs {
    EntryStubs { vectors: (&raw const exception_vectors).addr() }
}

/// The same where system calls are watched.
pub(in crate::entry) fn watched_entry_stubs() -> EntryStubs {
    EntryStubs { vectors: (&raw const watched_vectors).addr() }
}

/// Leaves the kernel: user code continues in `context`, and whatever is on the kernel stack is forgotten.
///
/// # Safety
///
/// `context` is the context of the current thread, whose address space is active, and the kernel is done with boot.
#[inline(always)]
pub(in crate::entry) unsafe fn enter_user(context: *mut Context) -> ! {
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
pub(in crate::entry) unsafe fn wait_halted() -> ! {
    // SAFETY: the caller vouches for the stack.
    unsafe { idle_halt() }
}

/// Lets a pending interrupt in; it is handled on an empty stack, otherwise this returns.
///
/// # Safety
///
/// As for [`wait_halted`], for the case that there is an interrupt.
pub(in crate::entry) unsafe fn let_interrupts_in() {
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
pub(in crate::entry) unsafe fn wait_for_store(_line: *const u8, _is_done: impl FnOnce() -> bool) {
    // SAFETY: the caller vouches for the stack.
    unsafe { let_interrupts_in() }
}
