// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inbox protocol: signals between instances over shared memory and doorbells.
//!
//! An [`Inbox`] is the only memory that two kernels share. It belongs to one receiver, has a cache line of words per
//! sender, and a summary that names the senders with something pending. [`Sender::signal`] sets a bit and says whether
//! the receiver must be interrupted; [`Receiver::take`] collects the bits. Nothing here waits, locks or touches
//! hardware: the caller sends the doorbell interrupt and executes `hlt`.
//!
//! ```text
//!  Sender::signal                                 Receiver
//!  1 pending |= line      already set: done       take: groups, then senders, then pending & open
//!    --- fence                                    unmask: open |= line;  --- fence;  pending?
//!  2 open & line          closed: done            enter: mode = halted;  --- fence;  groups?
//!  3 senders |= me        already set: done
//!  4 groups |= my group
//!    --- fence
//!  5 mode                 polling: done, else ring the doorbell
//! ```
//!
//! # Why no wake-up is lost (NOT-LOST)
//!
//! Whoever stops early in the list relies on somebody else:
//!
//! * *already pending*: the bit's earlier signal went through the list, and the receiver has not taken the bit since;
//!   what that signal is owed, both get.
//! * *closed*: the two fences make one side see the other. Either the sender sees the line open and goes on, or
//!   [`Receiver::unmask`] sees the pending bit.
//! * *sender bit already set*: the receiver has yet to take that bit and will look at all of this sender's lines.
//! * *polling*: again two fences. Either the sender sees a mode that needs a doorbell, or [`Receiver::enter`] sees the
//!   group bit. A doorbell that arrives between that look and `hlt` is held by the interrupt controller.
//!
//! A sender sets bits bottom up and the receiver takes them top down, so a bit above is never taken without what was
//! set below it before. The receiver closes a line before it clears the pending bit; a sender that finds the bit clear
//! finds the line closed. Hence one doorbell per opening of a line, however fast it is signalled.
//!
//! # Left to the caller
//!
//! The doorbell must not overtake the stores before it. On x86 that takes `mfence; lfence` before an x2APIC ICR write,
//! or `lfence` alone, because `signal` ends in a locked instruction whenever it asks for a doorbell. Sleeping must be
//! `sti; hlt` with nothing between. A receiver in [`Mode::Polling`] must leave it by [`Receiver::enter`] before it does
//! anything but poll, also when it was an interrupt that ended the polling.
//!
//! `docs/design/signalling.md` has the argument in full. `RUSTFLAGS="--cfg loom" cargo test -p skerry-ipi --release`
//! lets loom try it on every interleaving, and shows that no ordering in the table [`Site`] can be weaker.
#![cfg_attr(not(any(test, loom)), no_std)]

mod layout;
mod orderings;
#[cfg(not(loom))]
mod page;
mod receiver;
mod sender;
mod sync;

pub use layout::{Inbox, Line, MAX_SENDERS, Memory};
pub use orderings::Site;
#[cfg(loom)]
pub use orderings::weakening;
pub use receiver::{Delivery, Mode, Receiver, Unmasked, Work};
pub use sender::{Outcome, Sender};
