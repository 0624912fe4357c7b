// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code that is tried on x86_64, with its argument in RDI.
#![allow(unsafe_code)] // instructions that no Rust code stands for

use crate::code::codes;

codes! {
    end = "ud2";
    /// Reads the word at RDI.
    load = "mov rax, [rdi]";
    /// Writes the word at RDI.
    store = "mov [rdi], rdi";
    /// Calls the code at RDI.
    jump = "jmp rdi";
    /// Writes to port DI.
    output = "mov edx, edi", "out dx, al";
    /// Reads from port DI.
    input = "mov edx, edi", "in al, dx";
    /// Writes to the model-specific register EDI.
    write_register = "mov ecx, edi", "xor eax, eax", "xor edx, edx", "wrmsr";
    /// Reads the model-specific register EDI.
    read_register = "mov ecx, edi", "rdmsr";
    /// Loads a top-level table.
    load_tables = "mov cr3, rdi";
    /// Turns interrupts off.
    interrupts_off = "cli";
    /// Stops the core.
    halt = "hlt";
    /// Loads an interrupt table.
    load_gates = "lidt [rsp - 16]";
    /// Loads a debug register.
    load_debug = "mov dr7, rdi";
    /// Enters the NMI gate.
    interrupt_nmi = "int 2";
    /// Enters the double-fault gate.
    interrupt_double_fault = "int 8";
    /// Enters the machine-check gate.
    interrupt_machine_check = "int 18";
    /// Enters the doorbell's gate.
    interrupt_doorbell = "int 156";
    /// Enters the timer's gate.
    interrupt_timer = "int 157";
}

const _: () = assert!(abi::vector::DOORBELL == 156 && abi::vector::TIMER == 157);
