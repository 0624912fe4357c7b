// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handlers for pins of an IOAPIC and for message-signalled interrupts.

use abi::Label;
use abi::limits::USER_VECTORS;
use arch::{Machine, Pin, Polarity, Trigger};

use crate::args::Args;
use crate::cap::slot::SlotRef;
use crate::error::SyscallError;
use crate::object::irq::{Invocation, VectorUse};
use crate::{Kernel, MAX_IO_APICS};

/// Refuses a value above `max`.
fn check_range(value: u64, max: u64) -> Result<(), SyscallError> {
    if value <= max { Ok(()) } else { Err(SyscallError::RangeError { min: 0, max }) }
}

impl<M: Machine> Kernel<M> {
    /// Decodes what of IRQControl is not about lines.
    pub(crate) fn decode_issue_vector(
        &self,
        control: SlotRef,
        label: Label,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        match label {
            Label::IrqControlGet => {
                args.require(3, 1)?;
                return Err(SyscallError::IllegalOperation);
            }
            Label::IrqControlGetIoApic | Label::IrqControlGetMsi => {}
            _ => return Err(SyscallError::IllegalOperation),
        }
        args.require(7, 1)?;
        let (index, depth, vector) = (args.word(0), args.word(1), args.word(6));
        check_range(vector, USER_VECTORS - 1)?;
        let vector = vector as usize;
        if self.vectors[vector] != VectorUse::Free {
            return Err(SyscallError::RevokeFirst);
        }
        let dest = self.lookup_empty_slot(args.cap(0)?, index, depth)?;
        let connection = match label {
            Label::IrqControlGetIoApic => self.decode_pin(args)?,
            _ => decode_message(args)?,
        };
        Ok(Invocation::IssueVector { vector, connection, control, dest })
    }

    fn decode_pin(&self, args: &Args<'_>) -> Result<VectorUse, SyscallError> {
        let (chip, input, level, polarity) = (args.word(2), args.word(3), args.word(4), args.word(5));
        let chips = usize::from(self.config.io_apics).min(MAX_IO_APICS);
        if chips == 0 {
            return Err(SyscallError::IllegalOperation);
        }
        check_range(chip, chips as u64 - 1)?;
        let pins = u64::from(self.config.io_apic_pins[chip as usize]);
        check_range(input, pins.saturating_sub(1))?;
        check_range(level, 1)?;
        check_range(polarity, 1)?;
        Ok(VectorUse::Pin {
            pin: Pin { chip: chip as u8, input: input as u8 },
            trigger: if level == 0 { Trigger::Edge } else { Trigger::Level },
            polarity: if polarity == 0 { Polarity::High } else { Polarity::Low },
        })
    }
}

fn decode_message(args: &Args<'_>) -> Result<VectorUse, SyscallError> {
    let (bus, device, function) = (args.word(2), args.word(3), args.word(4));
    check_range(bus, 255)?;
    check_range(device, 31)?;
    check_range(function, 7)?;
    Ok(VectorUse::Message)
}

#[cfg(test)]
pub(crate) mod tests;
