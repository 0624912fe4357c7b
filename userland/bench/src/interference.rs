// SPDX-License-Identifier: MIT OR Apache-2.0
//! Paths of one instance while another instance is busy with something.
//!
//! Where instructions are counted, processors take turns: before each round the measuring instance gives its turn away,
//! so that the other has done some of its work. A path of the same length as alone shows that the kernels touch
//! nothing of each other; caches and memory are not measured by this instrument.

use crate::cross::End;
use crate::ipc::Pair;
use crate::lab::{Lab, Place};
use crate::signal::SIGNAL;
use crate::stub;
use abi::{Rights, Syscall, VmAttributes, sizes};
use userland::object::Frame;
use userland::{AllocError, INIT_VSPACE, RootTask, SmallPage};

/// Word of the region: what the other instance is to do, counted from 1; words before that mean to wait.
const PHASE: usize = 40;
/// Word of the region: what it is doing.
const DOING: usize = 48;
/// How much of its work it does in each turn.
const UNITS: usize = 20;

/// What the other instance does.
const ACTIVITIES: [(&str, Activity); 5] = [
    ("sleeps", Activity::Sleep),
    ("computes", Activity::Compute),
    ("makes system calls", Activity::Call),
    ("maps and unmaps", Activity::Map),
    ("signals this instance", Activity::Signal),
];

#[derive(Clone, Copy)]
enum Activity {
    Sleep,
    Compute,
    Call,
    Map,
    Signal,
}

/// Measures in turns with the other instance.
pub(crate) fn victim(lab: &mut Lab<'_>, end: &End) -> Result<(), AllocError> {
    let pair = Pair::new(lab, Place::Elsewhere)?;
    for (phase, (doing, _)) in (1..).zip(ACTIVITIES) {
        end.words.set(PHASE, phase);
        end.await_peer(DOING, phase);
        let suffix = Suffix { doing };
        pair.measure(lab, 0, &suffix, stub::pause)?;
    }
    end.words.set(PHASE, ACTIVITIES.len() as u64 + 1);
    Ok(())
}

/// What is appended to the name of a path.
struct Suffix {
    doing: &'static str,
}

impl core::fmt::Display for Suffix {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, ", while the other {}", self.doing)
    }
}

/// Does what it is told until it is told no more.
pub(crate) fn disturber(task: &mut RootTask, end: &End) -> Result<(), AllocError> {
    let frame: SmallPage = task.make()?;
    let address = task.take_addresses(1 << sizes::SMALL_PAGE_BITS, sizes::SMALL_PAGE_BITS);
    task.map(INIT_VSPACE, frame, address, Rights::READ, VmAttributes::WRITE_BACK)?;
    loop {
        let phase = end.words.get(PHASE);
        let activity = (phase as usize).checked_sub(1).map(|index| ACTIVITIES.get(index));
        match activity {
            None => {}
            Some(None) => return Ok(()),
            Some(Some(&(_, activity))) => {
                for _ in 0..UNITS {
                    disturb(activity, end, (frame, address))?;
                }
                end.words.set(DOING, phase);
            }
        }
        stub::pause();
    }
}

fn disturb(activity: Activity, end: &End, (frame, address): (SmallPage, u64)) -> Result<(), AllocError> {
    match activity {
        Activity::Sleep => {}
        Activity::Compute => {
            core::hint::black_box(
                (0..100u64).fold(1, |product: u64, factor| product.wrapping_mul(factor | 1)),
            );
        }
        Activity::Call => stub::plain(Syscall::Yield),
        Activity::Map => {
            frame.unmap()?;
            frame.map(INIT_VSPACE, address, Rights::READ, VmAttributes::WRITE_BACK)?;
        }
        Activity::Signal => end.signals.iter().for_each(|signal| stub::send(signal.0, SIGNAL)),
    }
    Ok(())
}
