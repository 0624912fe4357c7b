// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines between instances: sending through signal capabilities, receiving as interrupt sources.
//!
//! A line is open exactly while its handler is connected to a notification and, in channels that want
//! acknowledgements, its last delivery has been acknowledged. Signals to a line that is not open stay in the inbox
//! (NOT-LOST) and interrupt nobody (ALONE); opening the line delivers them.
//!
//! ```text
//!                       connect, Ack
//!        +---------+ ------------------> +------+  delivery (no ack wanted)
//!  ----> | closed  |                     | open | <--+
//!        +---------+ <------------------ +------+ ---+
//!             ^   delivery, disconnect
//!             | last handler deleted: signals in the inbox are forgotten too
//! ```

use abi::status::Word as StatusWord;
use arch::Machine;
use ipi::{Outcome, Unmasked};

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::SyscallError;
use crate::object::irq::{Invocation, Irq, VECTORS};

/// One of up to 64 lines of a channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Line(pub u8);

impl Line {
    /// Its bit in a word of lines.
    #[inline]
    pub const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }

    /// The line as the inbox names it; kept below 64, which every line of a plan is.
    #[inline]
    fn in_inbox(self) -> ipi::Line {
        ipi::Line::new(u64::from(self.0 & 63)).expect("63 is the last line of an inbox")
    }
}

/// A line and its slot, as the arguments of IssueLineSignal and GetLine name them.
struct LineArguments {
    peer: u8,
    line: Line,
    dest: SlotRef,
}

impl<M: Machine> Kernel<M> {
    /// Checks common to both invocations; `lines` says how many lines a peer has, `check` comes before the slot.
    fn decode_line(
        &self,
        args: &Args<'_>,
        lines: impl Fn(&crate::Peer) -> u8,
        check: impl Fn(&crate::Peer, Line) -> Result<(), SyscallError>,
    ) -> Result<LineArguments, SyscallError> {
        args.require(4, 1)?;
        let mut words = args.words();
        let (line, number, index, depth) = (words.take(), words.take(), words.take(), words.take());
        let peer = usize::try_from(number).ok().and_then(|number| self.peers.get(number));
        let peer = peer.filter(|peer| lines(peer) != 0).ok_or(SyscallError::InvalidArgument(1))?;
        let count = u64::from(lines(peer));
        if line >= count {
            return Err(SyscallError::RangeError { min: 0, max: count - 1 });
        }
        let line = Line(line as u8);
        check(peer, line)?;
        let dest = self.lookup_empty_slot(args.cap(0)?, index, depth)?;
        Ok(LineArguments { peer: number as u8, line, dest })
    }

    pub(crate) fn decode_issue_line_signal(
        &self,
        control: SlotRef,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let LineArguments { peer, line, dest } =
            self.decode_line(args, |peer| peer.lines_out, |_, _| Ok(()))?;
        Ok(Invocation::IssueLineSignal { cap: Cap::LineSignal { to: peer, line }, control, dest })
    }

    pub(crate) fn decode_get_line(
        &self,
        control: SlotRef,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let is_free = |peer: &crate::Peer, line: Line| {
            if peer.handled & line.bit() == 0 { Ok(()) } else { Err(SyscallError::RevokeFirst) }
        };
        let LineArguments { peer, line, dest } = self.decode_line(args, |peer| peer.lines_in, is_free)?;
        Ok(Invocation::IssueLine { from: peer, line, control, dest })
    }

    /// Sets a line of instance `to`, and interrupts its core if it has to be told.
    #[inline(always)]
    pub(crate) fn send_line_signal(&mut self, to: u8, line: Line) {
        let peer = &self.peers[usize::from(to)];
        let Some(sender) = &peer.sender else { return };
        match sender.signal(line.in_inbox()) {
            Outcome::AlreadyPending => self.count([StatusWord::SignalsSent, StatusWord::ElidedPending]),
            Outcome::Masked => self.count([StatusWord::SignalsSent, StatusWord::ElidedMasked]),
            Outcome::ReceiverPolls => self.count([StatusWord::SignalsSent, StatusWord::ElidedPolling]),
            Outcome::RingDoorbell => {
                self.machine.ring_doorbell(peer.core);
                self.count([StatusWord::SignalsSent, StatusWord::IpisSent]);
            }
        }
    }

    /// Rings the failure line of every instance that this one may signal: the last line of the channel.
    ///
    /// Called once, when this instance will never run again. It may have been cut short in the middle of a signal, so
    /// each receiver is made to look at all lines from here.
    pub fn ring_failure_lines(&mut self) {
        for peer in &self.peers {
            let (Some(sender), Some(last)) = (peer.sender, peer.lines_out.checked_sub(1)) else { continue };
            let _ = sender.signal(Line(last).in_inbox());
            if sender.resume() == Outcome::RingDoorbell {
                self.machine.ring_doorbell(peer.core);
            }
        }
    }

    /// Delivers every open line that is pending: all of them in this one kernel entry.
    #[inline]
    pub(crate) fn take_doorbell(&mut self) {
        let mut has_delivered = false;
        if let Some(inbox) = self.inbox {
            inbox.take(|from, lines| {
                has_delivered = true;
                for line in ipi::Line::each(lines) {
                    self.deliver_line(from as u8, Line(line.number() as u8));
                }
            });
        }
        let word = if has_delivered { StatusWord::DoorbellsTaken } else { StatusWord::SpuriousDoorbells };
        self.count([word]);
    }

    #[inline]
    pub(crate) fn deliver_line(&mut self, from: u8, line: Line) {
        self.count([StatusWord::LinesDelivered]);
        self.signal_irq(Irq::of_line(from, line));
    }

    /// Opens a line if it is connected, and delivers what came while it was closed.
    pub(crate) fn open_line(&mut self, from: u8, line: Line) {
        let is_connected = !self.objs[self.irq_slot(Irq::of_line(from, line))].is_empty();
        if let Some(inbox) = self.inbox
            && is_connected
            && inbox.unmask(usize::from(from), line.in_inbox()) == Unmasked::Delivered
        {
            self.deliver_line(from, line);
        }
    }

    /// Opens lines from one instance, all of them connected, and delivers what came while they were closed.
    pub(crate) fn open_lines(&mut self, from: u8, lines: u64) {
        let Some(inbox) = self.inbox else { return };
        for line in ipi::Line::each(inbox.unmask_lines(usize::from(from), lines)) {
            self.deliver_line(from, Line(line.number() as u8));
        }
    }

    /// Closes a line that is about to lose its notification; signals wait in the inbox from now on.
    pub(crate) fn close_line(&mut self, from: u8, line: Line) {
        if let Some(inbox) = self.inbox {
            inbox.mask(usize::from(from), line.bit());
        }
    }

    /// Closes the line whose notification capability is in `slot`, if that is a slot of the interrupt table: the
    /// capability is being deleted from outside, by a revoke of the notification.
    pub(crate) fn close_line_of(&mut self, slot: SlotRef) {
        let first = self.irq_slots.element(VECTORS).paddr().0;
        let Some(offset) = slot.paddr().0.checked_sub(first) else { return };
        let index = offset >> abi::sizes::SLOT_BITS;
        if index >= u64::from(self.config.incoming_lines) {
            return;
        }
        let owner = self.peers.iter().position(|peer| {
            index.checked_sub(u64::from(peer.base_in)).is_some_and(|line| line < u64::from(peer.lines_in))
        });
        if let Some(from) = owner {
            let line = Line((index - u64::from(self.peers[from].base_in)) as u8);
            self.close_line(from as u8, line);
        }
    }

    /// Ends a line whose last handler goes: the next handler must not see its signals.
    pub(crate) fn forget_line(&mut self, from: u8, line: Line) {
        if let Some(inbox) = self.inbox {
            inbox.clear(usize::from(from), line.in_inbox());
        }
        self.peers[usize::from(from)].handled &= !line.bit();
    }
}

#[cfg(test)]
mod tests;
