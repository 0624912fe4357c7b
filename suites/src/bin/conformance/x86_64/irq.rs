// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupt handlers: checks in their order, and an interrupt of the PIT.

use crate::check::{Failure, Outcome, holds, refused, same, tests};
use crate::env::{Env, invoke, kind};
use abi::limits::USER_VECTORS;
use abi::{CapTag, Label, Rights};
use userland::object::{Msi, Pin, Ports};
use userland::{
    CPtr, Capability, Error, INIT_CNODE, INIT_TCB, IO_PORT_CONTROL, IRQ_CONTROL, IoPort, IrqHandler,
    Notification, Slot, ticks,
};

tests!(
    irq_control_refuses_other_labels,
    irq_control_get_is_refused_where_there_is_an_ioapic,
    irq_control_get_msi_checks_in_order,
    irq_control_get_msi_gives_every_vector_once,
    irq_control_get_ioapic_checks_in_order,
    irq_control_get_ioapic_delivers_the_timer_until_it_is_masked,
    irq_control_get_ioapic_gives_the_pin_to_the_handler_issued_last,
    irq_control_revoke_deletes_handlers,
    irq_handler_set_notification_checks_the_capability,
    irq_handler_set_notification_replaces_the_old_one,
    irq_handler_ack_succeeds_without_interrupt,
    irq_handler_clear_gives_the_notification_back,
    irq_handler_refuses_other_labels,
    irq_handler_deleted_gives_its_vector_back,
);

const MSI: Msi = Msi { bus: 0, device: 0, function: 0, handle: 0 };
const PIN: Pin = Pin { ioapic: 0, pin: 2, level: 0, polarity: 0 };

/// A handler of a message-signalled interrupt.
fn handler(env: &mut Env, vector: u64) -> Result<IrqHandler, Failure> {
    let slot = env.slot()?;
    IRQ_CONTROL.get_msi(slot.slot(), MSI, vector)?;
    Ok(IrqHandler(slot))
}

/// Has this instance an IOAPIC?
fn has_ioapic(env: &mut Env) -> Result<bool, Failure> {
    let slot = env.slot()?;
    let result = IRQ_CONTROL.get_ioapic(slot.slot(), PIN, 0);
    slot.slot().delete()?;
    Ok(result != Err(Error::IllegalOperation))
}

fn irq_control_refuses_other_labels(_: &mut Env) -> Outcome {
    refused(invoke(IRQ_CONTROL, Label::IrqHandlerAck, &[], &[]), Error::IllegalOperation)?;
    refused(userland::Message::new(0x1fff, &[0; 7]).invoke(IRQ_CONTROL.0), Error::IllegalOperation)
}

fn irq_control_get_is_refused_where_there_is_an_ioapic(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    refused(IRQ_CONTROL.get(1, slot.slot()), Error::IllegalOperation)?;
    refused(invoke(IRQ_CONTROL, Label::IrqControlGet, &[1, 1], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
    refused(invoke(IRQ_CONTROL, Label::IrqControlGet, &[1, 1, 64], &[]), Error::TruncatedMessage)
}

fn irq_control_get_msi_checks_in_order(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    let label = Label::IrqControlGetMsi;
    refused(invoke(IRQ_CONTROL, label, &[0; 6], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
    refused(invoke(IRQ_CONTROL, label, &[0; 7], &[]), Error::TruncatedMessage)?;
    let bad = Msi { bus: 256, device: 32, function: 8, handle: u64::MAX };
    let nowhere = Slot { depth: 0, ..slot.slot() };
    let get = |to: Slot, msi, vector| IRQ_CONTROL.get_msi(to, msi, vector);
    for vector in [USER_VECTORS, 109, u64::MAX] {
        refused(get(nowhere, bad, vector), Error::Range(0, USER_VECTORS - 1))?;
    }
    handler(env, 7)?;
    refused(get(nowhere, bad, 7), Error::RevokeFirst)?;
    refused(get(nowhere, bad, 8), Error::Range(1, 64))?;
    refused(get(INIT_TCB.slot(), bad, 8), Error::DeleteFirst)?;
    refused(get(slot.slot(), bad, 8), Error::Range(0, 255))?;
    refused(get(slot.slot(), Msi { bus: 255, ..bad }, 8), Error::Range(0, 31))?;
    refused(get(slot.slot(), Msi { bus: 255, device: 31, ..bad }, 8), Error::Range(0, 7))?;
    get(slot.slot(), Msi { bus: 255, device: 31, function: 7, ..bad }, 8)?;
    same(kind(slot), Some(CapTag::IrqHandler))
}

fn irq_control_get_msi_gives_every_vector_once(env: &mut Env) -> Outcome {
    for vector in 0..USER_VECTORS {
        handler(env, vector)?;
    }
    let slot = env.slot()?;
    for vector in [0, 50, USER_VECTORS - 1] {
        refused(IRQ_CONTROL.get_msi(slot.slot(), MSI, vector), Error::RevokeFirst)?;
    }
    Ok(())
}

fn irq_control_get_ioapic_checks_in_order(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    let label = Label::IrqControlGetIoApic;
    refused(invoke(IRQ_CONTROL, label, &[0; 6], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
    refused(invoke(IRQ_CONTROL, label, &[0; 7], &[]), Error::TruncatedMessage)?;
    let bad = Pin { ioapic: 99, pin: 999, level: 2, polarity: 2 };
    let nowhere = Slot { depth: 0, ..slot.slot() };
    let get = |to: Slot, pin, vector| IRQ_CONTROL.get_ioapic(to, pin, vector);
    refused(get(nowhere, bad, USER_VECTORS), Error::Range(0, USER_VECTORS - 1))?;
    handler(env, 7)?;
    refused(get(nowhere, bad, 7), Error::RevokeFirst)?;
    refused(get(nowhere, bad, 8), Error::Range(1, 64))?;
    refused(get(INIT_TCB.slot(), bad, 8), Error::DeleteFirst)?;
    if !has_ioapic(env)? {
        return refused(get(slot.slot(), bad, 8), Error::IllegalOperation);
    }
    refused(get(slot.slot(), bad, 8), Error::Range(0, 0))?;
    refused(get(slot.slot(), Pin { ioapic: 0, ..bad }, 8), Error::Range(0, 23))?;
    refused(get(slot.slot(), Pin { ioapic: 0, pin: 23, ..bad }, 8), Error::Range(0, 1))?;
    refused(get(slot.slot(), Pin { ioapic: 0, pin: 23, level: 1, polarity: 2 }, 8), Error::Range(0, 1))?;
    get(slot.slot(), Pin { ioapic: 0, pin: 23, level: 1, polarity: 1 }, 8)?;
    // Two vectors for one pin are allowed.
    let second = env.slot()?;
    get(second.slot(), Pin { ioapic: 0, pin: 23, level: 0, polarity: 0 }, 9)?;
    same([kind(slot), kind(second)], [Some(CapTag::IrqHandler); 2])
}

/// The ports of the PIT, its tick for square waves, and the ticks of one shot.
const PIT: Ports = Ports { first: 0x40, last: 0x43 };
const PIT_TICKS: u16 = 1193;

/// Lets the PIT interrupt once in a millisecond.
fn fire(pit: IoPort) -> Result<(), Error> {
    // Channel 0, both bytes, mode 0: the output rises when the count ends.
    pit.out8(0x43, 0x30)?;
    pit.out8(0x40, PIT_TICKS as u8)?;
    pit.out8(0x40, (PIT_TICKS >> 8) as u8)
}

/// Microseconds to wait for an interrupt that has to come, however busy the host of an emulator is, and for one that
/// must not come.
const LONG: u64 = 2_000_000;
const SHORT: u64 = 20_000;

/// Waits for a signal, at most so long.
fn wait_for(env: &Env, notification: Notification, microseconds: u64) -> u64 {
    let patience = microseconds * env.mhz();
    let start = ticks();
    loop {
        let word = env.poll(notification);
        if word != 0 || ticks().wrapping_sub(start) > patience {
            return word;
        }
    }
}

fn irq_control_get_ioapic_delivers_the_timer_until_it_is_masked(env: &mut Env) -> Outcome {
    let (ports, slot) = (env.slot()?, env.slot()?);
    if !has_ioapic(env)? || IO_PORT_CONTROL.issue(PIT, ports.slot()).is_err() {
        return Ok(());
    }
    let (pit, handler) = (IoPort(ports), IrqHandler(slot));
    let notification: Notification = env.make()?;
    let badged = env.badged(notification, 0x10)?;
    IRQ_CONTROL.get_ioapic(slot.slot(), PIN, 20)?;
    handler.set_notification(badged)?;
    fire(pit)?;
    same(wait_for(env, notification, LONG), 0x10)?;
    // Delivery masked the pin.
    fire(pit)?;
    same(wait_for(env, notification, SHORT), 0)?;
    handler.ack()?;
    wait_for(env, notification, SHORT);
    handler.ack()?;
    fire(pit)?;
    same(wait_for(env, notification, LONG), 0x10)?;
    handler.ack()?;
    handler.clear()?;
    fire(pit)?;
    same(wait_for(env, notification, SHORT), 0)
}

/// A handler of the timer's pin, as a level, at `vector`, and a notification that it signals.
fn level_handler(env: &mut Env, vector: u64) -> Result<(IrqHandler, Notification), Failure> {
    let slot = env.slot()?;
    IRQ_CONTROL.get_ioapic(slot.slot(), Pin { level: 1, ..PIN }, vector)?;
    let notification: Notification = env.make()?;
    IrqHandler(slot).set_notification(env.badged(notification, 0x10)?)?;
    Ok((IrqHandler(slot), notification))
}

fn irq_control_get_ioapic_gives_the_pin_to_the_handler_issued_last(env: &mut Env) -> Outcome {
    let ports = env.slot()?;
    if !has_ioapic(env)? || IO_PORT_CONTROL.issue(PIT, ports.slot()).is_err() {
        return Ok(());
    }
    // A count that is set makes the output low until it ends; then it is high for good, which is a level.
    IoPort(ports).out8(0x43, 0x30)?;
    let (first, of_first) = level_handler(env, 20)?;
    let (second, of_second) = level_handler(env, 21)?;
    fire(IoPort(ports))?;
    same(wait_for(env, of_second, LONG), 0x10)?;
    // The pin waits for the Ack of the second handler; that of the first is about nothing.
    first.ack()?;
    same(wait_for(env, of_second, SHORT), 0)?;
    second.ack()?;
    same(wait_for(env, of_second, LONG), 0x10)?;
    // With its last handler the pin is masked: neither the other handler nor the vector's next user hears it.
    second.slot().delete()?;
    first.ack()?;
    let (heir, of_heir) = (handler(env, 21)?, env.make::<Notification>()?);
    heir.set_notification(env.badged(of_heir, 0x20)?)?;
    same(wait_for(env, of_heir, SHORT), 0)?;
    same(env.poll(of_first), 0)?;
    // Issued again, it interrupts at once: its level has lasted.
    first.slot().delete()?;
    let (again, of_again) = level_handler(env, 20)?;
    again.ack()?;
    same(wait_for(env, of_again, LONG), 0x10)?;
    same(env.poll(of_heir), 0)?;
    IoPort(ports).out8(0x43, 0x30)?;
    Ok(())
}

fn irq_control_revoke_deletes_handlers(env: &mut Env) -> Outcome {
    let (first, second) = (handler(env, 1)?, handler(env, 2)?);
    let copy = env.copy(first, Rights::ALL)?;
    IRQ_CONTROL.slot().revoke()?;
    same([first, second, copy].map(|cap| kind(cap.0)), [Some(CapTag::Null); 3])
}

fn irq_handler_set_notification_checks_the_capability(env: &mut Env) -> Outcome {
    let handler = handler(env, 1)?;
    let notification: Notification = env.make()?;
    let mute = env.copy(notification, Rights::READ)?;
    refused(invoke(handler, Label::IrqHandlerSetNotification, &[], &[]), Error::TruncatedMessage)?;
    refused(handler.set_notification(Notification(INIT_TCB.0)), Error::InvalidCapability(0))?;
    refused(handler.set_notification(Notification(CPtr::NULL)), Error::InvalidCapability(0))?;
    refused(handler.set_notification(mute), Error::InvalidCapability(0))?;
    handler.set_notification(notification)?;
    handler.set_notification(notification)?;
    Ok(())
}

fn irq_handler_set_notification_replaces_the_old_one(env: &mut Env) -> Outcome {
    let handler = handler(env, 1)?;
    let memory = env.untyped(6)?;
    let (slot, other) = (env.slot()?, env.slot()?);
    memory.retype(abi::ObjectType::Notification, 0, slot, 1)?;
    handler.set_notification(Notification(slot))?;
    handler.set_notification(env.make()?)?;
    slot.slot().delete()?;
    memory.retype(abi::ObjectType::Notification, 0, other, 1)?;
    Ok(())
}

fn irq_handler_clear_gives_the_notification_back(env: &mut Env) -> Outcome {
    let handler = handler(env, 1)?;
    let memory = env.untyped(6)?;
    let slot = env.slot()?;
    memory.retype(abi::ObjectType::Notification, 0, slot, 1)?;
    handler.set_notification(Notification(slot))?;
    slot.slot().delete()?;
    // The handler's copy keeps the object alive, until what it was made from is revoked.
    let other = env.slot()?;
    refused(memory.retype(abi::ObjectType::Notification, 0, other, 1), Error::NotEnoughMemory(0))?;
    handler.clear()?;
    memory.retype(abi::ObjectType::Notification, 0, other, 1)?;
    Ok(())
}

fn irq_handler_ack_succeeds_without_interrupt(env: &mut Env) -> Outcome {
    let handler = handler(env, 1)?;
    handler.ack()?;
    handler.clear()?;
    handler.ack()?;
    Ok(())
}

fn irq_handler_refuses_other_labels(env: &mut Env) -> Outcome {
    let handler = handler(env, 1)?;
    refused(invoke(handler, Label::IrqControlGetMsi, &[0; 7], &[INIT_CNODE.0]), Error::IllegalOperation)
}

fn irq_handler_deleted_gives_its_vector_back(env: &mut Env) -> Outcome {
    let first = handler(env, 1)?;
    let copy = env.copy(first, Rights::ALL)?;
    first.slot().delete()?;
    let slot = env.slot()?;
    refused(IRQ_CONTROL.get_msi(slot.slot(), MSI, 1), Error::RevokeFirst)?;
    copy.slot().delete()?;
    IRQ_CONTROL.get_msi(slot.slot(), MSI, 1)?;
    holds(kind(slot) == Some(CapTag::IrqHandler), "the vector is free again")
}
