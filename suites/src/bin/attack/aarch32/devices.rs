// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts on devices, interrupts and the processor itself.

use abi::limits::USER_VECTORS;
use abi::{INITIAL_FLAGS, Register};
use userland::object::{Flow, Msi, Pin, Ports};
use userland::{Error, IO_PORT_CONTROL, IRQ_CONTROL, RootTask};

use super::code::*;
use crate::Failure;
use crate::attempts::Attempts;
use crate::code::Code;
use crate::intruder::{Fault, Intruder};

/// The first interrupt of devices, and the last one that has a vector.
const FIRST: u64 = 32;
const LAST: u64 = FIRST + USER_VECTORS - 1;
/// What an instruction of the kernel gets.
const UNDEFINED: Fault = Fault::Exception(0);
/// What one gets that does nothing in user mode.
const WITHOUT_EFFECT: Fault = Fault::AtTheEnd { flags: INITIAL_FLAGS };
/// PSCI's call that turns the machine off.
const SYSTEM_OFF: u64 = 0x8400_0008;
/// Supervisor mode, nothing masked.
const SUPERVISOR: u64 = 0x13;

pub(crate) fn attack(
    task: &mut RootTask,
    attempts: &mut Attempts,
    intruder: &Intruder,
) -> Result<(), Failure> {
    interrupts(task, attempts)?;
    processor(attempts, intruder)?;
    flags(attempts, intruder)
}

fn interrupts(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let slot = task.slots.take()?.slot();
    for number in [FIRST, FIRST + 1, FIRST + 2, LAST] {
        let handler = IRQ_CONTROL.get(number, slot);
        attempts.refused("an interrupt of another instance's distributor", handler, Error::IllegalOperation);
    }
    // Software-generated ones are the doorbells, the private ones the timers.
    for number in [0, 1, 15, 16, 27, 30, FIRST - 1, LAST + 1, 1019, u64::MAX] {
        let handler = IRQ_CONTROL.get(number, slot);
        attempts.refused("an interrupt of the kernel", handler, Error::Range(FIRST, LAST));
    }
    let pin = Pin { ioapic: 0, pin: 2, level: 0, polarity: 0 };
    attempts.refused("an input of an IOAPIC", IRQ_CONTROL.get_ioapic(slot, pin, 0), Error::IllegalOperation);
    let msi = Msi { bus: 0, device: 0, function: 0, handle: 0 };
    attempts.refused("an MSI", IRQ_CONTROL.get_msi(slot, msi, 0), Error::IllegalOperation);
    let ports = IO_PORT_CONTROL.issue(Ports { first: 0, last: 0xffff }, slot);
    attempts.refused("IO ports", ports, Error::IllegalOperation);
    Ok(())
}

fn processor(attempts: &mut Attempts, intruder: &Intruder) -> Result<(), Failure> {
    let undefined: [(&str, Code, u64); 16] = [
        ("smc: a call to turn the machine off", monitor_call, SYSTEM_OFF),
        ("hvc: a call to turn the machine off", hypervisor_call, SYSTEM_OFF),
        ("a load of TTBR0", load_tables, 0),
        ("a read of TTBR0", read_tables, 0),
        ("a load of SCTLR", control, 0),
        ("a load of VBAR", load_vectors, 0),
        ("a load of CPACR", coprocessors, u64::from(u32::MAX)),
        ("invalidation of the TLB", forget, 0),
        ("invalidation of the data cache", invalidate, 0),
        ("the virtual timer's control", virtual_timer, 0),
        ("the physical timer's control", physical_timer, 0),
        ("a load of CNTFRQ", frequency, 1),
        ("interrupts of the cycle counter", counter_interrupt, u64::from(u32::MAX)),
        ("rfe", exception_return, 0),
        ("subs pc, lr", return_with_flags, 0),
        ("srs to the stack of supervisor mode", store_state, 0),
    ];
    for (what, code, argument) in undefined {
        attempts.stopped(what, intruder.try_code(code, argument)?, UNDEFINED);
    }
    let ignored: [(&str, Code); 3] = [
        ("cpsid", interrupts_off),
        ("cps to supervisor mode", supervisor),
        ("msr to mode and masks", status),
    ];
    for (what, code) in ignored {
        attempts.stopped(what, intruder.try_code(code, SUPERVISOR)?, WITHOUT_EFFECT);
    }
    Ok(())
}

/// Gives a thread the mode of the kernel by writing its flags.
fn flags(attempts: &mut Attempts, intruder: &Intruder) -> Result<(), Failure> {
    let mut registers = [0; Register::Cpsr.index() + 1];
    registers[Register::Pc.index()] = load_tables as *const () as u64;
    registers[Register::Cpsr.index()] = SUPERVISOR;
    intruder.thread().write_registers(Flow::Keep, &registers)?;
    intruder.thread().read_registers(Flow::Keep, &mut registers)?;
    let flags = registers[Register::Cpsr.index()];
    attempts.absent("supervisor mode by WriteRegisters", flags != INITIAL_FLAGS);
    Ok(())
}

/// What the owner of all devices must not have either: there are no ports.
pub(crate) fn try_as_owner(_task: &mut RootTask, _attempts: &mut Attempts) -> Result<(), Failure> {
    Ok(())
}
