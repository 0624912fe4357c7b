// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handlers of interrupts of the GIC: checks in their order.

use crate::check::{Outcome, refused, same, tests};
use crate::env::{DEPTH, Env, invoke, kind};
use abi::limits::USER_VECTORS;
use abi::{CapTag, Label};
use userland::object::{Msi, Pin};
use userland::{Capability, Error, INIT_CNODE, INIT_TCB, IRQ_CONTROL, IrqHandler, Notification, Slot};

tests!(
    irq_control_refuses_what_the_machine_has_not,
    irq_control_get_checks_in_order,
    irq_handler_of_an_interrupt_can_be_bound_and_acknowledged,
);

/// The first interrupt that is not a processor's own, and the last one that has a vector.
const FIRST: u64 = 32;
const LAST: u64 = FIRST + USER_VECTORS - 1;

fn irq_control_refuses_what_the_machine_has_not(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    let pin = Pin { ioapic: 0, pin: 2, level: 0, polarity: 0 };
    refused(IRQ_CONTROL.get_ioapic(slot.slot(), pin, 0), Error::IllegalOperation)?;
    let msi = Msi { bus: 0, device: 0, function: 0, handle: 0 };
    refused(IRQ_CONTROL.get_msi(slot.slot(), msi, 0), Error::IllegalOperation)
}

fn irq_control_get_checks_in_order(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    let label = Label::IrqControlGet;
    refused(invoke(IRQ_CONTROL, label, &[FIRST, 1], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
    refused(invoke(IRQ_CONTROL, label, &[FIRST, 1, DEPTH], &[]), Error::TruncatedMessage)?;
    let nowhere = Slot { depth: 0, ..slot.slot() };
    for number in [0, FIRST - 1, LAST + 1, u64::MAX] {
        refused(IRQ_CONTROL.get(number, nowhere), Error::Range(FIRST, LAST))?;
    }
    // Only one instance has the distributor.
    if IRQ_CONTROL.get(FIRST, slot.slot()) == Err(Error::IllegalOperation) {
        return Ok(());
    }
    refused(IRQ_CONTROL.get(FIRST, nowhere), Error::RevokeFirst)?;
    refused(IRQ_CONTROL.get(FIRST + 1, nowhere), Error::Range(1, DEPTH))?;
    refused(IRQ_CONTROL.get(FIRST + 1, INIT_TCB.slot()), Error::DeleteFirst)?;
    same(kind(slot), Some(CapTag::IrqHandler))
}

fn irq_handler_of_an_interrupt_can_be_bound_and_acknowledged(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    if IRQ_CONTROL.get(FIRST, slot.slot()) == Err(Error::IllegalOperation) {
        return Ok(());
    }
    let (handler, notification): (_, Notification) = (IrqHandler(slot), env.make()?);
    handler.ack()?;
    refused(handler.set_notification(Notification(INIT_TCB.0)), Error::InvalidCapability(0))?;
    handler.set_notification(notification)?;
    handler.ack()?;
    same(env.poll(notification), 0)?;
    handler.clear()?;
    refused(invoke(handler, Label::IrqControlGet, &[0; 3], &[]), Error::IllegalOperation)?;
    // A deleted handler gives its interrupt back.
    slot.slot().delete()?;
    IRQ_CONTROL.get(FIRST, slot.slot())?;
    Ok(())
}
