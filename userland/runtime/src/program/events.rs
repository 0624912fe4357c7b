// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines and interrupts: bits of the word that the program's notification collects.

use crate::capability::{CPtr, IrqHandler, LineSignal};
use crate::sharing::StatusPage;
use crate::syscall;
use abi::chunk::skerry::Channel as Flags;
use abi::start::{Channel, EVENTS_SLOT};
use abi::status::State;
use core::sync::atomic::{AtomicU64, Ordering};
use shared_region::channel::Doorbell;

/// Events that came while the program waited for others.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Lines and interrupts that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Events(u64);

impl Events {
    /// Whether nothing came.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Waits until one of `wanted` has come, and takes those that have.
pub(super) fn wait(wanted: u64) -> Events {
    loop {
        let found = take_kept(wanted);
        if !found.is_empty() {
            return found;
        }
        keep(syscall::wait(CPtr(EVENTS_SLOT)).badge);
    }
}

/// Takes those of `wanted` that have come.
pub(super) fn poll(wanted: u64) -> Events {
    keep(syscall::nb_wait(CPtr(EVENTS_SLOT)).badge);
    take_kept(wanted)
}

/// Keeps events for whoever asks next.
pub(super) fn keep(events: u64) {
    KEPT.fetch_or(events, Ordering::Relaxed);
}

/// Takes those of `wanted` that were kept.
pub(super) fn take_kept(wanted: u64) -> Events {
    Events(KEPT.fetch_and(!wanted, Ordering::Relaxed) & wanted)
}

/// Ones for `count` bits from `first` on.
fn mask(first: u32, count: u32) -> u64 {
    let ones = if count >= u64::BITS { u64::MAX } else { (1 << count) - 1 };
    ones.checked_shl(first).unwrap_or(0)
}

/// The end of a channel where lines arrive. Lines are bits of a word, line 0 is bit 0.
#[derive(Clone, Copy, Debug)]
pub struct Receiver {
    channel: Channel,
}

impl Receiver {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Waits for a line; returns all that have come.
    pub fn wait(&self) -> u64 {
        self.lines(wait(self.mask()))
    }

    /// The lines that have come, if any.
    pub fn poll(&self) -> u64 {
        self.lines(poll(self.mask()))
    }

    /// The lines of this channel among events.
    pub fn lines(&self, events: Events) -> u64 {
        (events.0 & self.mask()).checked_shr(self.channel.first_event).unwrap_or(0)
    }

    /// Lets these lines come again; without effect on a channel with `ack = false` or within an instance.
    pub fn ack(&self, lines: u64) {
        if self.channel.flags & Flags::ACK == 0 {
            return;
        }
        for line in (0..self.channel.lines).filter(|&line| lines & mask(line, 1) != 0) {
            // The kernel refuses only what is no handler; init put one there.
            let _ = IrqHandler(CPtr(self.channel.first_slot + u64::from(line))).ack();
        }
    }

    /// How many lines there are.
    pub fn count(&self) -> u32 {
        self.channel.lines
    }

    /// How the sending instance is.
    pub fn peer_state(&self) -> Option<State> {
        peer_state(&self.channel)
    }

    fn mask(&self) -> u64 {
        mask(self.channel.first_event, self.channel.lines)
    }
}

/// The end of a channel where lines are signalled.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    channel: Channel,
}

impl Sender {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Signals a line: never blocks, never fails. A line that the channel does not have is not signalled.
    #[inline]
    pub fn signal(&self, line: u32) {
        if line < self.channel.lines {
            self.line(line).signal();
        }
    }

    /// How many lines there are.
    pub fn count(&self) -> u32 {
        self.channel.lines
    }

    /// How the receiving instance is.
    pub fn peer_state(&self) -> Option<State> {
        peer_state(&self.channel)
    }

    /// A line as the doorbell of a ring in a shared region.
    pub fn doorbell(&self, line: u32) -> SenderDoorbell {
        SenderDoorbell { sender: *self, line }
    }

    fn line(&self, line: u32) -> LineSignal {
        LineSignal(CPtr(self.channel.first_slot + u64::from(line)))
    }
}

fn peer_state(channel: &Channel) -> Option<State> {
    (channel.status != 0).then(|| StatusPage::at(channel.status))?.state()
}

/// A line of a [`Sender`] that wakes the other end of a ring.
#[derive(Clone, Copy, Debug)]
pub struct SenderDoorbell {
    sender: Sender,
    line: u32,
}

impl Doorbell for SenderDoorbell {
    #[inline]
    fn ring(&self) {
        self.sender.signal(self.line);
    }

    fn peer_failed(&self) -> bool {
        matches!(self.sender.peer_state(), Some(State::Failed | State::Halted))
    }
}

/// A message that raises an interrupt: what a driver puts into the MSI or MSI-X registers of its device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterruptMessage {
    /// The physical address to write to.
    pub address: u64,
    /// What to write there.
    pub data: u32,
}

/// An interrupt of a device.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt {
    interrupt: abi::start::Interrupt,
}

impl Interrupt {
    pub(super) fn new(interrupt: abi::start::Interrupt) -> Self {
        Self { interrupt }
    }

    /// Waits for the interrupt.
    pub fn wait(&self) {
        wait(self.mask());
    }

    /// Whether it has come.
    pub fn poll(&self) -> bool {
        !poll(self.mask()).is_empty()
    }

    /// Whether it is among events.
    pub fn is_in(&self, events: Events) -> bool {
        events.0 & self.mask() != 0
    }

    /// What the device has to write to raise it, when it is a message.
    pub fn message(&self) -> Option<InterruptMessage> {
        let (address, data) = (self.interrupt.message_address, self.interrupt.message_data);
        (address != 0).then_some(InterruptMessage { address, data })
    }

    /// Lets it come again; not needed when it is a message.
    pub fn ack(&self) {
        // The kernel refuses only what is no handler; init put one there.
        let _ = IrqHandler(CPtr(self.interrupt.slot)).ack();
    }

    fn mask(&self) -> u64 {
        mask(self.interrupt.event, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_covers_the_lines_of_a_channel_and_no_others() {
        assert_eq!([mask(0, 64), mask(3, 2), mask(63, 1), mask(64, 1)], [u64::MAX, 0b11000, 1 << 63, 0]);
    }

    #[test]
    fn an_interrupt_tells_its_message_if_it_is_one() {
        let name = abi::chunk::skerry::Name::default();
        let of = |message_address, message_data| {
            let entry = abi::start::Interrupt { name, slot: 4, event: 0, message_data, message_address };
            Interrupt::new(entry).message()
        };
        assert_eq!(of(0, 0), None);
        assert_eq!(of(0xfee0_1000, 70), Some(InterruptMessage { address: 0xfee0_1000, data: 70 }));
    }

    #[test]
    fn events_of_others_are_kept_until_they_are_asked_for() {
        keep(0b1100);
        assert_eq!(take_kept(0b0101), Events(0b0100));
        assert_eq!(take_kept(0b0101), Events(0));
        assert_eq!(take_kept(0b1111), Events(0b1000));
    }
}
