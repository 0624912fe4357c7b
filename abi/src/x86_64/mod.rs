// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only x86_64 has of the interface: word size, registers, addresses.

mod registers;

use crate::message::GuardLayout;

pub use registers::{EXCEPTION_ORDER, INITIAL_FLAGS, Register, TIMEOUT_REPLY_ORDER, UNKNOWN_SYSCALL_ORDER};

/// A machine word: a register of a program, a capability address, a message register.
pub type Word = u64;

/// The last user address, the bound of the kernel's checks.
pub const USER_TOP: u64 = 0x7fff_ffff_ffff;
/// The page that user programs take as the end of their addresses.
#[doc(alias = "seL4_UserTop")]
pub const USER_TOP_PAGE: u64 = 0x7fff_ffff_f000;
/// The end of the physical memory that can hold kernel objects; RAM above is device memory.
pub const OBJECT_MEMORY_TOP: u64 = 0x7f_8000_0000;
/// The end of the physical addresses that device untypeds cover.
pub const DEVICE_TOP: u64 = 1 << 47;
/// The largest untyped, and the largest object.
pub const MAX_UNTYPED_BITS: u32 = 47;
/// IO ports.
pub const IO_PORTS: usize = 1 << 16;

/// Where a guard and its size are in a guard word.
pub const GUARD: GuardLayout = GuardLayout { bits_shift: 0, bits_width: 6, shift: 6, width: 58 };

/// The bits of an attribute word that count.
pub const ATTRIBUTES: u64 = 0x7;

/// The bits of the hardware's error code that a VmFault passes on.
pub const VM_FAULT_CODE_MASK: u64 = 0x1f;

/// Places of what follows the general registers in an UnknownSyscall.
pub mod unknown_syscall {
    /// The address of the `syscall` instruction.
    pub const IP: usize = 15;
    /// The stack pointer.
    pub const SP: usize = 16;
    /// The flags.
    pub const FLAGS: usize = 17;
}

/// The addresses of a program that init starts; see [`crate::start`].
pub mod start {
    /// From where on regions lie.
    pub const REGIONS: u64 = 0x10_0000_0000;
    /// Where init's part begins.
    pub const AREA: u64 = 0x7f00_0000_0000;
    /// Its bytes.
    pub const AREA_SIZE: u64 = 0x1_0000_0000;
    /// Most bytes of a stack.
    pub const MAX_STACK: u64 = 1 << 30;
}
