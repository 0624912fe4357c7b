// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rings and channels over memory shared between instances.
//!
//! A [`Region`] is mapped memory seen as words. [`RegionLayout`] carves rings out of it, the same way on both sides. A
//! ring has one [`Producer`] and one [`Consumer`] and moves fixed-size slots without copying or waiting. A
//! [`channel::Client`] and a [`channel::Server`] use two rings for typed requests and responses.
//!
//! ```text
//! instance 1                     region                      instance 2
//! Producer --- write, publish -> [tail | head | slots] ----> Consumer
//!     \------- doorbell line (a signal cap) ---------------> Notification
//! ```
//!
//! # What the peer can do
//!
//! The other side is not trusted: it may write anything into the region at any time. Every shared word is an atomic, so
//! that is never undefined behaviour; positions are masked and lengths clamped, so no access leaves the ring; nothing
//! here panics on what the peer wrote, and nothing waits. A lying peer can make messages wrong, missing or repeated:
//! its own messages, which it could have made wrong anyway.
//!
//! # Restart
//!
//! Regions outlive the instances that use them. Each side stamps its position with a number for its life and with the
//! life of the peer that it talks to. No slot is read or written before the two stamps agree, so nothing of an old life
//! is taken for something new, and a restarted peer shows as [`RingError::Restarted`]. `docs/design/rings.md` has the
//! layout, the argument and what loom checked.
#![cfg_attr(not(any(test, loom)), no_std)]

pub mod channel;
mod end;
mod layout;
#[cfg(not(loom))]
mod map;
mod message;
mod orderings;
mod region;
mod ring;
mod stamp;
mod sync;

pub use layout::{CounterLayout, LayoutError, RegionLayout, RingLayout};
pub use message::Message;
pub use orderings::Site;
#[cfg(loom)]
pub use orderings::weakening;
pub use region::{Counter, Memory, Region};
pub use ring::{Consumer, Producer, RingError, Slot, SlotMut};
