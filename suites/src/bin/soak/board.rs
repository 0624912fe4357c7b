// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shared region `board`: for each pair of instances, how many signals were sent, how many were seen, and up to
//! which one an answer is wanted; for each instance, how far it is.

use shared_region::{Counter, Region, RegionLayout};
use userland::RootTask;

use crate::{Failure, MOST};

/// The numbers of a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// Written by the sender before it signals.
    pub(crate) sent: Counter<'static>,
    /// Written by the sender before it signals: the receiver is to answer once it has seen that many.
    pub(crate) asked: Counter<'static>,
    /// Written by the receiver when it was woken.
    pub(crate) seen: Counter<'static>,
}

/// The pairs that this instance is an end of, by the number of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    /// From here to the other.
    pub(crate) out: [Option<Pair>; MOST],
    /// From the other to here.
    pub(crate) incoming: [Option<Pair>; MOST],
    /// How far each instance is, written by itself.
    pub(crate) stages: [Counter<'static>; MOST],
}

impl Board {
    /// Opens the region. All instances divide it alike.
    pub(crate) fn open(task: &mut RootTask) -> Result<Self, Failure> {
        let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
        let described = task.boot.region("board").ok_or(Failure::Description("region board"))?;
        let (own, count) = (chunk.instance() as usize, chunk.peers().count() + 1);
        if count > MOST {
            return Err(Failure::Description("room for so many instances in this program"));
        }
        let region = task.open_region(&described)?;
        let mut layout = RegionLayout::new(described.size as usize);
        let no_room = || Failure::Description("room in region board");
        let first = counter(region, &mut layout).ok_or_else(no_room)?;
        let mut board = Self { out: [None; MOST], incoming: [None; MOST], stages: [first; MOST] };
        for stage in &mut board.stages[1..] {
            *stage = counter(region, &mut layout).ok_or_else(no_room)?;
        }
        for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
            let pair = pair(region, &mut layout).ok_or_else(no_room)?;
            match (from == own, to == own) {
                (true, false) => board.out[to] = Some(pair),
                (false, true) => board.incoming[from] = Some(pair),
                _ => {}
            }
        }
        Ok(board)
    }
}

fn counter(region: Region<'static>, layout: &mut RegionLayout) -> Option<Counter<'static>> {
    region.counter(&layout.counter().ok()?)
}

fn pair(region: Region<'static>, layout: &mut RegionLayout) -> Option<Pair> {
    let mut counter = || counter(region, layout);
    Some(Pair { sent: counter()?, asked: counter()?, seen: counter()? })
}
