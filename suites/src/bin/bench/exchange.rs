// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and responses over a channel in a shared region, with a line each way as doorbell. Whoever waits halts.

use crate::cross::{End, ROUNDS};
use crate::lab::Cost;
use crate::series::{SAMPLES, Series};
use crate::stub::{self, stamp};
use shared_region::channel::{ChannelError, ChannelLayout};
use shared_region::{Region, RegionLayout};
use thiserror::Error;
use userland::sharing::LineDoorbell;
use userland::{AllocError, RootTask};

/// The region that holds the channels.
const REGION: &str = "channel";
/// Slots of each ring.
const CAPACITY: u32 = 8;

/// Why no message came through.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The region is missing or too small.
    #[error("the region is missing or too small")]
    Region,
    /// Something could not be made.
    #[error("setting up: {0}")]
    Setup(#[from] AllocError),
    /// The kernel refused something that is needed.
    #[error("setting up: the kernel refused: {0}")]
    Refused(#[from] userland::Error),
    /// The other side failed, or broke the rules.
    #[error("the channel broke: {0}")]
    Channel(#[from] ChannelError),
}

/// One end of all channels.
pub(crate) struct Channels<'a> {
    end: &'a End,
    region: Region<'static>,
    layout: RegionLayout,
}

impl<'a> Channels<'a> {
    /// Maps the region; both sides divide it alike.
    pub(crate) fn open(task: &mut RootTask, end: &'a End) -> Result<Self, Failure> {
        let region = task.boot.region(REGION).ok_or(Failure::Region)?;
        let layout = RegionLayout::new(region.size as usize);
        Ok(Self { end, region: task.open_region(&region)?, layout })
    }

    /// Asks, and measures until the answer is there.
    pub(crate) fn ask(&mut self, cost: Cost) -> Result<(), Failure> {
        self.ask_size::<1>(cost)?;
        self.ask_size::<8>(cost)?;
        self.ask_size::<64>(cost)
    }

    /// Answers.
    pub(crate) fn answer(&mut self) -> Result<(), Failure> {
        self.answer_size::<1>()?;
        self.answer_size::<8>()?;
        self.answer_size::<64>()
    }

    fn ask_size<const WORDS: usize>(&mut self, cost: Cost) -> Result<(), Failure> {
        let mut client =
            self.region.client(&self.layout::<WORDS>()?, self.doorbell()).ok_or(Failure::Region)?;
        let mut series = Series::new();
        for round in 1..=ROUNDS {
            let mut waited = Ok(());
            let start = stamp();
            let answer = client.call(&[round; WORDS], || waited = self.wait());
            let end = stamp();
            waited?;
            assert!(answer? == [round; WORDS], "the answer is the question");
            if round > ROUNDS - SAMPLES as u64 {
                series.push(end - start);
            }
        }
        series.report(format_args!("cross-core, request and response of {WORDS} words"), cost.pair);
        Ok(())
    }

    fn answer_size<const WORDS: usize>(&mut self) -> Result<(), Failure> {
        let mut server =
            self.region.server(&self.layout::<WORDS>()?, self.doorbell()).ok_or(Failure::Region)?;
        let mut answered = 0;
        while answered < ROUNDS {
            match server.receive()? {
                Some((ticket, request)) => {
                    server.reply(ticket, &request)?;
                    server.flush();
                    answered += 1;
                }
                None => self.wait()?,
            }
        }
        Ok(())
    }

    fn layout<const WORDS: usize>(&mut self) -> Result<ChannelLayout<[u64; WORDS], [u64; WORDS]>, Failure> {
        self.layout.channel(CAPACITY).map_err(|_| Failure::Region)
    }

    fn doorbell(&self) -> LineDoorbell {
        LineDoorbell::new(self.end.signals[0], None)
    }

    /// Waits for the next signal. The line is acknowledged first: signals since the last one count.
    fn wait(&self) -> Result<(), userland::Error> {
        self.end.handlers[0].ack()?;
        stub::wait(self.end.notification.0);
        Ok(())
    }
}
