// SPDX-License-Identifier: MIT OR Apache-2.0
/* Root tasks that were built for other configurations: what they do first that is not the same here.
   -DCLASSIC: SetTLSBase by its number without MCS. -DIOMMU: Map of an image frame by its label with IOMMU support, then a
   store to where the page should be. -DALONE: waits on a capability
   that it has not. -DREFUSED: asks for a priority that there is not, and halts. */
typedef unsigned long word;

static word call(word number, word dest, word info, word m0, word m1, word m2) {
    register word r10 asm("r10") = m0, r8 asm("r8") = m1, r9 asm("r9") = m2, r15 asm("r15") = 0;
    register word r12 asm("r12") = 0, r13 asm("r13") = 0;
    asm volatile("movq %%rsp, %%rbx\n syscall\n movq %%rbx, %%rsp"
                 : "+D"(dest), "+S"(info), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r15)
                 : "d"(number), "r"(r12), "r"(r13)
                 : "rcx", "rbx", "r11", "memory");
    return info;
}

enum { TCB = 1, VSPACE = 3, ROUND = 0x10000000 };

/* The kernel gives no stack, and the bootinfo's address in the first register. */
static char stack[4096] __attribute__((aligned(16), used));
asm(".globl _start\n_start:\n leaq stack+4096(%rip), %rsp\n call begin\n");

__attribute__((used)) void begin(word *bootinfo) {
#if defined CLASSIC
    call(-30L, 0x1000, 0, 0, 0, 0);
#elif defined IOMMU
    word *buffer = (word *)bootinfo[4];
    buffer[122] = VSPACE;
    call(-1L, bootinfo[9], 47 << 12 | 1 << 7 | 3, ROUND, 3, 0);
    *(volatile word *)ROUND = 1;
#elif defined REFUSED
    word *buffer = (word *)bootinfo[4];
    buffer[122] = TCB;
    call(-1L, TCB, 6 << 12 | 1 << 7 | 1, 0x1000, 0, 0);
    call(-14L, 0, 0, 0, 0, 0);
#else
    call(-9L, 1000000, 0, 0, 0, 0);
#endif
    for (;;) {
    }
}
