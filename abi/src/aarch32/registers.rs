// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register context of a thread: its order in messages and the values it accepts.

numbered! {
    /// A register of a thread; the number is its place in the user context of Read- and WriteRegisters.
    #[doc(alias = "seL4_UserContext")]
    Register: u64 {
        /// The instruction pointer, which is also the fault address.
        Pc = 0,
        /// The stack pointer.
        Sp = 1,
        /// The flags and the instruction set.
        Cpsr = 2,
        /// R0, the capability of a system call.
        R0 = 3,
        /// R1, the message info of a system call.
        R1 = 4,
        /// R8, the send target of NBSendRecv.
        R8 = 5,
        /// R9.
        R9 = 6,
        /// R10.
        R10 = 7,
        /// R11.
        R11 = 8,
        /// R12.
        R12 = 9,
        /// R2, message register 0.
        R2 = 10,
        /// R3, message register 1.
        R3 = 11,
        /// R4, message register 2.
        R4 = 12,
        /// R5, message register 3.
        R5 = 13,
        /// R6, the reply object of a system call.
        R6 = 14,
        /// R7, the number of a system call.
        R7 = 15,
        /// R14, the link register.
        R14 = 16,
        /// TPIDRURW, which programs may write.
        Tpidrurw = 17,
        /// TPIDRURO, which is the TLS pointer.
        Tpidruro = 18,
    }
}

impl Register {
    /// The number of registers in a user context.
    pub const COUNT: usize = Self::ALL.len();
    /// The size of a user context in bytes.
    pub const CONTEXT_SIZE: usize = Self::COUNT * size_of::<super::Word>();
    /// How many of them CopyRegisters calls frame registers; the rest are integer registers.
    pub const FRAME_COUNT: usize = 10;
    /// The first of those that user code changes without the kernel: the thread-id registers.
    pub const FIRST_BASE: usize = 17;

    /// The registers that carry message registers 0 to 3.
    pub const MESSAGE: [Self; crate::ipc_buffer::REGISTER_MESSAGES] =
        [Self::R2, Self::R3, Self::R4, Self::R5];

    /// Where the thread goes on.
    pub const IP: Self = Self::Pc;
    /// The stack pointer.
    pub const STACK: Self = Self::Sp;
    /// The flags.
    pub const FLAGS: Self = Self::Cpsr;
    /// The first argument of a function, the capability of a system call, the badge.
    pub const ARGUMENT: Self = Self::R0;
    /// The message info of a system call.
    pub const INFO: Self = Self::R1;
    /// The number of a system call.
    pub const NUMBER: Self = Self::R7;
    /// The reply object of a system call.
    pub const REPLY: Self = Self::R6;
    /// The send target of NBSendRecv.
    pub const SEND: Self = Self::R8;
    /// The TLS pointer.
    pub const TLS: Self = Self::Tpidruro;

    /// The place in the user context.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What the register takes when a program asks for `value`.
    ///
    /// Instructions are at even addresses, and flags keep what a user program may have.
    #[inline]
    pub const fn sanitise(self, value: u64) -> u64 {
        let value = value & super::Word::MAX as u64;
        match self {
            Self::Pc => value & !1,
            Self::Cpsr => value & CPSR_ALLOWED | INITIAL_FLAGS,
            _ => value,
        }
    }
}

/// CPSR of a new thread: user mode, fast interrupts masked, nothing else. An asynchronous abort is taken when it comes.
pub const INITIAL_FLAGS: u64 = 0x50;

/// What a program may choose: N, Z, C, V, Q, IT, GE, T. Data stay little endian.
const CPSR_ALLOWED: u64 = 0xf800_0000 | 0x0600_fc00 | 0x000f_0000 | 0x20;

/// Message registers 0.. of an UnknownSyscall fault and of its reply.
pub const UNKNOWN_SYSCALL_ORDER: [Register; 12] = [
    Register::R0,
    Register::R1,
    Register::R2,
    Register::R3,
    Register::R4,
    Register::R5,
    Register::R6,
    Register::R7,
    Register::Pc,
    Register::Sp,
    Register::R14,
    Register::Cpsr,
];

/// Message registers 0.. of a reply to a Timeout fault: the user context without the thread-id registers.
pub const TIMEOUT_REPLY_ORDER: [Register; Register::FIRST_BASE] = {
    let mut order = [Register::Pc; Register::FIRST_BASE];
    let mut index = 0;
    while index < order.len() {
        order[index] = Register::ALL[index];
        index += 1;
    }
    order
};

/// Message registers 0.. of a UserException fault and of its reply.
pub const EXCEPTION_ORDER: [Register; 3] = [Register::Pc, Register::Sp, Register::Cpsr];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_context_is_nineteen_words_in_the_order_of_the_table() {
        assert_eq!(Register::CONTEXT_SIZE, 76);
        for (index, register) in Register::ALL.iter().enumerate() {
            assert_eq!(register.index(), index);
        }
    }

    #[test]
    fn a_timeout_reply_is_a_user_context_without_the_thread_ids() {
        assert_eq!(TIMEOUT_REPLY_ORDER, Register::ALL[..17]);
        assert_eq!(Register::ALL[Register::FIRST_BASE..], [Register::Tpidrurw, Register::Tpidruro]);
    }

    #[test]
    fn instructions_are_at_even_addresses() {
        assert_eq!(Register::Pc.sanitise(0x8003), 0x8002);
        assert_eq!(Register::Pc.sanitise(0x1_0000_8000), 0x8000, "a register has 32 bits");
        assert_eq!(Register::Sp.sanitise(0x8003), 0x8003);
    }

    #[test]
    fn flags_lose_what_a_program_may_not_have() {
        assert_eq!(Register::Cpsr.sanitise(0), INITIAL_FLAGS);
        assert_eq!(Register::Cpsr.sanitise(u64::MAX), 0xfe0f_fc70);
        assert_eq!(Register::Cpsr.sanitise(0x13) & 0x1f, 0x1f & 0x10, "the mode stays that of programs");
    }
}
