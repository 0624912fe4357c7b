// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions of the boot phase: every one is a defect, is printed and stops the boot. The only interrupt that is
//! expected is the one that wakes a parked core.

use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;

use super::{apic, cpu};
use crate::boot::console::say;
use crate::boot::error;

global_asm!(include_str!("traps.s"), options(att_syntax));

/// Wakes a parked core.
pub(crate) const WAKE_VECTOR: u8 = 0xf0;
/// The local APIC's spurious vector: no acknowledgement.
pub(crate) const SPURIOUS_VECTOR: u8 = 0xff;

const STUB_SIZE: u64 = 16;
/// Number of the stub for interrupts nobody asked for.
const UNEXPECTED: u64 = 32;
const CODE_SELECTOR: u64 = 0x08;
/// Present, 64-bit interrupt gate.
const INTERRUPT_GATE: u64 = 0x8e << 40;

const EXCEPTIONS: [&str; 22] = [
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound range",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection",
    "page fault",
    "reserved",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualization",
    "control protection",
];

unsafe extern "C" {
    static boot_trap_stubs: u8;
    static boot_wake_stub: u8;
    static boot_spurious_stub: u8;
    static park_trap: u8;
}

#[repr(C, align(16))]
struct Gates<const N: usize>(UnsafeCell<[[u64; 2]; N]>);

// SAFETY: written once by the boot core before any other core is started, then only read by processors.
unsafe impl<const N: usize> Sync for Gates<N> {}

#[unsafe(link_section = ".kept.gates")]
static GATES: Gates<256> = Gates(UnsafeCell::new([[0; 2]; 256]));
/// Of cores that nobody called (`park` in entry.s): their interrupts are off, so exceptions and NMI are all.
#[unsafe(link_section = ".kept.gates")]
static PARK_GATES: Gates<{ UNEXPECTED as usize }> = Gates(UnsafeCell::new([[0; 2]; UNEXPECTED as usize]));

/// Operand of LIDT.
#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

/// Where `park` finds its gates.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".kept.gates")]
static park_gates_pointer: Pointer = Pointer(UnsafeCell::new(TablePointer { limit: 0, base: 0 }));

#[repr(transparent)]
struct Pointer(UnsafeCell<TablePointer>);

// SAFETY: as for `Gates`.
unsafe impl Sync for Pointer {}

/// What the stubs push, lowest address first.
#[repr(C)]
struct TrapFrame {
    /// RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8 .. R15.
    registers: [u64; 15],
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    flags: u64,
    rsp: u64,
    ss: u64,
}

fn gate(address: u64) -> [u64; 2] {
    let low = (address & 0xffff) | CODE_SELECTOR << 16 | INTERRUPT_GATE | (address >> 16 & 0xffff) << 48;
    [low, address >> 32]
}

/// Fills the interrupt table; called once, by the boot core.
pub(crate) fn init() {
    let stubs = &raw const boot_trap_stubs as u64;
    let mut gates = [gate(stubs + UNEXPECTED * STUB_SIZE); 256];
    for vector in 0..UNEXPECTED {
        gates[vector as usize] = gate(stubs + vector * STUB_SIZE);
    }
    gates[usize::from(WAKE_VECTOR)] = gate(&raw const boot_wake_stub as u64);
    gates[usize::from(SPURIOUS_VECTOR)] = gate(&raw const boot_spurious_stub as u64);
    // SAFETY: the boot core is the only one running, and its interrupts are off.
    unsafe { GATES.0.get().write(gates) };
    let park = [gate(&raw const park_trap as u64); UNEXPECTED as usize];
    // SAFETY: as above.
    unsafe { PARK_GATES.0.get().write(park) };
    let pointer =
        TablePointer { limit: (size_of_val(&PARK_GATES) - 1) as u16, base: PARK_GATES.0.get() as u64 };
    // SAFETY: as above.
    unsafe { park_gates_pointer.0.get().write(pointer) };
    load();
}

/// Loads the interrupt table on the core this runs on.
pub(crate) fn load() {
    let pointer = x86_64::structures::DescriptorTablePointer {
        limit: (size_of_val(&GATES) - 1) as u16,
        base: x86_64::VirtAddr::new(GATES.0.get() as u64),
    };
    // SAFETY: the table holds a gate for each vector and is never moved or freed.
    unsafe { asm!("lidt [{}]", in(reg) &pointer, options(readonly, nostack, preserves_flags)) };
}

#[unsafe(no_mangle)]
extern "C" fn acknowledge_wake() {
    apic::end_of_interrupt();
}

#[unsafe(no_mangle)]
extern "C" fn boot_trap(frame: &TrapFrame) -> ! {
    let name = EXCEPTIONS.get(frame.vector as usize).unwrap_or(&"unexpected interrupt");
    let fault_address: u64;
    // SAFETY: reading CR2 changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) fault_address, options(nomem, nostack, preserves_flags)) };
    say!("boot: {name} (vector {}, error {:#x}) on core {}", frame.vector, frame.error, cpu::core_id());
    say!("  rip {:#018x} cs {:#x} flags {:#x}", frame.rip, frame.cs, frame.flags);
    say!("  rsp {:#018x} ss {:#x} cr2 {fault_address:#018x}", frame.rsp, frame.ss);
    let names = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp"];
    for (number, value) in frame.registers.iter().enumerate() {
        match names.get(number) {
            Some(name) => say!("  {name} {value:#018x}"),
            None => say!("  r{} {value:#018x}", number + 1),
        }
    }
    error::stop(format_args!("{name} at {:#x}", frame.rip))
}
