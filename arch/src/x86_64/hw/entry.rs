// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entry and exit stubs (entry.s) and what the kernel image provides for them.
//!
//! The image that links this defines eleven functions, called with interrupts off on the kernel stack:
//!
//! * `instance_fast_call`, `instance_fast_reply_recv` and `instance_fast_send`, all `(cptr, info) -> bool`, leave through
//!   [`enter_user_with`] or [`enter_user`], or return `false` if they have changed nothing; then
//!   `instance_syscall() -> !` does the work. A send that returns `true` is done, and the same thread goes on with the
//!   registers it came with;
//! * `instance_page_fault`, `instance_exception`, `instance_interrupt` and `instance_software_interrupt` `(vector, code) -> !`
//!   handle what interrupts user code, a function for each so that debuggers can stop there, and leave through
//!   [`enter_user`] too; `instance_wake(vector, code) -> !` handles those that end a wait;
//! * `instance_kernel_fault(&KernelFrame) -> !` gets exceptions of the kernel itself;
//! * `instance_watch()` is called before `instance_syscall` where system calls are watched, and no fast path is tried then.

use core::arch::global_asm;
use core::mem::offset_of;

use super::segments::{USER_CODE, USER_DATA};
use crate::Context;

global_asm!(
    include_str!("entry.s"),
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
    options(att_syntax)
);

unsafe extern "C" {
    /// Target of `syscall` (IA32_LSTAR).
    pub(super) fn syscall_entry();
    /// The same where system calls are watched.
    pub(super) fn watched_syscall_entry();
    /// First of 256 stubs of 16 bytes.
    pub(super) static trap_stubs: [[u8; 16]; 256];
    /// Whether the CPU has SMAP, for the stubs.
    pub(super) static mut has_smap: u8;
    static kernel_stack_bottom: u8;
    static kernel_stack_top: u8;
    fn resume_context() -> !;
    fn enter_panic();
    fn resume_with_message() -> !;
    fn idle_halt() -> !;
    fn idle_window();
    fn idle_mwait();
}

/// Registers of the kernel at an exception of its own, as entry.s pushes them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct KernelFrame {
    /// RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8..R15.
    pub general: [u64; 15],
    /// Vector.
    pub vector: u64,
    /// Error code, 0 when there is none.
    pub code: u64,
    /// RIP, CS, RFLAGS, RSP, SS as the processor pushed them.
    pub machine: [u64; 5],
}

/// Names of [`KernelFrame::general`].
pub const GENERAL_NAMES: [&str; 15] =
    ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

/// Does nothing: debuggers stop here when a kernel fails.
pub fn note_panic() {
    // SAFETY: the stub returns at once.
    unsafe { enter_panic() }
}

/// First and last-plus-one address of the kernel stack.
pub fn kernel_stack() -> (usize, usize) {
    ((&raw const kernel_stack_bottom).addr(), (&raw const kernel_stack_top).addr())
}

/// Leaves the kernel: user code continues in `context`, and whatever is on the kernel stack is forgotten.
///
/// # Safety
///
/// `context` is the context of the current thread, whose address space is active, and the kernel is done with boot.
#[inline(always)]
pub unsafe fn enter_user(context: *mut Context) -> ! {
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
pub unsafe fn enter_user_with(context: *mut Context, (badge, info): (u64, u64), words: *const Context) -> ! {
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
    // SAFETY: the caller vouches for the stack.
    unsafe { idle_window() }
}

/// Waits for a store to `line` (or an interrupt, handled on an empty stack), unless `is_done` says so first.
///
/// # Safety
///
/// As for [`wait_halted`]; `line` is mapped, and the CPU has MONITOR.
pub unsafe fn wait_for_store(line: *const u8, is_done: impl FnOnce() -> bool) {
    // SAFETY: MONITOR only arms the address, which the caller has mapped.
    unsafe { core::arch::asm!("monitor", in("rax") line, in("ecx") 0, in("edx") 0, options(nostack)) };
    if !is_done() {
        // SAFETY: the caller vouches for the stack.
        unsafe { idle_mwait() }
    }
}
