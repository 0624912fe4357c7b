// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shared region `board`: what is going on, and what the senders spent.

use shared_region::{Counter, RegionLayout};
use userland::RootTask;

use crate::{Failure, MOST};

/// What the senders do, as the target tells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum Phase {
    /// Take turns without signalling.
    Quiet,
    /// Signal.
    Storm,
    /// Finish.
    End,
}

/// What one sender shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// Turns it has taken.
    pub(crate) turns: Counter<'static>,
    /// Ticks of its turns.
    pub(crate) ticks: Counter<'static>,
}

/// The region, divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    phase: Counter<'static>,
    /// By number of the instance; the first is the target's and unused.
    pub(crate) senders: [Shown; MOST + 1],
}

impl Board {
    /// Opens the region. All instances divide it alike.
    pub(crate) fn open(task: &mut RootTask) -> Result<Self, Failure> {
        let missing = Failure::Description("region board, of 8 KiB");
        let Some(described) = task.boot.region("board") else { return Err(missing) };
        let region = task.open_region(&described)?;
        let mut layout = RegionLayout::new(described.size as usize);
        let mut counter = || region.counter(&layout.counter().ok()?);
        let Some(phase) = counter() else { return Err(missing) };
        let unused = Shown { turns: phase, ticks: phase };
        let mut senders = [unused; MOST + 1];
        for sender in &mut senders {
            let (Some(turns), Some(ticks)) = (counter(), counter()) else { return Err(missing) };
            *sender = Shown { turns, ticks };
        }
        Ok(Self { phase, senders })
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase as u64);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.get() {
            0 => Phase::Quiet,
            1 => Phase::Storm,
            _ => Phase::End,
        }
    }
}
