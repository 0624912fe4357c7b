// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scheduler: 256 priorities, ready queues, a release queue, one current thread.

pub mod queue;
pub mod refill;
pub mod switch;
pub mod time;

use abi::limits::{DOMAIN_SCHEDULES, MAX_DOMAIN_DURATION, PRIORITIES};
use arch::Ticks;

use crate::memory::objects::ObjRef;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::Tcb;

/// What to do at the end of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The current thread goes on, if it still can.
    ResumeCurrent,
    /// This thread was woken and is a candidate.
    SwitchTo(ObjRef<Tcb>),
    /// Choose anew.
    ChooseNew,
}

/// A doubly linked queue of threads.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// First.
    pub head: Option<ObjRef<Tcb>>,
    /// Last.
    pub tail: Option<ObjRef<Tcb>>,
}

impl Queue {
    /// Nobody.
    pub const EMPTY: Self = Self { head: None, tail: None };
}

/// One entry of the domain schedule; duration 0 is an end marker.
#[derive(Clone, Copy, Debug)]
pub struct DomainSlot {
    /// Domain.
    pub domain: u8,
    /// Length of its slice.
    pub duration: Ticks,
}

/// Words of the bitmap of occupied priorities.
pub const BITMAP_WORDS: usize = PRIORITIES / 64;

/// Scheduling state of the instance.
#[derive(Clone)]
pub struct Scheduler {
    /// The thread that runs; the idle thread when none does.
    pub current: ObjRef<Tcb>,
    /// Scheduling context the time is charged to.
    pub current_sc: ObjRef<SchedContext>,
    /// The idle thread.
    pub idle: ObjRef<Tcb>,
    /// What to do at the end of the event.
    pub action: Action,
    /// The clock at the last reading.
    pub now: Ticks,
    /// Time used by the current scheduling context and not charged yet.
    pub consumed: Ticks,
    /// Whether the timer must be programmed before leaving.
    pub reprogram: bool,
    /// What the timer is set for: it has fired, or fires in time for this.
    pub alarm: Ticks,
    /// Bit w: some priority of word w is occupied.
    pub bitmap_top: u64,
    /// Bit p: priority p is occupied.
    pub bitmap: [u64; BITMAP_WORDS],
    /// Ready threads by priority (one domain is configured).
    pub ready: [Queue; PRIORITIES],
    /// Threads that wait for their budget, by release time.
    pub release: Queue,
    /// Domain schedule.
    pub domain_schedule: [DomainSlot; DOMAIN_SCHEDULES as usize],
    /// Where the schedule starts over.
    pub domain_start: usize,
    /// Entry that runs.
    pub domain_index: usize,
    /// Preemption points passed since the last look at the clock.
    pub work_units: u64,
}

impl Scheduler {
    /// Domain 0 for as long as can be, then the end marker.
    const INITIAL_DOMAINS: [DomainSlot; DOMAIN_SCHEDULES as usize] = {
        let mut slots = [DomainSlot { domain: 0, duration: Ticks::ZERO }; DOMAIN_SCHEDULES as usize];
        slots[0].duration = Ticks(MAX_DOMAIN_DURATION);
        slots
    };

    /// Before boot.
    pub(crate) const fn new() -> Self {
        Self {
            current: ObjRef::UNSET,
            current_sc: ObjRef::UNSET,
            idle: ObjRef::UNSET,
            action: Action::ResumeCurrent,
            now: Ticks::ZERO,
            consumed: Ticks::ZERO,
            reprogram: false,
            alarm: Ticks::ZERO,
            bitmap_top: 0,
            bitmap: [0; BITMAP_WORDS],
            ready: [Queue::EMPTY; PRIORITIES],
            release: Queue::EMPTY,
            domain_schedule: Self::INITIAL_DOMAINS,
            domain_start: 0,
            domain_index: 0,
            work_units: 0,
        }
    }
}
