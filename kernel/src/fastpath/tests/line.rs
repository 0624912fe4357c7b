// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals to lines of another instance.

use abi::Syscall;
use abi::status::Word as StatusWord;
use arch::CoreId;
use ipi::{Delivery, Memory, Mode};

use super::twins::{Taken, Twins};
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
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
