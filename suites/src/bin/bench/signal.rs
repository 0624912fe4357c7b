// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls that move no message: nothing at all, NBWait, and signals within an instance.

use crate::lab::{ENTERED, HIGHER, Lab, Partner, Place};
use crate::series::Series;
use crate::stub::{self, stamp};
use abi::{MessageInfo, Syscall};
use core::sync::atomic::Ordering::Relaxed;
use userland::{AllocError, Notification};

/// What runtimes send with a signal.
pub(crate) const SIGNAL: MessageInfo = MessageInfo::new(0, 0, 0, 1);

/// Measures the shortest ways into the kernel and back.
#[inline(never)]
pub(crate) fn shortest(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let notification: Notification = lab.task.make()?;
    let null = Series::take(|| {
        let start = stamp();
        stub::plain(Syscall::BenchmarkNullSyscall);
        Ok(stamp() - start)
    })?;
    null.report("null system call", lab.cost.pair);
    let nb_wait = Series::take(|| {
        let start = stamp();
        stub::nb_wait(notification.0);
        Ok(stamp() - start)
    })?;
    nb_wait.report("NBWait, nothing there", lab.cost.pair);
    Ok(())
}

/// Measures Signal when nobody waits, and when the waiter takes the processor.
#[inline(never)]
pub(crate) fn signals(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let nobody: Notification = lab.task.make()?;
    let series = Series::take(|| {
        let start = stamp();
        stub::send(nobody.0, SIGNAL);
        Ok(stamp() - start)
    })?;
    series.report("Signal, nobody waits", lab.cost.pair);

    let notification: Notification = lab.task.make()?;
    let waiter = Partner::active(Place::Elsewhere, HIGHER);
    lab.partner(waiter, move || {
        loop {
            stub::wait(notification.0);
            ENTERED.store(stamp(), Relaxed);
        }
    })?;
    let series = Series::take(|| {
        let start = stamp();
        stub::send(notification.0, SIGNAL);
        Ok(ENTERED.load(Relaxed) - start)
    })?;
    series.report_with("Signal, wakes a higher-priority waiter", lab.cost.pair, waiter);
    Ok(())
}
