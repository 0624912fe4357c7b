// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code that is tried on AArch32, with its argument in R0: one instruction each.
#![allow(unsafe_code)] // instructions that no Rust code stands for

use crate::code::codes;

codes! {
    end = "udf #0";
    /// Reads the word at R0.
    load = "ldr r1, [r0]";
    /// Writes the word at R0.
    store = "str r0, [r0]";
    /// Goes on at R0.
    jump = "bx r0";
    /// Calls the monitor, which is the firmware: SMC.
    monitor_call = ".inst 0xe1600070";
    /// Calls the hypervisor, which is the firmware of QEMU's machine: HVC.
    hypervisor_call = ".inst 0xe1400070";
    /// Loads a top-level table into TTBR0.
    load_tables = "mcrr p15, 0, r0, r1, c2";
    /// Reads TTBR0.
    read_tables = "mrrc p15, 0, r0, r1, c2";
    /// Turns the MMU off, as SCTLR says it is.
    control = "mcr p15, 0, r0, c1, c0, 0";
    /// Moves the vectors.
    load_vectors = "mcr p15, 0, r0, c12, c0, 0";
    /// Gives the right to use all coprocessors.
    coprocessors = "mcr p15, 0, r0, c1, c0, 2";
    /// Empties the TLB.
    forget = "mcr p15, 0, r0, c8, c7, 0";
    /// Invalidates a line of the cache, and what was stored in it.
    invalidate = "mcr p15, 0, r0, c7, c6, 1";
    /// Turns the virtual timer off.
    virtual_timer = "mcr p15, 0, r0, c14, c3, 1";
    /// Turns the physical timer off.
    physical_timer = "mcr p15, 0, r0, c14, c2, 1";
    /// Writes the frequency of the timers.
    frequency = "mcr p15, 0, r0, c14, c0, 0";
    /// Lets interrupts of the cycle counter come.
    counter_interrupt = "mcr p15, 0, r0, c9, c14, 1";
    /// Returns from an exception that never was, into the mode at R0.
    exception_return = "rfeia r0";
    /// The same as an arithmetic instruction.
    return_with_flags = "subs pc, lr, #4";
    /// Stores the return state of an exception on the stack of another mode.
    store_state = "srsdb sp!, #0x13";
    /// Masks interrupts.
    interrupts_off = "cpsid aif";
    /// Changes the mode.
    supervisor = "cps #0x13";
    /// Writes mode and masks.
    status = "msr cpsr_c, r0";
}
