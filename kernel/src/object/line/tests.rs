// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two ends of channels: this instance is number 0, its peers are 1 and 3.

use abi::{Label, Rights};
use arch::{CoreId, Effect};
use ipi::{Delivery, Mode, Sender};

use super::*;
use crate::Peer;
use crate::error::SyscallError;
use crate::memory::objects::ObjRef;
use crate::object::notification::{Notification, NotificationState};
use crate::testing::{Call, Caller, Defect, check_order};

const CONTROL: usize = 2;
const HANDLER: usize = 3;
const NOTIFICATION: usize = 4;
const OTHER: usize = 5;
const COPY: usize = 6;
const SIGNAL: usize = 7;
const FREE: u64 = 20;
const DOORBELL: u8 = abi::vector::DOORBELL;

/// Instance 1 may signal lines 0..4 here with acknowledgement, instance 3 lines 0..64 without; both can be signalled.
struct Channels {
    caller: Caller,
    /// Sending ends of instances 1 and 3 towards this one.
    from_1: Sender<'static>,
    from_3: Sender<'static>,
    /// Receiving end of instance 1.
    inbox_of_1: ipi::Receiver<'static>,
}

fn channels() -> Channels {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::IrqControl);
    let own: &'static ipi::Memory<4> = Box::leak(Box::default());
    let other: &'static ipi::Memory<4> = Box::leak(Box::default());
    let inbox = own.inbox().receiver();
    inbox.set_delivery(1, Delivery::UntilAck);
    inbox.set_delivery(3, Delivery::Continuous);
    let kernel = &mut caller.test.kernel;
    kernel.inbox = Some(inbox);
    kernel.config.incoming_lines = 68;
    let sender = other.inbox().sender(0);
    let peer = Peer { sender, lines_out: 3, core: CoreId(11), ..Peer::NONE };
    kernel.peers[1] = Peer { lines_in: 4, base_in: 64, ..peer };
    kernel.peers[3] = Peer { lines_in: 64, base_in: 0, needs_ack: false, ..peer };
    let sender = |from| own.inbox().sender(from).expect("room for four senders");
    Channels { caller, from_1: sender(1), from_3: sender(3), inbox_of_1: other.inbox().receiver() }
}

fn get_line(line: u64, from: u64, slot: u64) -> Call {
    Call::new(CONTROL, Label::GetLine, &[line, from, slot, Caller::DEPTH], &[Caller::ROOT])
}

fn issue(line: u64, to: u64, slot: u64) -> Call {
    Call::new(CONTROL, Label::IssueLineSignal, &[line, to, slot, Caller::DEPTH], &[Caller::ROOT])
}

fn handler_call(label: Label, caps: &[usize]) -> Call {
    Call::new(HANDLER, label, &[], caps)
}

fn line(number: u64) -> ipi::Line {
    ipi::Line::new(number).expect("below 64")
}

impl Channels {
    fn notification(&mut self, slot: usize, badge: u64) -> ObjRef<Notification> {
        let notification = self.caller.test.object(6);
        self.caller.put(slot, Cap::Notification { notification, badge, rights: Rights::READ_WRITE });
        notification
    }

    /// Connects a handler for line `line` of `from` to a new notification.
    fn connect(&mut self, line: u64, from: u64) -> ObjRef<Notification> {
        self.caller.must(&get_line(line, from, HANDLER as u64));
        let notification = self.notification(NOTIFICATION, 1 << line);
        self.caller.must(&handler_call(Label::IrqHandlerSetNotification, &[NOTIFICATION]));
        notification
    }

    /// Takes the word out of a notification.
    fn take(&mut self, notification: ObjRef<Notification>) -> Option<u64> {
        let notification = &mut self.caller.test.kernel.objs[notification];
        let is_active = notification.state() == NotificationState::Active;
        notification.set_state(NotificationState::Idle);
        is_active.then_some(notification.word)
    }

    fn ring(&mut self) {
        self.caller.test.kernel.check_irqs();
        self.caller.test.kernel.handle_interrupt(DOORBELL);
        assert_eq!(self.caller.test.kernel.machine.take_effects(), [Effect::EndOfInterrupt]);
    }
}

/// Defects that both invocations have in common; `get` is a slot where the capability fits.
fn common() -> [Defect; 6] {
    [
        Defect { spoil: |_, call| call.label = 0x1002, error: SyscallError::IllegalOperation },
        Defect { spoil: |_, call| call.words.truncate(3), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.words[1] = 2, error: SyscallError::InvalidArgument(1) },
        Defect { spoil: |_, call| call.words[1] = 256, error: SyscallError::InvalidArgument(1) },
        Defect { spoil: |_, call| call.words[1] = u64::MAX, error: SyscallError::InvalidArgument(1) },
    ]
}

fn slot_defects() -> [Defect; 2] {
    [
        Defect {
            spoil: |_, call| call.words[3] = Caller::DEPTH + 1,
            error: SyscallError::RangeError { min: 1, max: Caller::DEPTH },
        },
        Defect { spoil: |_, call| call.words[2] = CONTROL as u64, error: SyscallError::DeleteFirst },
    ]
}

#[test]
fn issue_line_signal_refuses_in_the_order_of_the_interface() {
    let range =
        Defect { spoil: |_, call| call.words[0] = 3, error: SyscallError::RangeError { min: 0, max: 2 } };
    let defects: Vec<Defect> = common().into_iter().chain([range]).chain(slot_defects()).collect();
    check_order(|| (channels().caller, issue(2, 1, FREE)), &defects);
}

#[test]
fn get_line_refuses_in_the_order_of_the_interface() {
    let range =
        Defect { spoil: |_, call| call.words[0] = 4, error: SyscallError::RangeError { min: 0, max: 3 } };
    let taken = Defect {
        spoil: |caller, _| caller.test.kernel.peers[1].handled = 8,
        error: SyscallError::RevokeFirst,
    };
    let defects: Vec<Defect> = common().into_iter().chain([range, taken]).chain(slot_defects()).collect();
    check_order(|| (channels().caller, get_line(3, 1, FREE)), &defects);
}

#[test]
fn a_direction_without_channel_is_no_channel() {
    let mut channels = channels();
    channels.caller.test.kernel.peers[1].lines_out = 0;
    assert_eq!(channels.caller.invoke(&issue(0, 1, FREE)), Err(SyscallError::InvalidArgument(1)));
    channels.caller.test.kernel.peers[3].lines_in = 0;
    assert_eq!(channels.caller.invoke(&get_line(0, 3, FREE)), Err(SyscallError::InvalidArgument(1)));
}

#[test]
fn any_number_of_signal_capabilities_may_be_issued_and_they_descend_from_the_control_capability() {
    let mut channels = channels();
    channels.caller.must(&issue(2, 1, SIGNAL as u64));
    channels.caller.must(&issue(2, 1, FREE));
    assert_eq!(channels.caller.cap(SIGNAL), Cap::LineSignal { to: 1, line: Line(2) });
    let control = channels.caller.slot(CONTROL);
    channels.caller.test.kernel.revoke_cap(control).expect("no interrupt waits");
    assert_eq!(channels.caller.cap(SIGNAL), Cap::Null);
    assert_eq!(channels.caller.cap(FREE as usize), Cap::Null);
}

#[test]
fn a_signal_rings_once_until_the_receiver_has_taken_it() {
    let mut channels = channels();
    let _ = channels.inbox_of_1.unmask(0, line(2));
    channels.inbox_of_1.set_delivery(0, Delivery::Continuous);
    let kernel = &mut channels.caller.test.kernel;
    kernel.send_line_signal(1, Line(2));
    kernel.send_line_signal(1, Line(2));
    assert_eq!(kernel.machine.take_effects(), [Effect::Doorbell(CoreId(11))]);
    channels.inbox_of_1.take(|from, lines| assert_eq!((from, lines), (0, 4)));
    let kernel = &mut channels.caller.test.kernel;
    kernel.send_line_signal(1, Line(2));
    assert_eq!(kernel.machine.take_effects(), [Effect::Doorbell(CoreId(11))]);
    assert_eq!(
        [StatusWord::SignalsSent, StatusWord::IpisSent, StatusWord::ElidedPending]
            .map(|word| kernel.counted(word)),
        [3, 2, 1]
    );
}

#[test]
fn closed_lines_and_polling_receivers_are_not_interrupted() {
    let mut channels = channels();
    channels.caller.test.kernel.send_line_signal(1, Line(0));
    let _ = channels.inbox_of_1.unmask(0, line(1));
    let _ = channels.inbox_of_1.enter(Mode::Polling);
    let kernel = &mut channels.caller.test.kernel;
    kernel.send_line_signal(1, Line(1));
    assert_eq!(kernel.machine.take_effects(), []);
    assert_eq!(
        [StatusWord::SignalsSent, StatusWord::ElidedMasked, StatusWord::ElidedPolling]
            .map(|word| kernel.counted(word)),
        [2, 1, 1]
    );
}

#[test]
fn a_signal_to_an_instance_without_channel_goes_nowhere() {
    let mut channels = channels();
    for to in [0, 2, 254, 255] {
        channels.caller.test.kernel.send_line_signal(to, Line(0));
    }
    assert_eq!(channels.caller.test.kernel.counted(StatusWord::SignalsSent), 0);
}

#[test]
fn a_signal_before_the_handler_is_connected_is_delivered_when_it_is() {
    let mut channels = channels();
    assert_eq!(channels.from_1.signal(line(3)), Outcome::Masked);
    channels.caller.must(&get_line(3, 1, HANDLER as u64));
    channels.caller.must(&handler_call(Label::IrqHandlerAck, &[]));
    channels.ring();
    let notification = channels.notification(NOTIFICATION, 5);
    channels.caller.must(&handler_call(Label::IrqHandlerSetNotification, &[NOTIFICATION]));
    assert_eq!(channels.take(notification), Some(5));
}

#[test]
fn a_delivered_line_is_masked_until_acknowledged() {
    let mut channels = channels();
    let notification = channels.connect(3, 1);
    assert_eq!(channels.from_1.signal(line(3)), Outcome::RingDoorbell);
    channels.ring();
    assert_eq!(channels.take(notification), Some(8));
    assert_eq!(channels.from_1.signal(line(3)), Outcome::Masked);
    assert_eq!(channels.take(notification), None);
    channels.caller.must(&handler_call(Label::IrqHandlerAck, &[]));
    assert_eq!(channels.take(notification), Some(8), "came while the line was masked");
    channels.caller.must(&handler_call(Label::IrqHandlerAck, &[]));
    assert_eq!(channels.take(notification), None);
    assert_eq!(channels.from_1.signal(line(3)), Outcome::RingDoorbell);
}

#[test]
fn an_acknowledgement_of_a_word_opens_the_lines_of_one_notification() {
    let mut channels = channels();
    let notification = channels.connect(0, 1);
    // Line 1 signals the same notification, line 2 another one, line 3 none.
    for (line, slot) in [(1, FREE), (2, FREE + 1), (3, FREE + 2)] {
        channels.caller.must(&get_line(line, 1, slot));
    }
    let elsewhere = channels.notification(OTHER, 64);
    let connect =
        |slot, notification| Call::new(slot as usize, Label::IrqHandlerSetNotification, &[], &[notification]);
    channels.caller.must(&connect(FREE, NOTIFICATION));
    channels.caller.must(&connect(FREE + 1, OTHER));
    (0..4).for_each(|number| _ = channels.from_1.signal(line(number)));
    channels.ring();
    assert_eq!((channels.take(notification), channels.take(elsewhere)), (Some(1), Some(64)));
    let _ = channels.from_1.signal(line(1));
    let ack = |lines: u64| {
        let words: Vec<u64> = (0..abi::TIME_WORDS).map(|index| abi::time_word(lines, index)).collect();
        Call::new(HANDLER, Label::IrqHandlerAckLines, &words, &[])
    };
    channels.caller.must(&ack(!0b10));
    assert_eq!(channels.take(notification), None, "line 1 is not in the word");
    channels.caller.must(&ack(!0));
    assert_eq!(channels.take(notification), Some(1), "came while line 1 was masked");
    assert_eq!(channels.from_1.signal(line(0)), Outcome::RingDoorbell);
    assert_eq!(
        channels.from_1.signal(line(2)),
        Outcome::Masked,
        "is for whom the other notification signals"
    );
    assert_eq!(channels.from_1.signal(line(3)), Outcome::AlreadyPending);
}

#[test]
fn an_acknowledgement_of_a_word_is_refused_without_the_word() {
    let mut channels = channels();
    channels.connect(0, 1);
    let ack = Call::new(HANDLER, Label::IrqHandlerAckLines, &[], &[]);
    assert_eq!(channels.caller.invoke(&ack), Err(SyscallError::TruncatedMessage));
}

#[test]
fn a_channel_without_acknowledgement_delivers_on() {
    let mut channels = channels();
    let notification = channels.connect(63, 3);
    for _ in 0..3 {
        assert_eq!(channels.from_3.signal(line(63)), Outcome::RingDoorbell);
        channels.ring();
        assert_eq!(channels.take(notification), Some(1 << 63));
    }
    assert_eq!(channels.caller.test.kernel.counted(StatusWord::LinesDelivered), 3);
    assert_eq!(channels.caller.test.kernel.counted(StatusWord::DoorbellsTaken), 3);
}

#[test]
fn one_doorbell_delivers_the_lines_of_all_senders() {
    let mut channels = channels();
    let first = channels.connect(0, 1);
    channels.caller.must(&get_line(7, 3, FREE));
    let second = channels.notification(OTHER, 0x100);
    channels.caller.must(&Call::new(FREE as usize, Label::IrqHandlerSetNotification, &[], &[OTHER]));
    let _ = channels.from_1.signal(line(0));
    let _ = channels.from_3.signal(line(7));
    channels.ring();
    assert_eq!((channels.take(first), channels.take(second)), (Some(1), Some(0x100)));
    assert_eq!(channels.caller.test.kernel.counted(StatusWord::DoorbellsTaken), 1);
}

#[test]
fn a_doorbell_that_finds_nothing_is_counted() {
    let mut channels = channels();
    channels.ring();
    channels.caller.test.kernel.inbox = None;
    channels.ring();
    assert_eq!(channels.caller.test.kernel.counted(StatusWord::SpuriousDoorbells), 2);
    assert_eq!(channels.caller.test.kernel.counted(StatusWord::DoorbellsTaken), 0);
}

#[test]
fn a_disconnected_line_keeps_its_signals_for_the_next_notification() {
    let mut channels = channels();
    let first = channels.connect(1, 1);
    channels.caller.must(&handler_call(Label::IrqHandlerClear, &[]));
    assert_eq!(channels.from_1.signal(line(1)), Outcome::Masked);
    channels.ring();
    let second = channels.notification(OTHER, 9);
    channels.caller.must(&handler_call(Label::IrqHandlerSetNotification, &[OTHER]));
    assert_eq!((channels.take(first), channels.take(second)), (None, Some(9)));
}

#[test]
fn a_line_whose_notification_is_revoked_keeps_its_signals_too() {
    for (number, from) in [(1, 1), (63, 3)] {
        let mut channels = channels();
        channels.connect(number, from);
        let slot = channels.caller.slot(NOTIFICATION);
        channels.caller.test.kernel.revoke_cap(slot).expect("no interrupt waits");
        let sender = if from == 1 { channels.from_1 } else { channels.from_3 };
        assert_eq!(sender.signal(line(number)), Outcome::Masked);
        let second = channels.notification(OTHER, 9);
        channels.caller.must(&handler_call(Label::IrqHandlerSetNotification, &[OTHER]));
        assert_eq!(channels.take(second), Some(9));
    }
}

#[test]
fn revoking_a_notification_closes_no_other_line() {
    let mut channels = channels();
    let notification = channels.connect(1, 1);
    channels.notification(OTHER, 9);
    channels.caller.copy(OTHER, COPY);
    channels.caller.delete(COPY);
    channels.caller.delete(OTHER);
    assert_eq!(channels.from_1.signal(line(1)), Outcome::RingDoorbell);
    channels.ring();
    assert_eq!(channels.take(notification), Some(2));
}

#[test]
fn the_last_handler_takes_waiting_signals_along_and_frees_the_line() {
    let mut channels = channels();
    channels.connect(2, 1);
    channels.caller.copy(HANDLER, COPY);
    channels.caller.delete(HANDLER);
    assert_eq!(channels.caller.invoke(&get_line(2, 1, FREE)), Err(SyscallError::RevokeFirst));
    let _ = channels.from_1.signal(line(2));
    channels.caller.delete(COPY);
    channels.ring();
    assert_eq!(
        channels.caller.test.kernel.counted(StatusWord::SpuriousDoorbells),
        1,
        "what the doorbell was for is forgotten"
    );
    let notification = channels.connect(2, 1);
    assert_eq!(channels.take(notification), None);
    assert_eq!(channels.from_1.signal(line(2)), Outcome::RingDoorbell);
}

#[test]
fn an_instance_that_ends_rings_the_last_line_of_every_channel_from_it() {
    let mut channels = channels();
    assert_eq!(channels.inbox_of_1.unmask(0, line(2)), Unmasked::Nothing);
    let kernel = &mut channels.caller.test.kernel;
    kernel.ring_failure_lines();
    let doorbell = Effect::Doorbell(CoreId(11));
    assert_eq!(kernel.machine.take_effects(), [doorbell, doorbell], "one for each of two channels");
    let mut taken = Vec::new();
    channels.inbox_of_1.take(|from, lines| taken.push((from, lines)));
    assert_eq!(taken, [(0, line(2).bit())]);
    assert_eq!(kernel.counted(StatusWord::SignalsSent), 0, "signals of programs are counted, nothing else");
}
