// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pieces of code for AArch32; the argument is in R0.
#![allow(unsafe_code)] // instructions chosen by the byte

use crate::code::pieces;

pieces! {
    /// Runs for ever.
    spin: "2: yield", "b 2b";
    /// Adds one to the word at R0 for ever.
    count: "2: ldr r1, [r0]", "add r1, r1, #1", "str r1, [r0]", "b 2b";
    /// Reads the byte at R0.
    read: "ldrb r1, [r0]";
    /// Follows it.
    read_at: "udf #0";
    /// Writes the word at R0.
    write: "str r0, [r0]", "udf #0";
    /// Goes on at R0.
    jump: "bx r0";
    /// An undefined instruction.
    undefined: "udf #0";
    /// An instruction of the kernel: programs cannot name the other registers of this one.
    privileged: "mrc p15, 0, r0, c2, c0, 0", "udf #0";
    /// An instruction of the floating-point unit.
    float: "vmov s0, r0", "udf #0";
    /// Keeps R0 + n in both halves of every Dn, and R1 in FPSCR, over many system calls.
    fpu_keep:
        ".fpu neon", ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
        "add r2, r0, #\\n", "vmov d\\n, r2, r2", ".endr", "vmsr fpscr, r1",
        "mov r5, #50", "2: mvn r7, #10", "svc #0", "subs r5, r5, #1", "bne 2b";
    /// Has in R2 and R3 the bits that are wrong in D0 to D15 and D16 to D31, in R4 FPSCR.
    fpu_keep_end:
        "vmrs r4, fpscr", "mov r2, #0", "mov r3, #0",
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "vmov r8, r9, d\\n", "add r6, r0, #\\n",
        "eor r8, r8, r6", "eor r9, r9, r6", "orr r2, r2, r8", "orr r2, r2, r9", ".endr",
        ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31", "vmov r8, r9, d\\n", "add r6, r0, #\\n",
        "eor r8, r8, r6", "eor r9, r9, r6", "orr r3, r3, r8", "orr r3, r3, r9", ".endr";
    /// Follows it.
    fpu_keep_at: "udf #0";
    /// Has in R2 the bits that are set in any of D0 to D31, in R4 FPSCR.
    fpu_look:
        "vmrs r4, fpscr", "mov r2, #0",
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
        "vmov r8, r9, d\\n", "orr r2, r2, r8", "orr r2, r2, r9", ".endr";
    /// Follows it.
    fpu_look_at: "udf #0";
    /// Reserves the word at R0, lets others run, and has in R2 what a store to it said: 0, done; 1, not reserved.
    reserve_and_store: "ldrex r1, [r0]", "mvn r7, #10", "svc #0", "add r1, r1, #1", "strex r2, r1, [r0]";
    /// Follows it.
    reserve_and_store_at: "udf #0";
    /// The same without a reservation of its own: lets others run first.
    store_only: "mov r1, #7", "strex r2, r1, [r0]";
    /// Follows it.
    store_only_at: "udf #0";
    /// A breakpoint.
    breakpoint: "bkpt #0";
    /// The same in Thumb state.
    thumb_breakpoint: ".thumb", ".balign 4", "bkpt #0", "nop", ".arm";
    /// The system call with the number in R0, and 0x100 and so on in the other registers.
    unknown:
        "mov r7, r0", "mov r0, #0x100", "add r1, r0, #1", "add r2, r0, #2", "add r3, r0, #3", "add r4, r0, #4",
        "add r5, r0, #5", "add r6, r0, #6", "add r8, r0, #8", "add r9, r0, #9", "add r10, r0, #10", "add r11, r0, #11",
        "add r12, r0, #12", "add lr, r0, #14";
    /// The instruction itself.
    unknown_at: "svc #0";
    /// Follows it.
    unknown_after: "udf #0";
    /// The system call Yield with the same in the registers.
    preserve:
        "mvn r7, #10", "mov r0, #0x100", "add r1, r0, #1", "add r2, r0, #2", "add r3, r0, #3", "add r4, r0, #4",
        "add r5, r0, #5", "add r6, r0, #6", "add r8, r0, #8", "add r9, r0, #9", "add r10, r0, #10", "add r11, r0, #11",
        "add r12, r0, #12", "add lr, r0, #14", "svc #0";
    /// Follows it.
    preserve_at: "udf #0";
    /// Sends an empty message to the capability address in R0.
    send: "mov r1, #0", "mvn r7, #4";
    /// The instruction itself.
    send_at: "svc #0", "udf #0";
    /// Receives from the capability address in R0, with reply object 0.
    recv: "mov r6, #0", "mvn r7, #6";
    /// The instruction itself.
    recv_at: "svc #0", "udf #0";
}
