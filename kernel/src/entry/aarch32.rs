// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance has on AArch32 alone: its exceptions, and how faults are brought about.
#![allow(unsafe_code)]

#[path = "aarch32/stubs.rs"]
pub(super) mod stubs;

pub(super) use stubs::entry_stubs;

use core::fmt::{self, Write};

use arch::hw::{Abort, Clock, Conduit, Console, CounterAccess, Gic, HwMachine, MachineConfig};
use arch::{CoreId, DEVICE_BASE, FETCH_SHIFT};
use kernel::fastpath::Arrival;
use kernel::handover::Handover;
use kernel::{Event, Kernel, Profile, Resume};

use super::failure::{self, Printer};
use super::inject::Kind;
use super::state::{Instance, enter, give_up, of_failed_kernel};
use super::{DOORBELL, leave, leave_for, stop_polling, take_fault, take_interrupt, take_wake};
use stubs::KernelFrame;

/// Number of the exception that an undefined instruction is, in the message about it.
const UNDEFINED: u8 = 0;

/// Values of [`Handover::debug_port`].
const TAGGED: u64 = 1;
const PLAIN: u64 = 2;

pub(super) fn machine_config(handover: &Handover) -> MachineConfig {
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

extern "C" fn interrupt() -> ! {
    let instance = enter();
    let resume = match instance.kernel.machine.acknowledge() {
        Some(vector) => take_interrupt(instance, vector),
        None => Resume::Thread(instance.kernel.current()),
    };
    leave(instance, resume)
}

/// An interrupt that ends a wait: nobody runs.
extern "C" fn wake() -> ! {
    let instance = enter();
    let vector = instance.kernel.machine.acknowledge();
    let work = stop_polling(instance);
    if vector == Some(abi::vector::DOORBELL)
        && let Some(resume) = instance.kernel.fast_path(DOORBELL)
    {
        leave(instance, resume)
    }
    let resume = vector.map_or(Resume::Idle, |vector| take_wake(instance, vector, work));
    leave(instance, resume)
}

extern "C" fn data_abort() -> ! {
    take_abort(Abort::of_access(), 0)
}

extern "C" fn prefetch_abort() -> ! {
    let abort = Abort::of_fetch();
    if abort.is_debug_event() {
        take_breakpoint(abort)
    }
    take_abort(abort, 1 << FETCH_SHIFT)
}

/// `bkpt`. The register that has the address of other prefetch aborts is not written for it.
#[cold]
fn take_breakpoint(abort: Abort) -> ! {
    let kernel = &enter().kernel;
    let pc = kernel.objs[kernel.current()].context.pc;
    give_up();
    take_abort(Abort { address: pc, ..abort }, 1 << FETCH_SHIFT)
}

#[inline(always)]
fn take_abort(abort: Abort, origin: u64) -> ! {
    assert!(!abort.is_asynchronous(), "asynchronous external abort (status {:#x})", abort.status);
    let (address, code) = (u64::from(abort.address), u64::from(abort.status) | origin);
    take_fault(|| Event::PageFault { address, code })
}

extern "C" fn exception() -> ! {
    take_fault(|| Event::Exception { vector: UNDEFINED, code: 0 })
}

/// Leaves with a message. All registers are loaded at once, so they are put together first.
#[inline(always)]
pub(super) fn leave_with(kernel: &mut Kernel<HwMachine>, arrival: Arrival) -> ! {
    let next = kernel.deliver(arrival);
    leave_for(kernel, next)
}

extern "C" fn kernel_fault(frame: &KernelFrame) -> ! {
    let KernelFrame { vector, pc, .. } = *frame;
    let (access, fetch) = (Abort::of_access(), Abort::of_fetch());
    failure::fail_at(
        format_args!("{vector} in the kernel at {pc:#x} (last access {access}, last fetch {fetch})"),
        frame,
        frame.sp as usize,
    )
}

pub(super) fn write_registers(out: &mut Printer, frame: &KernelFrame) -> fmt::Result {
    for (number, value) in frame.general.iter().enumerate() {
        write!(out, " r{number} {value:08x}")?;
    }
    let KernelFrame { sp, lr, pc, status, .. } = frame;
    writeln!(out, "\n sp {sp:08x} lr {lr:08x} pc {pc:08x} cpsr {status:08x}")
}

/// Brings about a fault other than a panic. Of those that x86_64 has, there is the fault of a kernel without a stack.
pub(super) fn inject(_instance: &mut Instance, kind: Kind) {
    match kind {
        // SAFETY: not at all, and on purpose: there is nothing below address 0.
        Kind::DoubleFault => unsafe { core::arch::asm!("mov sp, #0", "push {{r0}}", options(noreturn)) },
        kind => panic!("a fault of kind {kind:?} cannot be injected on AArch32"),
    }
}

/// This core does nothing any more: the firmware turns it off, or it sleeps with interrupts masked and, as
/// [`arch::Machine::stop_self`] has seen to, none to come.
pub(super) fn stop_core() -> ! {
    of_failed_kernel().kernel.machine.conduit().turn_off();
    loop {
        // SAFETY: sleeping changes nothing.
        unsafe { core::arch::asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
}
