@ SPDX-License-Identifier: MIT OR Apache-2.0
@ Entry and exit of the kernel, which runs in supervisor mode with interrupts masked, always.
@
@   kernel_start       from the boot core, in r0 the window address of the hand-over
@   exception_vectors  VBAR points here, or to watched_vectors
@   resume_context     to user code
@   idle_*             for an interrupt that is taken without an exception, by asking the interrupt controller
@
@ While user code runs, the stack pointer of supervisor mode is the address of `pc` in the current context. Every
@ exception stores its return state there by SRS, and the user's registers below it:
@
@   context    r0 r1 .. r12 sp lr | pc cpsr entry
@                                 ^ stack pointer of supervisor mode
@
@ The other modes have no stack. Their stack pointers are scratch, and their link register is what SRS stores.

.section .text.entry, "ax", %progbits
.arm

@ The call of a function of the kernel. A debugger stops at `enter_WHAT`, whatever a compiler makes of the function.
.macro enter what, function
.global enter_\what
enter_\what:
    bl \function
.endm

.equ SUPERVISOR, 0x13
.equ MODE_MASK, 0x1f
.equ THUMB, 0x20

@ The boot core's table for user addresses gives way to the root task's: all that the TLB knows is forgotten, the boot core's
@ identity mapping included.
.global kernel_start
kernel_start:
    cpsid aif, #SUPERVISOR
    ldr sp, =kernel_stack_top
    ldrd r2, r3, [r0, #{ROOT_VSPACE}]
    mcrr p15, 0, r2, r3, c2
    isb
    mov r1, #0
    mcr p15, 0, r1, c8, c7, 0
    dsb
    isb
    mov r11, #0
    bl {main}
    udf #0

.global exception_vectors
.balign 32
exception_vectors:
    b impossible_entry                  @ reset
    b undefined_entry
    b syscall_entry
    b prefetch_abort_entry
    b data_abort_entry
    b impossible_entry                  @ hypervisor call
    b interrupt_entry
    b fast_interrupt_entry

@ The same where system calls are watched: no fast path is tried.
.global watched_vectors
.balign 32
watched_vectors:
    b impossible_entry
    b undefined_entry
    b watched_syscall_entry
    b prefetch_abort_entry
    b data_abort_entry
    b impossible_entry
    b interrupt_entry
    b fast_interrupt_entry

.macro save_at_syscall
    srsia sp, #SUPERVISOR
    stmdb sp, {{r0-r14}}^
    mov r4, sp
    mov lr, #1
    str lr, [sp, #{ENTRY}]
    ldr sp, =kernel_stack_top
.endm

watched_syscall_entry:
    save_at_syscall
    bl {watch}
    b slow_syscall

.balign 32
syscall_entry:
    save_at_syscall
@ The functions tried get the capability register and the message info where they are: in r0 and r1.
    cmp r7, #{CALL}
    beq try_fast_call
    cmp r7, #{REPLY_RECV}
    beq try_fast_reply_recv
    cmp r7, #{SEND}
    beq try_fast_send
    cmp r7, #{NB_SEND}
    beq try_fast_send
    bl {fast_other}
    cmp r0, #0
    bne resume_current
slow_syscall:
    enter syscall, {syscall}

@ Where everything leaves, in r0 the context to resume. Nothing returns to its caller: the stack is forgotten.
.global resume_context
resume_context:
    add r4, r0, #{PC}
@ The same, in r4 the address of `pc` in that context. A reservation for an exclusive store must not pass to another thread.
resume_current:
    mov sp, r4
    clrex
    ldmdb sp, {{r0-r14}}^
    rfeia sp

@ A fast path that succeeds jumps to resume_context itself; one that returns has changed nothing, or, a send, says that the
@ same thread goes on. r4 is preserved, as by any function.
try_fast_call:
    enter fast_call, {fast_call}
    b slow_syscall
try_fast_send:
    enter fast_send, {fast_send}
    cmp r0, #0
    bne resume_current
    b slow_syscall
try_fast_reply_recv:
    enter fast_reply_recv, {fast_reply_recv}
    b slow_syscall

@ In lr the address to return to, in sp the saved status of whom was interrupted: the user's has no mode bits but one.
.macro from_user
    srsia sp, #SUPERVISOR
    cps #SUPERVISOR
    stmdb sp, {{r0-r14}}^
    mov r0, #0
    str r0, [sp, #{ENTRY}]
    ldr sp, =kernel_stack_top
.endm

.macro from_kernel vector
    ldr sp, =fault_frame_end
    stmdb sp!, {{r0-r12}}
    mov r0, #\vector
    b kernel_fault
.endm

undefined_entry:
    mrs sp, spsr
    tst sp, #THUMB
    subeq lr, lr, #4
    subne lr, lr, #2
    tst sp, #0xf
    bne undefined_in_kernel
    from_user
    enter exception, {exception}
undefined_in_kernel:
    from_kernel {UNDEFINED}

prefetch_abort_entry:
    sub lr, lr, #4
    mrs sp, spsr
    tst sp, #0xf
    bne prefetch_abort_in_kernel
    from_user
    enter fetch_fault, {prefetch_abort}
prefetch_abort_in_kernel:
    from_kernel {PREFETCH_ABORT}

data_abort_entry:
    sub lr, lr, #8
    mrs sp, spsr
    tst sp, #0xf
    bne data_abort_in_kernel
    from_user
    enter page_fault, {data_abort}
data_abort_in_kernel:
    from_kernel {DATA_ABORT}

interrupt_entry:
    sub lr, lr, #4
    mrs sp, spsr
    tst sp, #0xf
    bne interrupt_in_kernel
    from_user
    enter interrupt, {interrupt}
interrupt_in_kernel:
    from_kernel {INTERRUPT}

@ Nobody asks for these: they are a failure wherever they come from.
fast_interrupt_entry:
    sub lr, lr, #4
    from_kernel {FAST_INTERRUPT}
impossible_entry:
    from_kernel {IMPOSSIBLE}

@ In r0 the vector, in sp the frame with r0 to r12 stored, in lr the address. Still in the mode of the exception.
kernel_fault:
    mrs r1, cpsr
    mrs r2, spsr
    bic r3, r1, #MODE_MASK
    and r4, r2, #MODE_MASK
    teq r4, #0x10
    moveq r4, #0x1f                     @ user mode shares its registers with system mode, which can come back
    orr r3, r3, r4
    msr cpsr_c, r3
    mov r5, sp
    mov r6, lr
    msr cpsr_c, r1
    str r5, [sp, #{FRAME_SP}]
    str r6, [sp, #{FRAME_LR}]
    str lr, [sp, #{FRAME_PC}]
    str r2, [sp, #{FRAME_STATUS}]
    str r0, [sp, #{FRAME_VECTOR}]
    mov r0, sp
    ldr sp, =fault_stack_top
    enter kernel_fault, {kernel_fault}
    udf #0

@ Sleeps until there is an interrupt, masked or not, and handles it on an empty stack.
.global idle_halt
idle_halt:
    dsb
    wfi
@ Handles an interrupt that waits on an empty stack.
.global idle_interrupt
idle_interrupt:
    ldr sp, =kernel_stack_top
    enter wake, {wake}
.ltorg

@ A kernel that fails calls this, so that a debugger can stop there.
.global enter_panic
enter_panic:
    bx lr

.section .bss.entry, "aw", %nobits
.balign 8
fault_frame:
    .skip {FRAME_BYTES}
fault_stack:
    .skip 4096
fault_stack_top:
.equ fault_frame_end, fault_frame + {FRAME_GENERAL}
