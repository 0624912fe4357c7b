// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entry and exit stubs (stubs.s).
//!
//! The stubs call with interrupts off on an empty kernel stack:
//!
//! * `fast_call`, `fast_reply_recv` and `fast_send`, all `(cptr, info) -> bool`, leave through [`enter_user_with`] or
//!   [`enter_user`], or return `false` if they have changed nothing; then `syscall() -> !` does the work. A send that returns
//!   `true` is done, and the same thread goes on with the registers it came with;
//! * `page_fault`, `exception`, `interrupt` and `software_interrupt`, all `(vector, code) -> !`, handle what interrupts user
//!   code, and leave through [`enter_user`] too; `wake(vector, code) -> !` handles what ends a wait;
//! * `kernel_fault(&KernelFrame) -> !` gets exceptions of the kernel itself;
//! * `watch()` runs before `syscall` where system calls are watched, and no fast path is tried then.

use core::arch::global_asm;
use core::mem::offset_of;

use arch::Context;
use arch::hw::{EntryStubs, USER_CODE, USER_DATA};
use kernel::handover::Handover;

use super::{exception, interrupt, kernel_fault, page_fault, software_interrupt, wake};
use crate::entry::inject::watch;
use crate::entry::{fast_call, fast_other, fast_reply_recv, fast_send, main, syscall};

global_asm!(
    include_str!("stubs.s"),
    RAX = const offset_of!(Context, rax),
    RBX = const offset_of!(Context, rbx),
    RCX = const offset_of!(Context, rcx),
    RDX = const offset_of!(Context, rdx),
    RSI = const offset_of!(Context, rsi),
    RDI = const offset_of!(Context, rdi),
    RBP = const offset_of!(Context, rbp),
    R8 = const offset_of!(Context, r8),
    R9 = const offset_of!(Context, r9),
    R10 = const offset_of!(Context, r10),
    R11 = const offset_of!(Context, r11),
    R12 = const offset_of!(Context, r12),
    R13 = const offset_of!(Context, r13),
    R14 = const offset_of!(Context, r14),
    R15 = const offset_of!(Context, r15),
    RIP = const offset_of!(Context, rip),
    RSP = const offset_of!(Context, rsp),
    RFLAGS = const offset_of!(Context, rflags),
    ENTRY = const offset_of!(Context, entry_word),
    USER_DATA = const USER_DATA,
    USER_CODE = const USER_CODE,
    CALL = const abi::Syscall::Call as i64,
    REPLY_RECV = const abi::Syscall::ReplyRecv as i64,
    SEND = const abi::Syscall::Send as i64,
    NB_SEND = const abi::Syscall::NBSend as i64,
    FIRST_SYSCALL = const abi::vector::FIRST_SYSCALL as i64,
    ROOT_VSPACE = const offset_of!(Handover, root_vspace),
    main = sym main,
    syscall = sym syscall,
    fast_call = sym fast_call,
    fast_reply_recv = sym fast_reply_recv,
    fast_send = sym fast_send,
    fast_other = sym fast_other,
    page_fault = sym page_fault,
    exception = sym exception,
    interrupt = sym interrupt,
    software_interrupt = sym software_interrupt,
    watch = sym watch,
    wake = sym wake,
    kernel_fault = sym kernel_fault,
    options(att_syntax)
);

unsafe extern "C" {
    fn syscall_entry();
    fn watched_syscall_entry();
    static trap_stubs: [[u8; 16]; 256];
    /// Whether the CPU has SMAP, for the stubs.
    static mut has_smap: u8;
    fn resume_context() -> !;
    fn enter_panic();
    fn resume_with_message() -> !;
    fn idle_halt() -> !;
    fn idle_window();
    fn idle_mwait();
}

/// Registers of the kernel at an exception of its own, as stubs.s pushes them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(in crate::entry) struct KernelFrame {
    /// RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8..R15.
    pub(in crate::entry) general: [u64; 15],
    /// Vector.
    pub(in crate::entry) vector: u64,
    /// Error code, 0 when there is none.
    pub(in crate::entry) code: u64,
    /// RIP, CS, RFLAGS, RSP, SS as the processor pushed them.
    pub(in crate::entry) machine: [u64; 5],
}

/// Names of [`KernelFrame::general`].
pub(super) const GENERAL_NAMES: [&str; 15] =
    ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

/// Does nothing: debuggers stop here when a kernel fails.
pub(in crate::entry) fn note_panic() {
    // SAFETY: the stub returns at once.
    unsafe { enter_panic() }
}

/// Where the processor enters the kernel.
pub(super) fn entry_stubs() -> EntryStubs {
    EntryStubs { syscall: (syscall_entry as *const ()).addr(), traps: (&raw const trap_stubs).addr() }
}

/// The same where system calls are watched.
pub(in crate::entry) fn watched_entry_stubs() -> EntryStubs {
    EntryStubs { syscall: (watched_syscall_entry as *const ()).addr(), ..entry_stubs() }
}

/// Tells the stubs whether SMAP is on.
pub(super) fn set_smap(is_on: bool) {
    // SAFETY: the stubs only read the byte, and none of them runs while the kernel does.
    unsafe { has_smap = is_on.into() };
}

/// Leaves the kernel: user code continues in `context`, and whatever is on the kernel stack is forgotten.
///
/// # Safety
///
/// `context` is the context of the current thread, whose address space is active, and the kernel is done with boot.
#[inline(always)]
pub(in crate::entry) unsafe fn enter_user(context: *mut Context) -> ! {
    // SAFETY: `resume_context` takes its argument in RAX and never returns; the caller vouches for the context.
    unsafe {
        core::arch::asm!("jmp {resume}", resume = sym resume_context, in("rax") context, options(noreturn))
    }
}

/// The same with a message: badge, message info, and the context that holds the message registers. The thread's own
/// context keeps what was there before.
///
/// # Safety
///
/// As for [`enter_user`]; `words` is a context too, which may be the same one.
#[inline(always)]
pub(in crate::entry) unsafe fn enter_user_with(
    context: *mut Context,
    (badge, info): (u64, u64),
    words: *const Context,
) -> ! {
    // SAFETY: `resume_with_message` takes its arguments in these registers and never returns; the caller vouches for the
    // contexts.
    unsafe {
        core::arch::asm!(
            "jmp {resume}",
            resume = sym resume_with_message,
            in("rax") context, in("rdi") badge, in("rsi") info, in("rdx") words,
            options(noreturn)
        )
    }
}

/// Sleeps until an interrupt, which is handled on an empty stack.
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
    // SAFETY: the caller vouches for the stack.
    unsafe { idle_window() }
}

/// Waits for a store to `line` (or an interrupt, handled on an empty stack), unless `is_done` says so first.
///
/// # Safety
///
/// As for [`wait_halted`]; `line` is mapped, and the CPU has MONITOR.
pub(in crate::entry) unsafe fn wait_for_store(line: *const u8, is_done: impl FnOnce() -> bool) {
    // SAFETY: MONITOR only arms the address, which the caller has mapped.
    unsafe { core::arch::asm!("monitor", in("rax") line, in("ecx") 0, in("edx") 0, options(nostack)) };
    if !is_done() {
        // SAFETY: the caller vouches for the stack.
        unsafe { idle_mwait() }
    }
}
