// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance has on x86_64 alone: its exceptions, and how faults are brought about.
#![allow(unsafe_code)]

#[path = "x86_64/stubs.rs"]
pub(super) mod stubs;

use core::fmt::{self, Write};

use arch::hw::{Console, EntryStubs, HwMachine, IoApics, LapicMode, MachineConfig, Timer};
use arch::{CoreId, Devices};
use ipi::Work;
use kernel::fastpath::Arrival;
use kernel::handover::Handover;
use kernel::{Event, Kernel, Resume};

use super::failure::{self, Printer};
use super::inject::Kind;
use super::state::{Instance, enter, give_up};
use super::{DOORBELL, leave, stop_polling, take_fault, take_interrupt, take_wake};
use stubs::{GENERAL_NAMES, KernelFrame, enter_user_with};

/// Physical address of the local APIC's registers in xAPIC mode.
const LAPIC_PAGE: u64 = 0xfee0_0000;

/// Exceptions that no user program may cause and no kernel survives, a bit each: NMI, double fault, machine check.
const FATAL: u64 = 1 << 2 | 1 << 8 | 1 << 18;
const FIRST_INTERRUPT: u64 = 32;

/// Where the processor enters the kernel.
pub(super) fn entry_stubs() -> EntryStubs {
    stubs::set_smap(arch::hw::uses_smap());
    stubs::entry_stubs()
}

pub(super) fn machine_config(handover: &Handover) -> MachineConfig {
    let mut io_apics = IoApics::NONE;
    for chip in handover.io_apics.iter().take(handover.io_apic_count as usize) {
        io_apics.add(chip.paddr, chip.pins as u8);
    }
    let console = match handover {
        Handover { debug_port: port @ 1.., .. } => Console::DebugPort(*port as u16),
        Handover { serial_port: port @ 1.., .. } => Console::Serial(*port as u16),
        Handover { log: [paddr, bytes], .. } if *bytes >= 128 => {
            Console::Log { paddr: *paddr, bytes: *bytes }
        }
        _ => Console::Silent,
    };
    MachineConfig {
        lapic: if handover.x2apic != 0 { LapicMode::X2Apic } else { LapicMode::XApic(LAPIC_PAGE) },
        timer: if handover.timer_ratio == 0 { Timer::Deadline } else { Timer::OneShot(handover.timer_ratio) },
        console,
        io_apics,
        core: CoreId(handover.core as u32),
    }
}

extern "C" fn page_fault(_vector: u64, code: u64) -> ! {
    let address = page_fault_address();
    take_fault(|| Event::PageFault { address, code })
}

extern "C" fn exception(vector: u64, code: u64) -> ! {
    if FATAL & 1 << vector != 0 {
        refuse_exception(vector, code);
    }
    take_fault(|| Event::Exception { vector: vector as u8, code })
}

extern "C" fn interrupt(vector: u64) -> ! {
    let instance = enter();
    let resume = take_interrupt(instance, vector as u8);
    leave(instance, resume)
}

extern "C" fn software_interrupt(vector: u64) -> ! {
    let instance = enter();
    let resume = take_software_interrupt(instance, vector as u8);
    leave(instance, resume)
}

#[cold]
fn refuse_exception(vector: u64, code: u64) -> ! {
    panic!("exception {vector} (error code {code:#x})")
}

/// An interrupt that ends a wait: nobody runs.
extern "C" fn wake(vector: u64, code: u64) -> ! {
    let instance = enter();
    let work = stop_polling(instance);
    if vector == u64::from(abi::vector::DOORBELL)
        && let Some(resume) = instance.kernel.fast_path(DOORBELL)
    {
        leave(instance, resume)
    }
    let resume = wake_otherwise(instance, (vector, code), work);
    leave(instance, resume)
}

#[inline(never)]
fn wake_otherwise(instance: &mut Instance, (vector, code): (u64, u64), work: Work) -> Resume {
    if vector < FIRST_INTERRUPT {
        refuse_exception(vector, code);
    }
    if vector == u64::from(abi::vector::SPURIOUS)
        && !instance.kernel.machine.is_in_service(abi::vector::SPURIOUS)
    {
        return Resume::Idle;
    }
    take_wake(instance, vector as u8, work)
}

/// Leaves with a message.
#[inline(always)]
pub(super) fn leave_with(kernel: &mut Kernel<HwMachine>, arrival: Arrival) -> ! {
    let Arrival { thread, badge, info, words } = arrival;
    let objs = &mut kernel.objs;
    let words = &raw const objs[words].context;
    let context = &raw mut objs[thread].context;
    give_up();
    // SAFETY: the fast path has made this thread the current one, address space included.
    unsafe { enter_user_with(context, (badge, info), words) }
}

/// `int n` of a user thread, or an interrupt at a vector that nobody uses.
#[cold]
fn take_software_interrupt(instance: &mut Instance, vector: u8) -> Resume {
    match instance.kernel.event_at_open_gate(vector) {
        Some(event) => instance.kernel.handle(event),
        None => Resume::Thread(instance.kernel.current()),
    }
}

fn page_fault_address() -> u64 {
    let address: u64;
    // SAFETY: reading CR2 changes nothing.
    unsafe { core::arch::asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
    address
}

extern "C" fn kernel_fault(frame: &KernelFrame) -> ! {
    let [rip, _, _, rsp, _] = frame.machine;
    let (vector, code) = (frame.vector, frame.code);
    failure::fail_at(
        format_args!("exception {vector} (error code {code:#x}) in the kernel at {rip:#x}"),
        frame,
        rsp as usize,
    )
}

pub(super) fn write_registers(out: &mut Printer, frame: &KernelFrame) -> fmt::Result {
    for (name, value) in GENERAL_NAMES.iter().zip(frame.general) {
        write!(out, "{name:>4} {value:016x}")?;
    }
    let [rip, cs, rflags, rsp, ss] = frame.machine;
    writeln!(out, "\n rip {rip:016x} cs {cs:x} rflags {rflags:x} rsp {rsp:016x} ss {ss:x}")
}

/// Brings about a fault other than a panic.
pub(super) fn inject(instance: &mut Instance, kind: Kind) {
    match kind {
        Kind::Panic => {}
        // SAFETY: not at all, and on purpose: pushing to address 0 faults, and so does delivering that fault.
        Kind::DoubleFault => unsafe { core::arch::asm!("xor esp, esp", "push rax", options(noreturn)) },
        Kind::Nmi => instance.kernel.machine.send_own_nmi(),
        // SAFETY: enters the machine-check gate as the processor would.
        Kind::MachineCheck => unsafe { core::arch::asm!("int 18") },
    }
}

/// This core does nothing any more.
pub(super) fn stop_core() -> ! {
    loop {
        // SAFETY: with interrupts off the core sleeps until INIT.
        unsafe { core::arch::asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
