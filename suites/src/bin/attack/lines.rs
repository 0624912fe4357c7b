// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts on lines, peers and labels that the plan did not grant (GRANTED).

use userland::{
    CPtr, Capability, Error, INIT_CNODE, INIT_TCB, INIT_VSPACE, IO_PORT_CONTROL, IRQ_CONTROL,
    InstanceControl, Message, Notification, RootTask,
};

use crate::attempts::Attempts;
use crate::{Failure, peer};

/// Lines of the channel from the attacker to the bystander, and of the one from the victim to the attacker.
const LINES_OUT: u64 = 3;
const LINES_IN: u64 = 2;
/// Labels from the first one of Skerry's that needs a capability nobody has, up to the highest there is.
const RESERVED: [u64; 6] = [0x1002, 0x1003, 0x1005, 0x1fff, 1 << (LABEL_BITS - 1), (1 << LABEL_BITS) - 1];
const LABEL_BITS: u32 = abi::WORD_BITS - 12;

pub(crate) fn attack(task: &mut RootTask, attempts: &mut Attempts) -> Result<(), Failure> {
    let (victim, bystander) = (peer(task, "victim")?.instance, peer(task, "bystander")?.instance);
    let own = task.boot.chunk().map_or(0, |chunk| chunk.instance());
    let slot = task.slots.take()?.slot();
    let no_peer = Error::InvalidArgument(1);
    for (what, to) in [
        ("a signal to a peer without channel", victim),
        ("a signal to itself", own),
        ("a signal to an instance that is not", 3),
        ("a signal to instance 255", 255),
        ("a signal to instance 2^32 - 1", u32::MAX),
    ] {
        attempts.refused(what, IRQ_CONTROL.issue_line_signal(0, to, slot), no_peer);
    }
    for (what, from) in [("a line from a peer without channel", bystander), ("a line from itself", own)] {
        attempts.refused(what, IRQ_CONTROL.get_line(0, from, slot), no_peer);
    }
    for line in [LINES_OUT, 64, u64::MAX] {
        let signal = IRQ_CONTROL.issue_line_signal(line, bystander, slot);
        attempts.refused("a signal on a line that was not granted", signal, Error::Range(0, LINES_OUT - 1));
        let handler = IRQ_CONTROL.get_line(line, victim, slot);
        attempts.refused("a line that was not granted", handler, Error::Range(0, LINES_IN - 1));
    }
    let notification: Notification = task.make()?;
    task.receive_line(victim, 0, notification)?;
    attempts.refused("a second handler", IRQ_CONTROL.get_line(0, victim, slot), Error::RevokeFirst);
    reserved_labels(task, attempts);
    Ok(())
}

fn reserved_labels(task: &RootTask, attempts: &mut Attempts) {
    let capabilities: [(&str, CPtr); 5] = [
        ("IRQControl", IRQ_CONTROL.cptr()),
        ("the own thread", INIT_TCB.cptr()),
        ("the CNode", INIT_CNODE.cptr()),
        ("the VSpace", INIT_VSPACE.cptr()),
        ("IOPortControl", IO_PORT_CONTROL.cptr()),
    ];
    for (what, cap) in capabilities {
        for label in RESERVED {
            userland::print!("label {label:#x} on ");
            let invoked = Message::new(label, &[0; 4]).with_caps(&[INIT_CNODE.cptr()]).invoke(cap);
            attempts.refused(what, invoked, Error::IllegalOperation);
        }
    }
    let control = task.boot.chunk().and_then(|chunk| chunk.peers().find(|peer| peer.control_slot != 0));
    attempts.absent("control over another instance", control.is_some());
    let stopped = InstanceControl(INIT_TCB.cptr()).stop();
    attempts.refused("InstanceStop on a thread", stopped, Error::IllegalOperation);
}
