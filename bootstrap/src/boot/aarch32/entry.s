@ SPDX-License-Identifier: MIT OR Apache-2.0
@ Entry of the cores: MMU and caches off. The boot core comes by the boot protocol of Linux with the device tree in r2; it
@ enters at the first byte of the image. Another core comes by PSCI with the end of its stack in r0.

@ To supervisor mode, interrupts masked. From hypervisor mode, where firmware leaves a core that has it, nothing of the
@ hypervisor stays between the kernels and the processor. Changes r1.
    .macro supervisor_mode
    mrs r1, cpsr
    and r1, r1, #0x1f
    cmp r1, #0x1a
    bne 8f
    mrc p15, 0, r1, c0, c0, 0
    mcr p15, 4, r1, c0, c0, 0           @ VPIDR
    mrc p15, 0, r1, c0, c0, 5
    mcr p15, 4, r1, c0, c0, 5           @ VMPIDR
    mrc p15, 4, r1, c14, c1, 0
    orr r1, r1, #3
    mcr p15, 4, r1, c14, c1, 0          @ CNTHCTL: counter and timers are the kernels'
    mrc p15, 4, r1, c1, c1, 1
    and r1, r1, #0x1f
    mcr p15, 4, r1, c1, c1, 1           @ HDCR: no traps, the number of counters stays
    ldr r1, =0x33ff
    mcr p15, 4, r1, c1, c1, 2           @ HCPTR: no traps
    mov r1, #0
    mcr p15, 4, r1, c1, c1, 0           @ HCR
    mcr p15, 4, r1, c1, c1, 3           @ HSTR
    mcrr p15, 4, r1, r1, c14            @ CNTVOFF
    adr r1, 8f
    msr elr_hyp, r1
    mov r1, #0x1d3
    msr spsr_cxsf, r1
    eret
8:  cpsid aif, #0x13
    .endm

    .section .entry, "ax", %progbits
    .arm
    .arch_extension virt
    .global boot_entry
boot_entry:
    mov r4, r2
    supervisor_mode
    bl enable_mmu
    ldr r0, =bss_start
    ldr r1, =bss_end
    mov r2, #0
1:  cmp r0, r1
    strlo r2, [r0], #4
    blo 1b
    ldr sp, =boot_stack_top
    mov r0, r4
    mov r11, #0
    bl boot_core_main
2:  wfi
    b 2b

@ A core that comes after the boot image has gone finds the flag set and stays here.
    .global core_entry
core_entry:
    mov r4, r0
    supervisor_mode
    ldr r0, =core_entry_closed
    ldr r0, [r0]
    cmp r0, #0
    bne 2b
    bl enable_mmu
    mov sp, r4
    mov r11, #0
    bl core_main
3:  wfi
    b 3b

@ Forgets what instruction cache, branch predictor and TLB may hold from before, and turns the MMU and the caches on.
@ Data caches are off and hold nothing, as the protocols say. A Cortex-A7 or A15 keeps its caches coherent with those of
@ others only with ACTLR.SMP, which comes before. Where firmware has set it, it may not be written. Changes r0 to r2.
enable_mmu:
    mrc p15, 0, r1, c0, c0, 0           @ MIDR
    ldr r2, ={CORE_MASK}
    and r1, r1, r2
    ldr r2, ={CORE}
    cmp r1, r2
    bne 1f
    mrc p15, 0, r1, c1, c0, 1           @ ACTLR
    tst r1, #{SMP}
    orreq r1, r1, #{SMP}
    mcreq p15, 0, r1, c1, c0, 1
    isb
1:
    mov r0, #0
    mcr p15, 0, r0, c7, c5, 0           @ ICIALLU
    mcr p15, 0, r0, c7, c5, 6           @ BPIALL
    mcr p15, 0, r0, c8, c7, 0           @ TLBIALL
    ldr r1, ={MAIR0}
    mcr p15, 0, r1, c10, c2, 0
    mcr p15, 0, r0, c10, c2, 1
    ldr r1, ={TTBCR}
    mcr p15, 0, r1, c2, c0, 2
    ldr r1, =boot_low_table
    mcrr p15, 0, r1, r0, c2             @ TTBR0
    ldr r1, =boot_high_table
    mcrr p15, 1, r1, r0, c2             @ TTBR1
    dsb
    isb
    ldr r1, ={SCTLR}
    mcr p15, 0, r1, c1, c0, 0
    isb
    bx lr
    .ltorg

@ Blocks of 1 GiB; nobody changes them. Below 2 GiB, by TTBR0: registers and the first gigabyte of memory where they are.
@ Above, by TTBR1: memory at the kernels' window.
    .section .kept.tables, "aw", %progbits
    .balign 4096
boot_low_table:
    .quad {DEVICES}
    .quad 0x40000000 + {MEMORY}
boot_high_table:
    .quad 0x40000000 + {MEMORY}
    .quad 0x80000000 + {MEMORY}

    .section .heap.stack, "aw", %nobits
    .balign 4096
boot_stack:
    .skip 64 * 1024
boot_stack_top:
