// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shared region `board`: orders to who signals.

use core::hint::spin_loop;

use shared_region::{Counter, RegionLayout};
use userland::RootTask;

use crate::Failure;

/// How to signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum How {
    /// The line, once.
    Once,
    /// The line, several times, with random pauses.
    Often,
    /// Every line, once.
    All,
    /// All lines but the named one as fast as possible, then that one.
    Flood,
    /// No more.
    End,
}

/// Orders from one instance to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    line: Counter<'static>,
    /// Number of the order times [`KINDS`], plus how.
    order: Counter<'static>,
    /// The last order that was carried out.
    done: Counter<'static>,
}

const KINDS: u64 = 8;

impl Orders {
    /// Gives an order once the one before has been carried out, and does not wait for it.
    pub(crate) fn give(self, how: How, line: u64) {
        self.await_done();
        self.line.set(line);
        self.order.set((self.order.get() / KINDS + 1) * KINDS + how as u64);
    }

    /// Waits without going idle until the last order has been carried out.
    pub(crate) fn await_done(self) {
        while self.done.get() != self.order.get() {
            spin_loop();
        }
    }

    /// Waits for an order.
    pub(crate) fn next(self) -> (How, u64) {
        while self.done.get() == self.order.get() {
            spin_loop();
        }
        let how = match self.order.get() % KINDS {
            0 => How::Once,
            1 => How::Often,
            2 => How::All,
            3 => How::Flood,
            _ => How::End,
        };
        (how, self.line.get())
    }

    /// Says that the order has been carried out.
    pub(crate) fn finish(self) {
        self.done.set(self.order.get());
    }
}

/// The region, divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    /// By the instance that gives them.
    pub(crate) orders: [Orders; 2],
}

impl Board {
    /// Opens the region. Both instances divide it alike.
    pub(crate) fn open(task: &mut RootTask) -> Result<Self, Failure> {
        let missing = Failure::Description("region board, of 4 KiB");
        let Some(described) = task.boot.region("board") else { return Err(missing) };
        let region = task.open_region(&described)?;
        let mut layout = RegionLayout::new(described.size as usize);
        let mut counter = || region.counter(&layout.counter().ok()?);
        let mut orders = || Some(Orders { line: counter()?, order: counter()?, done: counter()? });
        let (Some(first), Some(second)) = (orders(), orders()) else { return Err(missing) };
        Ok(Self { orders: [first, second] })
    }
}
