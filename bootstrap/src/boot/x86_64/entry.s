# SPDX-License-Identifier: MIT OR Apache-2.0
# Entry of the boot core. A PVH loader jumps to pvh_entry in 32-bit protected mode, paging off, EBX = start_info.
# Nothing else is assumed: CR0 may already have WP, EFER may already have NXE.

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 4, 18                      # name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

    .section .entry, "ax"
    .code32
    .global pvh_entry
pvh_entry:
    cli
    cld
    movl $bss_start, %edi
    movl $bss_end, %ecx
    subl %edi, %ecx
    xorl %eax, %eax
    rep stosb
    movl $boot_stack_top, %esp

    # The first 4 GiB, identity-mapped in 2 MiB pages. .kept is not part of bss: clear what is used here.
    movl $boot_pml4, %edi
    movl $(6 * 4096 / 4), %ecx
    rep stosl
    movl $boot_pdpt + 3, boot_pml4
    movl $boot_directories + 3, %eax
    xorl %ecx, %ecx
1:  movl %eax, boot_pdpt(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jne 1b
    movl $0x83, %eax                    # present, writable, large
    xorl %ecx, %ecx
2:  movl %eax, boot_directories(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jne 2b

    movl %ebx, %esi                     # rdmsr and wrmsr leave ESI alone
    call enable_long_mode
    lgdt boot_gdt_pointer
    ljmp $0x08, $long_mode

# Turns on PAE, long mode and paging with the boot tables.
enable_long_mode:
    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax
    movl %eax, %cr0
    ret

    .code64
long_mode:
    movq $boot_stack_top, %rsp
    call load_data_segments
    movl %esi, %edi
    xorl %ebp, %ebp
    call boot_core_main
1:  hlt
    jmp 1b

load_data_segments:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    ret

# An application processor arrives here from the trampoline in long mode without a stack. It takes the next of the
# prepared stacks; a core that nobody prepared a stack for stops.
    .global core_entry
core_entry:
    movl $1, %edi
    lock xaddl %edi, core_arrivals(%rip)
    cmpl core_stack_count(%rip), %edi
    jae 1f
    movl %edi, %eax
    incl %eax
    imulq ${core_stack_size}, %rax, %rax
    addq core_stacks(%rip), %rax
    movq %rax, %rsp
    call load_data_segments
    xorl %ebp, %ebp
    call core_main
1:  cli
    hlt
    jmp 1b

    .section .rodata.boot_gdt, "a"
    .align 16
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff            # 0x08: 64-bit code
    .quad 0x00cf93000000ffff            # 0x10: data
    .quad 0x00cf9b000000ffff            # 0x18: 32-bit code
boot_gdt_end:
    .global boot_gdt_pointer
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

    .section .kept.tables, "aw", @nobits
    .align 4096
    .global boot_pml4, boot_pdpt
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_directories:
    .skip 4 * 4096

    .section .heap.stack, "aw", @nobits
    .align 4096
boot_stack:
    .skip 64 * 1024
boot_stack_top:
