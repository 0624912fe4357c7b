// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timeouts that a program handles for others.
//!
//! ```text
//!   budget used up ──▶ endpoint of the handler, badge: the program's number ──▶ handler ── answer ──▶ goes on
//!                                                                                  └── GiveUp ──▶ init: as a fault
//! ```
//!
//! Nobody waits for a handler that is gone: what it was answering is answered, and init takes the timeouts over.

use abi::{MessageInfo, Rights};
use userland::{AllocError, Capability, Endpoint, Error, Reply, RootTask, Slot, syscall};

/// What a program receives timeouts with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    endpoint: Endpoint,
    reply: Reply,
}

/// The number of the program at a position among those of the instance. Programs see it as a badge, so it is not 0.
pub(crate) fn number_of(position: usize) -> u64 {
    position as u64 + 1
}

/// The position that a number stands for.
pub(crate) fn position_of(number: u64) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

impl Timeouts {
    pub(crate) fn new(root: &mut RootTask) -> Result<Self, AllocError> {
        Ok(Self { endpoint: root.make()?, reply: root.make()? })
    }

    /// Where the timeouts of the program at a position go.
    pub(crate) fn of(self, root: &mut RootTask, position: usize) -> Result<Endpoint, AllocError> {
        let slot = root.slots.take()?;
        slot.slot().mint_from(self.endpoint.slot(), Rights::ALL, number_of(position))?;
        Ok(Endpoint(slot))
    }

    /// Lets a program receive them, and answer.
    pub(crate) fn give(self, endpoint: Slot, reply: Slot) -> Result<(), Error> {
        endpoint.mint_from(self.endpoint.slot(), Rights::READ, 0)?;
        reply.copy_from(self.reply.slot(), Rights::ALL)
    }

    /// Lets the program go on whose timeout the handler has received and not answered, if there is one.
    pub(crate) fn answer(self) {
        syscall::send(self.reply.cptr(), MessageInfo::default(), [0; 4]);
    }

    /// Lets all programs go on whose timeouts the handler has not received. The handler does not run any more.
    pub(crate) fn answer_all(self) {
        self.answer();
        while syscall::nb_recv(self.endpoint.cptr(), self.reply.cptr()).badge != 0 {
            self.answer();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_1_and_stand_for_positions() {
        assert_eq!([0, 7].map(|position| position_of(number_of(position))), [Some(0), Some(7)]);
        assert_eq!((number_of(0), position_of(0)), (1, None));
    }
}
