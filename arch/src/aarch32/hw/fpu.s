@ SPDX-License-Identifier: MIT OR Apache-2.0
.section .text.fpu, "ax", %progbits
.arm
.fpu neon

@ The state of the floating-point unit: d0 to d31, then FPSCR.
.global fpu_save
fpu_save:
    vstmia r0!, {{d0-d15}}
    vstmia r0!, {{d16-d31}}
    vmrs r1, fpscr
    str r1, [r0]
    bx lr
.global fpu_load
fpu_load:
    vldmia r0!, {{d0-d15}}
    vldmia r0!, {{d16-d31}}
    ldr r1, [r0]
    vmsr fpscr, r1
    bx lr
.global fpu_enable
fpu_enable:
    mov r0, #0x40000000
    vmsr fpexc, r0
    bx lr
