// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fault types and the layout of fault messages.
//!
//! The label of a fault message is the type. The modules below number the message registers of each type whose
//! words are not plain registers; UnknownSyscall starts with [`crate::UNKNOWN_SYSCALL_ORDER`] and UserException
//! with [`crate::EXCEPTION_ORDER`].

use crate::LookupFailureKind;

numbered! {
    /// The label of a fault message.
    FaultKind: u64 {
        /// A capability address of a system call did not resolve.
        CapFault = 1,
        /// The number is no system call.
        UnknownSyscall = 2,
        /// An exception other than a page fault.
        UserException = 3,
        /// The budget is used up.
        Timeout = 5,
        /// A page fault.
        VmFault = 6,
    }
}

impl FaultKind {
    /// The length of the message; for [`FaultKind::CapFault`] without the words of the lookup failure.
    ///
    /// A Timeout message is one word shorter when the thread has no scheduling context any more.
    #[inline]
    pub const fn message_length(self) -> usize {
        match self {
            Self::CapFault => cap_fault::LOOKUP,
            Self::UnknownSyscall => unknown_syscall::LENGTH,
            Self::UserException => user_exception::LENGTH,
            Self::Timeout => timeout::LENGTH,
            Self::VmFault => vm_fault::LENGTH,
        }
    }
}

/// Message registers of a CapFault.
pub mod cap_fault {
    use super::LookupFailureKind;

    /// The address of the instruction that makes the call.
    pub const IP: usize = 0;
    /// The capability address that failed.
    pub const ADDRESS: usize = 1;
    /// 1 in the receive phase, 0 in the send phase.
    pub const IN_RECEIVE_PHASE: usize = 2;
    /// The start of the lookup failure.
    pub const LOOKUP: usize = 3;

    /// The length of the message with a failure of this kind.
    #[inline]
    pub const fn length(failure: LookupFailureKind) -> usize {
        LOOKUP + failure.words()
    }
}

/// Message registers of an UnknownSyscall.
pub mod unknown_syscall {
    pub use crate::machine::unknown_syscall::*;

    /// The number that was tried.
    pub const NUMBER: usize = crate::UNKNOWN_SYSCALL_ORDER.len();
    /// The length of the message.
    pub const LENGTH: usize = NUMBER + 1;
}

/// Message registers of a UserException.
pub mod user_exception {
    /// The instruction pointer.
    pub const IP: usize = 0;
    /// The stack pointer.
    pub const SP: usize = 1;
    /// The flags.
    pub const FLAGS: usize = 2;
    /// Which exception; see docs/abi.
    pub const NUMBER: usize = 3;
    /// The hardware's error code, or 0.
    pub const CODE: usize = 4;
    /// The length of the message.
    pub const LENGTH: usize = 5;
}

/// Message registers of a Timeout.
pub mod timeout {
    /// The data word of the scheduling context.
    pub const DATA: usize = 0;
    /// Microseconds consumed since the last report; a time, see [`crate::TIME_WORDS`].
    pub const CONSUMED: usize = 1;
    /// The length of the message.
    pub const LENGTH: usize = CONSUMED + crate::TIME_WORDS;
    /// Its length when the scheduling context is gone.
    pub const LENGTH_WITHOUT_CONTEXT: usize = 1;
}

/// Message registers of a VmFault.
pub mod vm_fault {
    /// The instruction pointer.
    pub const IP: usize = 0;
    /// The address that faulted.
    pub const ADDRESS: usize = 1;
    /// 1 for an instruction fetch.
    pub const IS_FETCH: usize = 2;
    /// What the hardware says of it: bits of the error code, or of the fault status register.
    pub const CODE: usize = 3;
    /// The length of the message.
    pub const LENGTH: usize = 4;
    /// The bits of that which are passed on.
    pub const CODE_MASK: u64 = crate::machine::VM_FAULT_CODE_MASK;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EXCEPTION_ORDER, Register, UNKNOWN_SYSCALL_ORDER};

    #[test]
    fn a_cap_fault_is_four_to_seven_words_long() {
        let lengths: Vec<usize> =
            LookupFailureKind::ALL.iter().map(|&kind| cap_fault::length(kind)).collect();
        assert_eq!(lengths, [4, 5, 6, 7]);
    }

    #[test]
    fn an_unknown_syscall_is_the_registers_and_the_number() {
        assert_eq!(UNKNOWN_SYSCALL_ORDER.len(), unknown_syscall::NUMBER);
        assert_eq!(UNKNOWN_SYSCALL_ORDER[unknown_syscall::IP], Register::IP);
        assert_eq!(UNKNOWN_SYSCALL_ORDER[unknown_syscall::SP], Register::STACK);
        assert_eq!(UNKNOWN_SYSCALL_ORDER[unknown_syscall::FLAGS], Register::FLAGS);
    }

    #[test]
    fn a_user_exception_is_three_registers_and_two_words() {
        assert_eq!(EXCEPTION_ORDER.len(), user_exception::NUMBER);
        assert_eq!(FaultKind::UserException.message_length(), EXCEPTION_ORDER.len() + 2);
    }
}
