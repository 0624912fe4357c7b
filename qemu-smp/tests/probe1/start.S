// SPDX-License-Identifier: MIT OR Apache-2.0
.globl _start
_start:
 movq %rsp, savesp(%rip)
 leaq stk+65536-512(%rip),%rsp
 movq %rdi,0(%rsp); movq %rsi,8(%rsp); movq %rax,16(%rsp); movq %rbx,24(%rsp); movq %rcx,32(%rsp); movq %rdx,40(%rsp); movq %rbp,48(%rsp)
 movq %r8,56(%rsp); movq %r9,64(%rsp); movq %r10,72(%rsp); movq %r11,80(%rsp); movq %r12,88(%rsp); movq %r13,96(%rsp); movq %r14,104(%rsp); movq %r15,112(%rsp)
 movq savesp(%rip),%rax; movq %rax,120(%rsp)
 leaq -64(%rsp),%rsp
 pushfq; popq %rax
 movq %rax,64+128(%rsp)
 xorl %eax,%eax; movw %cs,%ax; movq %rax,64+136(%rsp); movw %ss,%ax; movq %rax,64+144(%rsp)
 movq %rdi,%rsi
 leaq 64(%rsp),%rdi
 andq $-16,%rsp
 call cmain
 .bss
 .align 16
savesp: .quad 0
 .align 4096
stk: .skip 65536
