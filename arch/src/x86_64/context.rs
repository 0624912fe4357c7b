// SPDX-License-Identifier: MIT OR Apache-2.0
//! The registers of a user thread.
//!
//! The entry stubs store straight into the [`Context`] of the current thread, so offsets are taken
//! with `offset_of!` and asserted beside the assembly. `rip` is where the thread resumes; while it is
//! inside a system call that has not completed, others see `rip - 2`, the `syscall` itself
//! (docs/abi/syscalls.md, "Fault address").

use abi::Register;

/// How a thread came into the kernel, which decides how it leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// By exception or interrupt, or never: all registers are live, return by `iretq`.
    Trap,
    /// By `syscall`: RCX and R11 are dead, return by `sysretq`.
    Syscall,
}

/// Saved registers of a thread. Valid when all zero, but for the flags (see [`Context::reset`]).
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Context {
    /// General registers.
    pub rax: u64,
    /// RBX.
    pub rbx: u64,
    /// RCX; dead when entered by `syscall`.
    pub rcx: u64,
    /// RDX: the system call number.
    pub rdx: u64,
    /// RSI: the message-info register.
    pub rsi: u64,
    /// RDI: the capability and badge register.
    pub rdi: u64,
    /// RBP.
    pub rbp: u64,
    /// R8: message register 1.
    pub r8: u64,
    /// R9: message register 2.
    pub r9: u64,
    /// R10: message register 0.
    pub r10: u64,
    /// R11; dead when entered by `syscall`.
    pub r11: u64,
    /// R12: the reply-object register.
    pub r12: u64,
    /// R13: the send target of `NBSendRecv`.
    pub r13: u64,
    /// R14.
    pub r14: u64,
    /// R15: message register 3.
    pub r15: u64,
    /// Where the thread resumes.
    pub rip: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Flags.
    pub rflags: u64,
    /// FS base.
    pub fs_base: u64,
    /// GS base.
    pub gs_base: u64,
    /// 0 for a trap, 1 for a system call; see [`Context::entry`].
    pub entry_word: u64,
}

const _: () = assert!(size_of::<Context>() == 168);

/// Error-code bit of a page fault that was an instruction fetch (SDM vol. 3, 4.7).
pub const FETCH_SHIFT: u32 = 4;

/// The user-writable segment bases of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BaseRegisters {
    /// FS base: the TLS pointer.
    pub fs: u64,
    /// GS base.
    pub gs: u64,
}

impl BaseRegisters {
    /// The same with another TLS pointer.
    #[inline]
    pub const fn with_tls(self, base: u64) -> Self {
        Self { fs: base, ..self }
    }
}

/// Length of the `syscall` instruction.
const SYSCALL_LENGTH: u64 = 2;

impl Context {
    /// Gives the context the values of a new thread (docs/abi/objects.md).
    pub fn reset(&mut self) {
        *self = Self { rflags: abi::INITIAL_FLAGS, ..Self::default() };
    }

    /// Lets the thread begin at `entry` with one argument.
    pub const fn begin_at(&mut self, entry: u64, argument: u64) {
        self.rip = entry;
        self.rdi = argument;
    }

    /// How the thread entered the kernel.
    #[inline]
    pub const fn entry(&self) -> EntryKind {
        if self.entry_word == 0 { EntryKind::Trap } else { EntryKind::Syscall }
    }

    /// The instruction pointer others see: of the `syscall` for a thread inside one.
    #[inline]
    pub const fn fault_ip(&self) -> u64 {
        match self.entry() {
            EntryKind::Trap => self.rip,
            EntryKind::Syscall => self.rip.wrapping_sub(SYSCALL_LENGTH),
        }
    }

    /// The stack pointer.
    #[inline]
    pub const fn stack_pointer(&self) -> u64 {
        self.rsp
    }

    /// The flags.
    #[inline]
    pub const fn flags(&self) -> u64 {
        self.rflags
    }

    /// The number of a system call.
    #[inline]
    pub const fn syscall_number(&self) -> u64 {
        self.rdx
    }

    /// Makes the thread execute its system call, or faulting instruction, again.
    pub fn restart(&mut self) {
        self.rip = self.fault_ip();
        self.leave_by_trap();
    }

    /// Makes the completed system call part of the past: others see the address after it.
    pub fn complete(&mut self) {
        self.leave_by_trap();
    }

    /// From now on `rip` is what others see, and all registers are live.
    fn leave_by_trap(&mut self) {
        if self.entry() == EntryKind::Syscall {
            self.rcx = self.rip;
            self.r11 = self.rflags;
            self.entry_word = 0;
        }
    }

    /// The capability register: CPtr on entry, badge on return.
    #[inline]
    pub const fn cap_register(&self) -> u64 {
        self.rdi
    }

    /// Sets the badge a receiver sees.
    #[inline]
    pub fn set_badge(&mut self, badge: u64) {
        self.rdi = badge;
    }

    /// The message-info register.
    #[inline]
    pub const fn info_register(&self) -> u64 {
        self.rsi
    }

    /// Sets the message info a receiver sees.
    #[inline]
    pub fn set_info(&mut self, info: u64) {
        self.rsi = info;
    }

    /// CPtr of the reply object (or of the send target of `NBSendWait`).
    #[inline]
    pub const fn reply_register(&self) -> u64 {
        self.r12
    }

    /// CPtr of the send target of `NBSendRecv`.
    #[inline]
    pub const fn send_register(&self) -> u64 {
        self.r13
    }

    /// Message register `index`, 0..=3.
    #[inline]
    pub const fn message_register(&self, index: usize) -> u64 {
        match index {
            0 => self.r10,
            1 => self.r8,
            2 => self.r9,
            _ => self.r15,
        }
    }

    /// Sets message register `index`, 0..=3.
    #[inline]
    pub fn set_message_register(&mut self, index: usize, value: u64) {
        match index {
            0 => self.r10 = value,
            1 => self.r8 = value,
            2 => self.r9 = value,
            _ => self.r15 = value,
        }
    }

    /// Whether the way to user code can take the message registers from another context.
    pub const LOADS_MESSAGE_APART: bool = true;

    /// Takes the first `count` message registers of `from`, four at most.
    #[inline(always)]
    pub fn copy_message_registers(&mut self, from: &Self, count: usize) {
        if count == 0 {
            return;
        }
        self.r10 = from.r10;
        if count > 1 {
            self.r8 = from.r8;
        }
        if count > 2 {
            self.r9 = from.r9;
        }
        if count > 3 {
            self.r15 = from.r15;
        }
    }

    /// What user code can change without the kernel.
    #[inline(always)]
    pub const fn bases(&self) -> BaseRegisters {
        BaseRegisters { fs: self.fs_base, gs: self.gs_base }
    }

    /// Stores what user code can change without the kernel.
    #[inline(always)]
    pub const fn set_bases(&mut self, bases: BaseRegisters) {
        self.fs_base = bases.fs;
        self.gs_base = bases.gs;
    }

    /// The value of `register` as `ReadRegisters` and fault messages show it.
    pub const fn get(&self, register: Register) -> u64 {
        match register {
            Register::Rip => self.fault_ip(),
            Register::Rsp => self.rsp,
            Register::Rflags => self.rflags,
            Register::Rax => self.rax,
            Register::Rbx => self.rbx,
            Register::Rcx => self.rcx,
            Register::Rdx => self.rdx,
            Register::Rsi => self.rsi,
            Register::Rdi => self.rdi,
            Register::Rbp => self.rbp,
            Register::R8 => self.r8,
            Register::R9 => self.r9,
            Register::R10 => self.r10,
            Register::R11 => self.r11,
            Register::R12 => self.r12,
            Register::R13 => self.r13,
            Register::R14 => self.r14,
            Register::R15 => self.r15,
            Register::FsBase => self.fs_base,
            Register::GsBase => self.gs_base,
        }
    }

    /// Sets `register` to a value from a user, made harmless first (docs/abi/objects.md, "Register context").
    ///
    /// A thread inside a system call will repeat the call unless `Rip` is set too; the bases do not matter to that.
    pub fn set(&mut self, register: Register, value: u64) {
        if !matches!(register, Register::FsBase | Register::GsBase) && self.entry() == EntryKind::Syscall {
            self.restart();
        }
        let field = match register {
            Register::Rip => &mut self.rip,
            Register::Rflags => &mut self.rflags,
            Register::FsBase => &mut self.fs_base,
            Register::GsBase => &mut self.gs_base,
            Register::Rsp => &mut self.rsp,
            Register::Rax => &mut self.rax,
            Register::Rbx => &mut self.rbx,
            Register::Rcx => &mut self.rcx,
            Register::Rdx => &mut self.rdx,
            Register::Rsi => &mut self.rsi,
            Register::Rdi => &mut self.rdi,
            Register::Rbp => &mut self.rbp,
            Register::R8 => &mut self.r8,
            Register::R9 => &mut self.r9,
            Register::R10 => &mut self.r10,
            Register::R11 => &mut self.r11,
            Register::R12 => &mut self.r12,
            Register::R13 => &mut self.r13,
            Register::R14 => &mut self.r14,
            Register::R15 => &mut self.r15,
        };
        *field = register.sanitise(value);
    }
}

/// Extended state of the floating-point unit: x87, SSE and AVX, 832 bytes at most (SDM vol. 1, 13.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(64))]
pub struct FpuState {
    bytes: [u8; 832],
}

impl FpuState {
    /// Offset of MXCSR in the legacy area.
    const MXCSR: usize = 24;
    /// Offset of XMM0 in the legacy area.
    #[cfg(not(target_os = "none"))]
    const FIRST_XMM: usize = 160;

    /// The initial state: all zero but the control words (SDM vol. 1, 13.6).
    pub fn reset(&mut self) {
        self.bytes.fill(0);
        self.bytes[0] = 0x7f;
        self.bytes[1] = 0x03;
        self.bytes[Self::MXCSR] = 0x80;
        self.bytes[Self::MXCSR + 1] = 0x1f;
    }

    /// A state that tests tell from others by `mark`.
    #[cfg(not(target_os = "none"))]
    pub fn marked(mark: u8) -> Self {
        let mut state = Self::default();
        state.bytes[Self::FIRST_XMM] = mark;
        state
    }

    /// Address for `fxsave`/`xsave`.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// Address for `fxrstor`/`xrstor`.
    pub fn as_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }
}

impl Default for FpuState {
    fn default() -> Self {
        let mut state = Self { bytes: [0; 832] };
        state.reset();
        state
    }
}
