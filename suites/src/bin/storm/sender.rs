// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sender: one signal a turn.

use core::hint::spin_loop;

use userland::{CPtr, LineSignal, RootTask, ticks};

use crate::board::{Board, Phase};
use crate::{Failure, STORMED};

/// The target.
const TARGET: u32 = 0;

pub(crate) fn run(task: &mut RootTask, board: Board) -> Result<(), Failure> {
    let own = task.boot.chunk().map_or(0, |chunk| chunk.instance()) as usize;
    let shown = *board.senders.get(own).ok_or(Failure::Description("room for so many senders"))?;
    let mut signals = [LineSignal(CPtr::NULL); STORMED];
    for (line, signal) in signals.iter_mut().enumerate() {
        *signal = task.send_line(TARGET, line as u64)?;
    }
    let (mut turns, mut spent) = (0, 0);
    for signal in signals.iter().cycle() {
        let start = ticks();
        match board.phase() {
            Phase::Quiet => {}
            Phase::Storm => signal.signal(),
            Phase::End => break,
        }
        turns += 1;
        shown.turns.set(turns);
        spent += ticks().wrapping_sub(start);
        shown.ticks.set(spent);
        // `pause`: with counted instructions the end of the turn.
        spin_loop();
    }
    Ok(())
}
