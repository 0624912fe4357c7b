// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of the program, and the one door to it.
//!
//! Invariant kept: ENTERED-ONCE. An entry point asks [`enter`] once and hands the reference down; what leaves for user
//! code takes it for good. Who returns to the stub, or waits for an interrupt, says so by [`give_up`]. So no two references
//! to the state are in use.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};

use arch::hw::HwMachine;
use ipi::Inbox;
use kernel::Kernel;
use kernel::handover::IdleMode;
use kernel::memory::objects::Objects;

use super::inject::Injection;

/// The kernel, and what the program adds to it.
pub(super) struct Instance {
    pub(super) kernel: Kernel<HwMachine>,
    pub(super) idle: IdleMode,
    pub(super) inbox: Option<Inbox<'static>>,
    pub(super) inject: Option<Injection>,
}

static mut INSTANCE: Instance = Instance {
    kernel: Kernel::new(HwMachine::new(), Objects::new()),
    idle: IdleMode::Halt,
    inbox: None,
    inject: None,
};

/// Whether the reference is in use, where builds with debug assertions watch.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// The state, for an entry point. Not a closure that is given the state: the compiler would not inline one that leaves.
#[inline(always)]
pub(super) fn enter() -> &'static mut Instance {
    take_up();
    let instance = &raw mut INSTANCE;
    // SAFETY: ENTERED-ONCE: one core, interrupts off, and whoever asked before has given the reference up.
    unsafe { &mut *instance }
}

/// The reference is in use again, after a wait that no interrupt has ended.
#[inline(always)]
pub(super) fn take_up() {
    if cfg!(debug_assertions) {
        assert!(!IS_ENTERED.swap(true, Ordering::Relaxed), "two references to the state of the kernel");
    }
}

/// The reference is not used any more: the caller leaves, or waits for an interrupt that begins afresh.
#[inline(always)]
pub(super) fn give_up() {
    if cfg!(debug_assertions) {
        IS_ENTERED.store(false, Ordering::Relaxed);
    }
}

/// The state for a kernel that has failed, whatever it was doing.
pub(super) fn of_failed_kernel() -> &'static mut Instance {
    let instance = &raw mut INSTANCE;
    // SAFETY: ENTERED-ONCE: whoever held the reference does not run any more.
    unsafe { &mut *instance }
}
