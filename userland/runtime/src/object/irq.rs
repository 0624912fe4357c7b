// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts, and lines between instances.

use crate::capability::{Capability, IrqControl, IrqHandler, Notification, Slot};
use crate::error::Error;
use crate::machine;
use crate::message::invoke_unit;
use abi::{Label, TIME_WORDS, time_word};

/// An input of an interrupt controller; only the number counts where there is no IOAPIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// Which IOAPIC.
    pub ioapic: u64,
    /// Which of its inputs.
    pub pin: u64,
    /// 1 if level triggered.
    pub level: u64,
    /// 1 if active low.
    pub polarity: u64,
}

/// A device that sends interrupts as messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Msi {
    /// Its PCI bus.
    pub bus: u64,
    /// Its number on the bus.
    pub device: u64,
    /// Its function.
    pub function: u64,
    /// A word for programs.
    pub handle: u64,
}

impl IrqControl {
    /// Makes the handler of an interrupt by its number; refused where there is an IOAPIC.
    #[doc(alias = "seL4_IRQControl_Get")]
    pub fn get(self, irq: u64, target: Slot) -> Result<(), Error> {
        let words = [irq, target.index, target.depth];
        invoke_unit(self.0, Label::IrqControlGet, words, [target.root.cptr()])
    }

    /// Makes the handler of an IOAPIC input, on `vector`.
    #[doc(alias = "seL4_IRQControl_GetIOAPIC")]
    pub fn get_ioapic(self, target: Slot, pin: Pin, vector: u64) -> Result<(), Error> {
        let words = [target.index, target.depth, pin.ioapic, pin.pin, pin.level, pin.polarity, vector];
        invoke_unit(self.0, Label::IrqControlGetIoApic, words, [target.root.cptr()])
    }

    /// Makes the handler of an input of the machine's interrupt controller; where there are vectors, on `vector`.
    pub fn get_pin(self, target: Slot, pin: Pin, vector: u64) -> Result<(), Error> {
        machine::get_pin(self, target, pin, vector)
    }

    /// Makes the handler of a message-signalled interrupt, on `vector`.
    #[doc(alias = "seL4_IRQControl_GetMSI")]
    pub fn get_msi(self, target: Slot, msi: Msi, vector: u64) -> Result<(), Error> {
        let words = [target.index, target.depth, msi.bus, msi.device, msi.function, msi.handle, vector];
        invoke_unit(self.0, Label::IrqControlGetMsi, words, [target.root.cptr()])
    }

    /// Makes the handler of a line from another instance.
    pub fn get_line(self, line: u64, from: u32, target: Slot) -> Result<(), Error> {
        let words = [line, u64::from(from), target.index, target.depth];
        invoke_unit(self.0, Label::GetLine, words, [target.root.cptr()])
    }

    /// Makes a capability that signals a line to another instance.
    pub fn issue_line_signal(self, line: u64, to: u32, target: Slot) -> Result<(), Error> {
        let words = [line, u64::from(to), target.index, target.depth];
        invoke_unit(self.0, Label::IssueLineSignal, words, [target.root.cptr()])
    }
}

impl IrqHandler {
    /// Lets the interrupt come again.
    #[doc(alias = "seL4_IRQHandler_Ack")]
    #[inline]
    pub fn ack(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::IrqHandlerAck, [], [])
    }

    /// Lets several lines come again, a bit each: those of the channel of this handler's line that signal the same
    /// notification as it does. The handler must be one of a line.
    #[inline]
    pub fn ack_lines(self, lines: u64) -> Result<(), Error> {
        let words: [u64; TIME_WORDS] = core::array::from_fn(|index| time_word(lines, index));
        invoke_unit(self.0, Label::IrqHandlerAckLines, words, [])
    }

    /// Sets what the interrupt signals.
    #[doc(alias = "seL4_IRQHandler_SetNotification")]
    pub fn set_notification(self, notification: Notification) -> Result<(), Error> {
        invoke_unit(self.0, Label::IrqHandlerSetNotification, [], [notification.cptr()])
    }

    /// Removes what the interrupt signals.
    #[doc(alias = "seL4_IRQHandler_Clear")]
    pub fn clear(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::IrqHandlerClear, [], [])
    }
}
