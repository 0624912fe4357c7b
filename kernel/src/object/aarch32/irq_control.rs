// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handlers for shared peripheral interrupts of the GIC.
//!
//! ```text
//! interrupt number   0..15 SGI   16..31 PPI   32 .. 139 SPI, of the owner of the distributor
//! user vector                                  0 .. 107
//! ```
//!
//! SGIs and PPIs are the kernel's: doorbell and timer.

use abi::Label;
use abi::limits::USER_VECTORS;
use arch::{Machine, Pin, Polarity, Trigger};

use crate::Kernel;
use crate::args::Args;
use crate::cap::slot::SlotRef;
use crate::error::SyscallError;
use crate::object::irq::{Invocation, VectorUse};

/// The number of the first shared peripheral interrupt.
const FIRST_SPI: u64 = 32;

impl<M: Machine> Kernel<M> {
    /// Decodes what of IRQControl is not about lines.
    pub(crate) fn decode_issue_vector(
        &self,
        control: SlotRef,
        label: Label,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        if label != Label::IrqControlGet {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(3, 1)?;
        let mut words = args.words();
        let (number, index, depth) = (words.take(), words.take(), words.take());
        let vector = number.wrapping_sub(FIRST_SPI);
        if vector >= USER_VECTORS {
            return Err(SyscallError::RangeError { min: FIRST_SPI, max: FIRST_SPI + USER_VECTORS - 1 });
        }
        let vector = vector as usize;
        if self.vectors[vector] != VectorUse::Free {
            return Err(SyscallError::RevokeFirst);
        }
        let dest = self.lookup_empty_slot(args.cap(0)?, index, depth)?;
        let connection = self.decode_spi(vector as u8)?;
        Ok(Invocation::IssueVector { vector, connection, control, dest })
    }

    /// An input of the distributor, if the instance owns it and it has that input. Its level counts.
    fn decode_spi(&self, input: u8) -> Result<VectorUse, SyscallError> {
        if self.config.io_apics == 0 || input >= self.config.io_apic_pins[0] {
            return Err(SyscallError::IllegalOperation);
        }
        Ok(VectorUse::Pin { pin: Pin { chip: 0, input }, trigger: Trigger::Level, polarity: Polarity::High })
    }
}

#[cfg(test)]
pub(crate) mod tests;
