// SPDX-License-Identifier: MIT OR Apache-2.0
//! Condition variables and the lock they go with, as the upstream suite measures them: built of a notification each.
//!
//! A waiter counts itself, releases the lock, waits, and takes the lock again. Who signals holds the lock, so a waiter of
//! higher priority gets the processor at once only to wait for the lock next.

use crate::lab::{BASE, HIGHER, Lab, Partner, Place, settle};
use crate::series::Series;
use crate::signal::SIGNAL;
use crate::stub::{self, stamp};
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use userland::{AllocError, Notification};

/// A lock that is free at 1 and has waiters below 0.
struct Lock {
    value: AtomicI64,
    notification: AtomicU64,
}

/// A condition variable; its count is protected by the lock.
struct Condition {
    waiters: AtomicI64,
    notification: AtomicU64,
}

impl Lock {
    const fn new() -> Self {
        Self { value: AtomicI64::new(1), notification: AtomicU64::new(0) }
    }

    fn take(&self) {
        if self.value.fetch_sub(1, Ordering::Acquire) <= 0 {
            stub::wait(userland::CPtr(self.notification.load(Ordering::Relaxed)));
        }
    }

    fn release(&self) {
        if self.value.fetch_add(1, Ordering::Release) < 0 {
            stub::send(userland::CPtr(self.notification.load(Ordering::Relaxed)), SIGNAL);
        }
    }
}

impl Condition {
    const fn new() -> Self {
        Self { waiters: AtomicI64::new(0), notification: AtomicU64::new(0) }
    }

    fn count(&self, change: i64) {
        self.waiters.store(self.waiters.load(Ordering::Relaxed) + change, Ordering::Relaxed);
    }

    fn wait(&self, lock: &Lock) {
        self.count(1);
        lock.release();
        stub::wait(userland::CPtr(self.notification.load(Ordering::Relaxed)));
        lock.take();
        self.count(-1);
    }

    fn signal(&self) {
        if self.waiters.load(Ordering::Relaxed) > 0 {
            stub::send(userland::CPtr(self.notification.load(Ordering::Relaxed)), SIGNAL);
        }
    }
}

static LOCK: Lock = Lock::new();
static NOT_EMPTY: Condition = Condition::new();
static NOT_FULL: Condition = Condition::new();
/// Items in the queue, which has room for one.
static ITEMS: AtomicI64 = AtomicI64::new(0);
/// When the latest signal began.
static BEGAN: AtomicU64 = AtomicU64::new(0);

/// Measures from a producer's signal to its consumer with the lock, and a signal to a waiter that needs the lock.
pub(crate) fn condition_variables(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let places = [&LOCK.notification, &NOT_EMPTY.notification, &NOT_FULL.notification];
    for place in places {
        place.store(lab.task.make::<Notification>()?.0.0, Ordering::Relaxed);
    }
    producer_to_consumer(lab)?;
    broadcast(lab)
}

/// Moves one item after waiting for the moment; tells the other side. What came before `work` is the sample.
#[inline(always)]
fn turn(unfit: i64, waits: &Condition, tells: &Condition, work: i64) -> u64 {
    LOCK.take();
    while ITEMS.load(Ordering::Relaxed) == unfit {
        waits.wait(&LOCK);
    }
    let elapsed = stamp() - BEGAN.load(Ordering::Relaxed);
    ITEMS.store(ITEMS.load(Ordering::Relaxed) + work, Ordering::Relaxed);
    BEGAN.store(stamp(), Ordering::Relaxed);
    tells.signal();
    LOCK.release();
    elapsed
}

#[inline(never)]
fn producer_to_consumer(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let producer = Partner::active(Place::Here, BASE);
    let thread = lab.partner(producer, || {
        loop {
            turn(1, &NOT_FULL, &NOT_EMPTY, 1);
        }
    })?;
    let series = Series::take(|| Ok(turn(0, &NOT_EMPTY, &NOT_FULL, -1)))?;
    thread.tcb.suspend()?;
    series.report_with("producer to consumer, same core", lab.cost.stored, producer);
    Ok(())
}

/// The suite has 25 waiters; the first signal wakes one, which wakes the next once it has the lock.
#[inline(never)]
fn broadcast(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    LOCK.value.store(1, Ordering::Relaxed);
    NOT_EMPTY.waiters.store(0, Ordering::Relaxed);
    let waiter = Partner::active(Place::Here, HIGHER);
    let thread = lab.partner(waiter, || {
        LOCK.take();
        loop {
            NOT_EMPTY.wait(&LOCK);
        }
    })?;
    settle();
    let series = Series::take(|| {
        LOCK.take();
        let start = stamp();
        NOT_EMPTY.signal();
        let end = stamp();
        LOCK.release();
        Ok(end - start)
    })?;
    thread.tcb.suspend()?;
    series.report_with("broadcast", lab.cost.pair, waiter);
    Ok(())
}
