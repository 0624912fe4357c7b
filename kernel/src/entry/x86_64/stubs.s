# SPDX-License-Identifier: MIT OR Apache-2.0
# Entry and exit of the kernel. The kernel never uses GS: everything is found by address.
#
#   kernel_start    from the boot core, in %rdi the window address of the hand-over
#   syscall_entry   from user code by `syscall`: registers go straight into the current context; watched_syscall_entry: the
#                   same without fast paths
#   trap_stubs      one 16-byte stub for each vector, into the copy of trap_common for its kind
#   resume_context  to user code, by sysretq or iretq as the thread came; resume_with_message: the same with a message
#   idle_*          the only place where a maskable interrupt may arrive in ring 0
#
# Stack of trap_common: vector, error code, then what the processor pushed: rip, cs, rflags, rsp, ss.

.section .text.entry, "ax", @progbits

.global kernel_start
kernel_start:
    movq $kernel_stack_top, %rsp
    movq {ROOT_VSPACE}(%rdi), %rax
    movq %rax, %cr3
    xorl %ebp, %ebp
    call {main}
    ud2

.macro save_general base
    movq %rbx, {RBX}(\base)
    movq %rdx, {RDX}(\base)
    movq %rsi, {RSI}(\base)
    movq %rdi, {RDI}(\base)
    movq %rbp, {RBP}(\base)
    movq %r8, {R8}(\base)
    movq %r9, {R9}(\base)
    movq %r10, {R10}(\base)
    movq %r12, {R12}(\base)
    movq %r13, {R13}(\base)
    movq %r14, {R14}(\base)
    movq %r15, {R15}(\base)
.endm

# The call of a function of the kernel. A debugger stops at `enter_WHAT`, whatever a compiler makes of the function.
.macro enter what, function
.global enter_\what
enter_\what:
    call \function
.endm

.macro load_words base
    movq {R8}(\base), %r8
    movq {R9}(\base), %r9
    movq {R10}(\base), %r10
    movq {R15}(\base), %r15
.endm

.macro load_others base
    movq {RBX}(\base), %rbx
    movq {RDX}(\base), %rdx
    movq {RBP}(\base), %rbp
    movq {R12}(\base), %r12
    movq {R13}(\base), %r13
    movq {R14}(\base), %r14
.endm

.macro load_general base
    movq {RSI}(\base), %rsi
    movq {RDI}(\base), %rdi
    load_words \base
    load_others \base
.endm

# For a thread that came by `syscall`, with everything else loaded. Its rip came out of %rcx of a syscall in mapped user
# memory, whose last page is never mapped: it is canonical.
.macro return_from_syscall
    movq {RIP}(%rax), %rcx
    movq {RFLAGS}(%rax), %r11
    movq {RSP}(%rax), %rsp
    movq {RAX}(%rax), %rax
    sysretq
.endm

.macro save_at_syscall
    movq %rsp, user_stack(%rip)
    movq current_context(%rip), %rsp
    movq %rax, {RAX}(%rsp)
    save_general %rsp
    movq %rcx, {RIP}(%rsp)
    movq %r11, {RFLAGS}(%rsp)
    movq $1, {ENTRY}(%rsp)
    movq $kernel_stack_top, %rsp
.endm

# In place of syscall_entry where system calls are watched: no fast path is tried.
.global watched_syscall_entry
.balign 64
watched_syscall_entry:
    save_at_syscall
    call {watch}
    jmp slow_syscall

.global syscall_entry
.balign 64
syscall_entry:
    save_at_syscall
    # The functions tried get the capability register and the message info where they are: in %rdi and %rsi.
    cmpq ${CALL}, %rdx
    je try_fast_call
    cmpq ${REPLY_RECV}, %rdx
    je try_fast_reply_recv
    cmpq ${SEND}, %rdx
    je try_fast_send
    cmpq ${NB_SEND}, %rdx
    je try_fast_send
    call {fast_other}
    testb %al, %al
    jnz resume_caller
slow_syscall:
    # User stubs reload RSP themselves (docs/abi/syscalls.md); the fast paths do not keep it up to date.
    movq current_context(%rip), %rax
    movq user_stack(%rip), %rcx
    movq %rcx, {RSP}(%rax)
    enter syscall, {syscall}

# Where everything leaves, in %rax the context to resume. Nothing returns to its caller: the stack is forgotten.
.global resume_context
resume_context:
    movq %rax, current_context(%rip)
    cmpq $0, {ENTRY}(%rax)
    je 1f
    load_general %rax
    return_from_syscall
1:
    movq $kernel_stack_top, %rsp
    pushq ${USER_DATA}
    pushq {RSP}(%rax)
    pushq {RFLAGS}(%rax)
    pushq ${USER_CODE}
    pushq {RIP}(%rax)
    movq {RCX}(%rax), %rcx
    movq {R11}(%rax), %r11
    load_general %rax
    movq {RAX}(%rax), %rax
    iretq

# The same with a message: in %rdi and %rsi badge and info, in %rdx the context that holds the message registers. A
# thread that did not come by `syscall` gets them into its context first.
.global resume_with_message
resume_with_message:
    cmpq $0, {ENTRY}(%rax)
    je 1f
    movq %rax, current_context(%rip)
    load_words %rdx
    load_others %rax
    return_from_syscall
1:
    load_words %rdx
    movq %rdi, {RDI}(%rax)
    movq %rsi, {RSI}(%rax)
    movq %r8, {R8}(%rax)
    movq %r9, {R9}(%rax)
    movq %r10, {R10}(%rax)
    movq %r15, {R15}(%rax)
    jmp resume_context

# A fast path that succeeds jumps to one of these itself; one that returns has changed nothing, or, not of Call and
# ReplyRecv, says that the same thread goes on. That one's other registers are where they were: the path has preserved them as any function.
try_fast_call:
    enter fast_call, {fast_call}
    jmp slow_syscall
try_fast_send:
    enter fast_send, {fast_send}
    testb %al, %al
    jz slow_syscall
resume_caller:
    movq current_context(%rip), %rsp
    movq {RIP}(%rsp), %rcx
    movq {RFLAGS}(%rsp), %r11
    movq {RAX}(%rsp), %rax
    movq {RDX}(%rsp), %rdx
    movq {RSI}(%rsp), %rsi
    movq {RDI}(%rsp), %rdi
    movq {R8}(%rsp), %r8
    movq {R9}(%rsp), %r9
    movq {R10}(%rsp), %r10
    movq user_stack(%rip), %rsp
    sysretq
try_fast_reply_recv:
    enter fast_reply_recv, {fast_reply_recv}
    jmp slow_syscall

# What all of these have in common: user code was interrupted, its registers go into the current context. The function
# gets vector and error code.
.macro trap_common what, function
.balign 16
trap_\what:
    testb $3, 24(%rsp)
    jz trap_from_kernel
    pushq %rax
    movq current_context(%rip), %rax
    save_general %rax
    movq %rcx, {RCX}(%rax)
    movq %r11, {R11}(%rax)
    popq {RAX}(%rax)
    popq %rdi
    popq %rsi
    popq {RIP}(%rax)
    addq $8, %rsp
    popq {RFLAGS}(%rax)
    popq {RSP}(%rax)
    movq $0, {ENTRY}(%rax)
    movq $kernel_stack_top, %rsp
    cld
    testb $1, has_smap(%rip)
    jz 1f
    clac
1:
    enter \what, \function
.endm

trap_common page_fault, {page_fault}
trap_common exception, {exception}
trap_common interrupt, {interrupt}
trap_common software_interrupt, {software_interrupt}

# Nobody's registers are to be kept where the core waits.
trap_from_kernel:
    cmpq $idle_begin, 16(%rsp)
    jb kernel_fault
    cmpq $idle_end, 16(%rsp)
    ja kernel_fault
    popq %rdi
    popq %rsi
    movq $kernel_stack_top, %rsp
    enter wake, {wake}

kernel_fault:
    cld
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
    movq %rsp, %rdi
    andq $-16, %rsp
    enter kernel_fault, {kernel_fault}
    ud2

# Waits for an interrupt; continues at the wake function on an empty stack.
.global idle_halt
idle_halt:
    movq $kernel_stack_top, %rsp
idle_begin:
    sti
    hlt
    cli
    jmp idle_begin
# Opens a window of one instruction for interrupts, then returns.
.global idle_window
idle_window:
    sti
    pause
    cli
    ret
# As idle_window, but sleeps until the monitored line is written.
.global idle_mwait
idle_mwait:
    xorl %eax, %eax
    xorl %ecx, %ecx
    sti
    mwait
    cli
idle_end:
    ret

# A kernel that fails calls this, so that a debugger can stop there.
.global enter_panic
enter_panic:
    ret

.macro trap_stub vector
    .balign 16
    .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
    .else
    pushq $0
    .endif
    pushq $\vector
    .if \vector == 14
    jmp trap_page_fault
    .elseif \vector < 32
    jmp trap_exception
    .elseif \vector < {FIRST_SYSCALL}
    jmp trap_interrupt
    .else
    jmp trap_software_interrupt
    .endif
.endm

.global trap_stubs
.balign 16
trap_stubs:
.altmacro
.set vector, 0
.rept 256
    trap_stub %vector
    .set vector, vector + 1
.endr
.noaltmacro

.section .data.entry, "aw", @progbits
.balign 64
.global current_context
current_context: .quad 0
user_stack: .quad 0
.global has_smap
has_smap: .byte 0
