// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pieces of code for x86_64; the argument is in RDI.
#![allow(unsafe_code)] // instructions chosen by the byte

use crate::code::pieces;

pieces! {
    /// Runs for ever.
    spin: "2: pause", "jmp 2b";
    /// Adds one to the word at RDI for ever.
    count: "2: inc qword ptr [rdi]", "jmp 2b";
    /// Reads the byte at RDI.
    read: "mov al, [rdi]";
    /// Follows it.
    read_at: "ud2";
    /// Writes the byte at RDI.
    write: "mov byte ptr [rdi], 1", "ud2";
    /// Goes on at RDI.
    jump: "jmp rdi";
    /// An undefined opcode.
    undefined: "ud2";
    /// A breakpoint.
    breakpoint: "int3", "ud2";
    /// A division by zero.
    divide: "xor ecx, ecx", "xor edx, edx", "mov eax, 1";
    /// The instruction that divides.
    divide_at: "div ecx", "ud2";
    /// An instruction of the kernel.
    halt: "hlt", "ud2";
    /// A port without right.
    port: "in al, 0x60", "ud2";
    /// The vector of an exception.
    int_0: "int 0", "ud2";
    /// The first vector of user interrupts.
    int_48: "int 48", "ud2";
    /// The vector of the timer.
    int_157: "int 157", "ud2";
    /// The first vector that is an unknown system call, with the argument in RAX.
    int_158: "mov rax, rdi";
    /// The instruction itself.
    int_158_at: "int 158", "ud2";
    /// The last such vector.
    int_254: "mov rax, rdi";
    /// The instruction itself.
    int_254_at: "int 254", "ud2";
    /// The vector that does nothing.
    int_255: "int 255";
    /// Follows it.
    int_255_at: "ud2";
    /// The system call with the number in RDI, and 0x100 and so on in the other registers, in the order of the fault.
    unknown:
        "mov rdx, rdi", "mov eax, 0x100", "mov ebx, 0x101", "mov esi, 0x104", "mov edi, 0x105", "mov ebp, 0x106",
        "mov r8d, 0x107", "mov r9d, 0x108", "mov r10d, 0x109", "mov r12d, 0x10b", "mov r13d, 0x10c", "mov r14d, 0x10d",
        "mov r15d, 0x10e";
    /// The instruction itself.
    unknown_at: "syscall";
    /// Follows it.
    unknown_after: "ud2";
    /// The system call Yield with the same in the registers.
    preserve:
        "mov rdx, -11", "mov eax, 0x100", "mov ebx, 0x101", "mov esi, 0x104", "mov edi, 0x105", "mov ebp, 0x106",
        "mov r8d, 0x107", "mov r9d, 0x108", "mov r10d, 0x109", "mov r12d, 0x10b", "mov r13d, 0x10c", "mov r14d, 0x10d",
        "mov r15d, 0x10e", "syscall";
    /// Follows it.
    preserve_at: "ud2";
    /// Sends an empty message to the capability address in RDI.
    send: "mov esi, 0", "mov rdx, -5";
    /// The instruction itself.
    send_at: "syscall", "ud2";
    /// Receives from the capability address in RDI, with reply object 0.
    recv: "xor r12d, r12d", "mov rdx, -7";
    /// The instruction itself.
    recv_at: "syscall", "ud2";
    /// Uses an SSE register.
    float: "movaps xmm1, xmm0", "ud2";
    /// Keeps RDI in SSE registers over many system calls, then has it in RAX and RBX.
    float_keep:
        "movq xmm0, rdi", "movq xmm15, rdi", "mov r14, rsp", "mov ebx, 50", "2: mov rdx, -11", "syscall",
        "mov rsp, r14",
        "dec ebx", "jnz 2b";
    /// Reads them again.
    float_keep_end: "movq rax, xmm0", "movq rbx, xmm15";
    /// Follows it.
    float_keep_at: "ud2";
    /// Keeps RDI as flags over a system call that lets others run, then has them in RAX.
    flags_keep:
        "push rdi", "popfq", "mov rdx, -11", "mov r14, rsp", "syscall", "mov rsp, r14", "pushfq", "pop rax", "ud2";
    /// Has the flags in RAX.
    flags_look: "pushfq", "pop rax", "ud2";
    /// Keeps RDI in the upper halves of AVX registers, and ESI and RDX as control words of SSE and x87, over many
    /// system calls.
    avx_keep:
        "push rsi", "ldmxcsr [rsp]", "mov [rsp], rdx", "fldcw [rsp]", "vmovq xmm0, rdi", "vmovddup xmm0, xmm0",
        "vinsertf128 ymm0, ymm0, xmm0, 1", "vmovaps ymm15, ymm0", "mov r14, rsp", "mov ebx, 50",
        "2: mov rdx, -11", "syscall", "mov rsp, r14", "dec ebx", "jnz 2b";
    /// Has the upper halves in RAX and RBX, the control words in ECX and RDX.
    avx_keep_end:
        "vextractf128 xmm1, ymm0, 1", "vmovq rax, xmm1", "vextractf128 xmm1, ymm15, 1", "vpextrq rbx, xmm1, 1",
        "push 0", "stmxcsr [rsp]", "pop rcx", "push 0", "fnstcw [rsp]", "pop rdx";
    /// Follows it.
    avx_keep_at: "ud2";
    /// The same for CPUs without AVX.
    sse_keep:
        "push rsi", "ldmxcsr [rsp]", "mov [rsp], rdx", "fldcw [rsp]", "movq xmm0, rdi", "movq xmm15, rdi",
        "mov r14, rsp", "mov ebx, 50", "2: mov rdx, -11", "syscall", "mov rsp, r14", "dec ebx", "jnz 2b";
    /// Has the registers in RAX and RBX, the control words in ECX and RDX.
    sse_keep_end:
        "movq rax, xmm0", "movq rbx, xmm15", "push 0", "stmxcsr [rsp]", "pop rcx", "push 0", "fnstcw [rsp]",
        "pop rdx";
    /// Follows it.
    sse_keep_at: "ud2";
    /// Keeps RDI as FS base and RDI + 8 as GS base over many system calls, then has them in RAX and RBX.
    bases_keep:
        "wrfsbase rdi", "add rdi, 8", "wrgsbase rdi", "mov r14, rsp", "mov ebx, 50",
        "2: mov rdx, -11", "syscall", "mov rsp, r14", "dec ebx", "jnz 2b", "rdfsbase rax", "rdgsbase rbx";
    /// Follows it.
    bases_keep_at: "ud2";
    /// Reads the bases again.
    bases_look: "rdfsbase rax", "rdgsbase rbx";
    /// Follows it.
    bases_look_at: "ud2";
    /// The system call SetTLSBase, then the same.
    bases_call: "mov rdx, -33", "syscall", "rdfsbase rax", "rdgsbase rbx";
    /// Follows it.
    bases_call_at: "ud2";
    /// Sets DF, AC and NT, makes the system call Yield, and has the flags in RAX.
    flags:
        "mov r14, rsp", "pushfq", "or qword ptr [rsp], 0x44400", "popfq", "mov rdx, -11", "syscall", "mov rsp, r14",
        "pushfq", "pop rax";
    /// Follows it.
    flags_at: "ud2";
    /// Makes the system call Yield with TF set.
    trap: "mov rdx, -11", "pushfq", "or qword ptr [rsp], 0x100", "popfq", "syscall", "nop", "nop", "ud2";
}
