@ SPDX-License-Identifier: MIT OR Apache-2.0
@ Exceptions of the boot phase: every one is a defect. They build a TrapFrame (traps.rs) on the stack of the core and never
@ return.

    .macro trap number, adjust
boot_trap_\number:
    sub lr, lr, #\adjust
    srsdb sp!, #0x13
    cps #0x13
    push {{r0-r12, lr}}
    mov r0, #\number
    mov r1, sp
    bic sp, sp, #7
    bl boot_trap
    .endm

    .section .text.traps, "ax", %progbits
    .arm
    .global boot_vectors
    .balign 32
boot_vectors:
    b .
    b boot_trap_1
    b boot_trap_2
    b boot_trap_3
    b boot_trap_4
    b .
    b boot_trap_6
    b boot_trap_7

    trap 1, 4
    trap 2, 4
    trap 3, 4
    trap 4, 8
    trap 6, 4
    trap 7, 4
