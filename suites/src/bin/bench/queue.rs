// SPDX-License-Identifier: MIT OR Apache-2.0
//! System calls that find their partner, signal or message already there, or nobody at all.

use crate::lab::{BASE, LOWER, Lab, Place, settle};
use crate::series::Series;
use crate::signal::SIGNAL;
use crate::stub::{self, stamp};
use abi::MessageInfo;
use userland::{AllocError, Endpoint, Notification, Reply, syscall};

/// Measures receiving what is already there, and a signal to a waiter that may not have the processor yet.
pub(crate) fn waiting(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    signals_there(lab)?;
    message_there(lab)?;
    lower_waiter(lab)
}

#[inline(never)]
fn signals_there(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let notification: Notification = lab.task.make()?;
    let wait = Series::take(|| {
        stub::send(notification.0, SIGNAL);
        let start = stamp();
        stub::wait(notification.0);
        Ok(stamp() - start)
    })?;
    wait.report("Wait, a signal is there", lab.cost.pair);
    let poll = Series::take(|| {
        stub::send(notification.0, SIGNAL);
        let start = stamp();
        stub::nb_wait(notification.0);
        Ok(stamp() - start)
    })?;
    poll.report("NBWait, a signal is there", lab.cost.pair);
    let again = Series::take(|| {
        stub::send(notification.0, SIGNAL);
        let start = stamp();
        stub::send(notification.0, SIGNAL);
        Ok(stamp() - start)
    })?;
    again.report("Signal, a signal is there", lab.cost.pair);
    Ok(())
}

#[inline(never)]
fn message_there(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let endpoint: Endpoint = lab.task.make()?;
    let reply: Reply = lab.task.make()?;
    lab.worker(Place::Elsewhere, BASE, move || {
        loop {
            stub::send(endpoint.0, MessageInfo(0));
        }
    })?;
    let series = Series::take(|| {
        settle();
        let start = stamp();
        stub::recv(endpoint.0, reply.0);
        Ok(stamp() - start)
    })?;
    series.report("Recv, a sender waits", lab.cost.pair);
    Ok(())
}

#[inline(never)]
fn lower_waiter(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let wake: Notification = lab.task.make()?;
    let done: Notification = lab.task.make()?;
    let (waiter, _) = lab.worker(Place::Elsewhere, LOWER, move || {
        stub::wait(wake.0);
        loop {
            // One call, so that it waits again before the measuring thread goes on.
            syscall::nb_send_wait(done.0, SIGNAL, [0; 4], wake.0);
        }
    })?;
    let series = Series::take(|| {
        let start = stamp();
        stub::send(wake.0, SIGNAL);
        let end = stamp();
        stub::wait(done.0);
        Ok(end - start)
    })?;
    waiter.tcb.suspend()?;
    series.report("Signal, a lower-priority waiter", lab.cost.pair);
    Ok(())
}

/// Measures sending and receiving that gives up at once.
#[inline(never)]
pub(crate) fn without_partner(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let endpoint: Endpoint = lab.task.make()?;
    let series = Series::take(|| {
        let start = stamp();
        stub::nb_send(endpoint.0, MessageInfo(0));
        Ok(stamp() - start)
    })?;
    series.report("NBSend, nobody waits", lab.cost.pair);
    Ok(())
}
