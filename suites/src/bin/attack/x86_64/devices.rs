// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts on devices, interrupts and the processor itself.

use abi::{INITIAL_FLAGS, Register};
use userland::object::{Flow, Msi, Pin, Ports};
use userland::{Error, IO_PORT_CONTROL, IRQ_CONTROL, RootTask};

use super::code::*;
use crate::Failure;
use crate::attempts::Attempts;
use crate::code::Code;
use crate::intruder::{Fault, Intruder};

/// What a privileged instruction gets.
const PROTECTION: Fault = Fault::Exception(13);
/// The last user vector.
const LAST_VECTOR: u64 = 107;
/// The ICR as a model-specific register (x2APIC mode).
const ICR_REGISTER: u64 = 0x830;
const EFER: u64 = 0xc000_0080;
const LSTAR: u64 = 0xc000_0082;
/// IOPL 3, interrupts off, trap flag.
const EVIL_RFLAGS: u64 = 0x3102;
/// The port that resets the machine on a PC.
const RESET_PORT: u64 = 0xcf9;

pub(crate) fn attack(
    task: &mut RootTask,
    attempts: &mut Attempts,
    intruder: &Intruder,
) -> Result<(), Failure> {
    ports(task, attempts)?;
    interrupts(task, attempts)?;
    processor(attempts, intruder)?;
    flags(attempts, intruder)
}

fn ports(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let slot = task.slots.take()?.slot();
    for (what, first, last) in [
        ("ports of PCI configuration", 0xcf8, 0xcff),
        ("the reset port", RESET_PORT, RESET_PORT),
        ("ports of the keyboard controller", 0x60, 0x64),
        ("ports of the clock", 0x70, 0x71),
        ("ports of the timer", 0x40, 0x43),
        ("ports of the interrupt controllers", 0x20, 0x21),
        ("the port of another instance's console", 0x8e00, 0x8e00),
        ("every port", 0, 0xffff),
    ] {
        attempts.refused(what, IO_PORT_CONTROL.issue(Ports { first, last }, slot), Error::RevokeFirst);
    }
    Ok(())
}

/// Ports that reach beyond their owner: docs/isolation.md has the reasons.
const NOBODYS: [(&str, u64, u64); 22] = [
    ("DMA controllers", 0, 0x1f),
    ("old interrupt controllers and Super-IO", 0x20, 0x3f),
    ("timers for NMIs", 0x44, 0x4f),
    ("keyboard controller and NMI control", 0x60, 0x6f),
    ("clock and NMI mask", 0x70, 0x77),
    ("DMA pages and fast reset", 0x80, 0x9f),
    ("old interrupt controllers and APM", 0xa0, 0xbf),
    ("second DMA controller", 0xc0, 0xdf),
    ("debug console of emulators", 0xe0, 0xef),
    ("exit device", 0xf4, 0xf7),
    ("EISA, with SeaBIOS's console", 0x400, 0x4ff),
    ("exit and panic devices", 0x500, 0x50f),
    ("fw_cfg", 0x510, 0x51b),
    ("power management", 0x600, 0x67f),
    ("SMBus", 0x700, 0x73f),
    ("hot-plug of memory", 0xa00, 0xaff),
    ("chipset, PCI configuration and reset", 0xc00, 0xcff),
    ("VMware's back door", 0x5658, 0x567f),
    ("shutdown of Bochs", 0x8900, 0x8901),
    ("consoles of the boot and of kernels", 0x8dff, 0x8efe),
    ("hot-plug and old power management", 0xae00, 0xb07f),
    ("bus master of the disk controller", 0xc040, 0xc05f),
];

/// What the owner of all devices must not have either.
pub(crate) fn try_as_owner(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let slot = task.slots.take()?.slot();
    for (what, first, last) in NOBODYS {
        let mut issued =
            (first..=last).map(|port| IO_PORT_CONTROL.issue(Ports { first: port, last: port }, slot));
        attempts.absent(what, issued.any(|issued| issued != Err(Error::RevokeFirst)));
    }
    // A range that only touches such a port is refused as a whole.
    let across = IO_PORT_CONTROL.issue(Ports { first: 0x51b, last: 0x51f }, slot);
    attempts.refused("ports up to the last of fw_cfg", across, Error::RevokeFirst);
    Ok(())
}

fn interrupts(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let slot = task.slots.take()?.slot();
    for (ioapic, number) in [(0, 0), (0, 4), (1, 0), (u64::MAX, 23)] {
        let pin = Pin { ioapic, pin: number, level: 0, polarity: 0 };
        let handler = IRQ_CONTROL.get_ioapic(slot, pin, 0);
        attempts.refused("an input of another instance's IOAPIC", handler, Error::IllegalOperation);
    }
    attempts.refused("an interrupt by number", IRQ_CONTROL.get(0, slot), Error::IllegalOperation);
    let msi = Msi { bus: 0, device: 0, function: 0, handle: 0 };
    for vector in [LAST_VECTOR + 1, LAST_VECTOR + 2, u64::MAX] {
        let handler = IRQ_CONTROL.get_msi(slot, msi, vector);
        attempts.refused("a vector of the kernel", handler, Error::Range(0, LAST_VECTOR));
    }
    Ok(())
}

fn processor(attempts: &mut Attempts, intruder: &Intruder) -> Result<(), Failure> {
    let codes: [(&str, Code, u64); 15] = [
        ("out to the reset port", output, RESET_PORT),
        ("in from the keyboard controller", input, 0x64),
        ("wrmsr to the ICR", write_register, ICR_REGISTER),
        ("wrmsr to EFER", write_register, EFER),
        ("rdmsr of LSTAR", read_register, LSTAR),
        ("a load of CR3", load_tables, 0),
        ("cli", interrupts_off, 0),
        ("hlt", halt, 0),
        ("lidt", load_gates, 0),
        ("a load of DR7", load_debug, 0),
        ("int to the NMI gate", interrupt_nmi, 0),
        ("int to the double-fault gate", interrupt_double_fault, 0),
        ("int to the machine-check gate", interrupt_machine_check, 0),
        ("int to the doorbell's gate", interrupt_doorbell, 0),
        ("int to the timer's gate", interrupt_timer, 0),
    ];
    for (what, code, argument) in codes {
        attempts.stopped(what, intruder.try_code(code, argument)?, PROTECTION);
    }
    Ok(())
}

/// Gives a thread the right to use ports and turn interrupts off by writing its flags.
fn flags(attempts: &mut Attempts, intruder: &Intruder) -> Result<(), Failure> {
    let mut registers = [0; Register::Rflags.index() + 1];
    registers[Register::Rip.index()] = output as *const () as u64;
    registers[Register::Rflags.index()] = EVIL_RFLAGS;
    intruder.thread().write_registers(Flow::Keep, &registers)?;
    intruder.thread().read_registers(Flow::Keep, &mut registers)?;
    let flags = registers[Register::Rflags.index()];
    attempts.absent("IO privilege by WriteRegisters", flags != INITIAL_FLAGS);
    Ok(())
}
