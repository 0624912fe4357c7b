// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code for test threads that no compiler would write: instructions that fault, and system calls with given registers.
//!
//! Each piece is entered with an argument in the first register. Labels ending in `_at` mark an instruction whose address
//! a test compares with what the kernel reports.
#![allow(unsafe_code)] // instructions chosen by the byte

use userland::Thread;

pub(crate) use crate::machine::code::*;

/// Where a piece of code, or an instruction in it, is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Code(pub(crate) u64);

impl Code {
    pub(crate) fn address(self) -> u64 {
        self.0
    }
}

/// Pieces of code, each a function that tells where it is.
macro_rules! pieces {
    ($($(#[$meta:meta])* $name:ident: $($line:literal),+;)+) => {
        #[cfg(target_os = "none")]
        core::arch::global_asm!(
            ".pushsection .text.conformance, \"ax\"",
            $(concat!(".global code_", stringify!($name)), concat!("code_", stringify!($name), ":"), $($line,)+)+
            ".popsection",
        );

        $(
            $(#[$meta])*
            pub(crate) fn $name() -> $crate::code::Code {
                #[cfg(target_os = "none")]
                {
                    unsafe extern "C" {
                        #[link_name = concat!("code_", stringify!($name))]
                        static PIECE: u8;
                    }
                    $crate::code::Code(core::ptr::addr_of!(PIECE) as u64)
                }
                #[cfg(not(target_os = "none"))]
                $crate::code::Code(0)
            }
        )+
    };
}
pub(crate) use pieces;

/// Gives back the stack of a thread whose TCB was deleted.
pub(crate) fn release(thread: Thread) {
    // SAFETY: the suite deletes every object of a test before this, threads included.
    unsafe { thread.release() }
}
