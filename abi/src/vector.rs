// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who owns which interrupt vector of a core.
//!
//! ```text
//!   0..31 exceptions   48..155 user interrupts   156 doorbell   157 timer   158..254 unknown system calls
//! ```

use crate::limits::{USER_VECTORS, VECTOR_OFFSET};

/// The first vector of user interrupts.
pub const FIRST_USER: u8 = VECTOR_OFFSET as u8;
/// The last vector of user interrupts.
pub const LAST_USER: u8 = (VECTOR_OFFSET + USER_VECTORS - 1) as u8;
/// The interrupt another instance sends when it signals a line.
pub const DOORBELL: u8 = 156;
/// The timer of the local APIC.
pub const TIMER: u8 = 157;
/// Where a device writes a message to interrupt the core with this local APIC id, which is below 255.
#[inline]
pub const fn message_address(apic_id: u32) -> u64 {
    const WINDOW: u64 = 0xfee0_0000;
    WINDOW | (apic_id as u64 & 0xff) << 12
}

/// The first vector that user code reaches by `int n`; it gives an UnknownSyscall fault.
pub const FIRST_SYSCALL: u8 = 158;
/// The last such vector.
pub const LAST_SYSCALL: u8 = 254;
/// The spurious interrupt of the local APIC; `int 255` by a program is ignored.
pub const SPURIOUS: u8 = 255;

/// The number that an UnknownSyscall fault reports for `int n`: `n << 24 | RAX[23:0]`, sign extended from 32 bits.
#[inline]
pub const fn interrupt_syscall_number(vector: u8, rax: u64) -> u64 {
    ((vector as u32) << 24 | (rax as u32 & 0xff_ffff)) as i32 as u64
}

const _: () = assert!(LAST_USER < DOORBELL && DOORBELL < TIMER && TIMER < FIRST_SYSCALL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_core_in_the_address() {
        assert_eq!([0, 1, 254].map(message_address), [0xfee0_0000, 0xfee0_1000, 0xfeef_e000]);
    }

    #[test]
    fn an_int_instruction_reports_its_vector_and_rax() {
        assert_eq!(interrupt_syscall_number(0xa0, 0x1234_5678_9abc), 0xffff_ffff_a078_9abc);
    }
}
