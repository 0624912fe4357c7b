// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register context of a thread: its order in messages and the values it accepts.

numbered! {
    /// A register of a thread; the number is its place in the user context of Read- and WriteRegisters.
    #[doc(alias = "seL4_UserContext")]
    Register: u64 {
        /// The instruction pointer, which is also the fault address.
        Rip = 0,
        /// The stack pointer.
        Rsp = 1,
        /// The flags.
        Rflags = 2,
        /// RAX.
        Rax = 3,
        /// RBX.
        Rbx = 4,
        /// RCX.
        Rcx = 5,
        /// RDX.
        Rdx = 6,
        /// RSI, the message info of a system call.
        Rsi = 7,
        /// RDI, the capability of a system call.
        Rdi = 8,
        /// RBP.
        Rbp = 9,
        /// R8, message register 1.
        R8 = 10,
        /// R9, message register 2.
        R9 = 11,
        /// R10, message register 0.
        R10 = 12,
        /// R11.
        R11 = 13,
        /// R12, the reply object of a system call.
        R12 = 14,
        /// R13.
        R13 = 15,
        /// R14.
        R14 = 16,
        /// R15, message register 3.
        R15 = 17,
        /// The FS base, which is the TLS pointer.
        FsBase = 18,
        /// The GS base.
        GsBase = 19,
    }
}

impl Register {
    /// The number of registers in a user context.
    pub const COUNT: usize = Self::ALL.len();
    /// The size of a user context in bytes.
    pub const CONTEXT_SIZE: usize = Self::COUNT * size_of::<super::Word>();
    /// How many of them CopyRegisters calls frame registers; the rest are integer registers.
    pub const FRAME_COUNT: usize = 18;
    /// The first of those that user code changes without the kernel: the segment bases.
    pub const FIRST_BASE: usize = 18;

    /// The registers that carry message registers 0 to 3.
    pub const MESSAGE: [Self; crate::ipc_buffer::REGISTER_MESSAGES] =
        [Self::R10, Self::R8, Self::R9, Self::R15];

    /// Where the thread goes on.
    pub const IP: Self = Self::Rip;
    /// The stack pointer.
    pub const STACK: Self = Self::Rsp;
    /// The flags.
    pub const FLAGS: Self = Self::Rflags;
    /// The first argument of a function, the capability of a system call, the badge.
    pub const ARGUMENT: Self = Self::Rdi;
    /// The message info of a system call.
    pub const INFO: Self = Self::Rsi;
    /// The number of a system call.
    pub const NUMBER: Self = Self::Rdx;
    /// The reply object of a system call.
    pub const REPLY: Self = Self::R12;
    /// The send target of NBSendRecv.
    pub const SEND: Self = Self::R13;
    /// The TLS pointer.
    pub const TLS: Self = Self::FsBase;

    /// The place in the user context.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What the register takes when a program asks for `value`.
    ///
    /// Addresses that are not canonical become 0, and flags keep what a user program may have.
    #[inline]
    pub const fn sanitise(self, value: u64) -> u64 {
        match self {
            Self::Rip | Self::FsBase | Self::GsBase => {
                if is_canonical(value) {
                    value
                } else {
                    0
                }
            }
            Self::Rflags => value & RFLAGS_ALLOWED | INITIAL_FLAGS,
            _ => value,
        }
    }
}

/// The flags of a new thread: the bit that is always set and IF.
pub const INITIAL_FLAGS: u64 = 0x202;

/// Flags a program may choose: bits 0 to 11 without 3, 5 and TF.
const RFLAGS_ALLOWED: u64 = 0xfff & !(1 << 3 | 1 << 5 | 1 << 8);

/// Are bits 63 to 47 of the address alike?
#[inline]
const fn is_canonical(address: u64) -> bool {
    ((address << 16) as i64 >> 16) as u64 == address
}

/// Message registers 0.. of an UnknownSyscall fault and of its reply.
pub const UNKNOWN_SYSCALL_ORDER: [Register; 18] = [
    Register::Rax,
    Register::Rbx,
    Register::Rcx,
    Register::Rdx,
    Register::Rsi,
    Register::Rdi,
    Register::Rbp,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
    Register::Rip,
    Register::Rsp,
    Register::Rflags,
];

/// Message registers 0.. of a reply to a Timeout fault: the user context without GS base.
pub const TIMEOUT_REPLY_ORDER: [Register; 19] = {
    let mut order = [Register::Rip; 19];
    let mut index = 0;
    while index < order.len() {
        order[index] = Register::ALL[index];
        index += 1;
    }
    order
};

/// Message registers 0.. of a UserException fault and of its reply.
pub const EXCEPTION_ORDER: [Register; 3] = [Register::Rip, Register::Rsp, Register::Rflags];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_context_is_twenty_words_in_the_order_of_the_table() {
        assert_eq!(Register::CONTEXT_SIZE, 160);
        for (index, register) in Register::ALL.iter().enumerate() {
            assert_eq!(register.index(), index);
        }
    }

    #[test]
    fn a_timeout_reply_is_a_user_context_without_gs_base() {
        assert_eq!(TIMEOUT_REPLY_ORDER, Register::ALL[..19]);
    }

    #[test]
    fn addresses_that_are_not_canonical_become_zero() {
        for register in [Register::Rip, Register::FsBase, Register::GsBase] {
            assert_eq!(register.sanitise(0x7fff_ffff_ffff), 0x7fff_ffff_ffff);
            assert_eq!(register.sanitise(0x8000_0000_0000), 0);
            assert_eq!(register.sanitise(0xffff_7fff_ffff_ffff), 0);
            assert_eq!(register.sanitise(0xffff_8000_0000_0000), 0xffff_8000_0000_0000);
        }
        assert_eq!(Register::Rsp.sanitise(0x8000_0000_0000), 0x8000_0000_0000);
    }

    #[test]
    fn flags_lose_what_a_program_may_not_have() {
        assert_eq!(Register::Rflags.sanitise(0), INITIAL_FLAGS);
        assert_eq!(Register::Rflags.sanitise(u64::MAX), 0xed7);
    }
}
