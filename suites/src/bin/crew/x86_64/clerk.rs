// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program with devices of its own: registers, ports and an interrupt.

use userland::{Program, println};

use crate::{Failure, expect};

/// The vendor in the high half of the HPET's first register.
const VENDOR: u32 = 0x8086;
/// Registers of a serial port: interrupts to be raised, which one it was, modem control.
const INTERRUPT_ENABLE: u16 = 1;
const INTERRUPT_IDENTIFICATION: u16 = 2;
const MODEM_CONTROL: u16 = 4;
/// Raise an interrupt when a byte can be written.
const WHEN_EMPTY: u8 = 1 << 1;
/// Connects the port to its interrupt.
const OUT_2: u8 = 1 << 3;

/// Reads a register, raises an interrupt, waits for it.
pub(crate) fn serve(program: &Program) -> Result<(), Failure> {
    expect(VENDOR, program.registers("hpet")?.read32(0) >> 16)?;
    let (ports, interrupt) = (program.ports("com1")?, program.interrupt("com1")?);
    ports.write8(MODEM_CONTROL, OUT_2)?;
    ports.write8(INTERRUPT_ENABLE, WHEN_EMPTY)?;
    interrupt.wait();
    expect(u32::from(WHEN_EMPTY), u32::from(ports.read8(INTERRUPT_IDENTIFICATION)? & 0xf))?;
    interrupt.ack();
    ports.write8(INTERRUPT_ENABLE, 0)?;
    println!("registers, ports and interrupt are there");
    Ok(())
}
