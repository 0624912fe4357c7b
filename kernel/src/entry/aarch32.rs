// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance has on AArch32 alone: its first instructions, its exceptions, and how faults are brought about.
#![allow(unsafe_code)]

use core::arch::global_asm;
use core::fmt::{self, Write};
use core::mem::offset_of;

use arch::hw::entry::KernelFrame;
use arch::hw::{Abort, Clock, Conduit, Console, CounterAccess, Gic, MachineConfig};
use arch::{CoreId, DEVICE_BASE, FETCH_SHIFT};
use kernel::error::Fault;
use kernel::fastpath::Arrival;
use kernel::handover::Handover;
use kernel::{Event, Profile, Resume};

use super::failure::{self, Printer};
use super::inject::Kind;
use super::{Instance, instance, leave, leave_by_doorbell, stop_polling, take_interrupt, take_wake};

// In r0 the window address of the hand-over. The boot core's table for user addresses gives way to the root task's: all
// that the TLB knows is forgotten, the boot core's identity mapping included.
global_asm!(
    ".section .text.entry, \"ax\", %progbits",
    ".arm",
    ".global instance_start",
    "instance_start:",
    "cpsid aif, #0x13",
    "ldr sp, =kernel_stack_top",
    "ldrd r2, r3, [r0, #{ROOT_VSPACE}]",
    "mcrr p15, 0, r2, r3, c2",
    "isb",
    "mov r1, #0",
    "mcr p15, 0, r1, c8, c7, 0",
    "dsb",
    "isb",
    "mov r11, #0",
    "bl instance_main",
    "udf #0",
    ".ltorg",
    ROOT_VSPACE = const offset_of!(Handover, root_vspace),
);

/// Number of the exception that an undefined instruction is, in the message about it.
const UNDEFINED: u8 = 0;

/// Values of [`Handover::debug_port`].
const TAGGED: u64 = 1;
const PLAIN: u64 = 2;

pub(crate) fn machine_config(handover: &Handover) -> MachineConfig {
    let device = |paddr: u64| (DEVICE_BASE + paddr) as usize;
    let console = match handover {
        Handover { debug_port: TAGGED, .. } => {
            Console::Tagged { base: device(handover.console_paddr), instance: handover.instance as u8 }
        }
        Handover { debug_port: PLAIN, .. } => Console::Uart(device(handover.console_paddr)),
        Handover { log: [paddr, bytes], .. } if *bytes >= 128 => {
            Console::Log { paddr: *paddr, bytes: *bytes }
        }
        _ => Console::Silent,
    };
    MachineConfig {
        gic: Gic::at(
            device(handover.gic_distributor),
            device(handover.gic_cpu),
            handover.gic_targets.to_le_bytes(),
        ),
        clock: Clock::new(handover.timer_ratio as u32),
        console,
        conduit: Conduit::from_word(handover.psci),
        core: CoreId(handover.core as u32),
        counters: match Profile::from_word(handover.profile) {
            Profile { benchmarks: true, .. } => CounterAccess::Open,
            _ => CounterAccess::Closed,
        },
    }
}

#[unsafe(no_mangle)]
extern "C" fn instance_interrupt() -> ! {
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let resume = match instance.kernel.machine.acknowledge() {
        Some(vector) => take_interrupt(instance, vector),
        None => Resume::Thread(instance.kernel.current()),
    };
    leave(instance, resume)
}

/// An interrupt that ends a wait: nobody runs.
#[unsafe(no_mangle)]
extern "C" fn instance_wake() -> ! {
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let vector = instance.kernel.machine.acknowledge();
    let work = stop_polling(instance);
    if vector == Some(abi::vector::DOORBELL) {
        leave_by_doorbell(instance);
    }
    let resume = vector.map_or(Resume::Idle, |vector| take_wake(instance, vector, work));
    leave(instance, resume)
}

#[unsafe(no_mangle)]
extern "C" fn instance_data_abort() -> ! {
    take_abort(Abort::of_access(), 0)
}

#[unsafe(no_mangle)]
extern "C" fn instance_prefetch_abort() -> ! {
    let abort = Abort::of_fetch();
    if abort.is_debug_event() {
        take_breakpoint(abort)
    }
    take_abort(abort, 1 << FETCH_SHIFT)
}

/// `bkpt`. The register that has the address of other prefetch aborts is not written for it.
#[cold]
fn take_breakpoint(abort: Abort) -> ! {
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let pc = instance.kernel.objs[instance.kernel.current()].context.pc;
    take_abort(Abort { address: pc, ..abort }, 1 << FETCH_SHIFT)
}

#[inline(always)]
fn take_abort(abort: Abort, origin: u64) -> ! {
    assert!(!abort.is_asynchronous(), "asynchronous external abort (status {:#x})", abort.status);
    let (address, code) = (u64::from(abort.address), u64::from(abort.status) | origin);
    take_fault(Fault::VmFault { address, code }, Event::PageFault { address, code })
}

#[unsafe(no_mangle)]
extern "C" fn instance_exception() -> ! {
    take_fault(
        Fault::UserException { vector: UNDEFINED.into(), code: 0 },
        Event::Exception { vector: UNDEFINED, code: 0 },
    )
}

#[inline(always)]
fn take_fault(fault: Fault, event: Event) -> ! {
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let resume = match instance.kernel.fast_fault(fault) {
        Some(handler) => Resume::Thread(handler),
        None => instance.kernel.handle(event),
    };
    leave(instance, resume)
}

/// Leaves with a message. All registers are loaded at once, so they are put together first.
#[inline(always)]
pub(crate) fn leave_with(instance: &mut Instance, arrival: Arrival) -> ! {
    let next = instance.kernel.deliver(arrival);
    leave(instance, Resume::Thread(next))
}

#[unsafe(no_mangle)]
extern "C" fn instance_kernel_fault(frame: &KernelFrame) -> ! {
    let KernelFrame { vector, pc, .. } = *frame;
    let (access, fetch) = (Abort::of_access(), Abort::of_fetch());
    failure::fail_at(
        format_args!("{vector} in the kernel at {pc:#x} (last access {access}, last fetch {fetch})"),
        frame,
        frame.sp as usize,
    )
}

pub(crate) fn write_registers(out: &mut Printer, frame: &KernelFrame) -> fmt::Result {
    for (number, value) in frame.general.iter().enumerate() {
        write!(out, " r{number} {value:08x}")?;
    }
    let KernelFrame { sp, lr, pc, status, .. } = frame;
    writeln!(out, "\n sp {sp:08x} lr {lr:08x} pc {pc:08x} cpsr {status:08x}")
}

/// Brings about a fault other than a panic. Of those that x86_64 has, there is the fault of a kernel without a stack.
pub(crate) fn inject(_instance: &mut Instance, kind: Kind) {
    match kind {
        // SAFETY: not at all, and on purpose: there is nothing below address 0.
        Kind::DoubleFault => unsafe { core::arch::asm!("mov sp, #0", "push {{r0}}", options(noreturn)) },
        kind => panic!("a fault of kind {kind:?} cannot be injected on AArch32"),
    }
}

/// This core does nothing any more: the firmware turns it off, or it sleeps with interrupts masked and, as
/// [`arch::Machine::stop_self`] has seen to, none to come.
pub(crate) fn stop_core() -> ! {
    // SAFETY: whoever held a reference does not run any more.
    let instance = unsafe { instance() };
    instance.kernel.machine.conduit().turn_off();
    loop {
        // SAFETY: sleeping changes nothing.
        unsafe { core::arch::asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
}
