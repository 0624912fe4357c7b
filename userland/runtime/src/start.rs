// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first functions of root tasks and of programs, and what both do when they panic.
//!
//! The first instructions are in the macros `entry!` and `program!`, so that a binary has those of its kind only.
#![allow(unsafe_code)] // what the kernel or init passes in registers

use crate::bootinfo::Boot;
use crate::capability::{CPtr, Endpoint, INIT_TCB};
use crate::ipc_buffer::{Local, current_thread};
use crate::program::Program;
use crate::report::{PANIC_CODE, exit};
use crate::root_task::RootTask;
use crate::{console, println, syscall};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;

/// Bytes of the root task's stack.
pub const STACK_SIZE: usize = 64 << 10;

/// The stack of a root task, which the kernel starts without one.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct RootStack(UnsafeCell<[u8; STACK_SIZE]>);

// SAFETY: only the root task's thread uses it, as its stack.
unsafe impl Sync for RootStack {}

/// The stack that `entry!` puts a root task on.
pub static STACK: RootStack = RootStack(UnsafeCell::new([0; STACK_SIZE]));

/// What the root task's thread knows about itself.
struct RootLocal(UnsafeCell<Local>);

// SAFETY: it is written once, before the first use.
unsafe impl Sync for RootLocal {}

static LOCAL: RootLocal = RootLocal(UnsafeCell::new(Local::new(0, INIT_TCB)));

/// Runs a root task.
///
/// # Safety
///
/// `bootinfo` is what the kernel passed in the first register, and nothing of the program has run before.
pub unsafe fn root_task(bootinfo: u64, main: impl FnOnce(&mut RootTask) -> i32) -> ! {
    // SAFETY: this is the value of that register, and the program never writes or unmaps the bootinfo.
    let boot = unsafe { Boot::from_address(bootinfo) };
    // SAFETY: no other thread runs, and the thread pointer does not point here yet.
    unsafe { LOCAL.0.get().write(Local::new(abi::widen(boot.info().ipc_buffer), INIT_TCB)) };
    syscall::set_tls_base(LOCAL.0.get() as u64);
    let mut task = RootTask::new(boot);
    if console::choose(&mut task).is_err() {
        println!("the console named by the arguments belongs to another instance");
    }
    exit(main(&mut task))
}

/// Runs a program that init started.
///
/// # Safety
///
/// `info` is what init passed in the first register, and nothing of the program has run before.
pub unsafe fn program(info: u64, main: impl FnOnce(&mut Program) -> i32) -> ! {
    // SAFETY: this is the value of that register; init mapped the start info there, and nobody writes it while the program runs.
    let program = unsafe { Program::from_address(info) };
    match program {
        Some(mut program) => {
            console::use_service(Endpoint(CPtr(program.info().head.service)));
            exit(main(&mut program))
        }
        // Started by something else, without anybody to tell.
        None => loop {
            core::hint::spin_loop();
        },
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    console::end_line();
    // A program has no capability for its thread.
    if [INIT_TCB.0, CPtr::NULL].contains(&current_thread().0) {
        println!("{info}");
    } else {
        println!("thread at slot {}: {info}", current_thread().0.0);
    }
    exit(PANIC_CODE)
}
