// SPDX-License-Identifier: MIT OR Apache-2.0
//! All tests.

use crate::check::Test;

mod asid;
mod cnode;
mod debug;
mod domain;
mod fault;
mod fpu;
mod io_port;
mod ipc;
mod irq;
mod line;
mod notification;
mod reply;
mod sched_context;
mod tcb;
mod tcb_registers;
mod transfer;
mod untyped;
mod vspace;

/// The tests of every file.
pub(crate) const ALL: &[&[Test]] = &[
    untyped::TESTS,
    cnode::TESTS,
    tcb_registers::TESTS,
    tcb::TESTS,
    fault::TESTS,
    fpu::TESTS,
    ipc::TESTS,
    debug::TESTS,
    asid::TESTS,
    irq::TESTS,
    io_port::TESTS,
    domain::TESTS,
    line::TESTS,
    sched_context::TESTS,
    vspace::TESTS,
    notification::TESTS,
    transfer::TESTS,
    reply::TESTS,
];

/// Tests that run only when asked for by name.
pub(crate) const ON_REQUEST: &[Test] = debug::NOISY;
