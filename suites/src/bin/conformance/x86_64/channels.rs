// SPDX-License-Identifier: MIT OR Apache-2.0
//! Registers that a program could write, besides those of general use, and whether another program can read it there.
//!
//! The manuals of Intel and AMD let unprivileged code write these, where the processor has them and the kernel lets it.
//! Each is in the table of docs/isolation.md: of a thread, so that another one does not find what was written; closed; or
//! open, and said to be.

use super::cpu::has_xsave;
use super::hostile::{Hostile, START};
use crate::check::{Outcome, same, tests};
use crate::code;
use crate::env::Env;
use abi::Register;
use abi::fault::user_exception;
use userland::Endpoint;
use userland::object::Flow;

tests!(channel_flags_of_a_thread_are_not_seen_by_another, channel_registers_of_no_thread_are_closed,);

/// Registers of a thread that other tests try: `bases_`, `fpu_` and the one of flags here.
#[cfg(test)]
pub(crate) const SWITCHED: &[&str] = &[
    "FS base, GS base",
    "RFLAGS: CF, PF, AF, ZF, SF, OF, DF, NT, AC, ID",
    "x87 registers and control word, XMM0 to XMM15, MXCSR",
    "upper halves of YMM0 to YMM15",
];

/// Registers that are open: a program can read there what another one of the instance wrote.
#[cfg(test)]
pub(crate) const OPEN: &[&str] =
    &["selectors in DS, ES, FS, GS", "last instruction and operand of x87 (older AMD)"];

const UNDEFINED: u64 = 6;
const PROTECTION: u64 = 13;

/// Registers that no thread can write, with instructions that do, and how these are answered.
pub(crate) const CLOSED: &[(&str, &[u8], u64)] = &[
    ("PKRU", &[0x0f, 0x01, 0xef], UNDEFINED),
    ("XCR0", &[0x0f, 0x01, 0xd1], PROTECTION),
    ("TSC_AUX and other MSRs", &[0x0f, 0x30], PROTECTION),
    ("DR0 to DR3, DR6, DR7", &[0x0f, 0x23, 0xc0], PROTECTION),
    ("performance counters", &[0x0f, 0x33], PROTECTION),
    ("LDTR", &[0x0f, 0x00, 0xd0], PROTECTION),
    ("GS base of the kernel", &[0x0f, 0x01, 0xf8], PROTECTION),
    ("mask registers and upper halves of ZMM", &[0xc5, 0xf8, 0x92, 0xc8], UNDEFINED),
    ("tiles", &[0xc4, 0xe2, 0x78, 0x49, 0x04, 0x24], UNDEFINED),
];

fn channel_flags_of_a_thread_are_not_seen_by_another(env: &mut Env) -> Outcome {
    const FLAGS: u64 = 0x0024_4cd5;
    let endpoint: Endpoint = env.make()?;
    let writer = env.spawn_at(code::flags_keep(), FLAGS, Some(endpoint))?;
    let reader = env.spawn_at(code::flags_look(), 0, Some(endpoint))?;
    env.settle();
    let mut found = [0; 2];
    for (found, tcb) in found.iter_mut().zip([writer, reader]) {
        let mut registers = [0; Register::COUNT];
        tcb.read_registers(Flow::Keep, &mut registers)?;
        *found = registers[Register::Rax.index()] & FLAGS;
    }
    same(found, [FLAGS, 0])
}

fn channel_registers_of_no_thread_are_closed(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for &(name, bytes, number) in CLOSED {
        let number = if name == "XCR0" && !has_xsave() { UNDEFINED } else { number };
        let fault = thread.run(env, bytes, 0, &[])?;
        let found = [user_exception::IP, user_exception::NUMBER].map(|word| fault.word(word));
        same((name, found), (name, [START, number]))?;
    }
    Ok(())
}
