// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults: from the faulting instruction to the handler, and from the handler's reply to the next instruction.

use crate::lab::{ENTERED, LEFT, LOWER, Lab, Partner, Place};
use crate::series::Series;
use crate::stub::{self, stamp};
use abi::{GuardData, MessageInfo};
use core::sync::atomic::Ordering::Relaxed;
use userland::object::Space;
use userland::{AllocError, Endpoint, INIT_CNODE, INIT_TCB, INIT_VSPACE, Reply, syscall};

/// Measures faults of the measuring thread with a handler of its own priority in another address space.
pub(crate) fn faults(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let [fault, answer] = ["fault, to its handler", "fault, handler to faulter"];
    measure(lab, Partner::passive(Place::Elsewhere), [Some(fault), Some(answer), None])
}

/// Measures them as the upstream suite has them: the handler is of lower priority, in the same address space.
pub(crate) fn faults_below(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let fault = "fault, to a handler of lower priority";
    let answer = "fault, handler of lower priority to faulter";
    let both = "fault, round trip, handler of lower priority";
    measure(lab, Partner::passive(Place::Here).at(LOWER), [Some(fault), Some(answer), Some(both)])
}

/// Measures with a handler the way there, the way back, and both; those that have a name are reported.
#[inline(never)]
fn measure(lab: &mut Lab<'_>, handler: Partner, names: [Option<&str>; 3]) -> Result<(), AllocError> {
    let endpoint: Endpoint = lab.task.make()?;
    let reply: Reply = lab.task.make()?;
    lab.partner(handler, move || handle(endpoint, reply))?;
    let space = Space { cspace: INIT_CNODE, guard: GuardData(0), vspace: INIT_VSPACE };
    INIT_TCB.set_space(Some(endpoint), space)?;
    let parts = Series::take_two(|| {
        let start = stamp();
        stub::fault();
        let end = stamp();
        Ok([ENTERED.load(Relaxed) - start, end - LEFT.load(Relaxed)])
    })?;
    // The handler's own instructions between its stamps are not part of the round trip.
    let both = Series::take(|| {
        let start = stamp();
        stub::fault();
        let end = stamp();
        Ok(end - start - (LEFT.load(Relaxed) - ENTERED.load(Relaxed)))
    })?;
    INIT_TCB.set_space(None, space)?;
    let [fault, answer] = parts;
    let costs = [lab.cost.pair, lab.cost.stored, lab.cost.pair + lab.cost.stored];
    for ((series, name), cost) in [fault, answer, both].into_iter().zip(names).zip(costs) {
        if let Some(name) = name {
            series.report_with(name, cost, handler);
        }
    }
    Ok(())
}

fn handle(endpoint: Endpoint, reply: Reply) {
    let mut faulted_at = syscall::recv(endpoint.0, reply.0).words[0];
    loop {
        ENTERED.store(stamp(), Relaxed);
        let info = MessageInfo::new(0, 0, 0, 1);
        let resume_at = faulted_at + stub::FAULT_LENGTH;
        LEFT.store(stamp(), Relaxed);
        faulted_at = stub::fault_reply_recv(endpoint.0, info, resume_at, reply.0);
    }
}
