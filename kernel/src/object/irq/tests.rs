// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::Rights;
use arch::Effect;

use super::*;
use crate::memory::objects::ObjRef;
use crate::object::notification::{Notification, NotificationState};
use crate::object::processor::irq_control::tests::{PIN, ROUTE, get_pin, own_pins};
use crate::testing::{Call, Caller};

const CONTROL: usize = 2;
const HANDLER: usize = 3;
const NOTIFICATION: usize = 4;
const OTHER: usize = 5;
const COPY: usize = 6;
const FREE: u64 = 20;
const VECTOR: u8 = VECTOR_OFFSET as u8 + 7;

fn with_control() -> Caller {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::IrqControl);
    own_pins(&mut caller.test.kernel);
    caller
}

/// The call that gives a handler for vector 7, which is connected to [`PIN`].
fn get_handler(slot: u64) -> Call {
    let (label, words) = get_pin(slot, 7);
    Call::new(CONTROL, label, &words, &[Caller::ROOT])
}

fn notification(caller: &mut Caller, slot: usize, badge: u64) -> ObjRef<Notification> {
    let notification = caller.test.object(6);
    caller.put(slot, Cap::Notification { notification, badge, rights: Rights::READ_WRITE });
    notification
}

/// A caller with a handler for the pin, connected to a notification.
fn connected() -> (Caller, ObjRef<Notification>) {
    let mut caller = with_control();
    caller.must(&get_handler(HANDLER as u64));
    let notification = notification(&mut caller, NOTIFICATION, 0x40);
    caller.must(&set_notification(NOTIFICATION));
    caller.test.kernel.machine.take_effects();
    (caller, notification)
}

fn set_notification(slot: usize) -> Call {
    Call::new(HANDLER, Label::IrqHandlerSetNotification, &[], &[slot])
}

fn unowned(caller: &Caller) -> u64 {
    caller.test.kernel.counted(StatusWord::UnownedInterrupts)
}

fn word(caller: &Caller, notification: ObjRef<Notification>) -> Option<u64> {
    let notification = &caller.test.kernel.objs[notification];
    (notification.state() == NotificationState::Active).then_some(notification.word)
}

#[test]
fn a_pin_is_programmed_and_its_handler_is_a_child_of_the_control_capability() {
    let mut caller = with_control();
    caller.must(&get_handler(FREE));
    assert_eq!(caller.cap(FREE as usize), Cap::IrqHandler(Irq(7)));
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::RoutePin(PIN, ROUTE)]);
    assert!(caller.test.kernel.has_children(caller.slot(CONTROL)));
    assert_eq!(caller.invoke(&get_handler(FREE + 1)), Err(SyscallError::RevokeFirst));
}

#[test]
fn an_interrupt_signals_then_masks_the_pin_then_ends() {
    let (mut caller, notification) = connected();
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!(word(&caller, notification), Some(0x40));
    let expected = [Effect::MaskPin(PIN, PinMask::Masked), Effect::EndOfInterrupt];
    assert_eq!(caller.test.kernel.machine.take_effects(), expected);
    caller.must(&Call::new(HANDLER, Label::IrqHandlerAck, &[], &[]));
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::MaskPin(PIN, PinMask::Unmasked)]);
}

#[test]
fn an_interrupt_without_notification_is_dropped() {
    let (mut caller, notification) = connected();
    caller.must(&Call::new(HANDLER, Label::IrqHandlerClear, &[], &[]));
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!(word(&caller, notification), None);
    assert_eq!(unowned(&caller), 0);
}

#[test]
fn interrupts_of_nobody_are_counted_and_ended() {
    let mut caller = with_control();
    caller.test.kernel.handle_interrupt(VECTOR);
    caller.test.kernel.handle_interrupt(33);
    assert_eq!(unowned(&caller), 2);
    caller.test.kernel.handle_interrupt(TIMER);
    assert_eq!(unowned(&caller), 2);
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::EndOfInterrupt; 3]);
}

#[test]
fn set_notification_wants_a_notification_with_the_right_to_send() {
    let (mut caller, _) = connected();
    let none = Call::new(HANDLER, Label::IrqHandlerSetNotification, &[], &[]);
    assert_eq!(caller.invoke(&none), Err(SyscallError::TruncatedMessage));
    let object = caller.test.object(6);
    for cap in
        [Cap::Notification { notification: object, badge: 0, rights: Rights::READ }, Cap::Domain, Cap::Null]
    {
        caller.put(OTHER, cap);
        assert_eq!(caller.invoke(&set_notification(OTHER)), Err(SyscallError::InvalidCapability(0)));
    }
    let other = Call::new(HANDLER, Label::IrqControlGetMsi, &[], &[]);
    assert_eq!(caller.invoke(&other), Err(SyscallError::IllegalOperation));
}

#[test]
fn a_new_notification_replaces_the_old_one() {
    let (mut caller, first) = connected();
    let second = notification(&mut caller, OTHER, 0x80);
    caller.must(&set_notification(OTHER));
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!((word(&caller, first), word(&caller, second)), (None, Some(0x80)));
}

#[test]
fn the_connection_descends_from_the_notification_capability_and_is_revoked_with_it() {
    let (mut caller, notification) = connected();
    let slot = caller.slot(NOTIFICATION);
    assert!(caller.test.kernel.has_children(slot));
    caller.test.kernel.revoke_cap(slot).expect("no interrupt waits");
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!(word(&caller, notification), None);
}

#[test]
fn the_last_handler_clears_masks_and_frees() {
    let (mut caller, notification) = connected();
    caller.copy(HANDLER, COPY);
    caller.delete(HANDLER);
    assert_eq!(caller.test.kernel.machine.take_effects(), []);
    caller.test.kernel.check_irqs();
    caller.delete(COPY);
    caller.test.kernel.check_irqs();
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::MaskPin(PIN, PinMask::Masked)]);
    assert!(!caller.test.kernel.has_children(caller.slot(NOTIFICATION)));
    caller.must(&get_handler(FREE));
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!(word(&caller, notification), None);
}

#[cfg(not(target_arch = "arm"))]
mod model;
