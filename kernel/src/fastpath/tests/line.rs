// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals to lines of another instance.

use abi::status::Word as StatusWord;
use abi::{Label, Rights, Syscall};
use arch::CoreId;
use ipi::{Delivery, Memory, Mode, Outcome};

use super::twins::{Taken, Twins};
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::irq::Irq;
use crate::object::line::Line;
use crate::object::tcb::Tcb;
use crate::testing::Random;

/// Slot of the first signal capability; the others follow.
const SIGNALS: u64 = 8;
const LINES: u64 = 4;
/// The receiving instance, and one without a channel.
const PEER: u8 = 3;
const STRANGER: u8 = 255;

type Inbox = &'static Memory<1>;

/// A thread with a capability for each line to `inbox`, and one that leads nowhere.
fn build(world: &mut World, inbox: Inbox) -> ObjRef<Tcb> {
    let peer = &mut world.kernel.peers[usize::from(PEER)];
    (peer.lines_out, peer.core, peer.sender) = (LINES as u8, CoreId(7), inbox.inbox().sender(0));
    for line in 0..=LINES {
        let to = if line == LINES { STRANGER } else { PEER };
        world.put((SIGNALS + line) as usize, Cap::LineSignal { to, line: Line(line as u8) });
    }
    world.thread(1)
}

/// Something that a receiver does.
fn receive(inbox: Inbox, what: usize, line: u64) {
    let (receiver, line) = (inbox.inbox().receiver(), ipi::Line::new(line).expect("there are few lines"));
    match what {
        0 => receiver.take(|_, _| {}),
        1 => _ = receiver.unmask(0, line),
        2 => receiver.mask(0, line.bit()),
        3 => _ = receiver.enter(Mode::Polling),
        4 => _ = receiver.enter(Mode::Running),
        5 => receiver.set_delivery(0, Delivery::Continuous),
        6 => receiver.set_delivery(0, Delivery::UntilAck),
        _ => {}
    }
}

#[test]
fn a_signal_to_a_line_is_the_same_on_both_paths() {
    let inboxes: [Inbox; 2] = [(), ()].map(|()| &*Box::leak(Box::default()));
    let mut inbox = inboxes.into_iter();
    let mut twins = Twins::new(|world| build(world, inbox.next().expect("there are two worlds")));
    let mut random = Random::new(5);
    for _ in 0..1500 {
        let (what, line) = (random.below(10), random.below(LINES as usize + 1) as u64);
        inboxes.into_iter().for_each(|inbox| receive(inbox, what, line));
        let call = if what == 9 { Syscall::NBSend } else { Syscall::Send };
        assert_eq!(twins.syscall(call, SIGNALS + line), Taken::Fast);
        let [fast, slow] = inboxes.map(|inbox| format!("{:?}", inbox.inbox()));
        assert_eq!(fast, slow);
    }
    use StatusWord::{ElidedMasked, ElidedPending, ElidedPolling, IpisSent};
    for word in [IpisSent, ElidedPending, ElidedMasked, ElidedPolling] {
        let times = twins.fast.kernel.counted(word);
        assert!(times > 20, "{word:?} came only {times} times");
    }
}

/// A thread with the handler of a line that a peer may signal, connected to a notification.
fn build_handler(world: &mut World, inbox: Inbox) -> ObjRef<Tcb> {
    let receiver = inbox.inbox().receiver();
    receiver.set_delivery(0, Delivery::UntilAck);
    world.kernel.inbox = Some(receiver);
    world.kernel.irq_slots = world.object(12);
    let peer = &mut world.kernel.peers[0];
    (peer.lines_in, peer.base_in, peer.handled) = (LINES as u8, 0, 1);
    let irq = Irq::of_line(0, Line(0));
    world.put(SIGNALS as usize, Cap::IrqHandler(irq));
    let notification = world.notification(SIGNALS as usize + 1);
    let cap = Cap::Notification { notification, badge: 4, rights: Rights::READ_WRITE };
    let slot = world.kernel.irq_slot(irq);
    world.kernel.objs[slot].cap = cap.pack();
    world.kernel.open_line(0, Line(0));
    world.thread(1)
}

#[test]
fn an_acknowledgement_opens_its_line_and_leaves_what_is_pending_to_the_slow_path() {
    let mut inboxes: Vec<Inbox> = Vec::new();
    let mut twins = Twins::new(|world| {
        inboxes.push(Box::leak(Box::default()));
        build_handler(world, inboxes[inboxes.len() - 1])
    });
    let tcb = twins.tcb;
    let signal = |inbox: &Inbox| {
        let sender = inbox.inbox().sender(0).expect("the inbox has room for the channel");
        sender.signal(ipi::Line::new(0).expect("there are few lines"))
    };
    let deliver = |world: &mut World| world.kernel.take_doorbell();
    for (is_pending, taken) in [(false, Taken::Fast), (true, Taken::Slow), (false, Taken::Fast)] {
        inboxes.iter().for_each(|inbox| assert_eq!(signal(inbox), Outcome::RingDoorbell));
        twins.both(deliver);
        if is_pending {
            inboxes.iter().for_each(|inbox| assert_eq!(signal(inbox), Outcome::Masked));
        }
        twins.both(|world| world.write_message(tcb, Label::IrqHandlerAck.word(), &[], &[]));
        assert_eq!(twins.syscall(Syscall::Call, SIGNALS), taken);
        assert_eq!(format!("{:?}", inboxes[0]), format!("{:?}", inboxes[1]), "another inbox");
        if is_pending {
            // Delivered by the acknowledgement, and so masked again.
            twins.both(|world| world.write_message(tcb, Label::IrqHandlerAck.word(), &[], &[]));
            assert_eq!(twins.syscall(Syscall::Call, SIGNALS), Taken::Fast);
        }
    }
}
