// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a command can end, and the one error type that carries a message for the person who ran it.

use std::fmt;
use std::process::ExitCode;

/// What the exit code of `qemu-smp` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Success = 0,
    /// A root task reported failure, or a line matched `--fail-on`, or a check failed.
    RootTask = 1,
    /// Bad usage, a bad description, a missing prerequisite.
    BadInput = 2,
    /// The time given by `--timeout` ran out.
    Timeout = 3,
    /// The kernel of an instance failed, or the machine stopped by itself.
    Kernel = 4,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command cannot go on: what to tell the user, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The complete message: the input that is wrong, what was expected, what to do.
    pub message: String,
    /// The exit code.
    pub exit: Exit,
}

impl Failure {
    /// A failure caused by what the user gave.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Failure { message: message.into(), exit: Exit::BadInput }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Says what was being done when something went wrong.
pub trait Doing<T> {
    /// Turns an error into a [`Failure`] that begins with `what`, as in "writing out/boot.elf".
    fn doing(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::bad_input(format!("{what}: {error}")))
    }
}
