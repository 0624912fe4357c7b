// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only AArch32 has of the interface: word size, registers, addresses.

mod cache;
mod registers;

use crate::message::GuardLayout;

pub use cache::CacheLabel;
pub use registers::{EXCEPTION_ORDER, INITIAL_FLAGS, Register, TIMEOUT_REPLY_ORDER, UNKNOWN_SYSCALL_ORDER};

/// A machine word: a register of a program, a capability address, a message register.
pub type Word = u32;

/// The last user address, the bound of the kernel's checks.
pub const USER_TOP: u64 = 0x7fff_ffff;
/// The page that user programs take as the end of their addresses.
#[doc(alias = "seL4_UserTop")]
pub const USER_TOP_PAGE: u64 = 0x7fff_f000;
/// The end of the physical memory that can hold kernel objects: that of the kernel's window.
pub const OBJECT_MEMORY_TOP: u64 = 0xb000_0000;
/// The end of the physical addresses that device untypeds cover: those that fit in a word.
pub const DEVICE_TOP: u64 = 1 << 32;
/// The largest untyped, and the largest object.
pub const MAX_UNTYPED_BITS: u32 = 31;
/// IO ports: the machine has none.
pub const IO_PORTS: usize = 0;

/// Where a guard and its size are in a guard word.
pub const GUARD: GuardLayout = GuardLayout { bits_shift: 3, bits_width: 5, shift: 8, width: 18 };

/// The bits of an attribute word that count.
pub const ATTRIBUTES: u64 = 0xf;

/// The bits of DFSR or IFSR that a VmFault passes on.
pub const VM_FAULT_CODE_MASK: u64 = 0xffff;

/// Places of what follows the general registers in an UnknownSyscall.
pub mod unknown_syscall {
    /// The address of the `svc` instruction.
    pub const IP: usize = 8;
    /// The stack pointer.
    pub const SP: usize = 9;
    /// The link register.
    pub const LR: usize = 10;
    /// CPSR.
    pub const FLAGS: usize = 11;
}

/// The addresses of a program that init starts; see [`crate::start`].
pub mod start {
    /// From where on regions lie.
    pub const REGIONS: u64 = 0x2000_0000;
    /// Where init's part begins.
    pub const AREA: u64 = 0x6000_0000;
    /// Its bytes.
    pub const AREA_SIZE: u64 = 0x1000_0000;
    /// Most bytes of a stack.
    pub const MAX_STACK: u64 = 1 << 26;
}
