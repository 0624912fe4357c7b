// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the scheduler decides: Yield, switches, the end of a budget.

use crate::lab::{BASE, ENTERED, LOWER, Lab, Place};
use crate::series::Series;
use crate::stub::{self, stamp};
use abi::Syscall;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use userland::object::SchedParameters;
use userland::{AllocError, Endpoint, Reply, syscall};

/// Measures Yield, alone and with another thread to switch to.
#[inline(never)]
pub(crate) fn yields(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let alone = Series::take(|| {
        let start = stamp();
        stub::plain(Syscall::Yield);
        Ok(stamp() - start)
    })?;
    alone.report("Yield, nobody else", lab.cost.pair);
    let (other, _) = lab.worker(Place::Elsewhere, BASE, || {
        loop {
            ENTERED.store(stamp(), Relaxed);
            stub::plain(Syscall::Yield);
        }
    })?;
    let switch = Series::take(|| {
        let start = stamp();
        stub::plain(Syscall::Yield);
        Ok(ENTERED.load(Relaxed) - start)
    })?;
    other.tcb.suspend()?;
    switch.report("Yield, to another thread", lab.cost.pair);
    Ok(())
}

/// Budget and period of the thread that overruns its budget.
const OVERRUNNING: SchedParameters = SchedParameters::periodic(100, 200);

/// Measures the end of a budget, from the last instruction of the thread to its timeout handler.
#[inline(never)]
pub(crate) fn timeout(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    /// The latest time the spinning thread saw.
    static LATEST: AtomicU64 = AtomicU64::new(0);
    let endpoint: Endpoint = lab.task.make()?;
    let reply: Reply = lab.task.make()?;
    let (spinner, context) = lab.worker(Place::Elsewhere, LOWER, || {
        loop {
            LATEST.store(stamp(), Relaxed);
        }
    })?;
    lab.task.boot.sched_control().configure(context, OVERRUNNING)?;
    spinner.tcb.set_timeout_endpoint(Some(endpoint))?;
    stub::recv(endpoint.0, reply.0);
    let series = Series::take(|| {
        stub::reply_recv(endpoint.0, abi::MessageInfo(0), reply.0);
        let end = stamp();
        Ok(end - LATEST.load(Relaxed))
    })?;
    spinner.tcb.suspend()?;
    series.report("timeout fault, to its handler", lab.cost.stored);
    syscall::yield_now();
    Ok(())
}
