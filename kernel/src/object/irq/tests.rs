// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::Rights;
use arch::Effect;

use super::*;
use crate::memory::objects::ObjRef;
use crate::object::notification::{Notification, NotificationState};
use crate::testing::{Call, Caller, Defect, check_order};

const CONTROL: usize = 2;
const HANDLER: usize = 3;
const NOTIFICATION: usize = 4;
const OTHER: usize = 5;
const COPY: usize = 6;
const FREE: u64 = 20;
const VECTOR: u8 = VECTOR_OFFSET as u8 + 7;
const PIN: Pin = Pin { chip: 1, input: 9 };

fn with_control() -> Caller {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::IrqControl);
    caller.test.kernel.config.io_apics = 2;
    caller.test.kernel.config.io_apic_pins[..2].copy_from_slice(&[24, 16]);
    caller
}

/// Vector 7, pin 9 of chip 1, level triggered, active low.
fn get_io_apic(slot: u64) -> Call {
    let words = [slot, Caller::DEPTH, 1, 9, 1, 1, 7];
    Call::new(CONTROL, Label::IrqControlGetIoApic, &words, &[Caller::ROOT])
}

fn get_msi(slot: u64, vector: u64) -> Call {
    let words = [slot, Caller::DEPTH, 255, 31, 7, 0, vector];
    Call::new(CONTROL, Label::IrqControlGetMsi, &words, &[Caller::ROOT])
}

fn notification(caller: &mut Caller, slot: usize, badge: u64) -> ObjRef<Notification> {
    let notification = caller.test.object(6);
    caller.put(slot, Cap::Notification { notification, badge, rights: Rights::READ_WRITE });
    notification
}

/// A caller with a handler for the pin, connected to a notification.
fn connected() -> (Caller, ObjRef<Notification>) {
    let mut caller = with_control();
    caller.must(&get_io_apic(HANDLER as u64));
    let notification = notification(&mut caller, NOTIFICATION, 0x40);
    caller.must(&set_notification(NOTIFICATION));
    caller.test.kernel.machine.take_effects();
    (caller, notification)
}

fn set_notification(slot: usize) -> Call {
    Call::new(HANDLER, Label::IrqHandlerSetNotification, &[], &[slot])
}

fn word(caller: &Caller, notification: ObjRef<Notification>) -> Option<u64> {
    let notification = &caller.test.kernel.objs[notification];
    (notification.state() == NotificationState::Active).then_some(notification.word)
}

fn range(max: u64) -> SyscallError {
    SyscallError::RangeError { min: 0, max }
}

/// Defects that GetIOAPIC and GetMSI have in common, in order.
fn common() -> Vec<Defect> {
    vec![
        Defect {
            spoil: |_, call| call.label = Label::IrqHandlerAck.word(),
            error: SyscallError::IllegalOperation,
        },
        Defect { spoil: |_, call| call.words.truncate(6), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.words[6] = 108, error: range(107) },
        Defect {
            spoil: |caller, _| caller.test.kernel.vectors[7] = VectorUse::Message,
            error: SyscallError::RevokeFirst,
        },
        Defect { spoil: |_, call| call.words[1] = 65, error: SyscallError::RangeError { min: 1, max: 64 } },
        Defect { spoil: |_, call| call.words[0] = CONTROL as u64, error: SyscallError::DeleteFirst },
    ]
}

#[test]
fn get_io_apic_refuses_in_the_order_of_the_interface() {
    let mut defects = common();
    defects.extend([
        Defect {
            spoil: |caller, _| caller.test.kernel.config.io_apics = 0,
            error: SyscallError::IllegalOperation,
        },
        Defect { spoil: |_, call| call.words[2] = 2, error: range(1) },
        Defect { spoil: |_, call| call.words[3] = 16, error: range(15) },
        Defect { spoil: |_, call| call.words[4] = 2, error: range(1) },
        Defect { spoil: |_, call| call.words[5] = u64::MAX, error: range(1) },
    ]);
    check_order(|| (with_control(), get_io_apic(FREE)), &defects);
}

#[test]
fn get_msi_refuses_in_the_order_of_the_interface() {
    let mut defects = common();
    defects.extend([
        Defect { spoil: |_, call| call.words[2] = 256, error: range(255) },
        Defect { spoil: |_, call| call.words[3] = 32, error: range(31) },
        Defect { spoil: |_, call| call.words[4] = 8, error: range(7) },
    ]);
    check_order(|| (with_control(), get_msi(FREE, 7)), &defects);
}

#[test]
fn plain_get_is_never_possible() {
    let mut caller = with_control();
    let mut call = Call::new(CONTROL, Label::IrqControlGet, &[1, FREE, 64], &[Caller::ROOT]);
    assert_eq!(caller.invoke(&call), Err(SyscallError::IllegalOperation));
    call.words.truncate(2);
    assert_eq!(caller.invoke(&call), Err(SyscallError::TruncatedMessage));
}

#[test]
fn a_pin_is_programmed_and_its_handler_is_a_child_of_the_control_capability() {
    let mut caller = with_control();
    caller.must(&get_io_apic(FREE));
    assert_eq!(caller.cap(FREE as usize), Cap::IrqHandler(Irq(7)));
    let route = PinRoute { vector: VECTOR, trigger: Trigger::Level, polarity: Polarity::Low };
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::RoutePin(PIN, route)]);
    assert!(caller.test.kernel.has_children(caller.slot(CONTROL)));
    assert_eq!(caller.invoke(&get_msi(FREE + 1, 7)), Err(SyscallError::RevokeFirst));
}

#[test]
fn nothing_is_programmed_for_a_message() {
    let mut caller = with_control();
    caller.must(&get_msi(FREE, 107));
    assert_eq!(caller.cap(FREE as usize), Cap::IrqHandler(Irq(107)));
    assert_eq!(caller.test.kernel.machine.take_effects(), []);
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
fn a_message_interrupt_is_never_masked() {
    let (mut caller, _) = connected();
    caller.must(&get_msi(FREE, 0));
    caller.test.kernel.handle_interrupt(FIRST_USER);
    caller.must(&Call::new(FREE as usize, Label::IrqHandlerAck, &[], &[]));
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::EndOfInterrupt]);
}

#[test]
fn an_interrupt_without_notification_is_dropped() {
    let (mut caller, notification) = connected();
    caller.must(&Call::new(HANDLER, Label::IrqHandlerClear, &[], &[]));
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!(word(&caller, notification), None);
    assert_eq!(caller.test.kernel.unowned, 0);
}

#[test]
fn interrupts_of_nobody_are_counted_and_ended() {
    let mut caller = with_control();
    caller.test.kernel.handle_interrupt(VECTOR);
    caller.test.kernel.handle_interrupt(33);
    assert_eq!(caller.test.kernel.unowned, 2);
    caller.test.kernel.handle_interrupt(TIMER);
    assert_eq!(caller.test.kernel.unowned, 2);
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
    caller.must(&get_msi(FREE, 7));
    caller.test.kernel.handle_interrupt(VECTOR);
    assert_eq!(word(&caller, notification), None);
}
