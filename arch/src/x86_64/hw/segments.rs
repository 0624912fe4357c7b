// SPDX-License-Identifier: MIT OR Apache-2.0
//! Segments, task state and interrupt gates (SDM vol. 3, chapters 3, 7 and 6), and the `syscall` MSRs.
//!
//! ```text
//! GDT  0x08 kernel code   0x10 kernel data   0x18 TSS (two slots)
//!      0x28 user code (iretq)   0x30 user data   0x38 user code (sysretq)
//! ```
//!
//! `sysretq` wants data and code in that order, `iretq` any; both user code segments are alike. There is no local table:
//! LDTR is loaded with the null selector, because the one a processor starts with is at address 0, where programs
//! could put descriptors of their own.

use core::arch::asm;

use x86_64::registers::model_specific::Msr;

use crate::bare::stack;

/// Kernel code selector.
const KERNEL_CODE: u16 = 0x08;
/// Kernel data selector.
const KERNEL_DATA: u16 = 0x10;
const TSS: u16 = 0x18;
/// User code selector with its privilege level, for `iretq`.
pub const USER_CODE: u64 = 0x28 | 3;
/// User data selector with its privilege level.
pub const USER_DATA: u64 = 0x30 | 3;
/// `sysretq` loads SS from this + 8 and CS from this + 16.
const SYSRET_BASE: u64 = 0x28 | 3;

const IA32_STAR: u32 = 0xc000_0081;
const IA32_LSTAR: u32 = 0xc000_0082;
const IA32_FMASK: u32 = 0xc000_0084;
/// Cleared on entry: TF, IF, DF, IOPL, NT, AC.
const FLAG_MASK: u64 = 0x4_7700;

const IST_BYTES: usize = 2048;
/// Exceptions that may come at any time run on stacks of their own: #DB, NMI, #DF, #MC.
const IST_VECTORS: [u8; 4] = [1, 2, 8, 18];
const BREAKPOINT: usize = 3;
const FIRST_USER_GATE: usize = abi::vector::FIRST_SYSCALL as usize;

#[repr(C, align(16))]
struct Stack([u8; IST_BYTES]);

#[repr(C, packed(4))]
struct TaskState {
    reserved0: u32,
    rsp: [u64; 3],
    reserved1: u64,
    ist: [u64; 7],
    reserved2: u64,
    reserved3: u16,
    io_map_base: u16,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    offset_low: u16,
    selector: u16,
    ist: u8,
    kind: u8,
    offset_mid: u16,
    offset_high: u32,
    reserved: u32,
}

impl Gate {
    const EMPTY: Self =
        Self { offset_low: 0, selector: 0, ist: 0, kind: 0, offset_mid: 0, offset_high: 0, reserved: 0 };
    const INTERRUPT: u8 = 0x8e;
    const USER: u8 = 0x60;

    fn new(handler: u64, ist: u8, is_user: bool) -> Self {
        Self {
            offset_low: handler as u16,
            selector: KERNEL_CODE,
            ist,
            kind: if is_user { Self::INTERRUPT | Self::USER } else { Self::INTERRUPT },
            offset_mid: (handler >> 16) as u16,
            offset_high: (handler >> 32) as u32,
            reserved: 0,
        }
    }
}

#[repr(C, align(16))]
struct Tables {
    gdt: [u64; 8],
    task: TaskState,
    idt: [Gate; 256],
    stacks: [Stack; IST_VECTORS.len()],
}

static mut TABLES: Tables = Tables {
    gdt: [
        0,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        0,
        0,
        0x00af_fb00_0000_ffff,
        0x00cf_f300_0000_ffff,
        0x00af_fb00_0000_ffff,
    ],
    task: TaskState {
        reserved0: 0,
        rsp: [0; 3],
        reserved1: 0,
        ist: [0; 7],
        reserved2: 0,
        reserved3: 0,
        // Beyond the limit: no IO map, every port refused (SDM vol. 1, 19.5.2).
        io_map_base: size_of::<TaskState>() as u16,
    },
    idt: [Gate::EMPTY; 256],
    stacks: [const { Stack([0; IST_BYTES]) }; IST_VECTORS.len()],
};

#[repr(C, packed(2))]
struct TablePointer {
    limit: u16,
    base: u64,
}

/// Where the processor enters the kernel: addresses of code that the kernel program brings.
#[derive(Clone, Copy, Debug)]
pub struct EntryStubs {
    /// Target of `syscall`.
    pub syscall: usize,
    /// First of 256 stubs of 16 bytes, one for each vector.
    pub traps: usize,
}

/// Sets up and loads all of it.
///
/// # Safety
///
/// Called once on this core, before the first exception or system call.
pub(super) unsafe fn initialise(stubs: EntryStubs) {
    let tables = &raw mut TABLES;
    // SAFETY: called once, so nothing else refers to the tables.
    let tables = unsafe { &mut *tables };
    let (_, stack_top) = stack::kernel_stack();
    tables.task.rsp[0] = stack_top as u64;
    for (index, stack) in tables.stacks.iter().enumerate() {
        tables.task.ist[index] = (&raw const *stack as u64) + IST_BYTES as u64;
    }
    let base = &raw const tables.task as u64;
    let limit = size_of::<TaskState>() as u64 - 1;
    tables.gdt[3] = limit | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
    tables.gdt[4] = base >> 32;
    for (vector, gate) in tables.idt.iter_mut().enumerate() {
        let ist =
            IST_VECTORS.iter().position(|&v| usize::from(v) == vector).map_or(0, |index| index as u8 + 1);
        let is_user = vector == BREAKPOINT || vector >= FIRST_USER_GATE;
        *gate = Gate::new((stubs.traps + 16 * vector) as u64, ist, is_user);
    }
    load(tables);
    write_syscall_msrs(stubs.syscall as u64);
}

fn load(tables: &Tables) {
    let gdt = TablePointer { limit: size_of_val(&tables.gdt) as u16 - 1, base: tables.gdt.as_ptr() as u64 };
    let idt = TablePointer { limit: size_of_val(&tables.idt) as u16 - 1, base: tables.idt.as_ptr() as u64 };
    // SAFETY: the tables are static, and the selectors name the descriptors in them.
    unsafe {
        asm!(
            "lgdt [{gdt}]",
            "lidt [{idt}]",
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            "mov ss, {data:e}",
            "mov ds, {null:e}",
            "mov es, {null:e}",
            "mov fs, {null:e}",
            "mov gs, {null:e}",
            "lldt {null:x}",
            "ltr {tss:x}",
            gdt = in(reg) &raw const gdt,
            idt = in(reg) &raw const idt,
            code = in(reg) u64::from(KERNEL_CODE),
            data = in(reg) u32::from(KERNEL_DATA),
            null = in(reg) 0u32,
            tss = in(reg) TSS,
            scratch = out(reg) _,
        );
    }
}

/// Sends every system call to the stub for them.
pub(super) fn redirect_syscalls(stubs: EntryStubs) {
    // SAFETY: the register only says where `syscall` goes, and the stub is ready for it.
    unsafe { Msr::new(IA32_LSTAR).write(stubs.syscall as u64) };
}

fn write_syscall_msrs(target: u64) {
    let star = SYSRET_BASE << 48 | u64::from(KERNEL_CODE) << 32;
    for (msr, value) in [(IA32_STAR, star), (IA32_LSTAR, target), (IA32_FMASK, FLAG_MASK)] {
        // SAFETY: the three registers only say where `syscall` goes, and the stub is ready for it.
        unsafe { Msr::new(msr).write(value) };
    }
}
