# SPDX-License-Identifier: MIT OR Apache-2.0
# Start of an application processor: copied to a page below 1 MiB, entered in real mode with CS = page / 16. The code
# depends only on its own page being below 1 MiB and on the boot image, which it reaches by 32-bit absolute addresses
# once paging is on.

    .section .rodata.trampoline, "a"
    .code16
    .global trampoline_start, trampoline_end
trampoline_start:
    cli
    cld
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    lgdtl %cs:(trampoline_gdt_pointer - trampoline_start)
    movl %cr0, %eax
    andl $0x9fffffff, %eax              # INIT leaves CD and NW set
    orl $0x80000001, %eax
    movl %eax, %cr0                     # from real mode straight into long mode
    ljmpl $0x08, $core_entry_low
    .align 8
trampoline_gdt_pointer:
    .word 4 * 8 - 1
    .long boot_gdt
trampoline_end:

    .section .entry, "ax"
    .code64
core_entry_low:
    lgdt boot_gdt_pointer(%rip)
    jmp core_entry
