// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two ends of a ring between neighbours, with a line each way.
//!
//! ```text
//! Outlet -- region, line `forth`: look, there is something --> Inlet
//!        <-- line `back`: look, there is room ----------------
//! ```
//!
//! Lines are acknowledged before the ring is looked at, so that no signal falls between the look and the sleep.

use crate::Failure;
use shared_region::{Consumer, Producer, Region, RegionLayout, RingError, RingLayout};
use userland::Program;
use userland::program::{Receiver, Sender};

/// Slots of the ring, each of one word.
const CAPACITY: u32 = 256;
/// Numbers that are shown to the neighbour at a time.
const BATCH: u32 = 32;
/// The line of each channel.
const LINE: u32 = 0;

/// Where numbers come from.
pub(crate) struct Inlet {
    ring: Consumer<'static>,
    came: Receiver,
    back: Sender,
    taken: u32,
}

/// Where numbers go to.
pub(crate) struct Outlet {
    ring: Producer<'static>,
    free: Receiver,
    forth: Sender,
    written: u32,
}

impl Inlet {
    /// The ring in the region that `in=` names; nothing if it names none.
    pub(crate) fn open(program: &Program) -> Result<Option<Self>, Failure> {
        let Some(name) = program.argument("in") else { return Ok(None) };
        let (region, layout) = ring(program, name)?;
        let ring = region.consumer(&layout).ok_or(Failure::Region)?;
        let came = program.receiver(argument(program, "came")?)?;
        let back = program.sender(argument(program, "back")?)?;
        back.signal(LINE);
        Ok(Some(Self { ring, came, back, taken: 0 }))
    }

    /// The next number. Before it sleeps it calls `pause`.
    pub(crate) fn take(&mut self, mut pause: impl FnMut()) -> Result<u64, Failure> {
        loop {
            match self.ring.read_slot(|slot| slot.get(0)) {
                Ok(number) => {
                    self.taken += 1;
                    if self.taken >= BATCH {
                        self.release();
                    }
                    return Ok(number);
                }
                Err(RingError::Restarted) => return Err(Failure::Restarted),
                Err(RingError::Empty | RingError::NotConnected | RingError::Full) => {
                    self.release();
                    pause();
                    self.came.ack(self.came.wait());
                }
            }
        }
    }

    /// Gives back what was taken, and tells the neighbour if that is news to it.
    fn release(&mut self) {
        self.taken = 0;
        if (self.ring.release() > 0) | self.ring.take_greeting() {
            self.back.signal(LINE);
        }
    }
}

impl Outlet {
    /// The ring in the region that `out=` names; nothing if it names none.
    pub(crate) fn open(program: &Program) -> Result<Option<Self>, Failure> {
        let Some(name) = program.argument("out") else { return Ok(None) };
        let (region, layout) = ring(program, name)?;
        let ring = region.producer(&layout).ok_or(Failure::Region)?;
        let free = program.receiver(argument(program, "free")?)?;
        let forth = program.sender(argument(program, "forth")?)?;
        forth.signal(LINE);
        Ok(Some(Self { ring, free, forth, written: 0 }))
    }

    /// Puts a number into the ring, as soon as there is room.
    pub(crate) fn put(&mut self, number: u64) -> Result<(), Failure> {
        loop {
            match self.ring.write_slot(|mut slot| slot.set(0, number)) {
                Ok(()) => {
                    self.written += 1;
                    if self.written >= BATCH {
                        self.flush();
                    }
                    return Ok(());
                }
                Err(RingError::Restarted) => return Err(Failure::Restarted),
                Err(RingError::Full | RingError::NotConnected | RingError::Empty) => self.sleep(),
            }
        }
    }

    /// Shows what was written, and tells the neighbour if that is news to it.
    pub(crate) fn flush(&mut self) {
        self.written = 0;
        if (self.ring.publish() > 0) | self.ring.take_greeting() {
            self.forth.signal(LINE);
        }
    }

    /// Shows the last numbers.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush();
        Ok(())
    }

    fn sleep(&mut self) {
        self.flush();
        self.free.ack(self.free.wait());
    }
}

fn ring(program: &Program, name: &str) -> Result<(Region<'static>, RingLayout), Failure> {
    let shared = program.region(name)?;
    let region = shared.open().ok_or(Failure::Region)?;
    let layout = RegionLayout::new(shared.size() as usize).ring(CAPACITY, 1);
    Ok((region, layout.map_err(|_| Failure::Region)?))
}

fn argument(program: &Program, name: &'static str) -> Result<&'static str, Failure> {
    program.argument(name).ok_or(Failure::Argument(name))
}
