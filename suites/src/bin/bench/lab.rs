// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every measurement needs: other threads, another address space, and what measuring itself costs.

use crate::stub::stamp;
use abi::flags::TCB_FPU_DISABLED;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use userland::object::SchedParameters;
use userland::{
    AllocError, INIT_TCB, INIT_VSPACE, Options, RootTask, SchedContext, Stack, Thread, VSpace, report_row,
    syscall,
};

/// Priority of the measuring thread and of those it talks to on equal terms.
pub(crate) const BASE: u64 = 100;
/// Of those that take the processor from it.
pub(crate) const HIGHER: u64 = 101;

/// Of those that get it only while nobody else wants it.
pub(crate) const LOWER: u64 = 99;

/// When the other thread came out of the kernel.
pub(crate) static ENTERED: AtomicU64 = AtomicU64::new(0);
/// When the other thread went into the kernel.
pub(crate) static LEFT: AtomicU64 = AtomicU64::new(0);

/// Bytes of stack of each thread.
const STACK: usize = 4096;
static STACKS: [Stack<STACK>; 64] = [const { Stack::new() }; 64];
/// Time slice of every thread.
const SLICE_US: u64 = 5000;

/// Which address space a thread runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The measuring thread's.
    Here,
    /// Another one.
    Elsewhere,
}

/// Whose time a partner runs on once it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// Its own: an active partner.
    Own,
    /// Its callers': a passive partner.
    Callers,
}

/// The thread at the other end of a path. It is what the row says of its scenario, so that the host compares the row
/// with figures of that scenario only.
#[derive(Clone, Copy)]
pub(crate) struct Partner {
    pub(crate) time: Time,
    pub(crate) priority: u64,
    pub(crate) place: Place,
}

impl Partner {
    /// Runs on its callers' time, with the priority of the measuring thread.
    pub(crate) const fn passive(place: Place) -> Self {
        Self { time: Time::Callers, priority: BASE, place }
    }

    /// Runs on its own time.
    pub(crate) const fn active(place: Place, priority: u64) -> Self {
        Self { time: Time::Own, priority, place }
    }

    /// The same with another priority.
    pub(crate) const fn at(self, priority: u64) -> Self {
        Self { priority, ..self }
    }
}

impl fmt::Display for Partner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = if self.time == Time::Own { "active" } else { "passive" };
        let priority = match self.priority {
            BASE => "equal",
            priority if priority > BASE => "higher",
            _ => "lower",
        };
        let place = if self.place == Place::Here { "the same" } else { "another" };
        write!(f, "{time} partner of {priority} priority in {place} address space")
    }
}

/// What is in a sample besides the path: the instructions of the measurement.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// Between two stamps of one thread.
    pub(crate) pair: u64,
    /// The same when the first stamp is stored before the path begins.
    pub(crate) stored: u64,
}

/// How often measuring is measured.
const TRIES: usize = 100;

impl Cost {
    /// Measures the measuring.
    pub(crate) fn measure() -> Self {
        let pair = (0..TRIES).map(|_| {
            let start = stamp();
            stamp() - start
        });
        let stored = (0..TRIES).map(|_| {
            LEFT.store(stamp(), Relaxed);
            let end = stamp();
            end - LEFT.load(Relaxed)
        });
        Self { pair: pair.min().unwrap_or_default(), stored: stored.min().unwrap_or_default() }
    }

    fn report(self) {
        let row = |name: &str, cost: u64| {
            report_row(format_args!("{{\"value\":\"{name}\",\"is\":{cost},\"unit\":\"subtracted\"}}"));
        };
        row("cost of two stamps", self.pair);
        row("cost of two stamps, the first stored", self.stored);
    }
}

/// A root task set up for measurements.
pub(crate) struct Lab<'a> {
    pub(crate) task: &'a mut RootTask,
    pub(crate) cost: Cost,
    other: VSpace,
    stacks: core::slice::Iter<'static, Stack<STACK>>,
}

impl<'a> Lab<'a> {
    /// Makes the other address space, and measures the measuring.
    pub(crate) fn new(task: &'a mut RootTask) -> Result<Self, AllocError> {
        INIT_TCB.set_priority(INIT_TCB, BASE)?;
        let other = task.make_vspace()?;
        task.share_image(other)?;
        let cost = Cost::measure();
        cost.report();
        Ok(Self { task, cost, other, stacks: STACKS.iter() })
    }

    /// The address space of a place.
    pub(crate) fn vspace(&self, place: Place) -> VSpace {
        match place {
            Place::Here => INIT_VSPACE,
            Place::Elsewhere => self.other,
        }
    }

    /// A thread that runs `work` on its own time, without floating-point state.
    pub(crate) fn worker<F: FnOnce() + Send + 'static>(
        &mut self,
        place: Place,
        priority: u64,
        work: F,
    ) -> Result<(Thread, SchedContext), AllocError> {
        let context = self.task.make_sched_context(SchedParameters::round_robin(SLICE_US))?;
        let tcb = self.task.make()?;
        let stack = self.stacks.next().ok_or(AllocError::Slots)?;
        let options = Options { vspace: self.vspace(place), ..Options::new(priority, Some(context)) };
        let thread = Thread::prepare(&self.task.boot, tcb, stack, options)?;
        thread.tcb.set_flags(0, TCB_FPU_DISABLED)?;
        thread.start(work)?;
        settle();
        Ok((thread, context))
    }

    /// A thread that runs `work` until it first waits, and from then on runs on the time of its callers.
    pub(crate) fn server<F: FnOnce() + Send + 'static>(
        &mut self,
        place: Place,
        work: F,
    ) -> Result<Thread, AllocError> {
        self.partner(Partner::passive(place), work)
    }

    /// A thread that runs `work` as `partner` says; the measuring thread lets it come to where it waits.
    pub(crate) fn partner<F: FnOnce() + Send + 'static>(
        &mut self,
        partner: Partner,
        work: F,
    ) -> Result<Thread, AllocError> {
        // One of lower priority gets the processor only while the measuring thread is below it.
        INIT_TCB.set_priority(INIT_TCB, BASE.min(partner.priority))?;
        let (thread, context) = self.worker(partner.place, partner.priority, work)?;
        INIT_TCB.set_priority(INIT_TCB, BASE)?;
        if partner.time == Time::Callers {
            context.unbind()?;
        }
        Ok(thread)
    }
}

/// Lets the threads of the same priority run until they wait.
pub(crate) fn settle() {
    (0..4).for_each(|_| syscall::yield_now());
}
