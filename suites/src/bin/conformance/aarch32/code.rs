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
