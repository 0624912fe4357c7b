# SPDX-License-Identifier: MIT OR Apache-2.0
# Entry of the boot core. A PVH loader jumps to pvh_entry in 32-bit protected mode, paging off, EBX = start_info.
# Nothing else is assumed: CR0 may already have WP, EFER may already have NXE, and there may be no long mode to turn on.

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
    call expect_long_mode

    # The first 4 GiB, identity-mapped in 2 MiB pages. .kept is not part of bss: clear what is used here.
    movl $boot_pml4, %edi
    movl $(6 * 4096 / 4), %ecx
    xorl %eax, %eax
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

# Returns on a processor with long mode; on others says so and stops. EBX is kept.
expect_long_mode:
    pushl %ebx
    pushfl                              # the ID flag can be changed: there is CPUID
    popl %eax
    movl %eax, %ecx
    xorl $0x200000, %eax
    pushl %eax
    popfl
    pushfl
    popl %eax
    xorl %ecx, %eax
    testl $0x200000, %eax
    jz 1f
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb 1f
    movl $0x80000001, %eax
    cpuid
    testl $0x20000000, %edx
    jz 1f
    popl %ebx
    ret
1:  movl $no_long_mode, %esi
2:  lodsb
    testb %al, %al
    jz 4f
    # The command line is not read here, so every place where somebody may listen: the runner's debug console of the boot,
    # QEMU's usual debug console, the first serial port once its holding register is empty or for a bounded time.
    movw $0x8dff, %dx
    outb %al, %dx
    movw $0xe9, %dx
    outb %al, %dx
    movb %al, %bl
    movl $100000, %ecx
    movw $0x3fd, %dx
3:  inb %dx, %al
    testb $0x20, %al
    loopz 3b
    movb %bl, %al
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 2b
4:  cli
    hlt
    jmp 4b

    .section .rodata.no_long_mode, "a"
no_long_mode:
    .ascii "boot stopped: this processor has no long mode: choose one with 64 bits (QEMU: --cpu max)\n"
    .asciz "!skerry {{\"boot_error\":\"this processor has no long mode: choose one with 64 bits (QEMU: --cpu max)\"}}\n"
    .section .entry, "ax"

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

# An application processor arrives here from the trampoline in long mode without a stack. Its APIC id, found as
# cpu::core_id finds it, chooses its stack. A core that nobody called has none: it parks.
    .global core_entry
core_entry:
    xorl %eax, %eax
    cpuid
    movl %eax, %esi                     # the highest leaf
    movl $1, %eax
    cpuid
    shrl $24, %ebx
    movl %ebx, %edi                     # the id of 8 bits
    cmpl $0xb, %esi
    jb 1f
    movl $0xb, %eax
    xorl %ecx, %ecx
    cpuid
    testl %ebx, %ebx
    jz 1f
    movl %edx, %edi                     # the id of 32 bits
1:  movq core_ids(%rip), %rdx
    movl core_count(%rip), %ecx
    xorl %eax, %eax
2:  cmpl %ecx, %eax
    jae park
    cmpl %edi, (%rdx, %rax, 4)
    je 3f
    incl %eax
    jmp 2b
3:  incl %eax
    imulq ${core_stack_size}, %rax, %rax
    addq core_stacks(%rip), %rax
    movq %rax, %rsp
    call load_data_segments
    xorl %ebp, %ebp
    call core_main

# A core parks for good in memory that is kept back. It can only be woken by an NMI or a machine check, which push a frame: all
# parked cores share a stack for these, as none of them ever reads it. Without CR4.MCE a machine check would reset the machine.
park:
    movq $park_stack_top, %rsp
    lidt park_gates_pointer(%rip)
    movq %cr4, %rax
    orq $0x40, %rax
    movq %rax, %cr4
    movl $1, park_arrived(%rip)         # a test that sends an NMI waits for this
    .global park_trap
park_trap:
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
    .skip 4096
park_stack_top:
    .global park_arrived
park_arrived:
    .skip 64

    .section .heap.stack, "aw", @nobits
    .align 4096
boot_stack:
    .skip 64 * 1024
boot_stack_top:
