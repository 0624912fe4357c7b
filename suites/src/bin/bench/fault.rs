// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults: from the faulting instruction to the handler, and from the handler's reply to the next instruction.

use crate::lab::{ENTERED, LEFT, Lab, Place};
use crate::series::Series;
use crate::stub::{self, stamp};
use abi::{GuardData, MessageInfo};
use core::sync::atomic::Ordering::Relaxed;
use userland::object::Space;
use userland::{AllocError, Endpoint, INIT_CNODE, INIT_TCB, INIT_VSPACE, Reply, syscall};

/// Measures a fault of the measuring thread that a thread in another address space handles.
#[inline(never)]
pub(crate) fn faults(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let endpoint: Endpoint = lab.task.make()?;
    let reply: Reply = lab.task.make()?;
    lab.server(Place::Elsewhere, move || handle(endpoint, reply))?;
    let space = Space { cspace: INIT_CNODE, guard: GuardData(0), vspace: INIT_VSPACE };
    INIT_TCB.set_space(Some(endpoint), space)?;
    let [fault, answer] = Series::take_two(|| {
        let start = stamp();
        stub::fault();
        let end = stamp();
        Ok([ENTERED.load(Relaxed) - start, end - LEFT.load(Relaxed)])
    })?;
    INIT_TCB.set_space(None, space)?;
    fault.report("fault, to its handler", lab.cost.pair);
    answer.report("fault, handler to faulter", lab.cost.stored);
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
