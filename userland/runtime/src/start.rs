// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first instructions of a root task, and what it does when it panics.
#![allow(unsafe_code)] // the entry point

use crate::bootinfo::Boot;
use crate::capability::INIT_TCB;
use crate::ipc_buffer::{Local, current_thread};
use crate::report::{PANIC_CODE, exit};
use crate::root_task::RootTask;
use crate::{console, println, syscall};
use core::arch::global_asm;
use core::cell::UnsafeCell;
use core::panic::PanicInfo;

/// Bytes of the root task's stack.
const STACK_SIZE: usize = 64 << 10;

// The kernel starts a root task without a stack; RDI is the address of the bootinfo.
global_asm!(
    ".pushsection .text._start, \"ax\"",
    ".global _start",
    "_start:",
    "lea rsp, [rip + {stack} + {size}]",
    "xor ebp, ebp",
    "call {start}",
    "ud2",
    ".popsection",
    stack = sym STACK,
    size = const STACK_SIZE,
    start = sym start,
);

/// The stack of the root task.
#[repr(C, align(16))]
struct RootStack(UnsafeCell<[u8; STACK_SIZE]>);

// SAFETY: only the root task's thread uses it, as its stack.
unsafe impl Sync for RootStack {}

static STACK: RootStack = RootStack(UnsafeCell::new([0; STACK_SIZE]));

/// What the root task's thread knows about itself.
struct RootLocal(UnsafeCell<Local>);

// SAFETY: it is written once, before the first use.
unsafe impl Sync for RootLocal {}

static LOCAL: RootLocal = RootLocal(UnsafeCell::new(Local::new(0, INIT_TCB)));

unsafe extern "Rust" {
    /// What `entry!` makes of the program's `main`.
    safe fn skerry_root_task_main(task: &mut RootTask) -> i32;
}

extern "C" fn start(bootinfo: u64) -> ! {
    // SAFETY: this is the value of RDI, and the program never writes or unmaps the bootinfo.
    let boot = unsafe { Boot::from_address(bootinfo) };
    // SAFETY: no other thread runs, and FS base does not point here yet.
    unsafe { LOCAL.0.get().write(Local::new(boot.info().ipc_buffer, INIT_TCB)) };
    syscall::set_tls_base(LOCAL.0.get() as u64);
    let mut task = RootTask::new(boot);
    if console::choose(&mut task).is_err() {
        println!("the console named by the arguments belongs to another instance");
    }
    exit(skerry_root_task_main(&mut task))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    console::end_line();
    if current_thread() == INIT_TCB {
        println!("{info}");
    } else {
        println!("thread at slot {}: {info}", current_thread().0.0);
    }
    exit(PANIC_CODE)
}
