// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program with a device of its own, the real-time clock of QEMU's virt (a PL031): registers and an interrupt.

use userland::{Program, println};

use crate::{Failure, expect};

// Registers, by their offsets.
const NOW: u64 = 0x0;
const ALARM: u64 = 0x4;
const INTERRUPT_ENABLE: u64 = 0x10;
const HAS_COME: u64 = 0x14;
const PART: u64 = 0xfe0;
/// The lower half of the number of the part.
const PL031: u32 = 0x31;

/// Reads a register, sets the alarm to now, waits for the interrupt.
pub(crate) fn serve(program: &Program) -> Result<(), Failure> {
    let (clock, interrupt) = (program.registers("clock")?, program.interrupt("clock")?);
    expect(PL031, clock.read32(PART) & 0xff)?;
    clock.write32(INTERRUPT_ENABLE, 1);
    clock.write32(ALARM, clock.read32(NOW));
    interrupt.wait();
    expect(1, clock.read32(HAS_COME))?;
    clock.write32(INTERRUPT_ENABLE, 0);
    interrupt.ack();
    println!("registers and interrupt are there");
    Ok(())
}
