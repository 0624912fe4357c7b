// SPDX-License-Identifier: MIT OR Apache-2.0
//! A driver for QEMU's device for teaching, `-device edu`, which interrupts by messages: PCI configuration, registers, MSI.
//!
//! Two arguments are what the description says in its own words: `function=`, bus, device and function as the
//! configuration address has them, and `registers=`, where the registers are put.

use userland::program::{IoPorts, Registers};
use userland::{Error, Program, println};

use crate::{Failure, expect};

/// Configuration address and data, counted from 0xcf8.
const ADDRESS: u16 = 0;
const DATA: u16 = 4;
const ENABLE: u32 = 1 << 31;
/// What the first register of the configuration says: vendor 0x1234, device 0x11e8.
const IDENTITY: u32 = 0x11e8_1234;
/// Registers of the configuration: command, first window of registers, list of capabilities.
const COMMAND: u8 = 0x04;
const WINDOW: u8 = 0x10;
const CAPABILITIES: u8 = 0x34;
/// Commands: answer to memory accesses, write memory (a message is a write).
const MEMORY: u32 = 1 << 1;
const MASTER: u32 = 1 << 2;
/// The capability for messages, and what it allows and says in its first register.
const MSI: u32 = 5;
const MSI_ENABLE: u32 = 1 << 16;
const MSI_IS_WIDE: u32 = 1 << 23;
/// Registers of the device: raised interrupts, raise some, acknowledge some.
const STATUS: u64 = 0x24;
const RAISE: u64 = 0x60;
const ACKNOWLEDGE: u64 = 0x64;

/// How often the device interrupts.
const ROUNDS: u32 = 3;

/// The configuration of one PCI function.
struct Function {
    ports: IoPorts,
    /// Bus, device and function as the address register has them.
    place: u32,
}

impl Function {
    fn read(&self, register: u8) -> Result<u32, Error> {
        self.ports.write32(ADDRESS, ENABLE | self.place | u32::from(register))?;
        self.ports.read32(DATA)
    }

    fn write(&self, register: u8, value: u32) -> Result<(), Error> {
        self.ports.write32(ADDRESS, ENABLE | self.place | u32::from(register))?;
        self.ports.write32(DATA, value)
    }

    /// Where the capability for messages is.
    fn messages(&self) -> Result<u8, Failure> {
        let mut place = (self.read(CAPABILITIES)? & 0xfc) as u8;
        while place != 0 {
            let capability = self.read(place)?;
            if capability & 0xff == MSI {
                return Ok(place);
            }
            place = (capability >> 8 & 0xfc) as u8;
        }
        Err(Failure::Device { expected: MSI, found: 0 })
    }

    /// Has the device write `data` to `address` instead of pulling a pin.
    fn send_messages(&self, address: u64, data: u32) -> Result<(), Failure> {
        let place = self.messages()?;
        let control = self.read(place)?;
        self.write(place + 4, address as u32)?;
        if control & MSI_IS_WIDE != 0 {
            self.write(place + 8, (address >> u32::BITS) as u32)?;
            self.write(place + 12, data)?;
        } else {
            self.write(place + 8, data)?;
        }
        self.write(place, control | MSI_ENABLE)?;
        Ok(())
    }

    /// Has the device interrupt once at every vector but `own`. Nobody but the kernel is to notice.
    fn send_every_other_vector(&self, registers: &Registers, address: u64, own: u32) -> Result<(), Failure> {
        for vector in (0..=0xff).filter(|&vector| vector != own) {
            self.send_messages(address, vector)?;
            registers.write32(RAISE, 1);
            expect(1, registers.read32(STATUS))?;
            registers.write32(ACKNOWLEDGE, 1);
        }
        println!("255 messages at other vectors were sent");
        Ok(())
    }
}

/// Has the device interrupt, and waits for that.
pub(crate) fn drive(program: &Program) -> Result<(), Failure> {
    let number = |name: &'static str| {
        let digits = program.argument(name).and_then(|text| text.strip_prefix("0x"));
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(Failure::Argument(name))
    };
    let (interrupt, registers) = (program.interrupt("edu")?, program.registers("edu")?);
    let message = interrupt.message().ok_or(Failure::Device { expected: MSI, found: 0 })?;
    let function = Function { ports: program.ports("pci")?, place: number("function")? };
    expect(IDENTITY, function.read(0)?)?;
    function.write(WINDOW, number("registers")?)?;
    function.write(COMMAND, MEMORY | MASTER)?;
    if program.argument("every") == Some("vector") {
        function.send_every_other_vector(&registers, message.address, message.data)?;
    }
    function.send_messages(message.address, message.data)?;
    for round in 1..=ROUNDS {
        // Its bits are raised in the status, which interrupts.
        registers.write32(RAISE, round);
        interrupt.wait();
        expect(round, registers.read32(STATUS))?;
        registers.write32(ACKNOWLEDGE, round);
        interrupt.ack();
    }
    println!("{ROUNDS} messages to {:#x} with {} came", message.address, message.data);
    if interrupt.poll() {
        Err(Failure::Device { expected: 0, found: registers.read32(STATUS) })
    } else {
        Ok(())
    }
}
