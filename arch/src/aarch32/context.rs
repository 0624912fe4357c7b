// SPDX-License-Identifier: MIT OR Apache-2.0
//! The registers of a user thread.
//!
//! The entry stubs store straight into the [`Context`] of the current thread, so offsets are taken
//! with `offset_of!` and asserted beside the assembly. `pc` is where the thread resumes; while it is
//! inside a system call that has not completed, others see the address of the `svc` itself
//! (docs/abi/aarch32.md, "Fault address").
//!
//! Registers have 32 bits. The kernel computes with 64: values are widened with zeros on the way in, and cut on the
//! way out.

use abi::Register;

/// How a thread came into the kernel, which decides where others see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// By exception or interrupt, or never: others see `pc`.
    Trap,
    /// By `svc`: others see the `svc`.
    Syscall,
}

/// Saved registers of a thread. Valid when all zero, but for the flags (see [`Context::reset`]).
///
/// The general registers, the stack pointer and the link register are in the order of `stm`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Context {
    /// R0: the capability and badge register.
    pub r0: u32,
    /// R1: the message-info register.
    pub r1: u32,
    /// R2: message register 0.
    pub r2: u32,
    /// R3: message register 1.
    pub r3: u32,
    /// R4: message register 2.
    pub r4: u32,
    /// R5: message register 3.
    pub r5: u32,
    /// R6: the reply-object register.
    pub r6: u32,
    /// R7: the system call number.
    pub r7: u32,
    /// R8: the send target of `NBSendRecv`.
    pub r8: u32,
    /// R9.
    pub r9: u32,
    /// R10.
    pub r10: u32,
    /// R11.
    pub r11: u32,
    /// R12.
    pub r12: u32,
    /// Stack pointer.
    pub sp: u32,
    /// Link register.
    pub lr: u32,
    /// Where the thread resumes.
    pub pc: u32,
    /// Flags and instruction set.
    pub cpsr: u32,
    /// TPIDRURW: user code writes it.
    pub tpidrurw: u32,
    /// TPIDRURO: the TLS pointer.
    pub tpidruro: u32,
    /// 0 for a trap, 1 for a system call; see [`Context::entry`].
    pub entry_word: u32,
}

const _: () = assert!(size_of::<Context>() == 80);

/// CPSR.T: the thread runs Thumb instructions.
const THUMB: u32 = 1 << 5;

/// The bit of the code of a page fault that says that the access was an instruction fetch; below it is DFSR or IFSR.
pub const FETCH_SHIFT: u32 = 32;

/// The thread-id registers of a thread, which user code reads, and one of which it writes, without the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BaseRegisters {
    /// TPIDRURW.
    pub tpidrurw: u32,
    /// TPIDRURO: the TLS pointer.
    pub tpidruro: u32,
}

impl BaseRegisters {
    /// The same with another TLS pointer.
    #[inline]
    pub const fn with_tls(self, base: u64) -> Self {
        Self { tpidruro: base as u32, ..self }
    }
}

impl Context {
    /// Gives the context the values of a new thread (docs/abi/aarch32.md).
    pub fn reset(&mut self) {
        *self = Self { cpsr: abi::INITIAL_FLAGS as u32, ..Self::default() };
    }

    /// Lets the thread begin at `entry` with one argument.
    pub const fn begin_at(&mut self, entry: u64, argument: u64) {
        self.pc = entry as u32;
        self.r0 = argument as u32;
    }

    /// How the thread entered the kernel.
    #[inline]
    pub const fn entry(&self) -> EntryKind {
        if self.entry_word == 0 { EntryKind::Trap } else { EntryKind::Syscall }
    }

    /// The instruction pointer others see: of the `svc` for a thread inside one.
    #[inline]
    pub const fn fault_ip(&self) -> u64 {
        let ip = match self.entry() {
            EntryKind::Trap => self.pc,
            EntryKind::Syscall if self.cpsr & THUMB == 0 => self.pc.wrapping_sub(4),
            EntryKind::Syscall => self.pc.wrapping_sub(2),
        };
        ip as u64
    }

    /// The stack pointer.
    #[inline]
    pub const fn stack_pointer(&self) -> u64 {
        self.sp as u64
    }

    /// The flags.
    #[inline]
    pub const fn flags(&self) -> u64 {
        self.cpsr as u64
    }

    /// The number of a system call: a word, sign-extended.
    #[inline]
    pub const fn syscall_number(&self) -> u64 {
        self.r7 as i32 as u64
    }

    /// Makes the thread execute its system call, or faulting instruction, again.
    pub const fn restart(&mut self) {
        self.pc = self.fault_ip() as u32;
        self.entry_word = 0;
    }

    /// Makes the completed system call part of the past: others see the address after it.
    pub const fn complete(&mut self) {
        self.entry_word = 0;
    }

    /// The capability register: CPtr on entry, badge on return.
    #[inline]
    pub const fn cap_register(&self) -> u64 {
        self.r0 as u64
    }

    /// Sets the badge a receiver sees.
    #[inline]
    pub const fn set_badge(&mut self, badge: u64) {
        self.r0 = badge as u32;
    }

    /// The message-info register.
    #[inline]
    pub const fn info_register(&self) -> u64 {
        self.r1 as u64
    }

    /// Sets the message info a receiver sees.
    #[inline]
    pub const fn set_info(&mut self, info: u64) {
        self.r1 = info as u32;
    }

    /// CPtr of the reply object (or of the send target of `NBSendWait`).
    #[inline]
    pub const fn reply_register(&self) -> u64 {
        self.r6 as u64
    }

    /// CPtr of the send target of `NBSendRecv`.
    #[inline]
    pub const fn send_register(&self) -> u64 {
        self.r8 as u64
    }

    /// Message register `index`, 0..=3.
    #[inline]
    pub const fn message_register(&self, index: usize) -> u64 {
        let value = match index {
            0 => self.r2,
            1 => self.r3,
            2 => self.r4,
            _ => self.r5,
        };
        value as u64
    }

    /// Sets message register `index`, 0..=3.
    #[inline]
    pub const fn set_message_register(&mut self, index: usize, value: u64) {
        let value = value as u32;
        match index {
            0 => self.r2 = value,
            1 => self.r3 = value,
            2 => self.r4 = value,
            _ => self.r5 = value,
        }
    }

    /// Whether the way to user code can take the message registers from another context.
    pub const LOADS_MESSAGE_APART: bool = false;

    /// Takes the first `count` message registers of `from`, four at most.
    #[inline(always)]
    pub const fn copy_message_registers(&mut self, from: &Self, count: usize) {
        if count == 0 {
            return;
        }
        self.r2 = from.r2;
        if count > 1 {
            self.r3 = from.r3;
        }
        if count > 2 {
            self.r4 = from.r4;
        }
        if count > 3 {
            self.r5 = from.r5;
        }
    }

    /// What user code can change without the kernel.
    #[inline(always)]
    pub const fn bases(&self) -> BaseRegisters {
        BaseRegisters { tpidrurw: self.tpidrurw, tpidruro: self.tpidruro }
    }

    /// Stores what user code can change without the kernel.
    #[inline(always)]
    pub const fn set_bases(&mut self, bases: BaseRegisters) {
        self.tpidrurw = bases.tpidrurw;
        self.tpidruro = bases.tpidruro;
    }

    /// The value of `register` as `ReadRegisters` and fault messages show it.
    pub const fn get(&self, register: Register) -> u64 {
        let value = match register {
            Register::Pc => return self.fault_ip(),
            Register::Sp => self.sp,
            Register::Cpsr => self.cpsr,
            Register::R0 => self.r0,
            Register::R1 => self.r1,
            Register::R2 => self.r2,
            Register::R3 => self.r3,
            Register::R4 => self.r4,
            Register::R5 => self.r5,
            Register::R6 => self.r6,
            Register::R7 => self.r7,
            Register::R8 => self.r8,
            Register::R9 => self.r9,
            Register::R10 => self.r10,
            Register::R11 => self.r11,
            Register::R12 => self.r12,
            Register::R14 => self.lr,
            Register::Tpidrurw => self.tpidrurw,
            Register::Tpidruro => self.tpidruro,
        };
        value as u64
    }

    /// Sets `register` to a value from a user, made harmless first (docs/abi/aarch32.md, "Register context").
    ///
    /// A thread inside a system call will repeat the call unless `Pc` is set too; the thread ids do not matter to that.
    pub const fn set(&mut self, register: Register, value: u64) {
        let is_base = matches!(register, Register::Tpidrurw | Register::Tpidruro);
        if !is_base && matches!(self.entry(), EntryKind::Syscall) {
            self.restart();
        }
        let field = match register {
            Register::Pc => &mut self.pc,
            Register::Sp => &mut self.sp,
            Register::Cpsr => &mut self.cpsr,
            Register::R0 => &mut self.r0,
            Register::R1 => &mut self.r1,
            Register::R2 => &mut self.r2,
            Register::R3 => &mut self.r3,
            Register::R4 => &mut self.r4,
            Register::R5 => &mut self.r5,
            Register::R6 => &mut self.r6,
            Register::R7 => &mut self.r7,
            Register::R8 => &mut self.r8,
            Register::R9 => &mut self.r9,
            Register::R10 => &mut self.r10,
            Register::R11 => &mut self.r11,
            Register::R12 => &mut self.r12,
            Register::R14 => &mut self.lr,
            Register::Tpidrurw => &mut self.tpidrurw,
            Register::Tpidruro => &mut self.tpidruro,
        };
        *field = register.sanitise(value) as u32;
    }
}

/// State of the floating-point unit: D0 to D31, then FPSCR (ARM ARM DDI 0406, A2.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(8))]
pub struct FpuState {
    bytes: [u8; Self::BYTES],
}

impl FpuState {
    /// 32 registers of 8 bytes, a status register, and as much again to keep alignment.
    const BYTES: usize = 32 * 8 + 8;
    /// Offset of FPSCR.
    pub const FPSCR: usize = 32 * 8;

    /// The initial state: all zero.
    pub const fn reset(&mut self) {
        self.bytes = [0; Self::BYTES];
    }

    /// A state that tests tell from others by `mark`.
    #[cfg(not(target_os = "none"))]
    pub fn marked(mark: u8) -> Self {
        let mut state = Self::default();
        state.bytes[0] = mark;
        state
    }

    /// Address for `vstm`.
    pub const fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// Address for `vldm`.
    pub const fn as_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }
}

impl Default for FpuState {
    fn default() -> Self {
        Self { bytes: [0; Self::BYTES] }
    }
}

const _: () = assert!(size_of::<FpuState>() == 264);

#[cfg(test)]
mod tests {
    use super::*;

    fn in_a_call(cpsr: u32) -> Context {
        Context { pc: 0x8004, cpsr, entry_word: 1, ..Context::default() }
    }

    #[test]
    fn a_thread_in_a_call_is_seen_at_its_svc() {
        assert_eq!(in_a_call(0x10).fault_ip(), 0x8000);
        assert_eq!(in_a_call(0x30).fault_ip(), 0x8002, "the instruction has two bytes in Thumb");
        assert_eq!(Context { entry_word: 0, ..in_a_call(0x10) }.fault_ip(), 0x8004);
    }

    #[test]
    fn setting_a_register_makes_the_call_be_repeated_and_setting_a_thread_id_does_not() {
        let mut context = in_a_call(0x10);
        context.set(Register::Tpidruro, 7);
        assert_eq!((context.entry(), context.pc), (EntryKind::Syscall, 0x8004));
        context.set(Register::R4, 7);
        assert_eq!((context.entry(), context.pc), (EntryKind::Trap, 0x8000));
    }

    #[test]
    fn a_system_call_number_is_sign_extended() {
        let context = Context { r7: -5i32 as u32, ..Context::default() };
        assert_eq!(context.syscall_number(), abi::Syscall::Send.word());
    }

    #[test]
    fn every_register_reads_back_what_was_set() {
        let mut context = Context::default();
        for &register in Register::ALL {
            context.set(register, 0x10 + register.word() * 4);
        }
        for &register in Register::ALL {
            let value = 0x10 + register.word() * 4;
            assert_eq!(context.get(register), register.sanitise(value), "{register:?}");
        }
    }
}
