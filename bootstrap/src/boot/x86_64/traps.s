# SPDX-License-Identifier: MIT OR Apache-2.0
# Trap stubs of the boot phase, 16 bytes each from boot_trap_stubs on: one per exception, and number 32 for every
# interrupt nobody asked for. They build a TrapFrame (traps.rs) and never return.

    .section .text.traps, "ax"
    .code64
    .global boot_trap_stubs, boot_wake_stub, boot_spurious_stub
    .align 16
boot_trap_stubs:
    .irp vector, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32
    .align 16
    .if (\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
    .else
    pushq $0
    .endif
    pushq $\vector
    jmp boot_trap_common
    .endr

boot_trap_common:
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %rax
    cld
    movq %rsp, %rdi
    andq $-16, %rsp
    call boot_trap
1:  cli
    hlt
    jmp 1b

# The interrupt that wakes a parked core: acknowledge it and go on after the hlt.
    .align 16
boot_wake_stub:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    movq %rsp, %rax
    andq $-16, %rsp
    pushq %rax
    pushq %rax
    cld
    call acknowledge_wake
    popq %rax
    movq %rax, %rsp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    iretq

    .align 16
boot_spurious_stub:
    iretq
