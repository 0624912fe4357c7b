// SPDX-License-Identifier: MIT OR Apache-2.0
//! The side that signals when it is told to.

use userland::{CPtr, LineSignal, Random, RootTask};

use crate::board::{How, Orders};
use crate::{Failure, LINES};

/// Most signals of [`How::Often`], and most turns of an empty loop between two.
const OFTEN: u64 = 16;
const PAUSE: u64 = 500;
/// Signals of [`How::Flood`].
const FLOOD: u64 = 100_000;

/// All lines to the other instance.
#[derive(Debug)]
pub(crate) struct Sender {
    orders: Orders,
    lines: [LineSignal; LINES as usize],
    random: Random,
}

impl Sender {
    pub(crate) fn new(task: &mut RootTask, orders: Orders, to: u32) -> Result<Self, Failure> {
        let mut lines = [LineSignal(CPtr::NULL); LINES as usize];
        for (number, line) in lines.iter_mut().enumerate() {
            *line = task.send_line(to, number as u64)?;
        }
        Ok(Self { orders, lines, random: Random::new(to.into()) })
    }

    /// Signals as ordered until there is to be no more.
    pub(crate) fn obey(&mut self) {
        loop {
            let (how, line) = self.orders.next();
            let line = (line % LINES) as usize;
            match how {
                How::Once => self.lines[line].signal(),
                How::Often => self.often(line),
                How::All => self.lines.iter().for_each(|line| line.signal()),
                How::Flood => self.flood(line),
                How::End => {}
            }
            self.orders.finish();
            if how == How::End {
                return;
            }
        }
    }

    fn often(&mut self, line: usize) {
        for _ in 0..=self.random.below(OFTEN) {
            self.lines[line].signal();
            self.random.pause(PAUSE);
        }
    }

    fn flood(&self, last: usize) {
        let others = || self.lines.iter().enumerate().filter(|(number, _)| *number != last);
        for _ in 0..FLOOD / LINES {
            others().for_each(|(_, line)| line.signal());
        }
        self.lines[last].signal();
    }
}
