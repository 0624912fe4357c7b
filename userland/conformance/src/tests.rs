// SPDX-License-Identifier: MIT OR Apache-2.0
//! All tests.

use crate::check::Test;

mod cnode;
mod debug;
mod fault;
mod fpu;
mod ipc;
mod tcb;
mod tcb_registers;
mod untyped;

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
];

/// Tests that run only when asked for by name.
pub(crate) const ON_REQUEST: &[Test] = debug::NOISY;
