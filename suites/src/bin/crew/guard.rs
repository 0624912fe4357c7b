// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program that handles the timeouts of the one that `of=` names, well or badly.
#![allow(unsafe_code)] // a mistake it makes

use userland::program::Timeout;
use userland::{Program, println};

use crate::Failure;

/// An address at which nothing is mapped.
const NOTHING: *mut u64 = 0xdead_0000 as *mut u64;

/// Says of every timeout whose it is, and does what `then=` says.
pub(crate) fn handle(program: &Program) -> Result<(), Failure> {
    let mut timeouts = program.timeouts();
    let handled = timeouts.of(program.argument("of").unwrap_or_default())?;
    let then = program.argument("then").unwrap_or("resume");
    loop {
        let timeout = timeouts.wait();
        let (name, consumed) = (timeout.program(), timeout.consumed_us());
        assert!(timeout.is_of(handled) && consumed > 0, "{} after {consumed} us", name.as_str());
        println!("{} has used up its budget", name.as_str());
        match then {
            "give-up" => timeout.give_up(),
            "leave" => {
                forget(timeout);
                return Ok(());
            }
            "stumble" if program.starts() == 1 => {
                forget(timeout);
                // SAFETY: none: this is a store to an address that is not mapped, which init is to see.
                unsafe { NOTHING.write_volatile(1) }
            }
            _ => timeout.resume(),
        }
    }
}

/// Keeps the program waiting for an answer that does not come.
fn forget(timeout: Timeout<'_>) {
    core::mem::forget(timeout);
}
