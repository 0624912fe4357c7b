// SPDX-License-Identifier: MIT OR Apache-2.0
//! The paths every change is judged by, in one instance, while two others are busy with something.
//!
//! Where instructions are counted, processors take turns: before each round the measuring instance gives its turn away,
//! so that the others have done some of their work. A path of the same length as beside sleepers shows that the kernels
//! touch nothing of each other; caches and memory are not measured by this instrument.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::cross::End;
use crate::ipc::Pair;
use crate::lab::{HIGHER, Lab, Partner, Place};
use crate::signal::SIGNAL;
use crate::stub;
use abi::{MessageInfo, ObjectType, Rights, Syscall, VmAttributes, sizes};
use userland::object::Frame;
use userland::{
    AllocError, CPtr, INIT_VSPACE, IrqHandler, LineSignal, Notification, RootTask, SmallPage, Untyped,
};

/// Word of the region: what the other instances are to do, counted from 1; words before that mean to wait.
const PHASE: usize = 40;
/// Words of the region: what they are doing, by their numbers, a cache line each.
const DOING: usize = 48;
/// The instances that disturb.
const DISTURBERS: core::ops::RangeInclusive<usize> = 1..=2;
/// How much of its work each of them does in a turn.
const UNITS: usize = 4;
/// Lines that carry a storm.
const STORM_LINES: usize = 4;
/// Children that are made and revoked at a time.
const CHILDREN: u64 = 4;

/// What the other instances do.
const ACTIVITIES: [(&str, Activity); 8] = [
    ("sleep", Activity::Sleep),
    ("compute", Activity::Compute),
    ("make null calls", Activity::NullCall),
    ("exchange messages", Activity::Message),
    ("map and unmap", Activity::Map),
    ("retype and revoke", Activity::Retype),
    ("signal each other", Activity::SignalEachOther),
    ("signal this instance", Activity::SignalVictim),
];

#[derive(Clone, Copy)]
enum Activity {
    Sleep,
    Compute,
    NullCall,
    Message,
    Map,
    Retype,
    SignalEachOther,
    SignalVictim,
}

/// The activity under which paths are measured, counted from 1; 0 while no other instance is known of.
static CURRENT: AtomicUsize = AtomicUsize::new(0);

/// Gives the turn away where others are to have one.
#[inline]
pub(crate) fn begin_round() {
    if CURRENT.load(Relaxed) != 0 {
        stub::pause();
    }
}

/// What is appended to the name of every path.
pub(crate) struct Suffix;

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CURRENT.load(Relaxed).checked_sub(1).and_then(|index| ACTIVITIES.get(index)) {
            Some((doing, _)) => write!(f, ", while others {doing}"),
            None => Ok(()),
        }
    }
}

/// Runs `measure` once beside each activity.
pub(crate) fn victim(
    lab: &mut Lab<'_>,
    end: &End,
    measure: impl Fn(&mut Lab<'_>) -> Result<(), AllocError>,
) -> Result<(), AllocError> {
    let (notification, handlers) = (end.notification, first(&end.handlers));
    // Lines are acknowledged, so that others may interrupt again and again.
    lab.worker(Place::Elsewhere, HIGHER, move || acknowledge(notification, handlers))?;
    for phase in 1..=ACTIVITIES.len() {
        end.words.set(PHASE, phase as u64);
        for disturber in DISTURBERS {
            end.await_peer(DOING + 8 * disturber, phase as u64);
        }
        CURRENT.store(phase, Relaxed);
        measure(lab)?;
        CURRENT.store(0, Relaxed);
    }
    end.words.set(PHASE, ACTIVITIES.len() as u64 + 1);
    Ok(())
}

fn acknowledge(notification: Notification, handlers: [IrqHandler; STORM_LINES]) {
    loop {
        stub::wait(notification.0);
        for handler in handlers {
            // Without answer: a thread that cannot be told anything has nobody to tell.
            let _ = handler.ack();
        }
    }
}

fn first<T: Copy>(all: &[T]) -> [T; STORM_LINES] {
    core::array::from_fn(|index| all[index])
}

/// What a busy instance works with.
struct Workshop<'a> {
    end: &'a End,
    frame: SmallPage,
    address: u64,
    pair: Pair,
    untyped: Untyped,
    original: CPtr,
    children: CPtr,
    /// To the other one that is busy.
    sideways: [LineSignal; STORM_LINES],
}

/// Does what it is told until it is told no more.
pub(crate) fn disturber(lab: &mut Lab<'_>, end: &End) -> Result<(), AllocError> {
    let place = DOING + 8 * lab.task.boot.chunk().map_or(0, |chunk| chunk.instance() as usize);
    let mut shop = Workshop::new(lab, end)?;
    loop {
        let phase = end.words.get(PHASE);
        let activity = (phase as usize).checked_sub(1).map(|index| ACTIVITIES.get(index));
        match activity {
            None => {}
            Some(None) => return Ok(()),
            Some(Some(&(_, activity))) => {
                for _ in 0..UNITS {
                    shop.work(activity)?;
                }
                end.words.set(place, phase);
            }
        }
        stub::pause();
    }
}

impl<'a> Workshop<'a> {
    fn new(lab: &mut Lab<'_>, end: &'a End) -> Result<Self, AllocError> {
        let (notification, handlers, sideways) = sideways(lab.task)?;
        lab.worker(Place::Here, HIGHER, move || acknowledge(notification, handlers))?;
        let frame: SmallPage = lab.task.make()?;
        let address = lab.task.take_addresses(1 << sizes::SMALL_PAGE_BITS, sizes::SMALL_PAGE_BITS);
        lab.task.map(INIT_VSPACE, frame, address, Rights::READ, VmAttributes::WRITE_BACK)?;
        Ok(Self {
            end,
            frame,
            address,
            pair: Pair::new(lab, Partner::passive(Place::Elsewhere))?,
            untyped: lab.task.untyped(sizes::NOTIFICATION_BITS)?,
            original: lab.task.slots.take()?,
            children: lab.task.slots.take_many(CHILDREN)?,
            sideways,
        })
    }

    fn work(&mut self, activity: Activity) -> Result<(), AllocError> {
        let signal = |lines: &[LineSignal]| lines.iter().for_each(|line| stub::send(line.0, SIGNAL));
        match activity {
            Activity::Sleep => {}
            Activity::Compute => {
                core::hint::black_box(
                    (0..100u64).fold(1, |product: u64, factor| product.wrapping_mul(factor | 1)),
                );
            }
            Activity::NullCall => stub::plain(Syscall::BenchmarkNullSyscall),
            Activity::Message => self.pair.call(MessageInfo(0)),
            Activity::Map => {
                self.frame.unmap()?;
                self.frame.map(INIT_VSPACE, self.address, Rights::READ, VmAttributes::WRITE_BACK)?;
            }
            Activity::Retype => self.make_and_revoke()?,
            Activity::SignalEachOther => signal(&self.sideways),
            Activity::SignalVictim => signal(&self.end.signals[..STORM_LINES]),
        }
        Ok(())
    }

    fn make_and_revoke(&self) -> Result<(), AllocError> {
        self.untyped.retype(ObjectType::Notification, 0, self.original, 1)?;
        for child in self.children.0..self.children.0 + CHILDREN {
            CPtr(child).slot().mint_from(self.original.slot(), Rights::ALL, child)?;
        }
        self.original.slot().revoke()?;
        Ok(self.original.slot().delete()?)
    }
}

/// What ties this instance to the other busy one: where its signals arrive, their handlers, and lines to it.
fn sideways(
    task: &mut RootTask,
) -> Result<(Notification, [IrqHandler; STORM_LINES], [LineSignal; STORM_LINES]), AllocError> {
    let other = task.boot.chunk().and_then(|chunk| chunk.peers().nth(1)).map(|peer| peer.instance);
    let other = other.ok_or(AllocError::Slots)?;
    let notification = task.make()?;
    let mut handlers = [IrqHandler(CPtr::NULL); STORM_LINES];
    let mut signals = [LineSignal(CPtr::NULL); STORM_LINES];
    for (line, (handler, signal)) in (0..).zip(handlers.iter_mut().zip(&mut signals)) {
        *handler = task.receive_line(other, line, notification)?;
        handler.ack()?;
        *signal = task.send_line(other, line)?;
    }
    Ok((notification, handlers, signals))
}
