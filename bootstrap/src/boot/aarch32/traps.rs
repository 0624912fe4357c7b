// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions of the boot phase: every one is a defect, is printed and stops the boot. Interrupts stay masked.

use core::arch::{asm, global_asm};

use super::cpu;
use crate::boot::console::say;
use crate::boot::error;

global_asm!(include_str!("traps.s"));

/// Names of the exceptions, by their place in the table.
const EXCEPTIONS: [&str; 8] = [
    "reset",
    "undefined instruction",
    "supervisor call",
    "prefetch abort",
    "data abort",
    "hypervisor trap",
    "unexpected interrupt",
    "unexpected fast interrupt",
];

unsafe extern "C" {
    static boot_vectors: u8;
}

/// What the stubs push, lowest address first.
#[repr(C)]
struct TrapFrame {
    /// R0 to R12, and R14 of supervisor mode.
    registers: [u32; 14],
    pc: u32,
    cpsr: u32,
}

/// Loads the exception table; called once, by the boot core.
pub(crate) fn init() {
    load();
}

/// Loads the exception table on the core this runs on.
pub(crate) fn load() {
    let vectors = &raw const boot_vectors;
    // SAFETY: the table holds a branch for each exception and is never moved or freed.
    unsafe { asm!("mcr p15, 0, {}, c12, c0, 0", "isb", in(reg) vectors, options(nostack, preserves_flags)) };
}

#[unsafe(no_mangle)]
extern "C" fn boot_trap(number: u32, frame: &TrapFrame) -> ! {
    let name = EXCEPTIONS.get(number as usize).unwrap_or(&"unexpected exception");
    let (dfsr, dfar, ifsr, ifar): (u32, u32, u32, u32);
    // SAFETY: reading the fault registers changes nothing.
    unsafe {
        asm!(
            "mrc p15, 0, {}, c5, c0, 0",
            "mrc p15, 0, {}, c6, c0, 0",
            "mrc p15, 0, {}, c5, c0, 1",
            "mrc p15, 0, {}, c6, c0, 2",
            out(reg) dfsr, out(reg) dfar, out(reg) ifsr, out(reg) ifar,
            options(nomem, nostack, preserves_flags)
        );
    }
    let sp = frame as *const TrapFrame as usize + size_of::<TrapFrame>();
    say!("boot: {name} on core {}", cpu::core_id());
    say!("  pc {:#010x} cpsr {:#010x} sp {sp:#010x}", frame.pc, frame.cpsr);
    say!("  data fault {dfsr:#x} at {dfar:#010x}, prefetch fault {ifsr:#x} at {ifar:#010x}");
    for (number, value) in frame.registers.iter().enumerate() {
        match number {
            13 => say!("  lr {value:#010x}"),
            _ => say!("  r{number} {value:#010x}"),
        }
    }
    error::stop(format_args!("{name} at {:#x}", frame.pc))
}
